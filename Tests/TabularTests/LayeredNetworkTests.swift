import Glibc
import Scoring
import Tabular
import Testing

@Suite struct LayeredNetworkTests {
    typealias Layer = LayeredNetwork.Layer
    typealias Neuron = LayeredNetwork.Neuron

    func results(_ network: LayeredNetwork, _ rows: [[Double]]) throws -> [[Double]] {
        var program = Program(inputCount: network.inputCount)
        let into = program.addSlots(network.outputs.count)
        program.steps = [.network(network, inputs: Array(0..<network.inputCount), into: into)]
        program.outputs = Array(into..<into + network.outputs.count)
        let model = try TabularModel(
            program: program,
            signature: Signature(
                inputs: (0..<network.inputCount).map { Field("x\($0)") },
                outputs: network.outputs.indices.map { OutputColumn("y\($0)") }, roles: Roles(score: 0..<1)),
            description: ModelDescription(format: "test"))
        let (batch, scores) = (FeatureBatch(), ScoreBatch())
        batch.reset(width: network.inputCount)
        for row in rows {
            let index = batch.addRow()
            for (column, value) in row.enumerated() { batch.set(value, row: index, column: column) }
        }
        try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        return rows.indices.map { row in network.outputs.indices.map { scores[row, $0] } }
    }

    /// What a network means, one neuron after the other.
    func reference(_ network: LayeredNetwork, _ row: [Double]) -> [Double] {
        guard !row.contains(where: \.isNaN) else { return network.outputs.map { _ in .nan } }
        var units = row
        for layer in network.layers {
            var values = layer.neurons.map { neuron in
                var sum = 0.0
                for (source, weight) in zip(neuron.sources, neuron.weights) {
                    let value = units[Int(source)]
                    sum += layer.activation == .radialBasis ? (value - weight) * (value - weight) : weight * value
                }
                if layer.activation == .radialBasis {
                    return exp(sum / (-2 * neuron.width * neuron.width) + log(neuron.altitude) * Double(neuron.sources.count))
                }
                return layer.activation == .tanh ? tanh(sum + neuron.bias) : sum + neuron.bias
            }
            if layer.normalization == .softmax {
                let powers = values.map { exp($0 - values.max()!) }
                values = powers.map { $0 / powers.reduce(0, +) }
            }
            units += values
        }
        return network.outputs.map { units[$0] }
    }

    @Test func matricesAndSingleConnectionsAgreeWithTheReferenceToTheLastBit() throws {
        var random = SystemRandomNumberGenerator()
        for activation in [LayeredNetwork.Activation.identity, .tanh, .radialBasis] {
            for isMatrix in [true, false] {
                for width in [1, 2, 7, 8, 9, 20] {
                    var (layers, firstUnit, unitCount): ([Layer], Int, Int) = ([], 0, 5)
                    for depth in 0..<3 {
                        let all = (firstUnit..<unitCount).map { Int32($0) }.shuffled(using: &random)
                        let neurons = (0..<width).map { _ in
                            let sources =
                                isMatrix ? all : Array(all.shuffled(using: &random).prefix(Int.random(in: 0...all.count)))
                            return Neuron(
                                sources: sources, weights: sources.map { _ in Double.random(in: -1...1) },
                                bias: Double.random(in: -1...1), width: Double.random(in: 1...3),
                                altitude: Double.random(in: 0.5...1))
                        }
                        layers.append(
                            Layer(activation: activation, normalization: depth == 2 ? .softmax : .none, neurons: neurons))
                        (firstUnit, unitCount) = (unitCount, unitCount + width)
                    }
                    let network = LayeredNetwork(inputCount: 5, layers: layers, outputs: Array(5..<unitCount).reversed())
                    let rows = (0..<300).map { _ in (0..<5).map { _ in Double.random(in: -3...3) } }
                    #expect(try results(network, rows) == rows.map { reference(network, $0) })
                    #expect(try results(network, [rows[0]])[0] == reference(network, rows[0]))
                }
            }
        }
    }

    @Test func everyActivationIsItsFormula() throws {
        let formulas: [(LayeredNetwork.Activation, (Double) -> Double)] = [
            (.threshold(0.25), { $0 > 0.25 ? 1 : 0 }), (.logistic, { 1 / (1 + exp(-$0)) }), (.tanh, { tanh($0) }),
            (.identity, { $0 }), (.exponential, { exp($0) }), (.reciprocal, { 1 / $0 }), (.square, { $0 * $0 }),
            (.gauss, { exp(-$0 * $0) }), (.sine, { sin($0) }), (.cosine, { cos($0) }), (.elliott, { $0 / (1 + abs($0)) }),
            (.arctan, { 2 * atan($0) / .pi }), (.rectifier(leakage: 0), { max($0, 0) }),
            (.rectifier(leakage: 0.1), { $0 > 0 ? $0 : 0.1 * $0 }),
        ]
        let rows = [-2.0, -0.3, 0.25, 0.7, 4].map { [$0] }
        for (activation, formula) in formulas {
            let layer = Layer(activation: activation, neurons: [Neuron(sources: [0], weights: [1])])
            let network = LayeredNetwork(inputCount: 1, layers: [layer], outputs: [1])
            #expect(try results(network, rows).map { $0[0] } == rows.map { formula($0[0]) }, "\(activation)")
        }
    }

    @Test func aMissingInputMakesEveryOutputMissing() throws {
        let layer = Layer(
            activation: .threshold(0), neurons: [Neuron(sources: [0], weights: [1]), Neuron(sources: [], weights: [], bias: 1)])
        let network = LayeredNetwork(inputCount: 2, layers: [layer], outputs: [2, 3])
        let found = try results(network, [[1, .nan], [1, 1], [.nan, 1]])
        #expect(found[1] == [1, 1])
        #expect(found[0].allSatisfy { $0.isNaN } && found[2].allSatisfy { $0.isNaN })
    }

    @Test func sharesOfNothingAreMissing() throws {
        let neurons = [Neuron(sources: [0], weights: [1]), Neuron(sources: [0], weights: [3])]
        let network = LayeredNetwork(
            inputCount: 1, layers: [Layer(activation: .identity, normalization: .share, neurons: neurons)], outputs: [1, 2])
        let found = try results(network, [[2], [0]])
        #expect(found[0] == [0.25, 0.75])
        #expect(found[1].allSatisfy { $0.isNaN })
    }
}
