import Texts
import Testing

/// Patterns, each by what it finds; then many random ones against a matcher that tries everything.
@Suite struct RegularExpressionTests {
    /// The bounds of the first match and how many steps were taken.
    static func find(_ expression: RegularExpression, _ text: String, from start: Int = 0) -> (range: Range<Int>?, steps: Int) {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: expression.scratchBytes, alignment: 64)
        defer { memory.deallocate() }
        let budget = 1 << 40
        var (search, text) = (RegularExpressionSearch(expression, memory: memory, budget: budget), text)
        let result = text.withUTF8 { search.find($0, from: start) }
        let range = result == .found ? Int(search.bounds[0])..<Int(search.bounds[1]) : nil
        return (range, budget - search.budget)
    }

    static func first(_ pattern: String, _ text: String) throws -> String? {
        let range = find(try RegularExpression(pattern), text).range
        return range.map { String(decoding: Array(text.utf8)[$0], as: UTF8.self) }
    }

    @Test(
        arguments: [
            ("abc", "xxabcx", "abc"), ("a|ab", "ab", "a"), ("ab|a", "ab", "ab"), ("a*", "aab", "aa"), ("a*?b", "aab", "aab"),
            ("a+?", "aaa", "a"), ("a{2,3}", "aaaa", "aaa"), ("a{2,3}?", "aaaa", "aa"), ("a{2}", "aaaa", "aa"),
            ("x{,2}", "x{,2}", "x{,2}"),
            ("^Male$", "Male", "Male"), ("^b", "a\nb", nil), ("(?m)^b", "a\nb", "b"), ("a$", "a\n", "a"), ("a\\z", "a\n", nil),
            ("[a-c]+", "xxabcd", "abc"), ("[^a-c]+", "abxyc", "xy"), ("[]a]+", "]a]", "]a]"), ("[a-]+", "a-b", "a-"),
            ("[\\d.]+", "v1.25b", "1.25"), ("\\w+", "  né ", "n"), ("(?u)\\w+", "  né ", "né"),
            ("(?u)\\b\\w\\w+\\b", "a été b", "été"),
            ("\\bon\\b", "only on it", "on"), ("\\Bn", "no on", "n"), ("\\s+", "a \t\nb", " \t\n"), ("\\S+", " ab ", "ab"),
            ("\\p{L}+", "12äß3", "äß"), ("\\P{L}+", "ab12c", "12"), ("\\p{Punct}+", "a,.b", ",."), ("[[:alpha:]]+", "1ab2", "ab"),
            ("[^[:digit:]]", "12a", "a"), ("(?i)straße", "STRASSE STRAßE", "STRAßE"), ("(?i)[a-z]+", "ÄBC", "BC"),
            ("(?i:A)b", "ab aB", "ab"), (".+", "ab\nc", "ab"), ("(?s).+", "ab\nc", "ab\nc"), ("\\Qa.b\\E", "axb a.b", "a.b"),
            ("\\x41\\u0042\\x{43}", "ABC", "ABC"), ("(?:ab)+", "xababa", "abab"), ("(a*)*b", "aaab", "aaab"),
            ("(a|b)*?c", "abc", "abc"),
            ("", "abc", ""), ("\\.", "a.b", "."), ("é", "cafés", "é"), ("(?<year>\\d{4})-", "on 2020-01", "2020-"),
            ("a(?#comment)b", "ab", "ab"), ("(|a)+", "aa", ""), ("(about|above|a)\\b", "above", "above"), ("\\$", "5$", "$"),
        ] as [(String, String, String?)])
    func patternsFindWhatTheySay(_ pattern: String, _ text: String, _ found: String?) throws {
        #expect(try Self.first(pattern, text) == found)
    }

    @Test(arguments: [
        "(a)\\1", "(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", "(?>a)", "a++", "a*+", "(?P=x)", "\\k<x>", "a{2000}", "a{3,2}", "(",
        ")", "[a",
        "[b-a]", "*a", "\\", "\\q", "\\p{Nonsense}", "[a&&b]", "(?x)a", "((a{1000}){1000}){1000}", "\\x{110000}", "[[:foo:]]",
        String(repeating: "(", count: 300) + String(repeating: ")", count: 300),
    ])
    func whatIsNoPatternOrNeedsMoreThanLinearTimeIsRefused(_ pattern: String) {
        #expect(throws: RegularExpression.Fault.self) { try RegularExpression(pattern) }
    }

    @Test(arguments: ["(a*)*b", "(a|aa)+$b", "(a+)+b", "(a|a?)+b", "((a?){30}){3}a{30}b", "(.*)(.*)(.*)(.*)b", "(x+x+)+y"])
    func catastrophicPatternsTakeStepsInProportionToTheText(_ pattern: String) throws {
        let expression = try RegularExpression(pattern)
        let (short, long) = (String(repeating: "ax", count: 500), String(repeating: "ax", count: 2_000))
        let (few, many) = (Self.find(expression, short), Self.find(expression, long))
        #expect(few.range == nil && many.range == nil)
        #expect(many.steps <= 5 * few.steps + 1_000)
        let letters = Self.find(expression, String(repeating: "a", count: 2_000)).steps
        #expect(letters <= 5 * Self.find(expression, String(repeating: "a", count: 500)).steps + 1_000)
    }

    @Test func aSearchEndsWithItsBudget() throws {
        let expression = try RegularExpression("(a*)*b")
        let memory = UnsafeMutableRawPointer.allocate(byteCount: expression.scratchBytes, alignment: 64)
        defer { memory.deallocate() }
        var search = RegularExpressionSearch(expression, memory: memory, budget: 100)
        var text = String(repeating: "a", count: 1_000)
        #expect(text.withUTF8 { search.find($0, from: 0) } == .exhausted)
    }

    /// A pattern as a tree, with its text and a matcher that tries every way in order.
    indirect enum Pattern {
        case letter(Character), any, alternatives(Pattern, Pattern), sequence(Pattern, Pattern)
        case repeated(Pattern, least: Int, most: Int, isLazy: Bool), boundary
        /// Any number of times; a time that reads nothing is the last.
        case loop(Pattern, isLazy: Bool)

        var text: String {
            switch self {
            case .letter(let letter): String(letter)
            case .any: "."
            case .alternatives(let a, let b): "(?:\(a.text)|\(b.text))"
            case .sequence(let a, let b): a.text + b.text
            case .repeated(let a, let least, let most, let isLazy):
                "(?:\(a.text)){\(least),\(most)}\(isLazy ? "?" : "")"
            case .boundary: "\\b"
            case .loop(let a, let isLazy): "(?:\(a.text))*\(isLazy ? "?" : "")"
            }
        }

        var canBeEmpty: Bool {
            switch self {
            case .letter, .any: false
            case .boundary, .loop: true
            case .alternatives(let a, let b): a.canBeEmpty || b.canBeEmpty
            case .sequence(let a, let b): a.canBeEmpty && b.canBeEmpty
            case .repeated(let a, let least, _, _): least == 0 || a.canBeEmpty
            }
        }

        /// Calls `go` with every end of a match from `index`, the preferred ones first, until it says yes.
        func match(_ text: [Character], _ index: Int, _ go: (Int) -> Bool) -> Bool {
            switch self {
            case .letter(let letter): return index < text.count && text[index] == letter && go(index + 1)
            case .any: return index < text.count && go(index + 1)
            case .alternatives(let a, let b): return a.match(text, index, go) || b.match(text, index, go)
            case .sequence(let a, let b): return a.match(text, index) { b.match(text, $0, go) }
            case .boundary:
                let before = index > 0 && text[index - 1] != "-"
                let after = index < text.count && text[index] != "-"
                return before != after && go(index)
            case .loop(let a, let isLazy):
                func again(_ index: Int) -> Bool {
                    if isLazy, go(index) { return true }
                    if a.match(text, index, { $0 == index ? go($0) : again($0) }) { return true }
                    return !isLazy && go(index)
                }
                return again(index)
            case .repeated(let a, let least, let most, let isLazy):
                func more(_ count: Int, _ index: Int) -> Bool {
                    if count < least { return a.match(text, index) { more(count + 1, $0) } }
                    if isLazy, go(index) { return true }
                    if count < most, a.match(text, index, { more(count + 1, $0) }) { return true }
                    return !isLazy && go(index)
                }
                return more(0, index)
            }
        }

        static func random(_ depth: Int, _ generator: inout some RandomNumberGenerator) -> Pattern {
            guard depth > 0 else {
                let leaf = Int.random(in: 0..<6, using: &generator)
                return leaf == 0 ? .any : leaf == 1 ? .boundary : .letter("ab-".randomElement(using: &generator)!)
            }
            switch Int.random(in: 0..<5, using: &generator) {
            case 4:
                // A loop over what can be empty may prefer another match than a search that goes back.
                let body = random(depth - 1, &generator)
                return .loop(body.canBeEmpty ? .sequence(.any, body) : body, isLazy: Bool.random(using: &generator))
            case 0: return .alternatives(random(depth - 1, &generator), random(depth - 1, &generator))
            case 1:
                let least = Int.random(in: 0...1, using: &generator)
                return .repeated(
                    random(depth - 1, &generator), least: least, most: least + Int.random(in: 0...2, using: &generator),
                    isLazy: Bool.random(using: &generator))
            default: return .sequence(random(depth - 1, &generator), random(depth - 1, &generator))
            }
        }
    }

    struct Sequence: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    @Test func randomPatternsFindWhatTryingEverythingFinds() throws {
        var generator = Sequence(state: 7)
        var found = 0
        for _ in 0..<3_000 {
            let pattern = Pattern.random(Int.random(in: 1...4, using: &generator), &generator)
            let expression = try RegularExpression(pattern.text)
            for _ in 0..<4 {
                let text = (0..<Int.random(in: 0...8, using: &generator)).map { _ in "ab-".randomElement(using: &generator)! }
                var expected: Range<Int>?
                for start in 0...text.count where expected == nil {
                    _ = pattern.match(text, start) { end in
                        expected = start..<end
                        return true
                    }
                }
                let actual = Self.find(expression, String(text)).range
                #expect(actual == expected, "\(pattern.text) in \(String(text))")
                if expected != nil { found += 1 }
            }
        }
        #expect(found > 1_000)
    }

    @Test func replacementsNameGroupsAndDollars() throws {
        func replaced(_ text: String, _ pattern: String, _ template: String) throws -> String? {
            let expression = try RegularExpression(pattern)
            return TextProgram.replaced(text, expression, try RegularExpressionReplacement(template, for: expression))
        }
        #expect(try replaced("BBBB", "B+", "c") == "c")
        #expect(try replaced("a-b c-d", "(\\w)-(\\w)", "$2$1") == "ba dc")
        #expect(try replaced("2020-05", "(?<y>\\d+)-(?<m>\\d+)", "${m}/${y}") == "05/2020")
        #expect(try replaced("x", "x", "$$5\\$") == "$5$")
        #expect(try replaced("aaa", "a*", "b") == "bb")
        #expect(try replaced("né", "", "-") == "-n-é-")
        #expect(try replaced("ab", "(a)|(b)", "[$2]") == "[][b]")
        #expect(try replaced("abc", "(b)", "$10") == "ab0c")
        #expect(try replaced("Doctorate", "[aeiou]", "") == "Dctrt")
        let expression = try RegularExpression("(a)")
        #expect(throws: RegularExpression.Fault.self) { try RegularExpressionReplacement("$2", for: expression) }
        #expect(throws: RegularExpression.Fault.self) { try RegularExpressionReplacement("${x}", for: expression) }
    }
}
