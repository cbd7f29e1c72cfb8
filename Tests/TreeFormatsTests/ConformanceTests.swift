internal import Foundation
internal import Scoring
internal import ScoringTestKit
internal import Tabular
internal import Testing
internal import TreeFormats

/// XGBoost and LightGBM models keep what every engine promises.
@Suite struct ConformanceTests {
    @Test(arguments: GoldenFile.models) func treeModelsConform(_ file: URL) throws {
        let lowered = try GoldenFile.lower([UInt8](try Data(contentsOf: file)))
        let model = try TabularModel(program: lowered.program, signature: lowered.signature, description: lowered.description)
        #expect(EngineConformance.faults(of: model, seed: 1).isEmpty)
    }
}
