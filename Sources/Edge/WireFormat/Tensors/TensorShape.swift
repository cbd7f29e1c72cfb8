internal import Scoring

/// The shape of a tensor of features: rows and columns.
struct TensorShape: Equatable {
    /// Dimensions that a tensor of features has at most.
    static let maxDimensions = 2

    /// One or two, each at least 1.
    let dimensions: [Int]
    /// Their product.
    let count: Int

    init(_ dimensions: [Int], tensor name: String) throws(ScoringError) {
        guard !dimensions.isEmpty else { throw .invalidRequest("the shape of tensor '\(name)' is empty") }
        var count = 1
        for size in dimensions {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard size > 0, !overflow, dimensions.count <= Self.maxDimensions else {
                throw .invalidRequest(
                    "the shape of tensor '\(name)' must be [rows, features], [rows] or [features], each at least 1")
            }
            count = product
        }
        (self.dimensions, self.count) = (dimensions, count)
    }
}
