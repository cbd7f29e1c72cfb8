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
