internal import Batching
internal import Glibc
internal import ONNX
internal import Scoring

/// What shared calls give a network in ONNX Runtime, in process: the library's own gain, and how much of it is left behind a
/// `Batcher`.
struct NetworkComparison {
    private let model: any ScoringModel
    private let width: Int

    init(file path: String) throws(ScoringError) {
        guard let bytes = Self.bytes(of: path) else { throw .invalidModel(reason: "it cannot be read", place: path) }
        var options = LoadOptions()
        options.engine = .onnxruntime
        model = try ONNXFormat().load(.file(name: path, bytes: bytes), options: options)
        width = model.signature.inputs.count
    }

    /// Rounds take turns, so that what slows one round down slows all that is compared.
    func run(rounds: Int) throws(ScoringError) {
        var gains: [Double] = []
        var shared: [Double] = []
        var hops: [Double] = []
        for _ in 0..<rounds {
            let rates = try [1, 32, 64].map { rows throws(ScoringError) in try direct(rows: rows) }
            gains.append(max(rates[1], rates[2]) / rates[0])
            let alone = try batched(maxBatchRows: 1)
            let together = try batched(maxBatchRows: 64)
            shared.append(together / alone)
            let (call, hop) = try hop()
            hops.append(hop / call)
            print(
                "rows/s of calls with 1, 32, 64 rows: \(Int(rates[0])), \(Int(rates[1])), \(Int(rates[2])); 64 requests under way, "
                    + "without and with shared calls: \(Int(alone)), \(Int(together)); one request, on the spot and through the "
                    + "batcher, p50: \(call) us, \(hop) us")
        }
        print("the library's gain from batches: \(median(gains))")
        print("64 requests under way, with shared calls / without: \(median(shared))")
        print("one request, p50 through the batcher / on the spot: \(median(hops))")
    }

    private let workspace = Workspace()
    private static let span: UInt64 = 1_000_000_000

    private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private func rows(_ count: Int) -> BatchRows {
        let batch = BatchRows()
        batch.features.reset(width: width)
        for row in 0..<count {
            batch.features.addRow()
            for column in 0..<width {
                batch.features.set(Double((row * 31 + column * 17) % 101) / 101, row: row, column: column)
            }
        }
        return batch
    }

    /// Rows a second of one thread.
    private func direct(rows: Int) throws(ScoringError) -> Double {
        let batch = self.rows(rows)
        var count = 0
        let start = Moment.now
        while Moment.now.nanoseconds(since: start) < Self.span {
            try model.score(batch.features, into: batch.scores, ScoreCall(deadline: nil, workspace: workspace))
            count += rows
        }
        return Double(count) / (Double(Moment.now.nanoseconds(since: start)) / 1e9)
    }

    /// Requests a second with 64 of one row under way.
    private func batched(maxBatchRows: Int) throws(ScoringError) -> Double {
        var limits = BatchLimits()
        limits.maxBatchRows = maxBatchRows
        let batcher = try Batcher(model, limits: limits)
        let rest = Rest()
        for _ in 0..<64 { rest.end() }
        var count = 0
        let start = Moment.now
        while Moment.now.nanoseconds(since: start) < Self.span {
            rest.take()
            batcher.submit(BatchJob(rows(1)) { _ in rest.end() })
            count += 1
        }
        for _ in 0..<64 { rest.take() }
        return Double(count) / (Double(Moment.now.nanoseconds(since: start)) / 1e9)
    }

    /// The median microseconds of one request at a time: a call on the spot, and from submit to completion.
    private func hop() throws(ScoringError) -> (call: Double, hop: Double) {
        let batcher = try Batcher(model)
        let rest = Rest()
        let batch = rows(1)
        var calls: [Double] = []
        var hops: [Double] = []
        // Not in turns: the network's weights move to another core's cache with each change of the thread.
        for _ in 0..<1000 {
            let start = Moment.now
            try model.score(batch.features, into: batch.scores, ScoreCall(deadline: nil, workspace: workspace))
            calls.append(Double(Moment.now.nanoseconds(since: start)) / 1000)
        }
        for _ in 0..<1000 {
            let start = Moment.now
            batcher.submit(BatchJob(batch) { _ in rest.end() })
            rest.take()
            hops.append(Double(Moment.now.nanoseconds(since: start)) / 1000)
        }
        return (median(calls), median(hops))
    }

    private static func bytes(of path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            guard count > 0 else { return count == 0 ? bytes : nil }
            bytes.append(contentsOf: chunk[..<count])
        }
    }
}
