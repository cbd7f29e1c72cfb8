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
