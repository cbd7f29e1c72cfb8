internal import Glibc
internal import Scoring

/// Executes a network, one row after the other. Layers whose neurons all take the same units are matrices, of
/// which eight neurons are computed side by side; each neuron's sum is still added up in the file's order, so
/// that a result does not depend on how a layer is stored.
struct LayeredNetworkKernel: Kernel {
    private typealias Lanes = SIMD8<Double>

    private struct Layer {
        var activation: LayeredNetwork.Activation
        var normalization: LayeredNetwork.Normalization
        /// The number of the first neuron's unit.
        var firstUnit: Int
        var count: Int
        /// Whether all neurons take the same units.
        var isMatrix: Bool
        /// Into `sources` and `weights`. A matrix has one list of sources, and weights eight neurons at a time:
        /// those of the first source, of the second and so on.
        var firstSource: Int
        var sourceCount: Int
        var firstWeight: Int
        /// Into `biases`, and for radial basis functions into `scales`.
        var firstBias: Int
    }

    private var layers: [Layer] = []
    private var sources: [Int32] = []
    private var weights: [Double] = []
    /// One a neuron and, at the end, a few to read past it. The constant part of a radial basis function's exponent.
    private var biases: [Double] = []
    /// What a radial basis function's sum is divided by.
    private var scales: [Double] = []
    /// The end of each neuron's sources; only layers that are no matrices use it.
    private var sourceEnds: [Int] = []
    private let inputs: [Int]
    private let outputs: [Int]
    private let into: Int
    private var unitCount: Int

    init(_ network: LayeredNetwork, inputs: [Int], into: Int) {
        precondition(inputs.count == network.inputCount)
        (self.inputs, self.outputs, self.into) = (inputs, network.outputs, into)
        unitCount = inputs.count
        for layer in network.layers {
            add(layer)
            LoadThrottle.step()
        }
        biases += [Double](repeating: 0, count: Lanes.scalarCount)
        precondition(outputs.allSatisfy { $0 >= 0 && $0 < unitCount })
    }

    private mutating func add(_ layer: LayeredNetwork.Layer) {
        let common = layer.neurons.first?.sources ?? []
        let isMatrix = layer.neurons.count > 1 && layer.neurons.allSatisfy { $0.sources == common }
        var packed = Layer(
            activation: layer.activation, normalization: layer.normalization, firstUnit: unitCount, count: layer.neurons.count,
            isMatrix: isMatrix, firstSource: sources.count, sourceCount: common.count, firstWeight: weights.count,
            firstBias: biases.count)
        precondition(
            layer.neurons.allSatisfy { neuron in
                neuron.sources.count == neuron.weights.count && neuron.sources.allSatisfy { $0 >= 0 && $0 < unitCount }
            })
        if isMatrix {
            sources += common
            for block in stride(from: 0, to: layer.neurons.count, by: Lanes.scalarCount) {
                for source in common.indices {
                    for neuron in block..<block + Lanes.scalarCount {
                        weights.append(neuron < layer.neurons.count ? layer.neurons[neuron].weights[source] : 0)
                    }
                }
            }
        } else {
            packed.sourceCount = 0
            for neuron in layer.neurons {
                sources += neuron.sources
                weights += neuron.weights
            }
        }
        var end = packed.firstSource
        for neuron in layer.neurons {
            end += neuron.sources.count
            sourceEnds.append(end)
            if layer.activation == .radialBasis {
                biases.append(neuron.altitude == 1 ? 0 : log(neuron.altitude) * Double(neuron.sources.count))
                scales.append(neuron.width * neuron.width * -2)
            } else {
                biases.append(neuron.bias)
                scales.append(1)
            }
        }
        unitCount += layer.neurons.count
        layers.append(packed)
    }

    /// A matrix writes eight neurons at a time, so the last ones may run over.
    func scratchBytes(rows: Int) -> Int { (unitCount + Lanes.scalarCount) * MemoryLayout<Double>.stride }

    var memoryBytes: Int {
        weights.count * 8 + sources.count * 4 + (biases.count + scales.count + sourceEnds.count) * 8
            + layers.count * MemoryLayout<Layer>.stride
    }

    func run(_ frames: borrowing Frames) {
        let units = frames.scratch.bindMemory(to: Double.self, capacity: unitCount + Lanes.scalarCount)
        for row in 0..<frames.rows {
            let frame = frames.slots + row * frames.stride
            var hasMissing = false
            for (index, slot) in inputs.enumerated() {
                units[index] = frame[slot]
                hasMissing = hasMissing || frame[slot].isNaN
            }
            guard !hasMissing else {
                for index in outputs.indices { frame[into + index] = .nan }
                continue
            }
            for layer in layers {
                if layer.isMatrix { multiply(layer, units) } else { add(layer, units) }
                activate(layer, units + layer.firstUnit)
                normalize(layer, units + layer.firstUnit)
            }
            for (index, unit) in outputs.enumerated() { frame[into + index] = units[unit] }
        }
    }

    private func multiply(_ layer: Layer, _ units: UnsafeMutablePointer<Double>) {
        let isDistance = layer.activation == .radialBasis
        weights.withUnsafeBufferPointer { weights in
            sources.withUnsafeBufferPointer { sources in
                biases.withUnsafeBufferPointer { biases in
                    for block in stride(from: 0, to: layer.count, by: Lanes.scalarCount) {
                        var sum = Lanes.zero
                        var next = UnsafeRawPointer(
                            weights.baseAddress.unsafelyUnwrapped + layer.firstWeight + block * layer.sourceCount)
                        for source in layer.firstSource..<layer.firstSource + layer.sourceCount {
                            let weight = next.loadUnaligned(as: Lanes.self)
                            let value = units[Int(sources[source])]
                            if isDistance {
                                let difference = Lanes(repeating: value) - weight
                                sum += difference * difference
                            } else {
                                sum += weight * value
                            }
                            next += MemoryLayout<Lanes>.size
                        }
                        if !isDistance {
                            let bias = UnsafeRawPointer(biases.baseAddress.unsafelyUnwrapped + layer.firstBias + block)
                            sum += bias.loadUnaligned(as: Lanes.self)
                        }
                        UnsafeMutableRawPointer(units + layer.firstUnit + block).storeBytes(of: sum, as: Lanes.self)
                    }
                }
            }
        }
    }

    private func add(_ layer: Layer, _ units: UnsafeMutablePointer<Double>) {
        let isDistance = layer.activation == .radialBasis
        let offset = layer.firstWeight - layer.firstSource
        var start = layer.firstSource
        for neuron in 0..<layer.count {
            let end = sourceEnds[layer.firstBias + neuron]
            var sum = 0.0
            for source in start..<end {
                let (weight, value) = (weights[source + offset], units[Int(sources[source])])
                if isDistance { sum += (value - weight) * (value - weight) } else { sum += weight * value }
            }
            units[layer.firstUnit + neuron] = isDistance ? sum : sum + biases[layer.firstBias + neuron]
            start = end
        }
    }

    private func activate(_ layer: Layer, _ z: UnsafeMutablePointer<Double>) {
        @inline(__always) func each(_ function: (Double) -> Double) { for i in 0..<layer.count { z[i] = function(z[i]) } }
        switch layer.activation {
        case .identity: break
        case .threshold(let threshold): each { $0.isNaN ? .nan : ($0 > threshold ? 1 : 0) }
        case .logistic: each { 1 / (1 + exp(-$0)) }
        case .tanh: each { Glibc.tanh($0) }
        case .exponential: each { exp($0) }
        case .reciprocal: each { 1 / $0 }
        case .square: each { $0 * $0 }
        case .gauss: each { exp(-($0 * $0)) }
        case .sine: each { sin($0) }
        case .cosine: each { cos($0) }
        case .elliott: each { $0 / (1 + abs($0)) }
        case .arctan: each { 2 * atan($0) / .pi }
        case .rectifier(let leakage): each { $0 > 0 || $0.isNaN ? $0 : (leakage == 0 ? 0 : $0 * leakage) }
        case .radialBasis:
            for i in 0..<layer.count { z[i] = exp(z[i] / scales[layer.firstBias + i] + biases[layer.firstBias + i]) }
        }
    }

    private func normalize(_ layer: Layer, _ z: UnsafeMutablePointer<Double>) {
        switch layer.normalization {
        case .none: break
        case .softmax: Softmax.apply(count: layer.count, into: z) { z[$0] }
        case .share:
            var sum = 0.0
            for i in 0..<layer.count { sum += z[i] }
            for i in 0..<layer.count { z[i] = sum == 0 ? .nan : z[i] / sum }
        }
    }
}
