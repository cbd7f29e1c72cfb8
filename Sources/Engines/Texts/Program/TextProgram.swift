/// Functions of strings, as a step of a program: a list of instructions over text registers. Texts come from
/// the row's text inputs, from codes of known strings or from numbers, and end as numbers in slots: the code of
/// a known string, a length, a truth value, a date, counts of words. Formulas stay numeric that way.
///
/// A text is at most `maxBytes` long and the texts of a row take at most `maxBytesOfRow` together; a row
/// whose texts become longer, or need more than `maxSteps` steps of matching, fails.
package struct TextProgram: Sendable {
    package static let maxBytes = 65_536
    package static let maxBytesOfRow = 16 * maxBytes
    package static let maxSteps = 20_000_000

    /// A text or a list of words; missing or there.
    package struct Register: Hashable, Sendable {
        package let index: Int

        package init(index: Int) { self.index = index }
    }

    package enum Number: Hashable, Sendable {
        case slot(Int)
        case constant(Double)
    }

    /// How a number reads as text, and text as a number. Days and seconds count from 1970.
    package enum Form: Hashable, Sendable { case integer, double, float, boolean, date, time, dateTime }

    package enum Instruction: Hashable, Sendable {
        // To a register.
        case input(Int)
        /// The string with this code.
        case constant(Int)
        /// The string whose code is in the slot; the register's where the code is that of no known string.
        case decode(Int, unknown: Register?)
        case number(Int, Form)
        case formatted(Int, NumberFormat)
        case date(Int, DatePattern)
        case uppercase(Register), lowercase(Register)
        /// Without white space at both ends.
        case trimmed(Register)
        /// `start` counts from 1; missing if it is less or the length is negative.
        case substring(Register, start: Number, length: Number)
        case concatenation([Register])
        /// Indices of an expression and of a replacement.
        case replace(Register, expression: Int, replacement: Int)
        /// Applies replacements one after the other, again and again until a pass changes nothing; more passes than
        /// `maxPasses` fail the row.
        case rewrite(Register, [Rewrite], maxPasses: Int)
        /// The second where the slot is true, the third where it is false.
        case choose(Int, Register, Register)
        /// The words of a text, by index of a tokenizer.
        case words(Register, tokenizer: Int)

        // To a slot.
        /// The code of the string, -1 for one that is not known.
        case code(Register)
        case length(Register)
        case matches(Register, expression: Int)
        /// Missing where the text is no such number.
        case parsed(Register, Form)
        /// -1, 0 or 1 for the order of two texts by their characters.
        case comparison(Register, Register)
        /// How often each term of a dictionary occurs among the words.
        case terms(Register, dictionary: Int)
        /// How often some words occur among others.
        case termCount(words: Register, term: Register, TermMatching)
        /// How often the most frequent word occurs.
        case highestCount(Register)
        /// The text as a result: its index among the batch's texts.
        case output(Register)

        package var writesRegister: Bool {
            switch self {
            case .code, .length, .matches, .parsed, .comparison, .terms, .termCount, .highestCount, .output: false
            default: true
            }
        }

        /// The registers and slots that are read.
        package var operands: (registers: [Register], slots: [Int]) {
            func slot(_ number: Number) -> [Int] { if case .slot(let slot) = number { [slot] } else { [] } }
            switch self {
            case .input, .constant: return ([], [])
            case .decode(let slot, let unknown): return (unknown.map { [$0] } ?? [], [slot])
            case .number(let slot, _), .formatted(let slot, _), .date(let slot, _): return ([], [slot])
            case .uppercase(let a), .lowercase(let a), .trimmed(let a), .replace(let a, _, _), .rewrite(let a, _, _),
                .words(let a, _), .code(let a),
                .length(let a), .matches(let a, _), .parsed(let a, _), .terms(let a, _), .highestCount(let a), .output(let a):
                return ([a], [])
            case .substring(let a, let start, let length): return ([a], slot(start) + slot(length))
            case .concatenation(let parts): return (parts, [])
            case .choose(let slot, let a, let b): return ([a, b], [slot])
            case .comparison(let a, let b), .termCount(let a, let b, _): return ([a, b], [])
            }
        }
    }

    package struct Rewrite: Hashable, Sendable {
        package var expression: Int
        package var replacement: Int

        package init(expression: Int, replacement: Int) {
            self.expression = expression
            self.replacement = replacement
        }
    }

    package struct Line: Sendable {
        package var instruction: Instruction
        /// A register or slot; for terms, unused.
        package var into: Int

        package init(_ instruction: Instruction, into: Int) {
            self.instruction = instruction
            self.into = into
        }
    }

    package var lines: [Line] = []
    package var registerCount = 0
    /// The strings that codes stand for.
    package var symbols: [String] = []
    /// The same in the form that kernels use, where several programs share it.
    var known: KnownTexts?
    /// Whether its memory is this program's.
    var countsKnown = true
    package var expressions: [RegularExpression] = []
    package var replacements: [RegularExpressionReplacement] = []
    package var tokenizers: [Tokenizer] = []
    package var dictionaries: [TermDictionary] = []
    /// The input that is named where a row fails.
    package var field = ""

    package init() {}
}

/// How words of a text are found.
package struct Tokenizer: Sendable, Hashable {
    /// Index of the expression for what separates words, or for words themselves.
    package var expression: Int
    package var matchesWords: Bool
    /// Whether words that differ in case only are the same.
    package var ignoresCase: Bool

    package init(expression: Int, matchesWords: Bool, ignoresCase: Bool) {
        self.expression = expression
        self.matchesWords = matchesWords
        self.ignoresCase = ignoresCase
    }
}

/// When words count as those of a term.
package struct TermMatching: Sendable, Hashable {
    /// How many letters may differ in all.
    package var maxDistance: Int
    /// Whether only the occurrences with the least distance count.
    package var countsBestOnly: Bool

    package init(maxDistance: Int = 0, countsBestOnly: Bool = false) {
        self.maxDistance = maxDistance
        self.countsBestOnly = countsBestOnly
    }
}

/// Terms whose occurrences are counted in one pass over a text's words.
package struct TermDictionary: Sendable {
    /// Words of a term are separated by a zero byte.
    package var terms: [[UInt8]] = []
    package var wordCounts: [Int] = []
    /// The slot of each term's count.
    package var slots: [Int] = []
    package var matching: TermMatching

    package init(_ matching: TermMatching) { self.matching = matching }
}

/// A pattern of printf for one number, with text around it.
package struct NumberFormat: Hashable, Sendable {
    package private(set) var prefix: [UInt8] = []
    /// The conversion for C, with `ll` for whole numbers.
    package private(set) var conversion: [CChar] = []
    package private(set) var isInteger = false
    package private(set) var suffix: [UInt8] = []

    /// Nil for a pattern that is none, or has no conversion or more than one.
    package init?(_ pattern: String) {
        let bytes = Array(pattern.utf8)
        var (index, literal, hasConversion): (Int, [UInt8], Bool) = (0, [], false)
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "%") else {
                literal.append(bytes[index])
                index += 1
                continue
            }
            if index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "%") {
                literal.append(bytes[index])
                index += 2
                continue
            }
            guard !hasConversion, let end = conversionEnd(bytes, index + 1) else { return nil }
            hasConversion = true
            (prefix, literal) = (literal, [])
            let kind = bytes[end]
            isInteger = kind == UInt8(ascii: "d") || kind == UInt8(ascii: "i")
            var text = Array(bytes[index..<end])
            if isInteger { text += Array("ll".utf8) }
            conversion = (text + [kind, 0]).map { CChar(bitPattern: $0) }
            index = end + 1
        }
        guard hasConversion else { return nil }
        suffix = literal
    }

    /// Flags, at most two digits of width and of precision, then one of d i f e E g G.
    private func conversionEnd(_ bytes: [UInt8], _ start: Int) -> Int? {
        var index = start
        func skip(_ most: Int, _ holds: (UInt8) -> Bool) {
            var count = 0
            while count < most, index < bytes.count, holds(bytes[index]) { (index, count) = (index + 1, count + 1) }
        }
        skip(4) { "+- 0#".utf8.contains($0) }
        skip(2) { $0 &- 0x30 < 10 }
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            index += 1
            skip(2) { $0 &- 0x30 < 10 }
        }
        return index < bytes.count && "difeEgG".utf8.contains(bytes[index]) ? index : nil
    }
}
