internal import Testing
internal import TextFormats

/// Documents that every strict reader of RFC 8259 takes, must not take, or may take or not, in the manner of
/// the well-known conformance suites. `skip` and the reading of values must judge alike.
@Suite struct JSONCorpusTests {
    // MARK: Taken

    static let valid: [String] = [
        "[]", "{}", " [ ] ", "\t{\r\n}\n", "[[]]", "[[[[]]]]", "[{}]", #"{"":{}}"#, "null", "true", "false", "0", "-0",
        "42", #""""#,
        #""a""#, "[null]", "[true,false,null]", "[1]", "[ 1 ]", "[1 ,2]", "[1, 2]", "[0]", "[-0]", "[-0.0]", "[0e0]", "[0e+1]",
        "[0.1]", "[1.5]", "[-1]", "[-123]", "[1E22]", "[1e22]", "[1E-2]", "[1E+2]", "[123e45]", "[0.4e-3]", "[123.456e78]",
        "[-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]", "[1e-400]", "[20e1]",
        "[123456789012345678901234567890]", "[0.30000000000000004]", #"["a"]"#, #"["\u0060\u012a\u12AB"]"#,
        #"["\"\\\/\b\f\n\r\t"]"#,
        #"["\\u0000"]"#, #"["\""]"#, #"["\u0000"]"#, #"["\ud801\udc37"]"#, #"["\ud83d\ude39\ud83d\udc8d"]"#,
        #"["\uDBFF\uDFFF"]"#,
        #"["\uFFFF"]"#, #"["\uD834\uDd1e"]"#, #"["\u0821"]"#, #"["\u2028\u2029"]"#, "[\"\u{2028}\u{2029}\"]", "[\"\u{7f}\"]",
        "[\"é\"]", "[\"€\"]", "[\"𝄞\"]", "[\"\u{10ffff}\"]", "[\"\u{0800}\u{fffd}\u{10000}\"]", "[\"日本語テスト\"]",
        #"["new\u000Aline"]"#, #"["\u0022"]"#, #"["\u005C"]"#, #"["a/*b*/c/*d//e"]"#, #"[" "]"#, #"["\uA66D"]"#, #"["\u200B"]"#,
        #"{"a":1}"#, #"{"a":1,"b":2}"#, #"{ "a" : 1 , "b" : 2 }"#, #"{"a":{"a":{"a":1}}}"#, #"{"a":[{"a":1},{"a":2}]}"#,
        #"{"foo\u0000bar":1}"#, #"{"\u0064":1,"e":2}"#, "{\"é\":1,\"è\":2}", #"{"a":null,"b":true,"c":"d","e":[]}"#,
        #"{"min":-1.0e+28,"max":1.0e+28}"#, #"{"x":[{"id":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}],"id":"xxxxxxxx"}"#,
        #"{"abcdefgh":1,"abcdefgi":2,"abcdefg":3,"abcdefghi":4}"#, "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]",
        "9007199254740993",
        "[2.2250738585072011e-308]", "[4.9e-324]", "[1.7976931348623157e308]", "[\"\\u00e9\",\"x\"]",
    ]

    @Test(arguments: valid)
    func validDocumentsAreTaken(text: String) {
        #expect(skipFailure(Array(text.utf8)) == nil)
        #expect(readFailure(Array(text.utf8)) == nil)
    }

    // MARK: Refused

    static let invalid: [String] = [
        "", " ", "[", "]", "{", "}", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1,,2]", "[1 true]", "[a]", "[\"\": 1]",
        "[\"a\",\n4\n,1,",
        "[1]]", "[[1]", "[1}", "{1]", "{]", "[}", "[1]x", "[] []", "{} {}", "[](", "[1];", "123 456", "1,", ",", ":",
        "[:]", "{,}",
        "{\"a\"}", "{\"a\":}", "{\"a\" 1}", "{\"a\":1,}", "{\"a\":1,,\"b\":2}", "{\"a\":1 \"b\":2}", "{a:1}", "{'a':1}",
        "{1:1}",
        "{null:1}", "{\"a\":1", "{\"a\":", "{\"a\"", "{\"a", "{\"", "{\"a\":1}}", "{\"a\":1}#", "{\"a\":1}//", "{\"a\":1}/**/",
        "/**/[]", "[1,/*x*/2]", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "[{\"x\":{\"k\":1,\"j\":2,\"k\":3}}]",
        "{\"\":1,\"\":2}", "{\"abcdefgh\":1,\"abcdefgh\":2}", "{\"é\":1,\"\\u00e9\":2}", "nul", "nulll", "Null", "NULL",
        "tru", "True",
        "fals", "falsey", "undefined", "NaN", "[NaN]", "[Infinity]", "[-Infinity]", "[-NaN]", "[+1]", "[++1]", "[-]",
        "[--1]", "[- 1]",
        "[.5]", "[-.5]", "[5.]", "[-5.]", "[1.e1]", "[.e1]", "[e1]", "[1e]", "[1E]", "[1e+]", "[1e-]", "[1eE2]", "[1e1.5]",
        "[1.2.3]",
        "[0x10]", "[0b1]", "[01]", "[-01]", "[00]", "[-012.5]", "[1_000]", "[1 000]", "[1,000.5.]", "[0e]", "[0.e1]", "[0.3e]",
        "[9.e+]", "[1ea]", "[1a]", "[1 a]", "[1\u{0}]", "[\u{ff11}]", "[1e400]", "[-1e400]", "[123e99999999]", "[\"a]",
        "[\"", "\"", "\"a",
        "['a']", "[\"\n\"]", "[\"\t\"]", "[\"\u{0}\"]", "[\"a\u{1f}b\"]", "[\"aaaaaaaaaaaa\u{1}\"]", "[\"\\x00\"]", "[\"\\a\"]",
        "[\"\\\"]", "[\"\\", "[\"\\u\"]", "[\"\\u0\"]", "[\"\\u00\"]", "[\"\\u00a\"]", "[\"\\u00g0\"]", "[\"\\U0041\"]",
        "[\"\\'\"]",
        "[\"\\\u{e9}\"]", "[\"\\ud800\"]", "[\"\\ud800abc\"]", "[\"\\ud800\\n\"]", "[\"\\ud800\\u\"]", "[\"\\ud800\\u1\"]",
        "[\"\\ud800\\u1x\"]", "[\"\\ud800\\ud800\"]", "[\"\\ud800\\u0041\"]", "[\"\\udc00\"]", "[\"\\udfff\\ud800\"]",
        "[\"\\ud8", "[\"\\ud834\\udd", "[\u{a0}1]", "[\u{feff}]", "\u{feff}[]", "[\u{c}]", "[\u{b}1]", "[\u{2060}]", "<.>",
        "\\u007b}", "*",
        "[*]", "[\"a\" \"b\"]", "[\"a\",]", "[\"\": 1]", "[\"a\":1]", "[1:2]", "{\"a\":[1,2}", "{\"a\":1]", "[{\"a\":1]",
        "[{]}",
        "[[\"\\",
    ]

    @Test(arguments: invalid)
    func invalidDocumentsAreRefused(text: String) {
        let bytes = Array(text.utf8)
        let skipped = skipFailure(bytes)
        #expect(skipped != nil)
        #expect(readFailure(bytes) != nil)
        #expect((skipped?.offset ?? 0) <= bytes.count)
    }

    static let invalidBytes: [[UInt8]] = [
        [0x5b, 0x22, 0xff, 0x22, 0x5d], [0x5b, 0x22, 0x80, 0x22, 0x5d], [0x5b, 0x22, 0xc0, 0xaf, 0x22, 0x5d],
        [0x5b, 0x22, 0xc1, 0xbf, 0x22, 0x5d], [0x5b, 0x22, 0xe0, 0x80, 0xaf, 0x22, 0x5d],
        [
            0x5b, 0x22, 0xe0, 0x9f, 0xbf,
            0x22, 0x5d,
        ],
        [0x5b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x5d], [0x5b, 0x22, 0xed, 0xbf, 0xbf, 0x22, 0x5d],
        [0x5b, 0x22, 0xf0, 0x80, 0x80, 0xaf, 0x22, 0x5d], [0x5b, 0x22, 0xf0, 0x8f, 0xbf, 0xbf, 0x22, 0x5d],
        [0x5b, 0x22, 0xf4, 0x90, 0x80, 0x80, 0x22, 0x5d], [0x5b, 0x22, 0xf5, 0x80, 0x80, 0x80, 0x22, 0x5d],
        [0x5b, 0x22, 0xfc, 0x83, 0xbf, 0xbf, 0xbf, 0xbf, 0x22, 0x5d], [0x5b, 0x22, 0xc3, 0x22, 0x5d],
        [
            0x5b, 0x22, 0xe2,
            0x82, 0x22, 0x5d,
        ],
        [0x5b, 0x22, 0xf0, 0x9d, 0x84, 0x22, 0x5d], [0x5b, 0x22, 0xc3], [0x5b, 0x22, 0xe2, 0x82], [0x22, 0xe5], [0xe5],
        [0x5b, 0xff, 0x5d],
        [0x5b, 0x31, 0xe5, 0x5d], [0x7b, 0x22, 0xb9, 0x22, 0x3a, 0x31, 0x7d], [0xff, 0xfe, 0x5b, 0, 0x5d, 0],
        [
            0x5b, 0x22,
            0x5c, 0xe5, 0x22, 0x5d,
        ],
        [0x22, 0xc3, 0x5c, 0x6e, 0x22], [0x00], [0x5b, 0x00, 0x5d],
    ]

    @Test(arguments: invalidBytes)
    func invalidEncodingsAreRefused(bytes: [UInt8]) {
        #expect(skipFailure(bytes) != nil)
        #expect(readFailure(bytes) != nil)
    }

    // MARK: Where readers may differ

    /// Taken or not by implementations; here is what this reader does, so that a change is seen.
    @Test func judgementsLeftToTheReaderStay() {
        #expect(skipFailure(Array("[1e-99999999]".utf8)) == nil)
        #expect(skipFailure(Array("[1e309]".utf8))?.reason == "the number is too large")
        #expect(skipFailure([0xef, 0xbb, 0xbf, 0x5b, 0x5d]) != nil)
        let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(skipFailure(Array(deep.utf8)) == nil)
        #expect(skipFailure(Array("[\(deep)]".utf8))?.reason == "nested too deeply")
        #expect(skipFailure(Array(String(repeating: "[", count: 1_000_000).utf8))?.offset == 64)
        #expect(skipFailure(Array(String(repeating: #"{"a":"#, count: 1_000_000).utf8))?.reason == "nested too deeply")
    }

    @Test func everyPrefixOfADocumentIsRefusedWhereItEnds() {
        let document = Array(#"{"key":[1.5e3,"a\u00e9\ud83d\ude00é",{"x":null,"y":[true,false]}],"other":-0.25}"#.utf8)
        #expect(skipFailure(document) == nil)
        for length in 0..<document.count {
            let prefix = Array(document.prefix(length))
            let failure = skipFailure(prefix)
            #expect(failure != nil, "\(length)")
            #expect((failure?.offset ?? .max) <= length)
            #expect(readFailure(prefix) != nil)
        }
    }

    // MARK: Two ways to read all of a document

    private func skipFailure(_ bytes: [UInt8]) -> JSONReader.Failure? {
        do {
            try reading(bytes) { reader throws(JSONReader.Failure) in
                try reader.skip()
                try reader.end()
            }
            return nil
        } catch {
            return error
        }
    }

    private func readFailure(_ bytes: [UInt8]) -> JSONReader.Failure? {
        do {
            try reading(bytes) { reader throws(JSONReader.Failure) in
                try read(&reader)
                try reader.end()
            }
            return nil
        } catch {
            return error
        }
    }

    private func read(_ reader: inout JSONReader) throws(JSONReader.Failure) {
        switch try reader.peek() {
        case .object:
            try reader.beginObject()
            while try reader.nextKey() != nil { try read(&reader) }
        case .array:
            try reader.beginArray()
            while try reader.nextElement() { try read(&reader) }
        case .string: _ = try reader.string()
        case .number: _ = try reader.number()
        case .boolean: _ = try reader.boolean()
        case .null: try reader.null()
        }
    }
}
