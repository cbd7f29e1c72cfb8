internal import Scoring
internal import Tabular
internal import Texts

/// The third pass lowers a typed document to a program, starting from the model. What all of it has in common is here: the
/// program that is being built, the inputs and what is known of them, and the limits. The work is done by small lowerings,
/// one for each kind of model and of expression, that are given this context.
final class LoweringContext: LoweringVocabulary, FieldResolving {
    typealias Scope = FieldScope<Value>

    /// More instructions, or tests of a graph, than this make a model too large to be meant.
    static let maxInstructions = 500_000
    static let maxTests = 4_000_000
    /// Tests of all graphs that a model may have for each byte of its file, and those that every model may have. A test
    /// takes 50 bytes of a file; only a predicate or a tree that is lowered again and again makes more of them.
    static let maxTestsPerByte = 4
    static let minTestLimit = 200_000
    static let maxDepth = 200
    /// So many functions of strings, and so many rounds of them that need numbers found in between, a model may have.
    static let maxTextInstructions = 50_000
    static let maxTextSteps = 500
    /// Bytes of all compiled expressions.
    static let maxPatternBytes = 32 << 20
    /// Steps of matching that loading may take for strings that are known beforehand.
    static let maxPatternWork = 200_000_000

    /// Sets of more numbers are looked up in a table: a test is larger than what a file takes for a number.
    static let maxComparedNumbers = 2
    /// Words that sets with few members may take; sets that would take more are looked up in a table too.
    static let maxSparseSetWords = 1 << 20
    /// Words of the sets of categories of all predicates.
    static let maxSetWords = 1 << 26
    /// More combinations of arguments than this are not tabulated.
    static let maxCombinations = 65_536
    /// Entries of tables, strings of domains, cells and rows that loading looks at in all: what grows faster than
    /// the file is counted here.
    static let maxWork = 50_000_000

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

    var context: LoweringContext { self }
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
    /// How much of `maxPatternBytes` and `maxPatternWork` is used up.
    var patternBytes = 0
    var patternWork = 0
    /// How much of `maxWork` is used up.
    private var work = 0
    /// How many `and`, `or` and `xor` are around the predicate that is being lowered, within its graph.
    var doublings = 0
    /// Tests of compound predicates, in all graphs.
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

    /// Notes work that is not bounded by the size of the file; refuses models for which it becomes too much.
    func spendWork(_ amount: Int, _ place: Place) throws(ScoringError) {
        let (sum, overflow) = work.addingReportingOverflow(amount)
        guard !overflow, sum <= Self.maxWork else { throw invalid("the model takes too much work to prepare", place) }
        work = sum
        LoadThrottle.step()
    }

    /// Counts tests that a predicate made; refuses models that make far more of them than their file is long.
    func countTests(_ count: Int, _ place: Place) throws(ScoringError) {
        testCount += count
        guard testCount <= Self.minTestLimit + Self.maxTestsPerByte * document.size else {
            throw invalid("the model's predicates are too large", place)
        }
    }

    /// Runs `body` one level deeper; refuses files that nest without end.
    func deeper<Result>(_ place: Place, _ body: () throws(ScoringError) -> Result) throws(ScoringError) -> Result {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maxDepth else { throw invalid("definitions are nested too deeply", place) }
        guard builder.texts.count <= Self.maxTextInstructions, builder.texts.stepCount <= Self.maxTextSteps else {
            throw invalid("the model's functions of strings are too many", place)
        }
        guard builder.instructionCount <= Self.maxInstructions else {
            throw invalid("the model is too large once its functions are inserted", place)
        }
        return try body()
    }

    // MARK: Fields

    func meaning(of field: DerivedField, in scope: Scope) throws(ScoringError) -> Value { try derived(field, in: scope) }

    func meaning(of field: MiningField, in scope: Scope) throws(ScoringError) -> Value {
        try FieldPreparation(context: self).prepared(field, in: scope)
    }

    func meaning(of field: DataField, usedAt place: Place) throws(ScoringError) -> Value {
        guard let index = inputIndex[field.name] else {
            throw invalid("the field '\(field.name)' was not found to be used", place)
        }
        return try FieldPreparation(context: self).rawInput(index, isOpen: true)
    }
}
