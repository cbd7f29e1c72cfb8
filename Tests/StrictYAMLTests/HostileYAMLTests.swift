internal import StrictYAML
internal import Testing

/// YAML that wants to be expensive, ambiguous or fatal is refused quickly with an error.
@Suite struct HostileYAMLTests {
    @Test(arguments: [
        "a: &x 1", "a: &x [1]\nb: *x", "&x a: 1", "a: {<<: *x}", "a: !!binary aGk=", "a: !foo 1", "a: 1\na: 2", "a: 1\n\"a\": 2",
        "a: 1\n---\nb: 2", "? [a]\n: 1", "{[a]: 1}", "a: [", "a: 'x", "\ta: 1", "a: b: c", "a: \"\\ud800\"", "*x",
        "%YAML 9.9\n---\na", "a: \0",
    ])
    func theRestOfYAMLIsRefused(text: String) {
        #expect(throws: YAMLError.self) { try parse(text) }
    }

    @Test(arguments: [
        ("%TAG ! tag:x,2000:\n---\npolicy: !foo { block: 0.8 }", 1), ("# a\n%TAG !e! tag:x,2000:\n---\na: 1", 2),
        ("a: 1\nb: !foo { c: 1 }", 2), ("a:\n  - !foo [1]", 2), ("a: !!map\n  b: 1", 1), ("a: !!seq\n- 1", 1),
        ("a: 1\nb: !!str 1", 2),
        ("a: ! 1", 1), ("a: ! {}", 1), ("a: !!str \"1\"", 1), ("a: !<tag:x,2000:y> 1", 1), ("a: 1\n!!str b: 1", 2),
        ("!!map\na: 1", 1),
        ("a: \"\u{2028}\"\nb: !x 1", 3),
    ])
    func tagsAndDirectivesAreRefusedWithTheirLine(text: String, line: Int) throws {
        let error = try #require(#expect(throws: YAMLError.self) { try parse(text) })
        #expect(error.line == line && error.description.contains("are not supported"), "\(error)")
    }

    @Test func exclamationMarksInTextAreFine() throws {
        let file = try parse("%YAML 1.2\n---\na: stop! !now\nb: \"!x\"\nc: '%TAG'\n")
        let map = try file.mapping(keys: ["a", "b", "c"])
        #expect(try map["a"]?.string() == "stop! !now" && map["b"]?.string() == "!x" && map["c"]?.string() == "%TAG")
    }

    @Test func bytesThatAreNotTextAreRefused() {
        #expect(throws: YAMLError("the file is not valid UTF-8")) { try YAMLNode.parse([0x61, 0x3a, 0x20, 0xff]) }
    }

    @Test func largeFilesAreRefused() {
        let bytes = [UInt8](repeating: UInt8(ascii: "#"), count: YAMLNode.maxBytes + 1)
        #expect(throws: YAMLError("the file is larger than 64 KiB")) { try YAMLNode.parse(bytes) }
        #expect(throws: Never.self) { try YAMLNode.parse(Array(bytes.dropLast())) }
    }

    @Test func byteOrderMarksArePassedOver() throws {
        let node = try YAMLNode.parse([0xef, 0xbb, 0xbf] + Array("a: 1".utf8))
        #expect(try node.mapping(keys: ["a"])["a"]?.number() == 1)
    }

    @Test func aliasBombsAreRefusedBeforeTheyExpand() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...40 {
            let alias = "*a\(level - 1)"
            text += "a\(level): &a\(level) [\(alias), \(alias), \(alias), \(alias), \(alias)]\n"
        }
        text += "? *a40\n: 1\n"
        #expect(throws: YAMLError.self) { try parse(text) }
        // As many aliases as pass the first check, in the place where they cost most: a key is hashed.
        var few = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...7 { few += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        #expect(throws: YAMLError.self) { try parse(few + "? *a7\n: 1\n") }
    }

    @Test(arguments: ["[", "{a: ", "- ", "? ", "{? "])
    func deepNestingIsRefused(opening: String) {
        for depth in [17, 900, 999, 20_000] {
            #expect(throws: YAMLError.self) { try parse(String(repeating: opening, count: depth)) }
        }
        let nested = String(repeating: "[", count: 900) + String(repeating: "]", count: 900)
        #expect(throws: YAMLError.self) { try parse(nested) }
    }

    @Test func starsInTextAreFine() throws {
        let file = try parse("# *all* of these are *fine*\na: \"*x\"\nb: 2 *y\nc: R&D\n")
        let map = try file.mapping(keys: ["a", "b", "c"])
        #expect(try map["a"]?.string() == "*x")
        #expect(try map["b"]?.string() == "2 *y")
        #expect(try map["c"]?.string() == "R&D")
    }

    @Test func mutatedFilesNeverCrash() {
        let sample = Array(
            """
            # fraud
            inputs: [amount, "country", 'age']
            score: probability(1)
            policy: { block: 0.8, review: 0.5 }
            versions:
              serve:
                - 2
                - 3
            text: |
              literal
            folded: >-
              folded
              text
            golden: { tolerance: 1e-6 }
            """.utf8)
        let spice = Array("[]{}:,-?&*!|>'\"%@`#\n\t \0\\~<=".utf8) + [0x80, 0xff, 0xc3, 0xef]
        var random = Xorshift(state: 42)
        var refused = 0
        for _ in 0..<20_000 {
            var bytes = sample
            for _ in 0...(random.next() % 4) {
                let place = Int(random.next() % UInt64(bytes.count))
                switch random.next() % 4 {
                case 0: bytes[place] = spice[Int(random.next() % UInt64(spice.count))]
                case 1: bytes.insert(spice[Int(random.next() % UInt64(spice.count))], at: place)
                case 2: bytes.remove(at: place)
                default: bytes.removeSubrange(place...)
                }
                if bytes.isEmpty { break }
            }
            do { _ = try YAMLNode.parse(bytes) } catch { refused += 1 }
        }
        #expect(refused > 1000)
    }

    private func parse(_ text: String) throws -> YAMLNode { try YAMLNode.parse(Array(text.utf8)) }

    private struct Xorshift {
        var state: UInt64
        mutating func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
    }
}
