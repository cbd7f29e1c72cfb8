internal import ScoringTestKit
internal import Testing
internal import TextFormats

@Suite struct ByteSinkTests {
    private func text(_ body: (inout ByteSink) -> Void) -> String {
        var sink = ByteSink(capacity: 1)
        body(&sink)
        return sink.string
    }

    @Test func integersAreWrittenInDecimal() {
        for value in [0, 1, 9, 10, 99, 100, -1, -10, 12345, Int.max, Int.min] {
            #expect(text { $0.append(integer: value) } == String(value))
        }
        #expect(text { $0.append(unsigned: .max) } == String(UInt64.max))
    }

    @Test func doublesReadBackAsTheSameBits() {
        var random = SeededRandom(seed: 5)
        for _ in 0..<100_000 {
            let value = Double(bitPattern: random.next())
            guard value.isFinite else { continue }
            let written = text { $0.append(json: value) }
            guard DecimalParser.double(written)?.bitPattern == value.bitPattern, written == value.description else {
                Issue.record("\(value)")
                return
            }
        }
        #expect(text { $0.append(float: 0.1) } == "0.1")
    }

    @Test func whatIsNoNumberIsNull() {
        for value in [Double.nan, .infinity, -.infinity] { #expect(text { $0.append(json: value) } == "null") }
        #expect(text { $0.append(json: true) } == "true")
        #expect(text { $0.append(json: false) } == "false")
    }

    @Test func millisecondsHaveThreeDecimals() {
        let cases: [(UInt64, String)] = [
            (0, "0.000"), (499, "0.000"), (500, "0.001"), (21_000, "0.021"), (999_499, "0.999"), (999_500, "1.000"),
            (12_345_678, "12.346"), (.max, "18446744073709.552"),
        ]
        for (nanoseconds, expected) in cases { #expect(text { $0.append(millisecondsOf: nanoseconds) } == expected) }
    }

    @Test func stringsAreEscapedAsFarAsNeeded() throws {
        #expect(
            text { $0.append(json: "a\"b\\c/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}é\u{1F600}") }
                == #""a\"b\\c/\b\f\n\r\t\u0000\u001f"# + "\u{7f}é\u{1F600}\"")
        #expect(text { $0.append(json: "") } == "\"\"")
    }

    @Test func anyStringReadsBackTheSame() throws {
        var random = SeededRandom(seed: 6)
        let alphabet = Array("abcdefghijklmnop\"\\\u{0}\u{1}\n/é€𝄞 ".unicodeScalars)
        for _ in 0..<20_000 {
            var string = ""
            for _ in 0..<Int.random(in: 0...40, using: &random) {
                string.unicodeScalars.append(alphabet[Int.random(in: 0..<alphabet.count, using: &random)])
            }
            let written = text { $0.append(json: string) }
            let read = try reading(written) { reader throws(JSONReader.Failure) in try reader.string() }
            guard read.unicodeScalars.elementsEqual(string.unicodeScalars) else {
                Issue.record("\(written)")
                return
            }
        }
    }

    @Test func aSinkGrowsAndIsReused() {
        var sink = ByteSink(capacity: 64)
        for index in 0..<1000 { sink.append(integer: index) }
        #expect(sink.string == (0..<1000).map(String.init).joined())
        sink.truncate(to: 3)
        sink.append("xyz")
        sink.append(text: "é")
        sink.append(contentsOf: [0x21])
        #expect(sink.string == "012xyzé!")
        sink.removeAll()
        let isEmpty = sink.isEmpty
        #expect(isEmpty)
    }
}
