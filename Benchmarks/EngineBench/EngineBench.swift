internal import ArgumentParser
internal import Scoring

/// Times the native engine in process, on one thread; called by the scripts in `scripts/bench`, which make the
/// files and compare with other libraries.
@main
struct EngineBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "EngineBench", abstract: "Time the native engine.", subcommands: [TreesCommand.self, PMMLCommand.self])
}

/// Passes over all rows of a benchmark.
struct TimedPasses {
    let rows: Int
    let repetitions: Int

    /// The median over the repetitions; a first pass is not counted.
    func nanosecondsPerRow(_ pass: () throws -> Void) throws -> Double {
        try pass()
        var times: [UInt64] = []
        for _ in 0..<repetitions {
            let start = Moment.now
            try pass()
            times.append(Moment.now.nanoseconds(since: start))
        }
        times.sort()
        let middle = Double(times[times.count / 2] + times[(times.count - 1) / 2]) / 2
        return (middle / Double(rows) * 10).rounded() / 10
    }
}
