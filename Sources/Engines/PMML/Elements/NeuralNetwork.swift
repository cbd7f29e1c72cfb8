internal import Scoring

package struct NeuralNetwork {
    package enum Activation: String {
        case threshold, logistic, tanh, identity, exponential, reciprocal, square, sine, cosine, arctan, rectifier, radialBasis
        case gauss = "Gauss"
        case elliott = "Elliott"
    }

    package enum Normalization: String { case none, simplemax, softmax }

    /// Units are numbered in the order of the file: inputs, then neurons.
    package struct Neuron {
        package var bias: Double
        package var width: Double?
        package var altitude: Double?
        package var sources: [Int32] = []
        package var weights: [Double] = []
        package var place: Place
    }

    /// A layer with the network's defaults filled in.
    package struct Layer {
        package var activation: Activation
        package var normalization: Normalization
        package var threshold: Double
        package var leakage: Double
        package var width: Double?
        package var altitude: Double
        package var neurons: [Neuron] = []
        package var place: Place
    }

    package struct Output {
        package var unit: Int
        package var id: String
        package var field: DerivedField
    }

    package var head: ModelHeader
    package var inputs: [DerivedField] = []
    package var layers: [Layer] = []
    package var outputs: [Output] = []
}

extension ElementReader {
    mutating func neuralNetwork() throws(ScoringError) -> NeuralNetwork {
        var network = NeuralNetwork(head: try modelHead())
        // The schema asks the model for a function, but some writers give one to every layer only.
        let activation: NeuralNetwork.Activation? = try choice("activationFunction")
        var defaults = NeuralNetwork.Layer(
            activation: activation ?? .identity, normalization: try choice("normalizationMethod", or: .none),
            threshold: try double("threshold", or: 0), leakage: try double("x-leakage", or: 0), width: try double("width"),
            altitude: try double("altitude", or: 1), place: place)
        if let leakage = try double("leakage") { defaults.leakage = leakage }
        var units: TextMap<Int32> = [:]
        try children { (reader, tag) throws(ScoringError) in
            if try reader.readCommon(tag, into: &network.head) { return }
            switch tag {
            case .NeuralInputs:
                try reader.children { (reader, tag) throws(ScoringError) in
                    guard tag == .NeuralInput else { throw reader.unsupported() }
                    guard network.layers.isEmpty else { throw reader.invalid("inputs must come before the layers") }
                    try reader.number(try reader.required("id"), in: &units)
                    network.inputs.append(try reader.onlyDerivedField())
                }
            case .NeuralLayer: network.layers.append(try reader.neuralLayer(defaults, hasActivation: activation != nil, &units))
            case .NeuralOutputs:
                try reader.children { (reader, tag) throws(ScoringError) in
                    guard tag == .NeuralOutput else { throw reader.unsupported() }
                    let id = try reader.required("outputNeuron")
                    guard let unit = units[id] else { throw reader.invalid("there is no neuron '\(id)'") }
                    network.outputs.append(.init(unit: Int(unit), id: id, field: try reader.onlyDerivedField()))
                }
            default: throw reader.unsupported()
            }
        }
        for (isMissing, name) in [
            (network.inputs.isEmpty, "NeuralInputs"), (network.layers.isEmpty, "NeuralLayer"),
            (network.outputs.isEmpty, "NeuralOutputs"),
        ] where isMissing {
            throw .invalidModel(reason: "<NeuralNetwork>: the \(name) is missing", place: xml.place(of: Int(network.head.place)))
        }
        return network
    }

    /// Gives a unit the next number.
    private func number(_ id: String, in units: inout TextMap<Int32>) throws(ScoringError) {
        let next = Int32(units.count)
        guard units.updateValue(next, forKey: id) == nil else { throw invalid("there are two neurons '\(id)'") }
    }

    /// The derived field within the current element.
    mutating func onlyDerivedField() throws(ScoringError) -> DerivedField {
        let place = place
        var field: DerivedField?
        try children { (reader, tag) throws(ScoringError) in
            guard tag == .DerivedField, field == nil else { throw reader.unsupported() }
            field = try reader.derivedField()
        }
        guard let field else { throw .invalidModel(reason: "the DerivedField is missing", place: xml.place(of: Int(place))) }
        return field
    }

    private mutating func neuralLayer(
        _ defaults: NeuralNetwork.Layer, hasActivation: Bool, _ units: inout TextMap<Int32>
    ) throws(ScoringError) -> NeuralNetwork.Layer {
        var layer = defaults
        layer.place = place
        layer.activation =
            hasActivation
            ? try choice("activationFunction", or: defaults.activation) : try requiredChoice("activationFunction")
        layer.normalization = try choice("normalizationMethod", or: defaults.normalization)
        layer.threshold = try double("threshold", or: defaults.threshold)
        layer.leakage = try double("x-leakage", or: defaults.leakage)
        if let leakage = try double("leakage") { layer.leakage = leakage }
        if let width = try double("width") { layer.width = width }
        layer.altitude = try double("altitude", or: defaults.altitude)
        var ids: [String] = []
        try children { (reader, tag) throws(ScoringError) in
            guard tag == .Neuron else { throw reader.unsupported() }
            ids.append(try reader.required("id"))
            layer.neurons.append(try reader.neuron(units))
        }
        guard !layer.neurons.isEmpty else {
            throw .invalidModel(reason: "<NeuralLayer>: a Neuron is missing", place: xml.place(of: Int(layer.place)))
        }
        for id in ids { try number(id, in: &units) }
        return layer
    }

    private mutating func neuron(_ units: TextMap<Int32>) throws(ScoringError) -> NeuralNetwork.Neuron {
        var neuron = NeuralNetwork.Neuron(
            bias: try double("bias", or: 0), width: try double("width"), altitude: try double("altitude"), place: place)
        try children { (reader, tag) throws(ScoringError) in
            guard tag == .Con else { throw reader.unsupported() }
            let id = try reader.required("from")
            guard let unit = units[id] else { throw reader.invalid("no input or earlier layer has the neuron '\(id)'") }
            neuron.sources.append(unit)
            neuron.weights.append(try reader.requiredDouble("weight"))
        }
        return neuron
    }
}
