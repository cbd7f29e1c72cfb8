internal import ONNX
internal import Scoring
internal import ScoringTestKit
internal import Testing

/// ONNX models keep what every engine promises, whichever engine evaluates them.
@Suite struct ConformanceTests {
    @Test(arguments: Golden.all) func loweredGraphsConform(_ golden: Golden) throws {
        #expect(EngineConformance.faults(of: try Golden.load(try golden.bytes()), seed: 1).isEmpty)
    }

    /// A product of matrices may add in another order where a call has more rows.
    @Test(arguments: RuntimeGolden.all)
    func graphsInONNXRuntimeConform(_ golden: RuntimeGolden) throws {
        #expect(EngineConformance.faults(of: try golden.load(), seed: 1, rows: 20, tolerance: 1e-5).isEmpty)
    }
}
