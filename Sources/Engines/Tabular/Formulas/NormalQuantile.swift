internal import Glibc

/// The inverse of the standard normal distribution function.
package enum NormalQuantile {
    /// Missing outside of 0...1. Acklam's rational approximation, made exact to about 1e-15 by one step of
    /// Halley's method on the complementary error function.
    package static func value(_ p: Double) -> Double {
        guard p >= 0, p <= 1 else { return .nan }
        if p == 0 { return -.infinity }
        if p == 1 { return .infinity }
        let x = approximation(p)
        let error = 0.5 * erfc(-x / 2.0.squareRoot()) - p
        let step = error * (2 * Double.pi).squareRoot() * exp(x * x / 2)
        return x - step / (1 + x * step / 2)
    }

    private static func approximation(_ p: Double) -> Double {
        let tail = 0.02425
        if p < tail { return outer((-2 * log(p)).squareRoot()) }
        if p > 1 - tail { return -outer((-2 * log1p(-p)).squareRoot()) }
        let q = p - 0.5
        let r = q * q
        return horner(centralTop, r) * q / horner(centralBottom, r)
    }

    private static func outer(_ q: Double) -> Double { horner(outerTop, q) / horner(outerBottom, q) }

    private static func horner(_ coefficients: [Double], _ x: Double) -> Double {
        coefficients.reduce(0) { $0 * x + $1 }
    }

    private static let centralTop = [
        -3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02, 1.383577518672690e+02, -3.066479806614716e+01,
        2.506628277459239e+00,
    ]
    private static let centralBottom = [
        -5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01, -1.328068155288572e+01, 1,
    ]
    private static let outerTop = [
        -7.784894002430293e-03, -3.223964580411278e-01, -2.400758277161838e+00, -2.549732539343734e+00, 4.374664141464968e+00,
        2.938163982698783e+00,
    ]
    private static let outerBottom = [
        7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00, 1,
    ]
}
