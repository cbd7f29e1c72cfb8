internal import Assembly
internal import Logging
internal import Testing

@Suite struct JSONLogHandlerTests {
    private static func data(_ metadata: Logger.Metadata) -> String {
        let event = LogEvent(
            level: .info, message: "said \"so\"", metadata: metadata, source: nil, file: "", function: "", line: 1)
        let line = String(decoding: JSONLogHandler(label: "verdict", level: .info).line(event), as: UTF8.self)
        #expect(line.hasPrefix("{\"timestamp\":\"2"))
        #expect(line.hasSuffix("}\n"))
        guard let start = line.firstRange(of: "\"level\"") else { return line }
        return String(line[start.lowerBound...].dropLast())
    }

    @Test func numbersAndTruthValuesAreJSONsOwn() {
        let metadata: Logger.Metadata = [
            "bytes": .stringConvertible(197), "large": .stringConvertible(UInt64.max), "less": .stringConvertible(-3 as Int32),
            "duration_ms": .stringConvertible(0.067), "held": .stringConvertible(true),
            "inside": .array([.stringConvertible(1), "1"]), "more": .dictionary(["one": .stringConvertible(1.5)]),
        ]
        let expected =
            "\"level\":\"info\",\"message\":\"said \\\"so\\\"\",\"data\":{\"logger\":\"verdict\",\"bytes\":197,\"duration_ms\":0.067,"
            + "\"held\":true,\"inside\":[1,\"1\"],\"large\":18446744073709551615,\"less\":-3,\"more\":{\"one\":1.5}}}"
        #expect(Self.data(metadata) == expected)
    }

    @Test func whatIsNoNumberInJSONIsAString() {
        let metadata: Logger.Metadata = [
            "none": .stringConvertible(Double.nan), "time": .stringConvertible(Duration.seconds(2)), "version": "1",
        ]
        #expect(
            Self.data(metadata).hasSuffix(
                "\"data\":{\"logger\":\"verdict\",\"none\":\"nan\",\"time\":\"2.0 seconds\",\"version\":\"1\"}}"))
    }
}
