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
    private var results = ModelHead<Formula.Operand>()
    private var floatColumns: Set<Int> = []

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
        assembly.addNamed(outcome)
        outcome.probabilities = lowering.shown(outcome.probabilities, outcome.outputs.filter(\.isFinal))
        assembly.addRoles(outcome, score: assembly.scoreAmongOutputs(outcome, model.head))
        let fields = lowering.finishInputs()
        return LoweredDocument(
            program: lowering.builder.finish(outputs: assembly.results.sources),
            signature: assembly.results.signature(inputs: fields),
            fieldTypes: scope.known.mapValues(\.valueType),
            floatColumns: assembly.floatColumns, treeCount: lowering.treeCount,
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
        let column = results.add(name, kind, operand)
        if isFloat { floatColumns.insert(column) }
    }

    private static func kind(of type: DataType) -> OutputColumn.Kind {
        switch type {
        case .integer: .integer
        case .boolean: .boolean
        default: .number
        }
    }

    /// The columns under the model's own names: targets first, then the output fields.
    private mutating func addNamed(_ outcome: Outcome) {
        let outputs = outcome.outputs.filter(\.isFinal)
        let others = outcome.parts.filter { outcome.isOfAllParts || !$0.target.isExactly(outcome.target) }
        let outputNames = TextSet(outputs.map(\.name))
        for part in outcome.isOfAllParts ? others : others + [outcome] {
            guard let name = part.target, !outputNames.contains(name), !results.has(name) else { continue }
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
        results.nameAll()
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
    private func scoreAmongOutputs(_ outcome: Outcome, _ head: ModelHeader) -> Int? {
        let isHidden = (head.output ?? []).contains {
            $0.feature == .predictedValue && $0.segment == nil && !$0.isFinalResult
        }
        guard isHidden, outcome.value != nil, outcome.label == nil, outcome.target == nil else { return nil }
        return results.columns.firstIndex { $0.kind == .number || $0.kind == .integer }
    }

    /// The values of a model that predicts a number for each of several targets.
    private static func values(of outcome: Outcome) -> [Value] {
        guard outcome.isOfAllParts, outcome.parts.allSatisfy({ $0.label == nil }) else { return [] }
        return outcome.parts.compactMap(\.value)
    }

    /// The columns that have a meaning of their own; those that are there already are used.
    /// - Parameter score: the column that the score is, where it is not what the model predicts.
    private mutating func addRoles(_ outcome: Outcome, score: Int?) {
        if let label = outcome.label { results.addLabel(label, classes: outcome.classes.texts) }
        if !outcome.probabilities.isEmpty {
            results.useProbabilities(outcome.probabilities, classes: outcome.classes.texts)
        } else if let score {
            results.setScore(score)
        } else if case let values = Self.values(of: outcome), values.count > 1, values.count == outcome.parts.count {
            results.addScore(
                values.map(\.operand), kinds: values.map { Self.kind(of: $0.type) },
                targets: outcome.parts.enumerated().map { $1.target ?? String($0 + 1) })
        } else if let value = outcome.value {
            results.addScore([value.operand], kinds: [Self.kind(of: value.type)])
        } else if outcome.label == nil, let entity = outcome.entity {
            results.addLabel(entity, classes: outcome.entities)
        }
        results.addReasons(outcome.reasons, codes: outcome.reasonCodes)
        let hasSeveralValues = results.roles.score.count > 1 && results.roles.probabilities.isEmpty
        if !hasSeveralValues, !outcome.margins.isEmpty { results.addMargins(outcome.margins, classes: outcome.classes.texts) }
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
