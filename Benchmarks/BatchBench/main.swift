internal import Batching
internal import Glibc
internal import Scoring

// What the way to an engine thread costs, and when shared calls pay. Prints one line a measurement.
//
// hop: one request at a time, from submit to completion, against calling the model on the spot.
// busy: the same with another thread that never rests, as an event loop under load.
// native: 64 requests under way against a model whose rows cost 2 us and whose calls cost nothing: the rule of `CallProfile.isBlocking`.
// library: the same against a model whose calls cost 100 us and whose rows cost 5 us.
//
// With an ONNX file as argument: what shared calls give that model in ONNX Runtime; see `NetworkComparison`.

/// A model that computes for a given time.
final class TimedModel: ScoringModel {
    let signature = Signature(inputs: [Field("x")], outputs: [OutputColumn("score")], roles: Roles(score: 0..<1))
    let description = ModelDescription(format: "timed", memoryBytes: 0)
    let calls = CallProfile(isBlocking: true)
    private let callCost: UInt64
    private let rowCost: UInt64

    init(callNanoseconds: UInt64, rowNanoseconds: UInt64) {
        callCost = callNanoseconds
        rowCost = rowNanoseconds
    }

    func score(_ rows: FeatureBatch, into scores: ScoreBatch, _ call: ScoreCall) throws(ScoringError) {
        scores.reset(rows: rows.count, width: 1)
        for row in 0..<rows.count { scores[row, 0] = rows[row, 0] }
        let span = callCost + rowCost * UInt64(rows.count)
        let start = Moment.now
        while Moment.now.nanoseconds(since: start) < span {}
    }
}

/// A thread's rest until its answer is there. Unchecked: semaphores are made for any thread.
final class Rest: @unchecked Sendable {
    let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    init() { sem_init(semaphore, 0, 0) }
    func end() { sem_post(semaphore) }
    func take() { while sem_wait(semaphore) != 0 {} }
}

func row(_ value: Double) -> BatchRows {
    let rows = BatchRows()
    rows.features.reset(width: 1)
    rows.features.addRow()
    rows.features.set(value, row: 0, column: 0)
    return rows
}

func percentiles(_ name: String, _ samples: [UInt64]) {
    let sorted = samples.sorted()
    func at(_ share: Double) -> Double { Double(sorted[Int(Double(sorted.count - 1) * share)]) / 1000 }
    print("\(name): p50 \(at(0.5)) us, p90 \(at(0.9)) us, p99 \(at(0.99)) us")
}

func hop(_ name: String, _ model: TimedModel, count: Int = 20_000) throws {
    let batcher = try Batcher(model)
    let rest = Rest()
    let rows = row(1)
    var hops: [UInt64] = []
    var direct: [UInt64] = []
    let workspace = Workspace()
    for _ in 0..<count {
        var start = Moment.now
        try model.score(rows.features, into: rows.scores, ScoreCall(deadline: nil, workspace: workspace))
        direct.append(Moment.now.nanoseconds(since: start))
        start = Moment.now
        batcher.submit(BatchJob(rows) { _ in rest.end() })
        rest.take()
        hops.append(Moment.now.nanoseconds(since: start))
    }
    percentiles("\(name), direct call", direct)
    percentiles("\(name), submit to completion", hops)
}

/// Requests a second with 64 under way.
func rate(_ name: String, _ model: TimedModel, maxBatchRows: Int?, count: Int) throws {
    let start = Moment.now
    if let maxBatchRows {
        var limits = BatchLimits()
        limits.maxBatchRows = maxBatchRows
        let batcher = try Batcher(model, limits: limits)
        let rest = Rest()
        for _ in 0..<64 { rest.end() }
        for _ in 0..<count {
            rest.take()
            batcher.submit(BatchJob(row(1)) { _ in rest.end() })
        }
        for _ in 0..<64 { rest.take() }
    } else {
        let workspace = Workspace()
        for _ in 0..<count {
            let rows = row(1)
            try model.score(rows.features, into: rows.scores, ScoreCall(deadline: nil, workspace: workspace))
        }
    }
    let seconds = Double(Moment.now.nanoseconds(since: start)) / 1e9
    print("\(name): \(Int(Double(count) / seconds)) requests/s")
}

do {
    if CommandLine.arguments.count > 1 {
        try NetworkComparison(file: CommandLine.arguments[1]).run(rounds: 5)
        exit(0)
    }
    let instant = TimedModel(callNanoseconds: 0, rowNanoseconds: 0)
    try hop("hop", instant)
    try hop("hop, 100 us call", TimedModel(callNanoseconds: 100_000, rowNanoseconds: 0), count: 5000)
    let native = TimedModel(callNanoseconds: 0, rowNanoseconds: 2000)
    try rate("native, caller's thread", native, maxBatchRows: nil, count: 200_000)
    try rate("native, batches of 32", native, maxBatchRows: 32, count: 200_000)
    let library = TimedModel(callNanoseconds: 100_000, rowNanoseconds: 5000)
    try rate("library, one request a call", library, maxBatchRows: 1, count: 10_000)
    try rate("library, batches of 32", library, maxBatchRows: 32, count: 50_000)
    _ = NamedThread.start(name: "busy") { while true {} }
    try hop("hop beside a busy thread", instant)
} catch {
    print("failed: \(error)")
    exit(1)
}
