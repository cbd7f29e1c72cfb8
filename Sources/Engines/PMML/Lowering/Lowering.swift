internal import Scoring
internal import Tabular
internal import Texts

/// The third pass: lowers a typed document to a program, starting from the model. The parts are in extensions:
/// expressions, predicates, one file a kind of model.
final class Lowering: FieldResolving {
    typealias Scope = FieldScope<Value>

    /// More instructions, or tests of a graph, than this make a model too large to be meant.
    static let mostInstructions = 500_000
    static let mostTests = 4_000_000
    /// Tests of all graphs that a model may have for each byte of its file, and those that every model may have. A test
    /// takes 50 bytes of a file; only a predicate or a tree that is lowered again and again makes more of them.
    static let maxTestsPerByte = 4
    static let minTestLimit = 200_000
    static let mostDepth = 200
    /// So many functions of strings, and so many rounds of them that need numbers found in between, a model may have.
    static let mostTextInstructions = 50_000
    static let mostTextSteps = 500
    /// Bytes of all compiled expressions.
    static let mostPatternBytes = 32 << 20
    /// Steps of matching that loading may take for strings that are known beforehand.
    static let mostPatternWork = 200_000_000

    /// Sets of more numbers are looked up in a table: a test is larger than what a file takes for a number.
    static let mostComparedNumbers = 2
    /// Words that sets with few members may take; sets that would take more are looked up in a table too.
    static let mostSparseSetWords = 1 << 20
    /// Words of the sets of categories of all predicates.
    static let mostSetWords = 1 << 26
    /// Entries of tables, strings of domains, cells and rows that loading looks at in all: what grows faster than
    /// the file is counted here.
    static let mostWork = 50_000_000

    /// One input of the program.
    struct Input {
        var field: DataField
        var slot: Int
        /// Levels of a string field.
        var levels: [String] = []
        var levelIndex: TextMap<Int> = [:]
        /// The table from level to code that is filled in at the end; nil for fields without levels.
        var table: Int?
        /// The code of a level, where it is not the code of its text.
        var specialCodes: TextMap<Double> = [:]
        /// The code of a string that is no level.
        var otherCode = unknownSymbol
        /// Whether strings that the field does not list are invalid and do not go on as they are.
        var isClosed = false
        var isText = false
        /// Whether a string where a number is expected counts as missing (invalidValueTreatment `asMissing`).
        var takesStringsAsMissing = false
    }

    /// The codes of a number's categories, for tests of sets.
    struct Categories {
        var table: Int
        var operand: Formula.Operand
        var codes: [Double: Int] = [:]
    }

    let typed: TypedDocument
    var builder: ProgramBuilder
    var symbols = Symbols()
    var inputs: [Input] = []
    var inputIndex: TextMap<Int> = [:]
    var categories: [Formula.Operand: Categories] = [:]
    var notes: [String] = []
    var depth = 0
    /// Whether the part of the model that is being lowered is in use for a row; nil for always.
    var gate: Formula.Operand?
    /// Whether what is invalid counts as missing for the function that is being lowered, instead of failing the row.
    var treatsInvalidAsMissing = false
    /// Indices of the expressions that are there, by pattern.
    var expressionIndex: TextMap<Int> = [:]
    /// How much of `mostPatternBytes` and `mostPatternWork` is used up.
    var patternBytes = 0
    var patternWork = 0
    /// How much of `mostWork` is used up.
    private var work = 0
    /// How many `and`, `or` and `xor` are around the predicate that is being lowered, within its graph.
    var doublings = 0
    /// Tests of compound predicates and of trees that count missing values, in all graphs.
    private var testCount = 0
    /// Words of all sets of categories.
    var setWords = 0
    /// Of the whole model, for `inspect`.
    var treeCount = 0
    var deepestTree = 0

    init(_ typed: TypedDocument) {
        self.typed = typed
        builder = ProgramBuilder(inputCount: typed.inputs.count)
        builder.texts.fields = typed.inputs.map(\.name)
        for field in typed.inputs {
            inputIndex[field.name] = inputs.count
            inputs.append(Input(field: field, slot: inputs.count, isText: typed.textInputs.contains(field.name)))
        }
    }

    var document: Document { typed.document }
    var names: Names { typed.names }

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

    /// Notes work that is not bounded by the size of the file; refuses models for which it becomes too much.
    func spend(_ amount: Int, _ place: Place) throws(ScoringError) {
        let (sum, overflow) = work.addingReportingOverflow(amount)
        guard !overflow, sum <= Self.mostWork else { throw invalid("the model takes too much work to prepare", place) }
        work = sum
        LoadingPace.step()
    }

    /// Notes as much work as the product of two counts.
    func spend(_ first: Int, times second: Int, _ place: Place) throws(ScoringError) {
        let (product, overflow) = first.multipliedReportingOverflow(by: second)
        try spend(overflow ? .max : product, place)
    }

    /// Counts tests that a predicate or a tree made; refuses models that make far more of them than their file is long.
    func countTests(_ count: Int, _ place: Place) throws(ScoringError) {
        testCount += count
        guard testCount <= Self.minTestLimit + Self.maxTestsPerByte * document.size else {
            throw invalid("the model's predicates are too large", place)
        }
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
        guard let value = number(text, type) else {
            throw invalid("'\(text.prefix(40))' is no value of type \(type): expected \(type.phrase)", place)
        }
        return value
    }

    /// A literal that a value is compared with; a string becomes a level of the inputs that the value may come from.
    func literal(_ text: String, comparedWith value: Value, _ place: Place) throws(ScoringError) -> Double {
        if value.type == .string { for origin in value.origins { addLevel(text, to: origin) } }
        return try literal(text, value.type, place)
    }

    /// Makes a text that the model names a level of a string input; one that is invalid there is none.
    func addLevel(_ text: String, to input: Int) {
        guard !inputs[input].isClosed, inputs[input].levelIndex[text] == nil else { return }
        inputs[input].levelIndex[text] = inputs[input].levels.count
        inputs[input].levels.append(text)
    }

    /// Leaves an input only the levels that its field lists; any other string gets the code.
    func closeLevels(of input: Int, _ code: Double) {
        let listed = TextSet(inputs[input].field.values.map(\.value))
        inputs[input].levels.removeAll { !listed.contains($0) }
        inputs[input].levelIndex = TextMap(inputs[input].levels.enumerated().map { ($0.element, $0.offset) })
        inputs[input].otherCode = code
        inputs[input].isClosed = true
    }

    /// The text of a value, as Java would print it.
    func text(of value: Double, _ type: DataType) -> String? {
        switch type {
        case .string: value >= 0 && value < Double(symbols.texts.count) ? symbols[Int(value)] : nil
        case .integer: abs(value) < 9e15 ? String(Int(value)) : nil
        case .double: NumberWriting.text(of: value)
        case .float: NumberWriting.text(of: Float(value))
        case .boolean: value == 1 ? "true" : "false"
        default: TemporalText.text(value, type)
        }
    }

    // MARK: Fields

    func value(of name: String, in scope: Scope, _ place: Place) throws(ScoringError) -> Value {
        try meaning(of: name, in: scope, place)
    }

    func meaning(of field: DerivedField, in scope: Scope) throws(ScoringError) -> Value { try derived(field, in: scope) }

    func meaning(of field: MiningField, in scope: Scope) throws(ScoringError) -> Value { try prepared(field, in: scope) }

    func meaning(of field: DataField, usedAt place: Place) throws(ScoringError) -> Value {
        guard let index = inputIndex[field.name] else {
            throw invalid("the field '\(field.name)' was not found to be used", place)
        }
        return try rawInput(index, isOpen: true)
    }

    func derived(_ field: DerivedField, in scope: Scope) throws(ScoringError) -> Value {
        var value = try cast(lower(field.expression, as: field.type, in: scope), to: field.type, field.place)
        value.opType = field.opType
        let listed = field.values.filter { $0.property == .valid }
        if !listed.isEmpty, field.opType == .ordinal {
            value.order = try listed.map { (value) throws(ScoringError) in try literal(value.value, field.type, field.place) }
        }
        return value
    }
}
