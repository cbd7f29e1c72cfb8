internal import Scoring
internal import TensorRuntime
internal import Testing

@Suite struct TensorInputTests {
    private func inputs(_ dims: [[Int]], names: [String] = []) throws(ScoringError) -> (inputs: [TensorInput], isFixed: Bool) {
        var options = LoadOptions()
        options.inputs = names
        let ports = dims.enumerated().map { TensorPort(name: "x\($0.offset)", element: .float, dims: $0.element) }
        return try TensorInput.inputs(ports, options)
    }

    private func refusal(_ dims: [[Int]], names: [String] = []) -> String {
        do throws(ScoringError) {
            _ = try inputs(dims, names: names)
            return ""
        } catch {
            guard case .unsupportedModel(let message) = error else { return "an unexpected kind of error: \(error)" }
            return message
        }
    }

    @Test func eachInputHasTheColumnsBehindThoseOfTheOneBefore() throws {
        let (inputs, isFixed) = try inputs([[-1, 3], [-1], [-1, 2, 2]])
        #expect(inputs.map(\.columns) == [0..<3, 3..<4, 4..<8])
        #expect(inputs.map(\.rowBytes) == [12, 4, 16])
        #expect(!isFixed)
    }

    @Test func aSingleRowInAnyInputMakesAllRunsOneRow() throws {
        #expect(try inputs([[-1, 3], [1, 2]]).isFixed)
    }

    @Test func oneOpenDimensionIsSettledByTheNames() throws {
        let inputs = try inputs([[-1, 2], [-1, -1, 2]], names: ["a", "b", "c", "d", "e", "f"]).inputs
        #expect(inputs.map(\.dims) == [[2], [2, 2]])
        #expect(refusal([[-1, -1, 2]], names: ["a", "b", "c"]).contains("'inputs' in model.yaml can name them"))
        #expect(refusal([[-1, -1], [-1, -1]], names: ["a", "b"]).contains("does not say how many features it has"))
        #expect(refusal([[-1, -1]]).contains("input 'x0' does not say how many features it has"))
    }

    @Test func whatIsNoRowsOfFeaturesIsRefused() {
        #expect(refusal([[]]) == "input 'x0' has no dimension for rows")
        #expect(refusal([[16, 2]]) == "input 'x0' takes 16 rows at a time; rows are scored one by one")
        #expect(refusal([[-1, 0]]).contains("does not have 1 to 100000 features"))
        #expect(refusal([[-1, 1 << 40, 1 << 40]]).contains("does not have 1 to 100000 features"))
        #expect(refusal([[-1, 60_000], [-1, 60_000]]) == "the model has 120000 inputs; 1 to 100000 are supported")
        #expect(refusal([]) == "the model has 0 inputs; 1 to 100000 are supported")
    }
}
