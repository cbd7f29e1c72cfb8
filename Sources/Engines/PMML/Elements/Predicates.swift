internal import Scoring

/// A test of fields: true, false or unknown (`PREDICATE`).
package enum Predicate {
    case simple(SimplePredicate)
    case set(SimpleSetPredicate)
    case compound(CompoundPredicate)
    case always
    case never
}

package struct SimplePredicate {
    package enum Operator: String {
        case equal, notEqual, lessThan, lessOrEqual, greaterThan, greaterOrEqual, isMissing, isNotMissing
    }

    package var field: String
    package var operation: Operator
    /// Empty for the tests of missing values.
    package var value: String
    package var place: Place
}

package struct SimpleSetPredicate {
    package enum Operator: String { case isIn, isNotIn }

    package var field: String
    package var operation: Operator
    package var values: [String]
    package var place: Place
}

package struct CompoundPredicate {
    package enum Operator: String { case or, and, xor, surrogate }

    package var operation: Operator
    package var parts: [Predicate]
    package var place: Place
}

extension ElementReader {
    /// The predicate that begins at the current element, or nil if it is no predicate.
    mutating func predicate(_ tag: Tag) throws(ScoringError) -> Predicate? {
        switch tag {
        case .True: return .always
        case .False: return .never
        case .SimplePredicate: return .simple(try simplePredicate())
        case .SimpleSetPredicate: return .set(try simpleSetPredicate())
        case .CompoundPredicate: return .compound(try compoundPredicate())
        default: return nil
        }
    }

    private mutating func simplePredicate() throws(ScoringError) -> SimplePredicate {
        let operation: SimplePredicate.Operator = try requiredChoice("operator")
        let value = try sharedString("value")
        if value == nil, operation != .isMissing, operation != .isNotMissing { throw invalid("the attribute 'value' is missing") }
        return SimplePredicate(field: try required("field"), operation: operation, value: value ?? "", place: place)
    }

    private mutating func simpleSetPredicate() throws(ScoringError) -> SimpleSetPredicate {
        var predicate = SimpleSetPredicate(
            field: try required("field"), operation: try requiredChoice("booleanOperator"), values: [], place: place)
        var hasArray = false
        try children { (reader, tag) throws(ScoringError) in
            guard tag == .Array else { throw reader.unsupported() }
            predicate.values = try reader.array()
            hasArray = true
        }
        guard hasArray else { throw .invalidModel(reason: "<SimpleSetPredicate>: the Array is missing", place: here) }
        return predicate
    }

    private mutating func compoundPredicate() throws(ScoringError) -> CompoundPredicate {
        var predicate = CompoundPredicate(operation: try requiredChoice("booleanOperator"), parts: [], place: place)
        try children { (reader, tag) throws(ScoringError) in
            guard let part = try reader.predicate(tag) else { throw reader.unsupported() }
            predicate.parts.append(part)
        }
        guard !predicate.parts.isEmpty else {
            throw .invalidModel(reason: "<CompoundPredicate>: a predicate is missing", place: here)
        }
        return predicate
    }

    /// The values of the current `Array` element, as texts.
    mutating func array() throws(ScoringError) -> [String] {
        let (count, start) = (try integer("n"), place)
        let values = ArrayText.values(try text())
        if let count, count != values.count {
            throw .invalidModel(
                reason: "<Array>: there are \(values.count) values where n says \(count)", place: xml.place(of: Int(start)))
        }
        return values
    }

    /// The numbers of the current `Array` element.
    mutating func numberArray() throws(ScoringError) -> [Double] {
        let start = place
        return try array().map { (text) throws(ScoringError) in
            guard let number = NumberText.double(text) else {
                throw .invalidModel(reason: "<Array>: a value is not a number", place: xml.place(of: Int(start)))
            }
            return number
        }
    }
}

/// The content of an `Array` element: values between white space, those with white space in quotes, a quote
/// inside of them as `\"`.
package enum ArrayText {
    package static func values(_ text: String) -> [String] {
        var values: [String] = []
        var value: [UInt8] = []
        var (isInValue, isQuoted, isEscaped) = (false, false, false)
        func finish() {
            values.append(String(decoding: value, as: UTF8.self))
            value.removeAll(keepingCapacity: true)
            isInValue = false
        }
        for byte in text.utf8 {
            if isQuoted {
                if isEscaped {
                    if byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { value.append(UInt8(ascii: "\\")) }
                    value.append(byte)
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isQuoted = false
                    finish()
                } else {
                    value.append(byte)
                }
            } else if byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
                if isInValue { finish() }
            } else if byte == UInt8(ascii: "\""), !isInValue {
                (isInValue, isQuoted) = (true, true)
            } else {
                value.append(byte)
                isInValue = true
            }
        }
        if isInValue { finish() }
        return values
    }
}
