internal import Glibc

/// exp of each of some values over the sum of all exps, the greatest value subtracted first so that no exp overflows.
/// Where one value is NaN, or one is infinite and the greatest, every result is NaN.
enum Softmax {
    /// In double (LightGBM, PMML).
    @inline(__always)
    static func apply(count: Int, into results: UnsafeMutablePointer<Double>, _ value: (Int) -> Double) {
        shares(count, results, value, Glibc.exp)
    }

    /// In float32 but for the sum, which is added up in double (XGBoost).
    @inline(__always)
    static func applyNarrow(count: Int, into results: UnsafeMutablePointer<Double>, _ value: (Int) -> Double) {
        shares(count, results, { Float(value($0)) }, expf)
    }

    /// `results` may be the memory that the values come from, each in its own place.
    @inline(__always)
    private static func shares<Number: BinaryFloatingPoint>(
        _ count: Int, _ results: UnsafeMutablePointer<Double>, _ value: (Int) -> Number, _ exponential: (Number) -> Number
    ) {
        guard count > 0 else { return }
        var highest = value(0)
        for index in 1..<count { highest = max(highest, value(index)) }
        var sum = 0.0
        for index in 0..<count {
            let power = exponential(value(index) - highest)
            results[index] = Double(power)
            sum += Double(power)
        }
        let divisor = Number(sum)
        for index in 0..<count { results[index] = Double(Number(results[index]) / divisor) }
    }
}
