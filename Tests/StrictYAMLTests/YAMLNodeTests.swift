internal import StrictYAML
internal import Testing

/// Typed access to configuration: what is accepted, and what the refusals say.
@Suite struct YAMLNodeTests {
    @Test func valuesAreReadByTheTypeThatIsAskedFor() throws {
        let file = try parse(
            """
            name: fraud
            share: 0.25
            count: 12
            on: true
            wait: 1.5s
            list: [a, "b", NO]
            """)
        let keys = ["name", "share", "count", "on", "wait", "list"]
        let map = try file.mapping(keys: keys)
        #expect(try map["name"]?.string() == "fraud")
        #expect(try map["share"]?.number() == 0.25)
        #expect(try map["count"]?.integer(in: 0...100) == 12)
        #expect(try map["on"]?.boolean() == true)
        #expect(try map["wait"]?.duration() == .milliseconds(1500))
        #expect(try map["list"]?.list().map { try $0.string() } == ["a", "b", "NO"])
        #expect(map["absent"] == nil)
    }

    @Test(arguments: [("250us", 250_000), ("5ms", 5_000_000), ("0", 0), ("2m", 120_000_000_000), ("1h", 3_600_000_000_000)])
    func durationsHaveUnits(text: String, nanoseconds: Int) throws {
        let node = try parse("d: \(text)").mapping(keys: ["d"])["d"]
        #expect(try node?.duration() == .nanoseconds(nanoseconds))
    }

    @Test(arguments: ["5", "ms", "-5ms", "5 parsecs", "1e3s", "[5ms]", "\"5ms\"", "99999999999h", ""])
    func otherDurationsAreRefused(text: String) throws {
        let node = try #require(try parse("d: \(text)").mapping(keys: ["d"])["d"])
        #expect(throws: YAMLError.self) { try node.duration() }
    }

    @Test(arguments: ["\"5\"", "five", "1_000", ".inf", ".nan", "nan", "inf", "0x10", "[1]", "{a: 1}", "", "1e999", "1 2"])
    func whatIsNoNumberIsRefused(text: String) throws {
        let node = try #require(try parse("n: \(text)").mapping(keys: ["n"])["n"])
        #expect(throws: YAMLError.self) { try node.number() }
        #expect(throws: YAMLError.self) { try node.integer(in: 0...10) }
    }

    @Test func integersAreWholeAndInRange() throws {
        let map = try parse("a: 1.0\nb: 11\nc: 99999999999999999999\nd: -3").mapping(keys: ["a", "b", "c", "d"])
        for key in ["a", "b", "c"] {
            #expect(throws: YAMLError.self) { try map[key]?.integer(in: -5...10) }
        }
        #expect(try map["d"]?.integer(in: -5...10) == -3)
    }

    @Test func yesAndNoAreNoBooleans() throws {
        let map = try parse("a: yes\nb: no\nc: \"true\"").mapping(keys: ["a", "b", "c"])
        for key in ["a", "b", "c"] {
            #expect(throws: YAMLError.self) { try map[key]?.boolean() }
        }
        #expect(try map["b"]?.string() == "no")
    }

    @Test func wrongTypesNameTheKeyPathAndTheLine() throws {
        let file = try parse("# comment\npolicy:\n  block: [1]\n")
        let policy = try #require(try file.mapping(keys: ["policy"])["policy"]).mapping(keys: ["block"])
        #expect(throws: YAMLError(line: 3, "policy.block must be a number, not a list")) { try policy["block"]?.number() }
    }

    @Test func itemsOfListsAreNamedByTheirPlace() throws {
        let items = try #require(try parse("inputs:\n- a\n- {b: 1}\n").mapping(keys: ["inputs"])["inputs"]).list()
        #expect(throws: YAMLError(line: 3, "inputs[1] must be text, not a mapping")) { try items[1].string() }
    }

    @Test func unknownKeysAreRefusedWithTheNearestKnownOne() throws {
        let file = try parse("inputs: [a]\npolcy: {}\n")
        #expect(throws: YAMLError(line: 2, "unknown key 'polcy', did you mean 'policy'?")) {
            try file.mapping(keys: ["inputs", "policy"])
        }
        #expect(throws: YAMLError(line: 2, "unknown key 'polcy', the known keys are inputs, zebra")) {
            try file.mapping(keys: ["inputs", "zebra"])
        }
    }

    @Test func plannedKeysAreRefusedAsNotSupported() throws {
        #expect(throws: YAMLError(line: 1, "'cache' is not supported by this version")) {
            try parse("cache: { ttl: 3s }").mapping(keys: ["inputs"], planned: ["cache"])
        }
    }

    @Test func choicesNameTheirWords() throws {
        let node = try #require(try parse("u: ignor").mapping(keys: ["u"])["u"])
        #expect(throws: YAMLError(line: 1, "u must be one of ignore, refuse, not 'ignor'; did you mean 'ignore'?")) {
            try node.choice(of: ["ignore", "refuse"])
        }
    }

    @Test func emptyFilesAreEmptyMappings() throws {
        for text in ["", "\n\n", "# nothing\n", "---\n", "~"] {
            #expect(try parse(text).mapping(keys: []).isEmpty)
        }
    }

    @Test func hostileKeysDoNotBreakMessages() throws {
        let file = try parse(#""a\nb\e[31m": 1"#)
        #expect(throws: YAMLError(line: 1, #"unknown key 'a\u{a}b\u{1b}[31m', the known keys are x"#)) {
            try file.mapping(keys: ["x"])
        }
    }

    private func parse(_ text: String) throws -> YAMLNode { try YAMLNode.parse(Array(text.utf8)) }
}

@Suite struct NearestNameTests {
    @Test func slipsFindTheirName() {
        let names = ["inputs", "policy", "score", "probability(1)"]
        #expect(NearestName.to("polciy", among: names) == "policy")
        #expect(NearestName.to("Score", among: names) == "score")
        #expect(NearestName.to("input", among: names) == "inputs")
        #expect(NearestName.to("probability_1", among: names) == "probability(1)")
    }

    @Test func otherWordsFindNothing() {
        #expect(NearestName.to("amnt", among: ["age", "amount"]) == "amount")
        #expect(NearestName.to("cntry", among: ["country", "count"]) == "country")
        // One letter of one or two is no slip, and a beginning is no abbreviation of something far longer.
        #expect(NearestName.to("m", among: ["n"]) == nil)
        #expect(NearestName.to("id", among: ["hd"]) == nil)
        #expect(NearestName.to("age", among: ["average_amount_24h"]) == nil)
        #expect(NearestName.to("golden", among: ["inputs", "policy"]) == nil)
        #expect(NearestName.to("", among: ["a"]) == nil)
        #expect(NearestName.to("x", among: []) == nil)
        #expect(NearestName.to(String(repeating: "a", count: 100_000), among: [String(repeating: "a", count: 100_000)]) == nil)
    }
}
