package import Scoring
package import Tabular
internal import Texts

/// A document as a program, with what its inputs and outputs are called: what the third pass ends with.
package struct LoweredDocument {
    package let program: Program
    package let signature: Signature
    /// What the values of the outermost model's fields have become; the pass before has announced it.
    package let fieldTypes: TextMap<ValueType>
    /// The columns of results whose data type is float.
    let floatColumns: Set<Int>
    /// How many trees the model has, and the nodes on the longest way through one.
    let treeCount: Int
    let deepestTree: Int
}

/// Puts a lowered model together: its inputs, its columns of results and what they mean.
package struct ModelAssembly {
    private struct Column {
        var output: OutputColumn
        var operand: Formula.Operand
        var isFloat = false
    }

    private var columns: [Column] = []
    private var names = TextSet()

    /// The document's model, ready to score.
    static func model(of document: Document) throws(ScoringError) -> TabularModel {
        let lowered = try lowered(Typing.typed(document))
        let head = document.model.head
        var description = ModelDescription(format: "PMML \(document.version)", objective: head.function.rawValue)
        description.trees = lowered.treeCount > 0 ? lowered.treeCount : nil
        description.depth = lowered.treeCount > 0 ? lowered.deepestTree : nil
        description.notes = notes(of: document)
        let verification = try head.verification.map { (verification) throws(ScoringError) in
            try Verification(verification, document, inputCount: lowered.signature.inputs.count)
        }
        return try TabularModel(program: lowered.program, signature: lowered.signature, description: description) {
            [floatColumns = lowered.floatColumns] (model) throws(ScoringError) in
            try verification?.check(model, floatColumns: floatColumns)
        }
    }

    /// The program that a document's model comes to.
    package static func lowered(_ typed: TypedDocument) throws(ScoringError) -> LoweredDocument {
        let lowering = LoweringContext(typed)
        let model = typed.document.model
        var (outcome, scope) = try lowering.lowerOutermost(model)
        // Fields that nothing uses are treated too: what is invalid is refused.
        for input in lowering.inputs { _ = try lowering.value(of: input.field.name, in: scope, model.head.place) }

        var assembly = ModelAssembly()
        let named = assembly.addNamed(outcome)
        outcome.probabilities = lowering.shown(outcome.probabilities, outcome.outputs.filter(\.isFinal))
        var roles = assembly.addRoles(outcome, score: assembly.scoreAmongOutputs(outcome, model.head))
        roles.named = named
        let fields = lowering.finishInputs()
        return LoweredDocument(
            program: lowering.builder.finish(outputs: assembly.columns.map(\.operand)),
            signature: Signature(inputs: fields, outputs: assembly.columns.map(\.output), roles: roles),
            fieldTypes: scope.known.mapValues(\.valueType),
            floatColumns: Set(assembly.columns.indices.filter { assembly.columns[$0].isFloat }), treeCount: lowering.treeCount,
            deepestTree: lowering.deepestTree)
    }

    private static func notes(of document: Document) -> [String] {
        var notes = ["The model is a \(document.model.head.element.rawValue)."]
        notes += document.headerNotes
        if document.modelCount > 1 {
            notes.append("The file holds \(document.modelCount) models; the first scorable one is used.")
        }
        notes += document.model.head.explanation?.notes ?? []
        if let verification = document.model.head.verification {
            notes.append("It carries \(verification.table.rows.count) rows for its verification.")
        }
        return notes
    }

    private mutating func add(
        _ name: String, _ kind: OutputColumn.Kind, _ operand: Formula.Operand, isFloat: Bool = false
    ) {
        var unique = name
        var count = 2
        while !names.insert(unique) {
            unique = "\(name)#\(count)"
            count += 1
        }
        columns.append(Column(output: OutputColumn(unique, kind), operand: operand, isFloat: isFloat))
    }

    private static func kind(of type: DataType) -> OutputColumn.Kind {
        switch type {
        case .integer: .integer
        case .boolean: .boolean
        default: .number
        }
    }

    /// The columns under the model's own names: targets first, then the output fields.
    private mutating func addNamed(_ outcome: Outcome) -> Range<Int> {
        let outputs = outcome.outputs.filter(\.isFinal)
        let others = outcome.parts.filter { outcome.isOfAllParts || !$0.target.isExactly(outcome.target) }
        let outputNames = TextSet(outputs.map(\.name))
        for part in outcome.isOfAllParts ? others : others + [outcome] {
            guard let name = part.target, !outputNames.contains(name), !names.contains(name) else { continue }
            addPrediction(name, part)
        }
        for field in outputs {
            if let text = field.text {
                add(field.name, .text, text)
            } else if let labels = field.labels, let position = field.position {
                add(field.name, .category(SymbolTable(labels)), position)
            } else {
                add(
                    field.name, Self.kind(of: field.value.type), field.value.operand, isFloat: field.value.type == .float)
            }
        }
        return 0..<columns.count
    }

    private mutating func addPrediction(_ name: String, _ outcome: Outcome) {
        if let label = outcome.label {
            add(name, .category(SymbolTable(outcome.classes.texts)), label)
        } else if let value = outcome.value {
            let isFloat = value.type == .float || outcome.targetField?.type == .float
            add(name, Self.kind(of: value.type), value.operand, isFloat: isFloat)
        } else if let entity = outcome.entity {
            add(name, .category(SymbolTable(outcome.entities)), entity)
        }
    }

    /// The column of the first final number, if the file says of the value that the model predicts that it is no final result and
    /// gives it no target: isolation forests of sklearn2pmml compute their score from the mean depth that the trees give.
    private func scoreAmongOutputs(_ outcome: Outcome, _ head: ModelHead) -> Int? {
        let isHidden = (head.output ?? []).contains {
            $0.feature == .predictedValue && $0.segment == nil && !$0.isFinalResult
        }
        guard isHidden, outcome.value != nil, outcome.label == nil, outcome.target == nil else { return nil }
        return columns.firstIndex { $0.output.kind == .number || $0.output.kind == .integer }
    }

    /// The values of a model that predicts a number for each of several targets.
    private static func values(of outcome: Outcome) -> [Value] {
        guard outcome.isOfAllParts, outcome.parts.allSatisfy({ $0.label == nil }) else { return [] }
        return outcome.parts.compactMap(\.value)
    }

    /// The columns that have a meaning of their own; those that are there already are used.
    /// - Parameter score: the column that the score is, where it is not what the model predicts.
    private mutating func addRoles(_ outcome: Outcome, score: Int?) -> Roles {
        var roles = Roles(score: 0..<0)
        if let label = outcome.label {
            roles.label =
                column(of: label, isLabel: true)
                ?? {
                    add("label", .category(SymbolTable(outcome.classes.texts)), label)
                    return columns.count - 1
                }()
            roles.classes = outcome.classes.texts
        }
        if !outcome.probabilities.isEmpty {
            roles.probabilities = range(of: outcome.probabilities, isLabel: false) { assembly, index in
                assembly.add("probability(\(outcome.classes.texts[index]))", .number, outcome.probabilities[index])
            }
            roles.score = roles.probabilities
            // Of two classes the second is the positive one.
            if roles.score.count == 2, let positive = column(of: outcome.probabilities[1], isLabel: false) {
                roles.score = positive..<positive + 1
            }
        } else if let score {
            roles.score = score..<score + 1
        } else if case let values = Self.values(of: outcome), values.count > 1, values.count == outcome.parts.count {
            roles.score = range(of: values.map(\.operand), isLabel: false) { assembly, index in
                let name = outcome.parts[index].target ?? String(index + 1)
                assembly.add("prediction(\(name))", Self.kind(of: values[index].type), values[index].operand)
            }
        } else if let value = outcome.value {
            let index =
                column(of: value.operand, isLabel: false)
                ?? {
                    add("prediction", Self.kind(of: value.type), value.operand)
                    return columns.count - 1
                }()
            roles.score = index..<index + 1
        } else if outcome.label == nil, let entity = outcome.entity {
            roles.label =
                column(of: entity, isLabel: true)
                ?? {
                    add("label", .category(SymbolTable(outcome.entities)), entity)
                    return columns.count - 1
                }()
            roles.classes = outcome.entities
        }
        if !outcome.reasons.isEmpty {
            roles.reasons = range(of: outcome.reasons, isLabel: true) { assembly, index in
                assembly.add("reasonCode(\(index + 1))", .category(SymbolTable(outcome.reasonCodes)), outcome.reasons[index])
            }
        }
        let margins = roles.score.count > 1 && roles.probabilities.isEmpty ? [] : outcome.margins
        if !margins.isEmpty {
            let start = columns.count
            for (index, margin) in margins.enumerated() {
                let name =
                    margins.count == 1
                    ? "raw" : "raw(\(index < outcome.classes.count ? outcome.classes.texts[index] : String(index)))"
                add(name, .number, margin)
            }
            roles.raw = start..<columns.count
        }
        return roles
    }

    private func column(of operand: Formula.Operand, isLabel: Bool) -> Int? {
        columns.firstIndex { column in
            guard column.operand == operand else { return false }
            if case .category = column.output.kind { return isLabel }
            return !isLabel
        }
    }

    /// The adjacent columns of these operands; they are added where they are not all there in order.
    private mutating func range(
        of operands: [Formula.Operand], isLabel: Bool, add: (inout ModelAssembly, Int) -> Void
    ) -> Range<Int> {
        if let first = column(of: operands[0], isLabel: isLabel), first + operands.count <= columns.count,
            operands.indices.allSatisfy({ columns[first + $0].operand == operands[$0] })
        {
            return first..<first + operands.count
        }
        let start = columns.count
        for index in operands.indices { add(&self, index) }
        return start..<columns.count
    }
}

extension LoweringContext {
    /// Lowers the outermost model; its scope is where inputs are prepared.
    func lowerOutermost(_ model: Model) throws(ScoringError) -> (Outcome, Scope) {
        let scope = try scope(of: model.head, in: nil)
        return (try ModelLowering(context: self).lower(model, own: scope), scope)
    }

    /// Fills in what is known only now, and says what the program takes.
    func finishInputs() -> [Field] {
        for known in categories.values {
            let sorted = known.codes.sorted { $0.key < $1.key }
            builder[table: known.table] = .keys(
                keys: sorted.map(\.key), values: sorted.map { Double($0.value) }, other: unknownSymbol, missing: .nan)
        }
        builder.texts.symbols = symbols.texts
        return inputs.map { input in
            if input.isText, let table = input.table {
                builder[table: table] = codes(of: input)
            } else if let table = input.table {
                let values = input.levels.map { input.specialCodes[$0] ?? Double(symbols.code($0)) }
                builder[table: table] = .codes(first: 0, values: values, other: input.otherCode, missing: .nan)
            }
            let kind = kind(of: input)
            if case .number = kind, input.takesStringsAsMissing { return Field(input.field.name, kind, unknownLevel: .missing) }
            return Field(input.field.name, kind, unknownLevel: .passed)
        }
    }

    private func kind(of input: Input) -> Field.Kind {
        switch input.field.type {
        case .integer: .integer
        case .boolean: .boolean
        case .date, .time, .dateTime: .text
        case .string: input.isText ? .text : .category(CategoryLevels(input.levels))
        default: .number
        }
    }
}
