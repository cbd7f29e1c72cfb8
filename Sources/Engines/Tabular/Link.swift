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
