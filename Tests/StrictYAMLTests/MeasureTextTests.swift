internal import StrictYAML
internal import Testing

/// Durations and numbers of bytes: one grammar for files, variables and flags.
@Suite struct MeasureTextTests {
    @Test(arguments: [
        ("64KiB", 65_536), ("64kib", 65_536), ("4GiB", 4_294_967_296), ("10MB", 10_000_000), ("1.5GiB", 1_610_612_736),
        ("0.5KiB", 512), ("2TB", 2_000_000_000_000), ("1TiB", 1_099_511_627_776), ("7B", 7), ("4194304", 4_194_304), ("0", 0),
        ("3kB", 3000), ("1GB", 1_000_000_000), ("1MiB", 1_048_576),
    ])
    func numbersOfBytesTakeUnits(text: String, bytes: Int) {
        #expect(ByteCountText.bytes(text) == bytes)
    }

    @Test(arguments: [
        "", "KiB", "-1", "+1", "1 KiB", "4G", "4Ki", "1e3", "0.3B", "1.0001KiB", "1..5MB", ".5MB", "5.MB", "٣KiB",
        "9007199254740992",
        "99999999999999999999TiB", "nan", "inf",
    ])
    func otherNumbersOfBytesAreRefused(text: String) {
        #expect(ByteCountText.bytes(text) == nil)
    }

    @Test(arguments: [
        ("1.5s", 1_500_000_000), ("250us", 250_000), ("0.25ms", 250_000), ("0", 0), ("0s", 0), ("2m", 120_000_000_000),
    ])
    func durationsTakeUnits(text: String, nanoseconds: Int) {
        #expect(DurationText.duration(text) == .nanoseconds(nanoseconds))
    }

    @Test(arguments: [
        "", "5", "0.5", "s", "-1s", "1 s", "1e3s", "nan", "inf", "1..2s", "10x", ".5s", "5.s", "5S", "99999999999h",
    ])
    func otherDurationsAreRefused(text: String) {
        #expect(DurationText.duration(text) == nil)
    }

    @Test func whatIsWrittenIsReadBack() {
        let durations: [Duration] = [
            .zero, .microseconds(1), .microseconds(1500), .milliseconds(5), .seconds(90), .seconds(7200),
        ]
        for duration in durations {
            #expect(DurationText.duration(DurationText.text(duration)) == duration)
        }
        #expect(DurationText.text(.seconds(90)) == "90s" && DurationText.text(.seconds(120)) == "2m")
        for bytes in [0, 1, 1000, 1024, 4 << 20, (4 << 20) + 1, 3 << 30, 1 << 44] {
            #expect(ByteCountText.bytes(ByteCountText.text(bytes)) == bytes)
        }
        #expect(ByteCountText.text(4 << 20) == "4MiB" && ByteCountText.text(1000) == "1000")
    }
}
