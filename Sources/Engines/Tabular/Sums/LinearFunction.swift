/// Linear sums over a row's features: `start + sum of weight * feature`, one an output, added in feature
/// order in the given precision. Missing (NaN) features are passed over.
package struct LinearFunction: Sendable, Equatable {
    package var precision: Forest.Precision
    package var featureCount: Int
    package var outputCount: Int
    /// One an output; the sum starts from it.
    package var start: [Double]
    /// Feature-major: `weights[feature * outputCount + output]`.
    package var weights: [Double]

    package init(precision: Forest.Precision, featureCount: Int, outputCount: Int, start: [Double], weights: [Double]) {
        self.precision = precision
        self.featureCount = featureCount
        self.outputCount = outputCount
        self.start = start
        self.weights = weights
    }
}

/// Executes a `LinearFunction`, one row after the other, in its precision.
struct LinearKernel: Kernel {
    private let function: LinearFunction
    private let features: [Int]
    private let into: Int

    init(_ function: LinearFunction, features: [Int], into: Int) {
        precondition(features.count == function.featureCount)
        self.function = function
        self.features = features
        self.into = into
    }

    func scratchBytes(rows: Int) -> Int { 0 }
    var memoryBytes: Int { function.weights.count * MemoryLayout<Double>.stride }

    func run(_ frames: borrowing Frames) {
        for row in 0..<frames.rows {
            let frame = frames.slots + row * frames.stride
            for output in 0..<function.outputCount {
                frame[into + output] = function.precision == .float32 ? sum32(frame, output) : sum64(frame, output)
            }
        }
    }

    private func sum32(_ frame: UnsafeMutablePointer<Double>, _ output: Int) -> Double {
        var sum = Float(function.start[output])
        for (index, slot) in features.enumerated() {
            let value = Float(frame[slot])
            if value.isNaN { continue }
            sum += value * Float(function.weights[index * function.outputCount + output])
        }
        return Double(sum)
    }

    private func sum64(_ frame: UnsafeMutablePointer<Double>, _ output: Int) -> Double {
        var sum = function.start[output]
        for (index, slot) in features.enumerated() where !frame[slot].isNaN {
            sum += frame[slot] * function.weights[index * function.outputCount + output]
        }
        return sum
    }
}
