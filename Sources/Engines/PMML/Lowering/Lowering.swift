internal import Scoring
internal import Tabular

/// Lowers a PMML document to a program. One pass over the elements, starting from the model; what fields
/// mean is resolved on the way, by scope. The parts are in extensions: expressions, predicates, one file a
/// kind of model.
final class Lowering {
    /// More instructions, or tests of a graph, than this make a model too large to be meant.
    static let mostInstructions = 500_000
    static let mostTests = 4_000_000
    static let mostDepth = 200
    /// So many functions of strings, and so many rounds of them that need numbers found in between, a model may have.
    static let mostTextInstructions = 50_000
    static let mostTextSteps = 500
    /// Bytes of all compiled expressions.
    static let mostPatternBytes = 32 << 20
    /// Steps of matching that loading may take for strings that are known beforehand.
    static let mostPatternWork = 200_000_000

    /// What turned out while lowering and must be known before it begins; lowering then starts again.
    struct Findings: Equatable {
        /// Data fields that are used although the model's mining schema does not list them.
        var unlistedInputs: [String] = []
        /// String fields whose very text matters, not only which of the known strings it is.
        var textInputs: Set<String> = []
    }

    /// One input of the program.
    struct Input {
        var field: DataField
        var slot: Int
        /// Levels of a string field.
        var levels: [String] = []
        var levelIndex: [String: Int] = [:]
        /// The table from level to code that is filled in at the end; nil for fields without levels.
        var table: Int?
        /// The code of a level, where it is not the code of its text.
        var specialCodes: [String: Double] = [:]
        /// The code of a string that is no level.
        var otherCode = unknownSymbol
        var isText = false
    }

    /// The codes of a number's categories, for tests of sets.
    struct Categories {
        var table: Int
        var operand: Formula.Operand
        var codes: [Double: Int] = [:]
    }

    let document: Document
    let dataFields: [String: DataField]
    let globalFields: [String: DerivedField]
    let functions: [String: DefineFunction]
    var findings: Findings
    let before: Findings
    var builder: ProgramBuilder
    var symbols = Symbols()
    var inputs: [Input] = []
    var inputIndex: [String: Int] = [:]
    var categories: [Formula.Operand: Categories] = [:]
    var notes: [String] = []
    var depth = 0
    /// Whether the part of the model that is being lowered is in use for a row; nil for always.
    var gate: Formula.Operand?
    /// Whether what is invalid counts as missing for the function that is being lowered, instead of failing the row.
    var treatsInvalidAsMissing = false
    /// Indices of the expressions that are there, by pattern.
    var expressionIndex: [String: Int] = [:]
    /// How much of `mostPatternBytes` and `mostPatternWork` is used up.
    var patternBytes = 0
    var patternWork = 0
    /// Of the whole model, for `inspect`.
    var treeCount = 0
    var deepestTree = 0

    init(_ document: Document, _ findings: Findings) throws(ScoringError) {
        self.document = document
        self.findings = findings
        before = findings
        var (dataFields, globalFields, functions): ([String: DataField], [String: DerivedField], [String: DefineFunction]) = (
            [:], [:], [:]
        )
        for field in document.dataFields {
            guard dataFields.updateValue(field, forKey: field.name) == nil else {
                throw .invalidModel(reason: "the data field '\(field.name)' is defined twice", place: document.line(field.place))
            }
        }
        for field in document.derivedFields {
            guard globalFields.updateValue(field, forKey: field.name) == nil else {
                throw .invalidModel(
                    reason: "the derived field '\(field.name)' is defined twice", place: document.line(field.place))
            }
        }
        for function in document.functions { functions[function.name] = function }
        (self.dataFields, self.globalFields, self.functions) = (dataFields, globalFields, functions)

        let listed = document.model.head.miningSchema.filter { $0.usage == .active }.map(\.name).filter { dataFields[$0] != nil }
        let names = listed + findings.unlistedInputs
        builder = ProgramBuilder(inputCount: names.count)
        builder.texts.fields = names
        for name in names {
            guard let field = dataFields[name], inputIndex[name] == nil else {
                throw .invalidModel(
                    reason: "the mining field '\(name)' is listed twice", place: document.line(document.model.head.place))
            }
            inputIndex[name] = inputs.count
            inputs.append(Input(field: field, slot: inputs.count, isText: before.textInputs.contains(name)))
        }
    }

    // MARK: Values

    func constant(_ value: Double) -> Formula.Operand { builder.constant(value) }

    /// Fails a row where the operand is true, unless the row does not use what is being lowered.
    func fail(where operand: Formula.Operand, _ failure: Formula.Failure) {
        builder.fail(where: gate.map { builder.apply(.and, operand, $0) } ?? operand, failure)
    }

    /// Fails a row where the operand is missing, unless the row does not use what is being lowered.
    func fail(whereMissing operand: Formula.Operand, _ failure: Formula.Failure) {
        guard gate == nil else { return fail(where: builder.apply(.isMissing, operand), failure) }
        builder.fail(whereMissing: operand, failure)
    }

    /// Runs `body` one level deeper; refuses files that nest without end.
    func nested<Result>(_ place: Place, _ body: () throws(ScoringError) -> Result) throws(ScoringError) -> Result {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.mostDepth else { throw invalid("definitions are nested too deeply", place) }
        guard builder.texts.count <= Self.mostTextInstructions, builder.texts.stepCount <= Self.mostTextSteps else {
            throw invalid("the model's functions of strings are too many", place)
        }
        guard builder.instructionCount <= Self.mostInstructions else {
            throw invalid("the model is too large once its functions are inserted", place)
        }
        return try body()
    }

    func invalid(_ reason: String, _ place: Place) -> ScoringError {
        .invalidModel(reason: reason, place: document.line(place))
    }

    func unsupported(_ what: String, _ place: Place) -> ScoringError {
        .unsupportedModel("\(what) is not supported (\(document.line(place)))")
    }

    /// The number that stands for a literal of a type; nil if it is no literal of it.
    func number(_ text: String, _ type: DataType) -> Double? {
        switch type {
        case .string: Double(symbols.code(text))
        case .integer: NumberText.double(text)
        case .double: NumberText.double(text)
        case .float: NumberText.float(text).map { Double($0) }
        case .boolean:
            switch text.lowercased() {
            case "true", "1", "1.0": 1
            case "false", "0", "0.0": 0
            default: nil
            }
        default: TemporalText.number(text, type)
        }
    }

    func literal(_ text: String, _ type: DataType, _ place: Place) throws(ScoringError) -> Double {
        guard let value = number(text, type) else { throw invalid("'\(text.prefix(40))' is no value of type \(type)", place) }
        return value
    }

    /// A literal that a value is compared with; a string becomes a level of the inputs that the value may come from.
    func literal(_ text: String, comparedWith value: Value, _ place: Place) throws(ScoringError) -> Double {
        if value.type == .string { for origin in value.origins { addLevel(text, to: origin) } }
        return try literal(text, value.type, place)
    }

    func addLevel(_ text: String, to input: Int) {
        guard inputs[input].levelIndex[text] == nil else { return }
        inputs[input].levelIndex[text] = inputs[input].levels.count
        inputs[input].levels.append(text)
    }

    /// The text of a value, as Java would print it.
    func text(of value: Double, _ type: DataType) -> String? {
        switch type {
        case .string: value >= 0 ? symbols[Int(value)] : nil
        case .integer: abs(value) < 9e15 ? String(Int(value)) : nil
        case .double: "\(value)"
        case .float: "\(Float(value))"
        case .boolean: value == 1 ? "true" : "false"
        default: nil
        }
    }

    // MARK: Fields

    func value(of name: String, in scope: Scope, _ place: Place) throws(ScoringError) -> Value {
        var next: Scope? = scope
        var outermost = scope
        while let scope = next {
            outermost = scope
            if let entry = scope[name] { return try resolve(entry, name, scope, place) }
            next = scope.parent
        }
        if outermost.isOutermost {
            if let field = globalFields[name] { return try resolve(.derived(field), name, outermost, place) }
            if let field = dataFields[name] {
                let value = try self.value(of: field, place)
                outermost[name] = .value(value)
                return value
            }
        }
        throw invalid("the field '\(name)' is not defined", place)
    }

    func isDefined(_ name: String, in scope: Scope) -> Bool {
        var next: Scope? = scope
        while let scope = next {
            if scope[name] != nil { return true }
            next = scope.parent
        }
        return globalFields[name] != nil || dataFields[name] != nil
    }

    private func resolve(_ entry: Scope.Entry, _ name: String, _ scope: Scope, _ place: Place) throws(ScoringError) -> Value {
        switch entry {
        case .value(let value): return value
        case .open: throw invalid("the field '\(name)' is defined by itself", place)
        case .derived(let field):
            scope[name] = .open
            let value = try nested(place) { () throws(ScoringError) in try derived(field, in: scope) }
            scope[name] = .value(value)
            return value
        case .mining(let field):
            scope[name] = .open
            let value = try nested(place) { () throws(ScoringError) in try prepared(field, in: scope) }
            scope[name] = .value(value)
            return value
        }
    }

    private func derived(_ field: DerivedField, in scope: Scope) throws(ScoringError) -> Value {
        var value = try cast(lower(field.expression, as: field.type, in: scope), to: field.type, field.place)
        value.opType = field.opType
        let listed = field.values.filter { $0.property == .valid }
        if !listed.isEmpty, field.opType == .ordinal {
            value.order = try listed.map { (value) throws(ScoringError) in try literal(value.value, field.type, field.place) }
        }
        return value
    }

    /// A data field that no mining schema treats; only for fields that the outermost schema forgot.
    private func value(of field: DataField, _ place: Place) throws(ScoringError) -> Value {
        guard inputIndex[field.name] == nil else {
            return try rawInput(inputIndex[field.name]!, isOpen: true)
        }
        findings.unlistedInputs.append(field.name)
        throw Self.restart
    }

    /// Thrown where something turned out that must be known from the start; see `Findings`.
    static let restart = ScoringError.engineFailure("lowering must start again")
}
