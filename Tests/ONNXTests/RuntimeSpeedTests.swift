internal import Foundation
internal import ONNX
internal import Scoring
internal import Testing

/// What a run costs in process. Run where ONNX_BENCH names a folder with .onnx files of one input of floats; prints the
/// median, in microseconds.
@Suite(.serialized) struct RuntimeSpeedTests {
    private static let files: [URL] = {
        guard let folder = ProcessInfo.processInfo.environment["ONNX_BENCH"] else { return [] }
        let found = try? FileManager.default.contentsOfDirectory(at: URL(filePath: folder), includingPropertiesForKeys: nil)
        return (found ?? []).filter { $0.pathExtension == "onnx" }.sorted { $0.path < $1.path }
    }()

    @Test(.enabled(if: !files.isEmpty), arguments: [1, 32])
    func medianOfARun(rows: Int) throws {
        for file in Self.files {
            let model = try RuntimeGolden.load([UInt8](try Data(contentsOf: file)))
            let (batch, scores, workspace) = (FeatureBatch(), ScoreBatch(), Workspace())
            batch.reset(width: model.signature.inputs.count)
            for row in 0..<rows {
                batch.addRow()
                for column in 0..<batch.width { batch.set(Double((row + column) % 7) / 7, row: row, column: column) }
            }
            for withDeadline in [false, true] {
                var times: [UInt64] = []
                for turn in 0..<8000 {
                    let start = Moment.now
                    let deadline = withDeadline ? start.advanced(byMilliseconds: 1000) : nil
                    try model.score(batch, into: scores, ScoreCall(deadline: deadline, workspace: workspace))
                    if turn >= 1000 { times.append(Moment.now.nanoseconds(since: start)) }
                }
                times.sort()
                let median = Double(times[times.count / 2]) / 1000
                print("\(file.lastPathComponent), \(rows) rows\(withDeadline ? ", with a deadline" : ""): \(median) us")
                #expect(median > 0)
            }
        }
    }
}
