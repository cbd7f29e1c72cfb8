internal import Glibc

/// Functions from margins to predictions, each with the training library's own rounding. `32` computes in
/// float32 with the C library's float functions, `64` in double.
package enum Link: Sendable, Equatable {
    case identity
    /// 1 / (1 + exp(-x)) in float32 (XGBoost).
    case logistic32
    /// 1 / (1 + exp(-slope * x)) in double (LightGBM).
    case logistic64(slope: Double)
    case exponential32
    case exponential64
    /// Over all margins together: maximum subtracted, expf, summed in double, divided in float32 (XGBoost).
    case softmax32
    /// Over all margins together in double (LightGBM).
    case softmax64
    /// log(1 + exp(x)) (LightGBM cross_entropy_lambda).
    case softplus64
    /// sign(x) * x * x (LightGBM `regression sqrt`).
    case signedSquare64
    /// x / divisor (the mean of LightGBM's random forests).
    case quotient64(by: Double)
    /// Over all margins together: the first as it is, each further one the one before plus 1e-6 plus
    /// log(1 + exp(x)), in float32 (XGBoost reg:expectileerror).
    case ascending32
    /// 1 if x > 0, else 0 (XGBoost binary:hinge).
    case step
}

/// Applies a link function with the rounding of the library it comes from. The C library's `expf` and `exp`
/// are the ones XGBoost and LightGBM call on Linux, which makes the results bit-equal.
struct LinkKernel: Kernel {
    let link: Link
    let from: Int
    let count: Int
    let into: Int

    func scratchBytes(rows: Int) -> Int { 0 }
    var memoryBytes: Int { 0 }

    func run(_ frames: borrowing Frames) {
        for row in 0..<frames.rows {
            let frame = frames.slots + row * frames.stride
            link.apply(from: UnsafePointer(frame + from), count: count, to: frame + into)
        }
    }
}

extension Link {
    /// Applies the function to `count` margins. `results` may be `margins`.
    package func apply(from margins: UnsafePointer<Double>, count: Int, to results: UnsafeMutablePointer<Double>) {
        switch self {
        case .softmax32: Softmax.applyNarrow(count: count, into: results) { margins[$0] }
        case .softmax64: Softmax.apply(count: count, into: results) { margins[$0] }
        case .ascending32: ascending32(margins, count, results)
        default:
            for index in 0..<count { results[index] = apply(margins[index]) }
        }
    }

    private func apply(_ x: Double) -> Double {
        switch self {
        case .identity, .softmax32, .softmax64, .ascending32: x
        // XGBoost bounds the exponent: a margin below gives the smallest such probability instead of 0.
        case .logistic32: Double(1 / (expf(min(-Float(x), 88.7)) + 1))
        case .logistic64(let slope): 1 / (1 + exp(-slope * x))
        case .exponential32: Double(expf(Float(x)))
        case .exponential64: exp(x)
        case .softplus64: log1p(exp(x))
        case .signedSquare64: x < 0 ? -(x * x) : x * x
        case .quotient64(let divisor): x / divisor
        case .step: x.isNaN ? x : (x > 0 ? 1 : 0)
        }
    }

    private func ascending32(_ margins: UnsafePointer<Double>, _ count: Int, _ results: UnsafeMutablePointer<Double>) {
        var sum = Float(margins[0])
        results[0] = Double(sum)
        for index in 1..<max(count, 1) {
            let margin = Float(margins[index])
            sum += 1e-6 + (margin > 0 ? margin + log1pf(expf(-margin)) : log1pf(expf(margin)))
            results[index] = Double(sum)
        }
    }
}

/// 1 - x in the precision of the library's wrapper.
struct ComplementKernel: Kernel {
    let slot: Int
    let precision: Forest.Precision
    let into: Int

    func scratchBytes(rows: Int) -> Int { 0 }
    var memoryBytes: Int { 0 }

    func run(_ frames: borrowing Frames) {
        for row in 0..<frames.rows {
            let frame = frames.slots + row * frames.stride
            frame[into] = precision == .float32 ? Double(1 - Float(frame[slot])) : 1 - frame[slot]
        }
    }
}

/// The position of the greatest of adjacent slots.
struct HighestKernel: Kernel {
    let from: Int
    let count: Int
    let into: Int

    func scratchBytes(rows: Int) -> Int { 0 }
    var memoryBytes: Int { 0 }

    func run(_ frames: borrowing Frames) {
        for row in 0..<frames.rows {
            let frame = frames.slots + row * frames.stride
            var best = 0
            var hasMissing = false
            for index in 0..<count {
                hasMissing = hasMissing || frame[from + index].isNaN
                if frame[from + index] > frame[from + best] { best = index }
            }
            frame[into] = hasMissing ? .nan : Double(best)
        }
    }
}

/// 1 where a slot is greater than a threshold.
struct ExceedsKernel: Kernel {
    let slot: Int
    let threshold: Double
    let into: Int

    func scratchBytes(rows: Int) -> Int { 0 }
    var memoryBytes: Int { 0 }

    func run(_ frames: borrowing Frames) {
        for row in 0..<frames.rows {
            let frame = frames.slots + row * frames.stride
            frame[into] = frame[slot].isNaN ? .nan : (frame[slot] > threshold ? 1 : 0)
        }
    }
}
