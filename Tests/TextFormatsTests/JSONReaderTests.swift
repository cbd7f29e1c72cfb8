internal import Testing
internal import TextFormats

/// Reads a whole document with `body`.
func reading<Result>(
    _ text: String, depthLimit: Int = 64, allowsNonFinite: Bool = false,
    _ body: (inout JSONReader) throws(JSONReader.Failure) -> Result
) throws(JSONReader.Failure) -> Result {
    try reading(Array(text.utf8), depthLimit: depthLimit, allowsNonFinite: allowsNonFinite, body)
}

func reading<Result>(
    _ bytes: [UInt8], depthLimit: Int = 64, allowsNonFinite: Bool = false, memory: JSONMemory? = nil,
    _ body: (inout JSONReader) throws(JSONReader.Failure) -> Result
) throws(JSONReader.Failure) -> Result {
    try bytes.withUnsafeBufferPointer { buffer throws(JSONReader.Failure) in
        var reader = JSONReader(buffer, depthLimit: depthLimit, allowsNonFinite: allowsNonFinite, memory: memory)
        return try body(&reader)
    }
}

@Suite struct JSONReaderTests {
    @Test func anObjectIsReadKeyByKey() throws {
        var names: [String] = []
        let document = #" {"a": 1, "bcdefghijkl" : [true, null, "x"], "e\u0301": {"b": -2.5e3}} "#
        try reading(document) { reader throws(JSONReader.Failure) in
            try reader.beginObject()
            while let key = try reader.nextKey() {
                names.append(key.string)
                switch key {
                case "a": _ = try reader.integer()
                case "bcdefghijkl":
                    try reader.beginArray()
                    var count = 0
                    while try reader.nextElement() {
                        count += 1
                        try reader.skip()
                    }
                    names.append(String(count))
                default: try reader.skip()
                }
            }
            try reader.end()
        }
        #expect(names == ["a", "bcdefghijkl", "3", "e\u{301}"])
    }

    @Test func decodedStringsStayWhileTheDocumentIsRead() throws {
        let document = #"["a\nb", "\u0041\ud83d\ude00", "\"\\\/\b\f\r\t", "plain", "", "\u0000"]"#
        let texts = try reading(document) { reader throws(JSONReader.Failure) in
            var strings: [JSONString] = []
            try reader.beginArray()
            while try reader.nextElement() { strings.append(try reader.text()) }
            try reader.end()
            return strings.map(\.string)
        }
        #expect(texts == ["a\nb", "A\u{1F600}", "\"\\/\u{8}\u{c}\r\t", "plain", "", "\0"])
    }

    @Test func stringsOfEveryLengthAndStopAreReadExactly() throws {
        for length in 0..<40 {
            for special in ["", "é", "\\n", "\\u20ac", "€"] {
                let plain = String(repeating: "x", count: length)
                let decoded = special == "\\n" ? "\n" : special == "\\u20ac" ? "€" : special
                let text = try reading("[\"\(plain)\(special)\(plain)\"]") { reader throws(JSONReader.Failure) in
                    try reader.beginArray()
                    _ = try reader.nextElement()
                    return try reader.string()
                }
                #expect(text == plain + decoded + plain)
            }
        }
    }

    @Test func integersAreExactOrRefused() throws {
        func integer(_ text: String) throws -> Int {
            try reading(text) { reader throws(JSONReader.Failure) in try reader.integer() }
        }
        func unsigned(_ text: String) throws -> UInt64 {
            try reading(text) { reader throws(JSONReader.Failure) in try reader.unsigned() }
        }
        for value in [0, 1, -1, Int.max, Int.min, 9_007_199_254_740_993] { #expect(try integer(String(value)) == value) }
        #expect(try integer("-0") == 0)
        for text in ["9223372036854775808", "-9223372036854775809", "1.0", "1e3", "100000000000000000000", "\"1\"", "true"] {
            #expect(throws: JSONReader.Failure.self) { try integer(text) }
        }
        for value in [0, 1, UInt64.max] { #expect(try unsigned(String(value)) == value) }
        for text in ["18446744073709551616", "-1", "1.5", "184467440737095516150", "null"] {
            #expect(throws: JSONReader.Failure.self) { try unsigned(text) }
        }
    }

    @Test func floatsAreRoundedOnce() throws {
        // Halfway between two floats but for the last digits; by way of a double it would round to even.
        let text = "1.00000017881393432617187499"
        let float = try reading(text) { reader throws(JSONReader.Failure) in try reader.float() }
        #expect(float == 1.0000001 && float != Float(1.00000017881393432617187499))
    }

    @Test func numbersBeyondTheDoublesAreTakenWhereAllowed() throws {
        let values = try reading("[NaN, Infinity, -Infinity, 1e999, -1]", allowsNonFinite: true) {
            reader throws(JSONReader.Failure) in
            var values: [Double] = []
            try reader.beginArray()
            while try reader.nextElement() { values.append(try reader.number()) }
            try reader.end()
            return values
        }
        #expect(values[0].isNaN)
        #expect(Array(values[1...]) == [.infinity, -.infinity, .infinity, -1])
        for text in ["-NaN", "Inf", "-I", "Na", "-"] {
            #expect(throws: JSONReader.Failure.self) {
                try reading(text, allowsNonFinite: true) { reader throws(JSONReader.Failure) in try reader.skip() }
            }
        }
    }

    @Test func theWrongKindSaysWhatItFoundAndWhere() {
        let failure = #expect(throws: JSONReader.Failure.self) {
            try reading(#"  {"a": [1]}"#) { reader throws(JSONReader.Failure) in
                try reader.beginObject()
                _ = try reader.nextKey()
                _ = try reader.number()
            }
        }
        #expect(failure == JSONReader.Failure(offset: 8, reason: "expected a number, found an array"))
        #expect(failure?.description == "expected a number, found an array at byte 8")
    }

    @Test func theDepthLimitCountsOpenObjectsAndArrays() throws {
        func depth(_ text: String, limit: Int) -> Bool {
            (try? reading(text, depthLimit: limit) { reader throws(JSONReader.Failure) in try reader.skip() }) != nil
        }
        #expect(depth("[[{}]]", limit: 3))
        #expect(!depth("[[{}]]", limit: 2))
        #expect(depth("[{},{},[[]]]", limit: 3))
        #expect(depth("1", limit: 0))
        let deep = String(repeating: #"{"k":["#, count: 500) + String(repeating: "]}", count: 500)
        #expect(depth(deep, limit: 1000))
    }

    // MARK: Duplicate keys

    @Test func duplicatesAreFoundAmongAnyNumberOfKeys() throws {
        for count in [2, 3, 63, 64, 65, 66, 200, 5000] {
            let keys = (0..<count).map { "key \($0)" }
            #expect(failure(keys) == nil)
            for (first, second) in [(0, count - 1), (count / 2, count - 1), (0, 1)] where first < second {
                var twice = keys
                twice[second] = twice[first]
                #expect(failure(twice)?.reason == "duplicate key", "\(count) keys, \(first) and \(second)")
            }
        }
    }

    @Test func equalKeysInDifferentObjectsAreNoDuplicates() throws {
        // Large objects in large objects, with the same keys on every level.
        let inner = object((0..<100).map { ("k\($0)", "1") })
        let middle = object((0..<100).map { ("k\($0)", $0 % 40 == 39 ? inner : "2") })
        let outer = object((0..<100).map { ("k\($0)", $0 % 30 == 29 ? middle : "3") })
        try reading(outer) { reader throws(JSONReader.Failure) in
            try reader.skip()
            try reader.end()
        }
        let wrong = outer.dropLast() + #","k7":1}"#
        #expect(throws: JSONReader.Failure.self) {
            try reading(String(wrong)) { reader throws(JSONReader.Failure) in try reader.skip() }
        }
    }

    @Test func aMillionKeysTakeLinearTime() {
        // With a scan of all keys this would be 5 * 10^11 comparisons and not end.
        let keys = (0..<1_000_000).map { String($0, radix: 36) }
        #expect(failure(keys) == nil)
        #expect(failure(keys + ["abc"])?.reason == "duplicate key")
    }

    @Test func memoryLeftInTheMiddleOfADocumentServesTheNext() throws {
        let memory = JSONMemory()
        let large = object((0..<300).map { ("k\($0)", "1") })
        for round in 0..<20 {
            let cut = Array(large.utf8.prefix(large.utf8.count - 1 - round * 7))
            #expect(throws: JSONReader.Failure.self) {
                try reading(cut, memory: memory) { reader throws(JSONReader.Failure) in try reader.skip() }
            }
            try reading(Array(large.utf8), memory: memory) { reader throws(JSONReader.Failure) in
                try reader.skip()
                try reader.end()
            }
        }
    }

    @Test func aReaderGoesBackToAMark() throws {
        let inner = object((0..<100).map { ("k\($0)", #""\u0041\#($0)""#) })
        let document = #"{"a\u0062": 1, "list": [\#(inner), \#(inner)], "z": 2}"#
        try reading(document) { reader throws(JSONReader.Failure) in
            try reader.beginObject()
            _ = try reader.nextKey()
            try reader.skip()
            _ = try reader.nextKey()
            try reader.beginArray()
            while try reader.nextElement() {
                let place = reader.mark()
                // Stops half way through the object, then reads it whole.
                try reader.beginObject()
                for _ in 0..<80 {
                    _ = try reader.nextKey()
                    _ = try reader.text()
                }
                reader.rewind(to: place)
                try reader.skip()
            }
            let last = try reader.nextKey()
            #expect(last?.string == "z")
            try reader.skip()
            let end = try reader.nextKey()
            #expect(end == nil)
            try reader.end()
        }
    }

    private func failure(_ keys: [String]) -> JSONReader.Failure? {
        do {
            try reading(object(keys.map { ($0, "0") })) { reader throws(JSONReader.Failure) in
                try reader.skip()
                try reader.end()
            }
            return nil
        } catch {
            return error
        }
    }

    private func object(_ members: [(String, String)]) -> String {
        "{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }
}
