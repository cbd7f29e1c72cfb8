import PMML
import Scoring
import ScoringTestKit
import Testing

/// PMML models keep what every engine promises.
@Suite struct EngineConformanceTests {
    @Test(arguments: SampleTests.names) func exportedModelsConform(_ name: String) throws {
        let model = try ScorecardTests.sample("\(name).pmml")
        #expect(EngineConformance.faults(of: model, seed: 1).isEmpty)
    }
}
