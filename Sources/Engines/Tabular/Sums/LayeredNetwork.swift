/// A feed-forward network of neurons in layers. Units are numbered: first the inputs, then the neurons of one
/// layer after the other. A neuron takes any units of earlier layers; a missing input makes every output missing.
package struct LayeredNetwork: Sendable, Equatable {
    /// What a neuron makes of its sum z.
    package enum Activation: Sendable, Equatable {
        /// 1 where z is greater, else 0.
        case threshold(Double)
        /// 1 / (1 + exp(-z))
        case logistic
        case tanh, identity, exponential
        /// 1 / z
        case reciprocal
        case square
        /// exp(-z * z)
        case gauss
        case sine, cosine
        /// z / (1 + |z|)
        case elliott
        /// 2 * arctan(z) / pi
        case arctan
        /// z where it is positive, else z times the leakage.
        case rectifier(leakage: Double)
        /// exp(n * ln(altitude) - z / (2 * width * width)) of the squared distance z to the n weights.
        case radialBasis
    }

    /// What is done with the results of a whole layer.
    package enum Normalization: Sendable, Equatable {
        case none
        /// Each over the sum of all; missing where that is zero.
        case share
        /// exp of each over the sum of all exps.
        case softmax
    }

    package struct Neuron: Sendable, Equatable {
        /// The units it takes, in the order in which they are added up.
        package var sources: [Int32]
        package var weights: [Double]
        /// Added last. For radial basis functions unused.
        package var bias: Double
        /// For radial basis functions only.
        package var width: Double
        package var altitude: Double

        package init(sources: [Int32], weights: [Double], bias: Double = 0, width: Double = 1, altitude: Double = 1) {
            self.sources = sources
            self.weights = weights
            self.bias = bias
            self.width = width
            self.altitude = altitude
        }
    }

    package struct Layer: Sendable, Equatable {
        package var activation: Activation
        package var normalization: Normalization
        package var neurons: [Neuron]

        package init(activation: Activation, normalization: Normalization = .none, neurons: [Neuron]) {
            self.activation = activation
            self.normalization = normalization
            self.neurons = neurons
        }
    }

    package var inputCount: Int
    package var layers: [Layer]
    /// The units whose values are the results.
    package var outputs: [Int]

    package init(inputCount: Int, layers: [Layer], outputs: [Int]) {
        self.inputCount = inputCount
        self.layers = layers
        self.outputs = outputs
    }
}
