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
        try reading(#" {"a": 1, "bcdefghijkl" : [true, null, "x"], "e\u0301": {"b": -2.5e3}} "#) { reader throws(JSONReader.Failure) in
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
        let texts = try reading(#"["a\nb", "\u0041\ud83d\ude00", "\"\\\/\b\f\r\t", "plain", ""]"#) { reader throws(JSONReader.Failure) in
            var strings: [JSONString] = []
            try reader.beginArray()
            while try reader.nextElement() { strings.append(try reader.text()) }
            try reader.end()
            return strings.map(\.string)
        }
        #expect(texts == ["a\nb", "A\u{1F600}", "\"\\/\u{8}\u{c}\r\t", "plain", ""])
    }
}
