package import Scoring

/// What is known of a value before any row is seen.
package struct ValueType: Equatable {
    package var type: DataType
    package var opType: OpType
    /// Whether every value that it can have is known.
    package var isListed: Bool
    /// Whether the file says in which order its values come.
    package var isOrdered = false
    /// The string inputs from which it may have come unchanged.
    package var origins: TextSet = []
    /// Whether it is a constant that says nothing: of whatever type is wanted.
    package var isNothing = false

    package init(_ type: DataType, _ opType: OpType? = nil, isListed: Bool = false, origins: TextSet = []) {
        self.type = type
        self.opType = opType ?? (type.isNumeric ? .continuous : .categorical)
        self.isListed = isListed || type == .boolean
        self.origins = origins
    }

    /// The value of a constant that says nothing.
    static func nothing(_ type: DataType) -> ValueType {
        var nothing = ValueType(type, isListed: true)
        nothing.isNothing = true
        return nothing
    }

    /// The type of a condition's result, by those of its branches; strings win.
    static func common(_ then: ValueType, _ other: ValueType) -> DataType {
        if then.type == other.type || other.isNothing { return then.type }
        if then.isNothing { return other.type }
        return then.type == .string || other.type == .string ? .string : DataType.common([then.type, other.type])
    }
}

extension Constant {
    /// The type of a constant, which where it does not say one is what it looks like.
    /// - Parameter expected: what the surroundings make of it.
    func valueType(expected: DataType?) -> DataType {
        if let type { return type }
        if expected == .string { return .string }
        if NumberText.trimmed(text).contains(where: { $0 == "." || $0 == "e" || $0 == "E" }) || NumberText.integer(text) == nil {
            return NumberText.double(text) == nil ? .string : .double
        }
        return .integer
    }
}

extension DataField {
    /// Whether no other values can come than those that it lists, once invalid ones are treated.
    var listsEveryValue: Bool {
        let values = values.filter { $0.property == .valid }
        switch type {
        case .string: return !values.isEmpty
        case .integer, .float, .double:
            return opType != .continuous && intervals.isEmpty && values.contains { NumberText.double($0.value) != nil }
        case .boolean: return true
        default: return false
        }
    }
}

extension DataType {
    /// The type of arithmetic on numbers: double if one is, else float if one is, else integer.
    static func common(_ types: [DataType]) -> DataType {
        if types.contains(.double) { return .double }
        return types.contains(.float) ? .float : .integer
    }

    /// What a value of this type counts as in arithmetic: a text is read as a double, truth values and dates
    /// count.
    var number: DataType {
        switch self {
        case .double, .string: .double
        case .float: .float
        default: .integer
        }
    }

    /// Whether a value of this type can be made one of the other: numbers of each other, texts of everything
    /// and everything of texts that has a text, dates of the counts from them (PMML 4.4, Data Dictionary).
    func converts(to other: DataType) -> Bool {
        if self == other || self == .string { return true }
        switch (self, other) {
        case (_, .string): return !isCount
        case (.integer, _) where other.isNumeric || other == .boolean || other.isCount: return true
        case (.double, _) where other.isNumeric || other == .boolean: return true
        case (.float, _) where other.isNumeric || other == .boolean: return true
        case (.boolean, _) where other.isNumeric: return true
        case (.date, .daysSince), (.dateTime, .secondsSince), (.dateTime, .date), (.dateTime, .daysSince), (.time, .timeSeconds):
            return true
        case (.daysSince, .integer), (.daysSince, .double), (.secondsSince, .integer), (.secondsSince, .double),
            (.timeSeconds, .integer):
            return true
        default: return false
        }
    }

    /// Whether it counts days or seconds from a moment.
    private var isCount: Bool {
        switch self {
        case .daysSince, .timeSeconds, .secondsSince: true
        default: false
        }
    }
}
