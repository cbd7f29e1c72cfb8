internal import Scoring

/// A node with its attributes by name.
struct Node {
    let proto: ProtoNodeProto
    private let name: RuntimeReason.NodeName
    private let attributes: [String: ProtoAttributeProto]
    /// For messages: "Reshape 'Re_Reshape2'".
    let place: String

    init(_ proto: ProtoNodeProto, index: Int) throws(LoweringFailure) {
        self.proto = proto
        name = RuntimeReason.NodeName(domain: proto.domain, operation: proto.opType, name: proto.name, index: index)
        place = name.place
        var attributes: [String: ProtoAttributeProto] = [:]
        for attribute in proto.attribute {
            guard attributes.updateValue(attribute, forKey: attribute.name) == nil else {
                throw .invalid(.invalidModel(reason: "the attribute '\(attribute.name)' is there twice", place: place))
            }
        }
        self.attributes = attributes
        for attribute in proto.attribute {
            if attribute.hasG || !attribute.graphs.isEmpty { throw needsRuntime(.innerGraph) }
            if attribute.hasSparseTensor || !attribute.refAttrName.isEmpty { throw needsRuntime(.attribute(attribute.name)) }
        }
    }

    var operation: String { proto.opType }

    /// - Parameter limit: What the native engine does not compute of the operator; nil for the operator as such.
    func needsRuntime(_ limit: NativeLimit? = nil) -> LoweringFailure { .needsRuntime(.node(name, limit)) }

    func invalid(_ reason: String) -> LoweringFailure { .invalid(.invalidModel(reason: reason, place: place)) }

    func has(_ name: String) -> Bool { attributes[name] != nil }
    func integer(_ name: String, default value: Int) -> Int { attributes[name].map { Int($0.i) } ?? value }
    func float(_ name: String, default value: Float) -> Float { attributes[name]?.f ?? value }
    func floats(_ name: String) -> [Float] { attributes[name]?.floats ?? [] }
    func integers(_ name: String) -> [Int] { (attributes[name]?.ints ?? []).map { Int($0) } }

    /// Integers to compute with: those that a double does not hold need the library.
    func exactIntegers(_ name: String) throws(LoweringFailure) -> [Double] {
        try integers(name).map { (value) throws(LoweringFailure) in
            guard value.magnitude <= WholeNumber.greatestExactDouble else { throw needsRuntime(.wideIntegers) }
            return Double(value)
        }
    }

    func string(_ name: String, default value: String) throws(LoweringFailure) -> String {
        guard let attribute = attributes[name] else { return value }
        return try text(attribute.s)
    }

    func strings(_ name: String) throws(LoweringFailure) -> [String] {
        var strings: [String] = []
        for bytes in attributes[name]?.strings ?? [] { strings.append(try text(bytes)) }
        return strings
    }

    private func text(_ bytes: some Sequence<UInt8>) throws(LoweringFailure) -> String {
        try LoweringFailure.wrapping { () throws(ScoringError) in try ONNX.text([UInt8](bytes), place) }
    }

    func tensor(_ name: String) throws(LoweringFailure) -> Tensor? {
        guard let attribute = attributes[name], attribute.hasT else { return nil }
        return try Tensor(attribute.t, place: place)
    }

    /// What a Constant node says, in whichever of its attributes.
    func constantValue() throws(LoweringFailure) -> Tensor? {
        if has("value") { return try tensor("value") }
        if has("value_float") { return Tensor(type: .float, dims: [], numbers: [Double(float("value_float", default: 0))]) }
        if has("value_int") { return Tensor(type: .int64, dims: [], numbers: [Double(integer("value_int", default: 0))]) }
        if has("value_floats") {
            let numbers = floats("value_floats").map(Double.init)
            return Tensor(type: .float, dims: [numbers.count], numbers: numbers)
        }
        if has("value_ints") {
            let numbers = integers("value_ints").map(Double.init)
            return Tensor(type: .int64, dims: [numbers.count], numbers: numbers)
        }
        return nil
    }
}
