package import Scoring

/// Puts values from outside into a batch as their field takes them; the same rules for every protocol and
/// file. A value that the field does not take is `ScoringError.invalidFeature`, and the cell stays missing.
extension FeatureBatch {
    /// A number. NaN is missing; infinity passes where numbers do.
    package func set(number value: Double, of field: Field, row: Int, column: Int) throws(ScoringError) {
        switch field.kind {
        case .number:
            set(value, row: row, column: column)
        case .integer:
            guard value.isNaN || value.isFinite && value == value.rounded(.towardZero) else {
                throw .invalidFeature(name: field.name, reason: "expected a number without a fraction")
            }
            guard field.integers == .doubles || value.isNaN else {
                // From 2^53 on a double stands for several whole numbers.
                guard let whole = WholeNumber(exactly: value), whole.magnitude < WholeNumber.greatestExactDouble else {
                    throw Self.misfit(field, fitsInt64: (-0x1p63..<0x1p63).contains(value))
                }
                return try set(whole: whole, of: field, row: row, column: column)
            }
            set(value, row: row, column: column)
        case .boolean:
            guard value.isNaN || value == 0 || value == 1 else {
                throw .invalidFeature(name: field.name, reason: "expected true, false, 1 or 0")
            }
            set(value, row: row, column: column)
        case .category(let levels):
            guard !value.isNaN else { return }
            try set(level: levels.position(of: value), of: field, row: row, column: column)
        case .text:
            throw .invalidFeature(name: field.name, reason: "expected a string, found a number")
        }
    }

    /// A whole number, exactly where the field takes it so.
    package func set(whole value: WholeNumber, of field: Field, row: Int, column: Int) throws(ScoringError) {
        guard case .integer = field.kind, field.integers != .doubles else {
            return try set(number: value.double, of: field, row: row, column: column)
        }
        if value.isExactDouble {
            guard field.integers != .uint64 || !value.isNegative else { throw Self.misfit(field) }
            return set(value.double, row: row, column: column)
        }
        guard let bits = value.bits(as: field.integers) else {
            throw Self.misfit(field, fitsInt64: value.bits(as: .int64) != nil)
        }
        setInteger(bits, row: row, column: column)
    }

    /// A number as a text says it.
    package func set(numeral: Numeral, of field: Field, row: Int, column: Int) throws(ScoringError) {
        switch field.kind {
        case .number, .category, .text: break
        case .integer:
            guard !numeral.hasFraction else {
                throw .invalidFeature(name: field.name, reason: "expected a number without a fraction")
            }
            guard field.integers != .doubles, let whole = numeral.whole else { break }
            return try set(whole: whole, of: field, row: row, column: column)
        case .boolean:
            guard !numeral.hasFraction else {
                throw .invalidFeature(name: field.name, reason: "expected true, false, 1 or 0")
            }
        }
        try set(number: numeral.double, of: field, row: row, column: column)
    }

    private static func misfit(_ field: Field, fitsInt64: Bool = true) -> ScoringError {
        let reason =
            switch field.integers {
            // What int64 does not hold, no engine takes.
            case .exactDoubles where !fitsInt64: "must be a whole number that fits into int64"
            case .int64: "must be a whole number that fits into int64, written without point and exponent"
            case .uint64: "must be a whole number that fits into uint64, written without point and exponent"
            case .doubles, .exactDoubles:
                "whole numbers beyond 2^53 are not exact in the native engine; 'engine: onnxruntime' in model.yaml takes them"
            }
        return .invalidFeature(name: field.name, reason: reason)
    }

    /// A truth value: 1 or 0 where numbers are taken, the level `true` or `false` of a category.
    package func set(boolean value: Bool, of field: Field, row: Int, column: Int) throws(ScoringError) {
        switch field.kind {
        case .number, .integer, .boolean:
            set(value ? 1 : 0, row: row, column: column)
        case .category(let levels):
            try set(level: levels.position(of: value ? "true" : "false"), of: field, row: row, column: column)
        case .text:
            throw .invalidFeature(name: field.name, reason: "expected a string, found true or false")
        }
    }

    /// A string: text, or a category's level by its label, or by the number that it says.
    package func set(text utf8: UnsafeBufferPointer<UInt8>, of field: Field, row: Int, column: Int) throws(ScoringError) {
        switch field.kind {
        case .number, .integer, .boolean:
            if field.unknownLevel == .missing {
                guard let numeral = unsafe DecimalParser.numeral(utf8) else { return }
                return try set(numeral: numeral, of: field, row: row, column: column)
            }
            throw .invalidFeature(
                name: field.name, reason: unsafe "expected \(field.kind.phrase), found a string" + NumberSlip.hint(utf8))
        case .text:
            unsafe setText(String(decoding: utf8, as: UTF8.self), row: row, column: column)
        case .category(let levels):
            var position = unsafe levels.position(of: utf8)
            if position == nil, levels.areNumeric, let number = unsafe DecimalParser.double(utf8) {
                position = levels.position(of: number)
            }
            try set(level: position, of: field, row: row, column: column)
        }
    }

    private func set(level: Int?, of field: Field, row: Int, column: Int) throws(ScoringError) {
        if let level { return set(Double(level), row: row, column: column) }
        switch field.unknownLevel {
        case .refused: throw .invalidFeature(name: field.name, reason: "the value is none of the levels that the model knows")
        case .missing: return
        case .passed: set(Self.unknownLevel, row: row, column: column)
        }
    }
}

extension Field.Kind {
    /// For messages.
    fileprivate var phrase: String {
        switch self {
        case .number: "a number"
        case .integer: "a number without a fraction"
        case .boolean: "true or false"
        case .category, .text: "a string"
        }
    }
}
