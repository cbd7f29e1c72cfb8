/// A set of Unicode scalars, as a character class of a regular expression names it.
package struct ScalarSet: Sendable, Hashable {
    package enum Property: Sendable, Hashable {
        case letter, uppercase, lowercase, titlecase, mark, number, decimalDigit, punctuation, symbol, separator, control
        /// Letters, marks, digits and connecting punctuation: `\w` of Unicode patterns.
        case word
        case whiteSpace
    }

    package struct Member: Sendable, Hashable {
        enum Kind: Sendable, Hashable {
            case range(UInt32, UInt32)
            case property(Property)
            /// A class within the class.
            case set(ScalarSet)
        }

        var kind: Kind
        var isNegated = false
    }

    var members: [Member] = []
    var isNegated = false
    var ignoresCase = false
    /// Answers for the first 128 scalars, settled by `settled()`.
    private var low: UInt64 = 0
    /// First and last scalars of the members that are ranges, merged and ascending; filled by `settled()`.
    private var ranges: [UInt32] = []
    private var high: UInt64 = 0

    init() {}

    mutating func insert(_ first: UInt32, _ last: UInt32) { members.append(Member(kind: .range(first, last))) }

    mutating func insert(_ property: Property, isNegated: Bool = false) {
        members.append(Member(kind: .property(property), isNegated: isNegated))
    }

    mutating func insert(_ set: ScalarSet) { members.append(Member(kind: .set(set))) }

    /// How many members are asked one after the other for a scalar beyond ASCII.
    var cost: Int { members.count }

    /// The set in a form for quick answers: ranges sorted, every other member once, those for ASCII computed beforehand.
    func settled() -> ScalarSet {
        var set = self
        (set.members, set.ranges) = ([], [])
        var (plain, known): ([(first: UInt32, last: UInt32)], Set<Member>) = ([], [])
        for member in members {
            switch member.kind {
            case .range(let first, let last) where !member.isNegated: plain.append((first, last))
            case .set(let inner) where known.insert(member).inserted:
                set.members.append(Member(kind: .set(inner.settled()), isNegated: member.isNegated))
            case .range, .property: if known.insert(member).inserted { set.members.append(member) }
            case .set: break
            }
        }
        for (first, last) in plain.sorted(by: { $0.first < $1.first }) {
            if let end = set.ranges.last, first <= end {
                set.ranges[set.ranges.count - 1] = max(end, last)
            } else {
                set.ranges += [first, last]
            }
        }
        (set.low, set.high) = (0, 0)
        for value in UInt32(0)..<64 where holds(value) { set.low |= 1 << UInt64(value) }
        for value in UInt32(64)..<128 where holds(value) { set.high |= 1 << UInt64(value - 64) }
        return set
    }

    /// Whether the settled set has the scalar.
    @inline(__always)
    func contains(_ scalar: UInt32) -> Bool {
        if scalar < 64 { return low >> UInt64(scalar) & 1 == 1 }
        if scalar < 128 { return high >> UInt64(scalar - 64) & 1 == 1 }
        return holds(scalar)
    }

    private func holds(_ scalar: UInt32) -> Bool {
        if has(scalar) { return !isNegated }
        guard ignoresCase else { return isNegated }
        let (lower, upper) = (ScalarCase.lower(scalar), ScalarCase.upper(scalar))
        return (lower != scalar && has(lower) || upper != scalar && has(upper)) != isNegated
    }

    private func has(_ scalar: UInt32) -> Bool {
        var (low, high) = (0, ranges.count / 2)
        while low < high {
            let middle = (low + high) / 2
            if ranges[2 * middle + 1] < scalar { low = middle + 1 } else { high = middle }
        }
        if 2 * low < ranges.count, ranges[2 * low] <= scalar { return true }
        for member in members {
            let holds: Bool =
                switch member.kind {
                case .range(let first, let last): first <= scalar && scalar <= last
                case .property(let property): Self.has(property, scalar)
                case .set(let set): set.holds(scalar)
                }
            if holds != member.isNegated { return true }
        }
        return false
    }

    static func has(_ property: Property, _ value: UInt32) -> Bool {
        guard let scalar = Unicode.Scalar(value) else { return false }
        let category = scalar.properties.generalCategory
        switch property {
        case .letter: return scalar.properties.isAlphabetic && isLetter(category)
        case .uppercase: return category == .uppercaseLetter
        case .lowercase: return category == .lowercaseLetter
        case .titlecase: return category == .titlecaseLetter
        case .mark: return isMark(category)
        case .number: return category == .decimalNumber || category == .letterNumber || category == .otherNumber
        case .decimalDigit: return category == .decimalNumber
        case .punctuation: return isPunctuation(category)
        case .symbol:
            return category == .mathSymbol || category == .currencySymbol || category == .modifierSymbol
                || category == .otherSymbol
        case .separator: return category == .spaceSeparator || category == .lineSeparator || category == .paragraphSeparator
        case .control: return category == .control
        case .word:
            return isLetter(category) || isMark(category) || category == .decimalNumber || category == .letterNumber
                || category == .connectorPunctuation
        case .whiteSpace: return scalar.properties.isWhitespace
        }
    }

    private static func isLetter(_ category: Unicode.GeneralCategory) -> Bool {
        switch category {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }

    private static func isMark(_ category: Unicode.GeneralCategory) -> Bool {
        category == .nonspacingMark || category == .spacingMark || category == .enclosingMark
    }

    private static func isPunctuation(_ category: Unicode.GeneralCategory) -> Bool {
        switch category {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            true
        default: false
        }
    }
}

/// Upper and lower case of single scalars; what becomes several scalars stays as it is.
enum ScalarCase {
    static func lower(_ value: UInt32) -> UInt32 {
        if value < 128 { return value >= 0x41 && value <= 0x5A ? value + 32 : value }
        return single(value) { $0.properties.lowercaseMapping }
    }

    static func upper(_ value: UInt32) -> UInt32 {
        if value < 128 { return value >= 0x61 && value <= 0x7A ? value - 32 : value }
        return single(value) { $0.properties.uppercaseMapping }
    }

    /// The same for scalars that differ in case only.
    static func folded(_ value: UInt32) -> UInt32 { lower(upper(value)) }

    private static func single(_ value: UInt32, _ mapping: (Unicode.Scalar) -> String) -> UInt32 {
        guard let scalar = Unicode.Scalar(value) else { return value }
        let mapped = mapping(scalar).unicodeScalars
        return mapped.count == 1 ? mapped.first!.value : value
    }
}

/// Scalars in UTF-8 that is known to be valid.
enum UTF8Scalars {
    /// The scalar that begins at `index`, and its length in bytes.
    @inline(__always)
    static func scalar(_ text: UnsafeBufferPointer<UInt8>, at index: Int) -> (value: UInt32, length: Int) {
        let first = text[index]
        if first < 0x80 { return (UInt32(first), 1) }
        if first < 0xE0 { return (UInt32(first & 0x1F) << 6 | UInt32(text[index + 1] & 0x3F), 2) }
        if first < 0xF0 {
            return (UInt32(first & 0x0F) << 12 | UInt32(text[index + 1] & 0x3F) << 6 | UInt32(text[index + 2] & 0x3F), 3)
        }
        let head = UInt32(first & 0x07) << 18 | UInt32(text[index + 1] & 0x3F) << 12
        return (head | UInt32(text[index + 2] & 0x3F) << 6 | UInt32(text[index + 3] & 0x3F), 4)
    }

    /// Where the scalar before `index` begins.
    @inline(__always)
    static func start(before index: Int, _ text: UnsafeBufferPointer<UInt8>) -> Int {
        var start = index - 1
        while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
        return start
    }

    /// Writes a scalar and returns how many bytes it took, at most four.
    @inline(__always)
    static func write(_ value: UInt32, to target: UnsafeMutablePointer<UInt8>) -> Int {
        switch value {
        case ..<0x80:
            target[0] = UInt8(value)
            return 1
        case ..<0x800:
            target[0] = UInt8(0xC0 | value >> 6)
            target[1] = UInt8(0x80 | value & 0x3F)
            return 2
        case ..<0x10000:
            target[0] = UInt8(0xE0 | value >> 12)
            target[1] = UInt8(0x80 | value >> 6 & 0x3F)
            target[2] = UInt8(0x80 | value & 0x3F)
            return 3
        default:
            target[0] = UInt8(0xF0 | value >> 18 & 0x07)
            target[1] = UInt8(0x80 | value >> 12 & 0x3F)
            target[2] = UInt8(0x80 | value >> 6 & 0x3F)
            target[3] = UInt8(0x80 | value & 0x3F)
            return 4
        }
    }
}
