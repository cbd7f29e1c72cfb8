/// One input of a model: its name and the values it takes.
package struct Field: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        /// Any double. JSON booleans count as 1 and 0.
        case number
        /// A number without a fraction; others are refused. `Field.integers` says which.
        case integer
        case boolean
        /// One of the levels, carried as its position. How values outside the levels are taken is said by
        /// `Field.unknownLevel`.
        case category(CategoryLevels)
        /// Any string, carried beside the row (see `FeatureBatch.setText`).
        case text
    }

    /// What becomes of a category that is not among the levels, and of a value that is not of the field's kind at all.
    package enum UnknownLevel: Sendable, Equatable {
        /// The row is refused with `ScoringError.invalidFeature`.
        case refused
        /// The value counts as missing, also a string where a number or truth value is expected.
        case missing
        /// The cell of a category becomes `FeatureBatch.unknownLevel`; the engine decides. Other kinds refuse the row.
        case passed
    }

    /// Which whole numbers an integer field takes.
    package enum Integers: Sendable, Equatable {
        /// Any; beyond 2^53 the nearest double.
        case doubles
        /// Up to 2^53, where doubles end to be exact; others are refused.
        case exactDoubles
        /// All of the type, each exactly. Those beyond 2^53 lie beside the matrix (see `FeatureBatch.setInteger`).
        case int64, uint64

        package var areWide: Bool { self == .int64 || self == .uint64 }
    }

    package let name: String
    package let kind: Kind
    package let integers: Integers
    package let unknownLevel: UnknownLevel
    /// Whether a row without this feature is refused. Default false: absent is missing.
    package let isRequired: Bool

    /// - Parameter integers: Of a field of kind `.integer`; without meaning for others.
    package init(
        _ name: String, _ kind: Kind = .number, integers: Integers = .doubles, unknownLevel: UnknownLevel = .refused,
        isRequired: Bool = false
    ) {
        self.name = name
        self.kind = kind
        self.integers = integers
        self.unknownLevel = unknownLevel
        self.isRequired = isRequired
    }
}

/// The levels of a categorical field. A level is a string, or a number where the training data had numbers:
/// `3` in a request then finds the level `3`, and `"3"` finds it too.
package struct CategoryLevels: Sendable, Equatable {
    package let table: SymbolTable
    /// Numeric value of each level, where it has one; empty if the levels are plain strings.
    private let numbers: [Double: Int32]

    /// Plain string levels.
    package init(_ labels: [String]) {
        table = SymbolTable(labels)
        numbers = [:]
    }

    /// Levels that were numbers in the training data. `labels` are how they are printed.
    package init(_ labels: [String], numbers values: [Double]) {
        table = SymbolTable(labels)
        var numbers: [Double: Int32] = [:]
        for (index, value) in values.enumerated() where numbers[value] == nil {
            numbers[value] = Int32(index)
        }
        self.numbers = numbers
    }

    package var count: Int { table.count }
    package var areNumeric: Bool { !numbers.isEmpty }

    package func position(of utf8: UnsafeBufferPointer<UInt8>) -> Int? { unsafe table.position(of: utf8) }
    package func position(of label: String) -> Int? { table.position(of: label) }
    package func position(of number: Double) -> Int? { numbers[number].map(Int.init) }
}
