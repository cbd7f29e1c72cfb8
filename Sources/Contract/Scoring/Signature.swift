/// What a model takes and gives: the columns of its `FeatureBatch` and of its `ScoreBatch`, and which of
/// the latter are the score, the label, the probabilities, the margins and the reason codes.
package struct Signature: Sendable {
    package let inputs: [Field]
    /// Input names by position, for look-ups from bytes.
    package let inputNames: SymbolTable
    /// One an input: whether it takes any number, so that a decoder need not look at its field.
    package let numberInputs: [Bool]
    /// The positions of the inputs that a row must have.
    package let requiredInputs: [Int]
    /// One a column of the scores, also those that nobody is shown.
    package let outputs: [OutputColumn]
    package let roles: Roles
    /// The outputs' names by position, for look-ups.
    private let outputNames: SymbolTable

    package init(inputs: [Field], outputs: [OutputColumn], roles: Roles) {
        self.inputs = inputs
        self.inputNames = SymbolTable(inputs.map(\.name))
        self.numberInputs = inputs.map { $0.kind == .number }
        self.requiredInputs = inputs.indices.filter { inputs[$0].isRequired }
        self.outputs = outputs
        self.roles = roles
        outputNames = SymbolTable(outputs.filter { !$0.isRemainder }.map(\.name))
        assert(outputs.drop { !$0.isRemainder }.allSatisfy(\.isRemainder), "columns of remainders are the last ones")
    }

    /// The outputs without those columns that only complete others.
    package var shownOutputs: ArraySlice<OutputColumn> { outputs[..<outputNames.count] }

    package func outputColumn(named name: String) -> Int? {
        outputNames.position(of: name)
    }

    /// The names of the outputs that the score is, so that nobody has to guess which way it points: `probability(ok)` for a
    /// `prediction` that repeats the probability of the second of two classes.
    ///
    /// - Parameter chosen: The columns that model.yaml's `score` chooses; nil for the model's own choice.
    package func scoreNames(_ chosen: Range<Int>? = nil) -> [String] {
        if chosen ?? roles.score == roles.score, roles.score.count == 1, roles.probabilities.count == 2 {
            return [outputs[roles.probabilities.upperBound - 1].name]
        }
        return (chosen ?? roles.score).map { outputs[$0].name }
    }

    /// Whether a score is one of the probabilities, or repeats one.
    package func isProbability(_ score: Range<Int>) -> Bool {
        guard score.count == 1, !roles.probabilities.isEmpty else { return false }
        return roles.probabilities.contains(score.lowerBound) || score == roles.score && roles.probabilities.count == 2
    }

    /// Whether the classes have names that do not say which of them is the risk, other than numbers, true and false.
    package var classesAreWords: Bool {
        roles.classes.contains { Double($0) == nil && !["true", "false"].contains($0.lowercased()) }
    }
}

/// One column of a `ScoreBatch`.
package struct OutputColumn: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case number
        /// A number without a fraction, written without one.
        case integer
        case boolean
        /// A position among labels; NaN where there is none.
        case category(SymbolTable)
        /// An index into the batch's texts; NaN where there is none.
        case text
    }

    package let name: String
    package let kind: Kind
    /// Which whole numbers a column of kind `.integer` holds.
    package let integers: Field.Integers
    /// The column of what the nearest double leaves of a whole number beyond 2^53, where `integers` are wide: the number is
    /// the sum of both cells.
    package let remainder: Int?
    /// Whether it is such a column itself. These are the last ones, and nobody is shown them.
    package let isRemainder: Bool

    package init(
        _ name: String, _ kind: Kind = .number, integers: Field.Integers = .doubles, remainder: Int? = nil,
        isRemainder: Bool = false
    ) {
        self.name = name
        self.kind = kind
        self.integers = integers
        self.remainder = remainder
        self.isRemainder = isRemainder
    }

    /// The whole number of a cell; nil where it has a fraction, is missing, does not fit into 64 bits, or lies beyond 2^53
    /// without what its double leaves of it.
    package func whole(_ cell: Double, remainder: Double) -> WholeNumber? {
        guard integers.areWide, let whole = Int128(exactly: cell) else { return WholeNumber(exactly: cell) }
        guard !remainder.isNaN else {
            return WholeNumber(exactly: cell).flatMap { $0.isExactDouble ? $0 : nil }
        }
        guard let rest = Int128(exactly: remainder), let magnitude = UInt64(exactly: (whole + rest).magnitude) else { return nil }
        return WholeNumber(magnitude: magnitude, isNegative: whole + rest < 0)
    }

    /// Whether its cells are numbers that can be compared.
    package var isNumeric: Bool {
        switch kind {
        case .number, .integer, .boolean: true
        case .category, .text: false
        }
    }
}

/// Which output columns mean what. Ranges may be empty; they index `Signature.outputs`.
package struct Roles: Sendable, Equatable {
    /// `prediction` in the REST contract: one column, or the class probabilities of a multiclass model, or
    /// one column a target.
    package var score: Range<Int>
    /// A `.category` column.
    package var label: Int?
    /// One column a class, in the order of `classes`.
    package var probabilities: Range<Int>
    package var classes: [String]
    /// Margins before the link function.
    package var raw: Range<Int>
    /// Reason codes, most important first: `.category` or `.text` columns.
    package var reasons: Range<Int>
    /// The model's own output fields under their own names (PMML `Output`); what REST shows as `outputs`.
    package var named: Range<Int>

    package init(
        score: Range<Int>, label: Int? = nil, probabilities: Range<Int> = 0..<0, classes: [String] = [],
        raw: Range<Int> = 0..<0, reasons: Range<Int> = 0..<0
    ) {
        self.score = score
        self.label = label
        self.probabilities = probabilities
        self.classes = classes
        self.raw = raw
        self.reasons = reasons
        self.named = 0..<0
    }
}
