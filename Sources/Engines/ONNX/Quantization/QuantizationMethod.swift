/// How products with constant weights are computed from bytes. Weights lie between -127 and 127 around 128 in each.
package enum QuantizationMethod: String, Sendable, CaseIterable {
    /// ONNX Runtime's `MatMulNBits`: a scale for each block of a column's weights and of a row's inputs. The most
    /// accurate. A row's scores do not depend on its batch.
    case matmulNBits = "matmul-nbits"
    /// Standard operators only: a scale for each column of weights and for each row of inputs. A row's scores do not
    /// depend on its batch.
    case perRow = "per-row"
    /// Standard operators, with one scale for the inputs of the whole batch: a row's scores depend on the other rows.
    case dynamic = "dynamic"

    /// The lowest version of the standard operators with what the method writes.
    var lowestOpset: Int { self == .matmulNBits ? 7 : 11 }

    /// Whether a row's scores are the same in any batch.
    package var keepsRowsApart: Bool { self != .dynamic }
}

/// Bounds and proportions of quantization.
enum QuantizationLimits {
    /// Most weights of a column that share a scale in `matmul-nbits`. Of 32 to 256 larger ones are smaller, faster and a
    /// little less accurate; see docs/quantization.md.
    static let largestBlock = 256
    /// The smallest that ONNX Runtime takes.
    static let smallestBlock = 16
    /// Longer sums of products of bytes may leave 32 bits.
    static let maxSum = 66_000
    /// The last layer stays in float32 where it holds at most one in so many of the weights: it costs accuracy, and its
    /// size is not felt.
    static let shareOfLastLayer = 4
}
