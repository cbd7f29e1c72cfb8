/// Reads a pattern.
struct RegularExpressionParser {
    typealias Node = RegularExpressionNode
    typealias Fault = RegularExpression.Fault

    private struct Flags {
        var ignoresCase: Bool
        var isMultiline = false
        var dotIsAnything = false
        var isUnicode = false
    }

    private let scalars: [Unicode.Scalar]
    private var index = 0
    private var flags: Flags
    private var depth = 0
    private(set) var groupCount = 0
    private(set) var groupNames: [String: Int] = [:]

    init(_ pattern: String, ignoresCase: Bool) {
        scalars = Array(pattern.unicodeScalars)
        flags = Flags(ignoresCase: ignoresCase)
    }

    mutating func parse() throws(Fault) -> Node {
        let node = try alternatives()
        guard index == scalars.count else { throw Fault(reason: "a ')' too many") }
        return node
    }

    private var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    private mutating func take() throws(Fault) -> Unicode.Scalar {
        guard let scalar = next else { throw Fault(reason: "the pattern ends too early") }
        index += 1
        return scalar
    }

    private mutating func take(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard scalars[index...].starts(with: wanted) else { return false }
        index += wanted.count
        return true
    }

    private mutating func alternatives() throws(Fault) -> Node {
        depth += 1
        defer { depth -= 1 }
        guard depth <= RegularExpression.maxNesting else { throw Fault(reason: "groups are nested too deeply") }
        // Flags that are set within a group end with it.
        let outer = flags
        defer { flags = outer }
        var nodes = [try sequence()]
        while next == "|" {
            index += 1
            nodes.append(try sequence())
        }
        return nodes.count == 1 ? nodes[0] : .alternatives(nodes)
    }

    private mutating func sequence() throws(Fault) -> Node {
        var nodes: [Node] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            if take("\\Q") {
                while index < scalars.count, !take("\\E") { nodes.append(literal(try take())) }
                continue
            }
            guard let atom = try atom() else { continue }
            nodes.append(try quantified(atom))
        }
        return nodes.count == 1 ? nodes[0] : nodes.isEmpty ? .empty : .sequence(nodes)
    }

    /// One element; nil for one that only sets flags.
    private mutating func atom() throws(Fault) -> Node? {
        let scalar = try take()
        switch scalar {
        case "(": return try group()
        case "[": return .set(try characterClass())
        case ".": return flags.dotIsAnything ? .anything : .notNewline
        case "^": return .assertion(flags.isMultiline ? .lineStart : .textStart)
        case "$": return .assertion(flags.isMultiline ? .lineEnd : .textEndOrLastNewline)
        case "\\": return try escape()
        case "*", "+", "?": throw Fault(reason: "the quantifier '\(scalar)' has nothing to repeat")
        default: return literal(scalar)
        }
    }

    private func literal(_ scalar: Unicode.Scalar) -> Node {
        let folded = ScalarCase.folded(scalar.value)
        let hasCase = ScalarCase.upper(scalar.value) != scalar.value || ScalarCase.lower(scalar.value) != scalar.value
        return flags.ignoresCase && hasCase ? .folded(folded) : .scalar(scalar.value)
    }

    private mutating func quantified(_ atom: Node) throws(Fault) -> Node {
        var node = atom
        var layers = 0
        while let scalar = next {
            let (least, most): (Int, Int?)
            switch scalar {
            case "*": (least, most) = (0, nil)
            case "+": (least, most) = (1, nil)
            case "?": (least, most) = (0, 1)
            case "{":
                guard let counts = try counts() else { return node }
                (least, most) = counts
                index -= 1
            default: return node
            }
            index += 1
            if next == "+" { throw Fault(reason: "possessive quantifiers are not supported") }
            let isLazy = take("?")
            layers += 1
            guard layers <= 8 else { throw Fault(reason: "too many quantifiers in a row") }
            node = .repeated(node, least: least, most: most, isLazy: isLazy)
        }
        return node
    }

    /// `{2}`, `{2,}` or `{2,5}`; anything else is no quantifier but text.
    private mutating func counts() throws(Fault) -> (Int, Int?)? {
        var ahead = index + 1
        func number() -> Int? {
            let start = ahead
            var value = 0
            while ahead < scalars.count, let digit = Self.digit(scalars[ahead], 10) {
                value = min(value * 10 + Int(digit), 1 << 30)
                ahead += 1
            }
            return ahead > start ? value : nil
        }
        guard let least = number(), ahead < scalars.count else { return nil }
        var most: Int? = least
        if scalars[ahead] == "," {
            ahead += 1
            most = number()
        }
        guard ahead < scalars.count, scalars[ahead] == "}" else { return nil }
        guard max(least, most ?? 0) <= RegularExpression.maxRepeats, least <= most ?? least else {
            throw Fault(reason: "a count is above \(RegularExpression.maxRepeats) or in the wrong order")
        }
        index = ahead + 1
        return (least, most)
    }

    // MARK: Groups

    private mutating func group() throws(Fault) -> Node? {
        guard take("?") else { return try captured(nil) }
        if take(":") { return try closed(try alternatives()) }
        if take("=") || take("!") || take("<=") || take("<!") { throw Fault(reason: "look-around is not supported") }
        if take(">") { throw Fault(reason: "atomic groups are not supported") }
        if take("#") {
            while try take() != ")" {}
            return nil
        }
        if take("P=") { throw Fault(reason: "back-references are not supported") }
        if take("P<") || take("<") {
            var name = ""
            while true {
                let scalar = try take()
                if scalar == ">" { break }
                guard scalar.isASCII, scalar == "_" || scalar.properties.isAlphabetic || Self.digit(scalar, 10) != nil else {
                    throw Fault(reason: "the name of a group is wrong")
                }
                name.unicodeScalars.append(scalar)
            }
            guard !name.isEmpty, groupNames[name] == nil else { throw Fault(reason: "the name of a group is wrong") }
            return try captured(name)
        }
        return try flagged()
    }

    private mutating func captured(_ name: String?) throws(Fault) -> Node {
        guard groupCount < 64 else { throw Fault(reason: "more than 64 groups") }
        groupCount += 1
        let number = groupCount
        if let name { groupNames[name] = number }
        return .group(number, try closed(try alternatives()))
    }

    private mutating func closed(_ node: Node) throws(Fault) -> Node {
        guard next == ")" else { throw Fault(reason: "a ')' is missing") }
        index += 1
        return node
    }

    /// `(?i)` for the rest of the group, or `(?i:...)`.
    private mutating func flagged() throws(Fault) -> Node? {
        let outer = flags
        var isOn = true
        while true {
            switch try take() {
            case "i": flags.ignoresCase = isOn
            case "m": flags.isMultiline = isOn
            case "s": flags.dotIsAnything = isOn
            case "u", "U": flags.isUnicode = isOn
            case "a": flags.isUnicode = !isOn
            case "-": isOn = false
            case ")": return nil
            case ":":
                let node = try closed(try alternatives())
                flags = outer
                return node
            case let other: throw Fault(reason: "the group '(?\(other)' is not supported")
            }
        }
    }

    // MARK: Escapes

    private mutating func escape() throws(Fault) -> Node {
        let scalar = try take()
        switch scalar {
        case "b": return .assertion(flags.isUnicode ? .unicodeWordBoundary : .wordBoundary)
        case "B": return .assertion(flags.isUnicode ? .noUnicodeWordBoundary : .noWordBoundary)
        case "A": return .assertion(.textStart)
        case "z": return .assertion(.textEnd)
        case "Z": return .assertion(.textEndOrLastNewline)
        case "1"..."9", "k", "g": throw Fault(reason: "back-references are not supported")
        default:
            if let set = try classEscape(scalar) { return .set(set) }
            return literal(try scalarEscape(scalar))
        }
    }

    /// `\d`, `\p{...}` and their like; nil for others.
    private mutating func classEscape(_ scalar: Unicode.Scalar) throws(Fault) -> ScalarSet? {
        var set = ScalarSet()
        switch scalar {
        case "d", "D": set = named(.digit)
        case "w", "W": set = named(.word)
        case "s", "S": set = named(.space)
        case "p", "P":
            var name = ""
            if next == "{" {
                index += 1
                while true {
                    let scalar = try take()
                    if scalar == "}" { break }
                    name.unicodeScalars.append(scalar)
                }
            } else {
                name = String(try take())
            }
            set = try property(name)
        default: return nil
        }
        if scalar.value < 0x61 { set.isNegated.toggle() }
        return set
    }

    private enum ClassName { case digit, word, space }

    private func named(_ name: ClassName) -> ScalarSet {
        var set = ScalarSet()
        switch (name, flags.isUnicode) {
        case (.digit, false): set.insert(0x30, 0x39)
        case (.digit, true): set.insert(.decimalDigit)
        case (.word, false):
            for (first, last) in [(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)] as [(UInt32, UInt32)] {
                set.insert(first, last)
            }
        case (.word, true): set.insert(.word)
        case (.space, false):
            set.insert(0x09, 0x0D)
            set.insert(0x20, 0x20)
        case (.space, true): set.insert(.whiteSpace)
        }
        return set
    }

    private func property(_ name: String) throws(Fault) -> ScalarSet {
        var set = ScalarSet()
        var name = name
        if name.hasPrefix("^") {
            name.removeFirst()
            set.isNegated = true
        }
        if name.hasPrefix("Is") { name.removeFirst(2) }
        switch name {
        case "L", "Letter": set.insert(.letter)
        case "Alphabetic": set.insert(.letter)
        case "Lu", "Uppercase": set.insert(.uppercase)
        case "Ll", "Lowercase": set.insert(.lowercase)
        case "Lt": set.insert(.titlecase)
        case "M": set.insert(.mark)
        case "N": set.insert(.number)
        case "Nd": set.insert(.decimalDigit)
        case "P", "Punctuation": set.insert(.punctuation)
        case "S": set.insert(.symbol)
        case "Z": set.insert(.separator)
        case "Cc": set.insert(.control)
        case "White_Space": set.insert(.whiteSpace)
        case "Lower", "Upper", "Alpha", "Digit", "Alnum", "Punct", "Space", "Blank", "Cntrl", "XDigit", "Graph", "Print", "ASCII":
            guard let posix = Self.posix(name.lowercased()) else {
                throw Fault(reason: "the property '\(name)' is not supported")
            }
            set.insert(posix)
        default: throw Fault(reason: "the property '\(name)' is not supported")
        }
        return set
    }

    /// The classes of POSIX, over ASCII.
    private static func posix(_ name: String) -> ScalarSet? {
        let ranges: [(UInt32, UInt32)]
        switch name {
        case "lower": ranges = [(0x61, 0x7A)]
        case "upper": ranges = [(0x41, 0x5A)]
        case "alpha": ranges = [(0x41, 0x5A), (0x61, 0x7A)]
        case "digit": ranges = [(0x30, 0x39)]
        case "alnum": ranges = [(0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)]
        case "word": ranges = [(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)]
        case "punct": ranges = [(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)]
        case "space": ranges = [(0x09, 0x0D), (0x20, 0x20)]
        case "blank": ranges = [(0x09, 0x09), (0x20, 0x20)]
        case "cntrl": ranges = [(0x00, 0x1F), (0x7F, 0x7F)]
        case "xdigit": ranges = [(0x30, 0x39), (0x41, 0x46), (0x61, 0x66)]
        case "graph": ranges = [(0x21, 0x7E)]
        case "print": ranges = [(0x20, 0x7E)]
        case "ascii": ranges = [(0x00, 0x7F)]
        default: return nil
        }
        var set = ScalarSet()
        for (first, last) in ranges { set.insert(first, last) }
        return set
    }

    /// Escapes that stand for one scalar.
    private mutating func scalarEscape(_ scalar: Unicode.Scalar) throws(Fault) -> Unicode.Scalar {
        switch scalar {
        case "t": return "\t"
        case "n": return "\n"
        case "r": return "\r"
        case "f": return "\u{0C}"
        case "e": return "\u{1B}"
        case "a": return "\u{07}"
        case "x":
            guard next == "{" else { return try hexadecimal(2) }
            index += 1
            var count = 0
            while index + count < scalars.count, scalars[index + count] != "}" { count += 1 }
            guard (1...6).contains(count) else { throw Fault(reason: "a number in '\\x{...}' is wrong") }
            let scalar = try hexadecimal(count)
            index += 1
            return scalar
        case "u": return try hexadecimal(4)
        default:
            // Other letters and digits have, or may get, a meaning of their own.
            guard !(scalar.isASCII && (scalar.properties.isAlphabetic || Self.digit(scalar, 10) != nil)) else {
                throw Fault(reason: "the escape '\\\(scalar)' is not supported")
            }
            return scalar
        }
    }

    private mutating func hexadecimal(_ count: Int) throws(Fault) -> Unicode.Scalar {
        var value: UInt32 = 0
        for _ in 0..<count {
            guard let digit = Self.digit(try take(), 16) else { throw Fault(reason: "a hexadecimal number is wrong") }
            value = value * 16 + digit
        }
        guard let scalar = Unicode.Scalar(value) else { throw Fault(reason: "a hexadecimal number is no character") }
        return scalar
    }

    private static func digit(_ scalar: Unicode.Scalar, _ base: UInt32) -> UInt32? {
        let value: UInt32
        switch scalar {
        case "0"..."9": value = scalar.value - 0x30
        case "a"..."f": value = scalar.value - 0x61 + 10
        case "A"..."F": value = scalar.value - 0x41 + 10
        default: return nil
        }
        return value < base ? value : nil
    }

    // MARK: Classes

    private mutating func characterClass() throws(Fault) -> ScalarSet {
        var set = ScalarSet()
        set.ignoresCase = flags.ignoresCase
        set.isNegated = take("^")
        var isFirst = true
        while true {
            if next == "]", !isFirst {
                index += 1
                return set
            }
            isFirst = false
            if take("&&") { throw Fault(reason: "intersections of classes are not supported") }
            if take("[:") {
                var name = ""
                while !take(":]") { name.unicodeScalars.append(try take()) }
                let isNegated = name.hasPrefix("^")
                guard var named = Self.posix(isNegated ? String(name.dropFirst()) : name) else {
                    throw Fault(reason: "the class '[:\(name):]' is not supported")
                }
                named.isNegated = isNegated
                set.insert(named)
                continue
            }
            guard let first = try classMember(&set) else { continue }
            guard next == "-", index + 1 < scalars.count, scalars[index + 1] != "]" else {
                set.insert(first.value, first.value)
                continue
            }
            index += 1
            var other = ScalarSet()
            guard let last = try classMember(&other) else {
                // `[a-\d]`: the hyphen is itself.
                set.insert(first.value, first.value)
                set.insert(0x2D, 0x2D)
                set.insert(other)
                continue
            }
            guard first.value <= last.value else { throw Fault(reason: "a range of a class is in the wrong order") }
            set.insert(first.value, last.value)
        }
    }

    /// One scalar of a class, or nil if it was a class itself, which is added.
    private mutating func classMember(_ set: inout ScalarSet) throws(Fault) -> Unicode.Scalar? {
        let scalar = try take()
        guard scalar == "\\" else { return scalar }
        let escaped = try take()
        if escaped == "b" { return "\u{08}" }
        if let named = try classEscape(escaped) {
            set.insert(named)
            return nil
        }
        return try scalarEscape(escaped)
    }
}
