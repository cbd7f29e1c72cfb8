internal import Assembly
internal import Glibc
internal import Testing

/// Log lines that nobody takes.
@Suite struct LogOutputTests {
    @Test func linesOfAReaderThatStoppedAreLostAndCountedAndNobodyWaits() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let output = LogOutput(descriptor: ends[1])
        // A pipe holds 64 KiB; the rest is lost, without a wait for each line, which would take minutes.
        let clock = ContinuousClock()
        let took = clock.measure {
            for number in 0..<20_000 { write("line \(number)\n", to: output) }
        }
        #expect(took < .seconds(60))
        let taken = drain(ends[0])
        #expect(taken.enumerated().allSatisfy { $1 == "line \($0)" })
        write("after\n", to: output)
        #expect(drain(ends[0]) == ["lost \(20_000 - taken.count)", "after"])
        write("again\n", to: output)
        #expect(drain(ends[0]) == ["again"])
    }

    @Test func aLineThatWasCutOffIsEndedBeforeTheNext() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let output = LogOutput(descriptor: ends[1])
        let long = String(repeating: "x", count: 100_000)
        write(long + "\n", to: output)
        let taken = drain(ends[0])
        #expect(taken.count == 1 && taken[0].utf8.count < 100_000 && long.hasPrefix(taken[0]))
        write("next\n", to: output)
        // The end of the line that was cut off, then whole lines.
        #expect(drain(ends[0]) == ["", "lost 1", "next"])
    }

    @Test func aFullDiskLosesLinesOnly() throws {
        let file = open("/dev/full", O_WRONLY | O_CLOEXEC)
        try #require(file >= 0)
        defer { close(file) }
        let output = LogOutput(descriptor: file)
        for number in 0..<1000 { write("line \(number)\n", to: output) }
    }

    private func write(_ line: String, to output: LogOutput) {
        var line = line
        line.withUTF8 { output.write($0) { Array("lost \($0)\n".utf8) } }
    }

    /// The lines that lie in the pipe, the last one perhaps without its end.
    private func drain(_ end: Int32) -> [String] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        var entry = pollfd(fd: end, events: Int16(POLLIN), revents: 0)
        while poll(&entry, 1, 0) > 0 {
            let count = read(end, &chunk, chunk.count)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        let lines = bytes.split(separator: 10, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        return lines.last == "" ? lines.dropLast() : lines
    }
}
