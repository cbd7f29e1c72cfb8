internal import Scoring

/// A node with its attributes by name.
struct Node {
    let proto: ProtoNodeProto
    private let attributes: [String: ProtoAttributeProto]
    /// For messages: "Reshape 'Re_Reshape2'".
    let place: String

    init(_ proto: ProtoNodeProto, index: Int) throws(ScoringError) {
        self.proto = proto
        place = proto.name.isEmpty ? "\(proto.opType) (node \(index))" : "\(proto.opType) '\(proto.name)'"
        var attributes: [String: ProtoAttributeProto] = [:]
        for attribute in proto.attribute {
            guard attributes.updateValue(attribute, forKey: attribute.name) == nil else {
                throw .invalidModel(reason: "the attribute '\(attribute.name)' is there twice", place: place)
            }
        }
        self.attributes = attributes
        for attribute in proto.attribute {
            if attribute.hasG || !attribute.graphs.isEmpty { throw needsRuntime("a graph inside a node") }
            if attribute.hasSparseTensor || !attribute.refAttrName.isEmpty { throw needsRuntime("'\(attribute.name)'") }
        }
    }

    var operation: String { proto.opType }

    func needsRuntime(_ what: String? = nil) -> ScoringError {
        let domain = proto.domain.isEmpty ? "" : "\(proto.domain)."
        let detail = what.map { " with \($0)" } ?? ""
        return .unsupportedModel("\(domain)\(place)\(detail) needs ONNX Runtime")
    }

    func invalid(_ reason: String) -> ScoringError { .invalidModel(reason: reason, place: place) }

    func has(_ name: String) -> Bool { attributes[name] != nil }
    func integer(_ name: String, default value: Int) -> Int { attributes[name].map { Int($0.i) } ?? value }
    func float(_ name: String, default value: Float) -> Float { attributes[name]?.f ?? value }
    func floats(_ name: String) -> [Float] { attributes[name]?.floats ?? [] }
    func integers(_ name: String) -> [Int] { (attributes[name]?.ints ?? []).map { Int($0) } }

    /// Integers to compute with: those that a double does not hold need the library.
    func exactIntegers(_ name: String) throws(ScoringError) -> [Double] {
        try integers(name).map { (value) throws(ScoringError) in
            guard value.magnitude <= WholeNumber.greatestExactDouble else { throw needsRuntime("integers beyond 2^53") }
            return Double(value)
        }
    }

    func string(_ name: String, default value: String) throws(ScoringError) -> String {
        guard let attribute = attributes[name] else { return value }
        return try text([UInt8](attribute.s), place)
    }

    func strings(_ name: String) throws(ScoringError) -> [String] {
        var strings: [String] = []
        for bytes in attributes[name]?.strings ?? [] { strings.append(try text([UInt8](bytes), place)) }
        return strings
    }

    func tensor(_ name: String) throws(ScoringError) -> Tensor? {
        guard let attribute = attributes[name], attribute.hasT else { return nil }
        return try Tensor(attribute.t, place: place)
    }

    /// What a Constant node says, in whichever of its attributes.
    func constantValue() throws(ScoringError) -> Tensor? {
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
