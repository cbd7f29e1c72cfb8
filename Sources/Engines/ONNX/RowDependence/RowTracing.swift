internal import Scoring
internal import SwiftProtobuf

/// Carries traces through the nodes of a graph, in the order in which they stand.
struct RowTracing {
    /// Of more elements than this no content is kept.
    private static let maxContent = 64

    /// Versions of the operator sets, by domain; the standard one is "".
    private let versions: [String: Int]
    /// "domain.name" of functions that the model defines itself.
    private let functions: TextSet
    private(set) var values: TextMap<RowTrace>
    let depth: Int

    init(_ model: ProtoModelProto) {
        versions = Dictionary(
            model.opsetImport.map { (OperatorNode.isStandard($0.domain) ? "" : $0.domain, Int(clamping: $0.version)) },
            uniquingKeysWith: max)
        functions = TextSet(model.functions.map { Self.name(ofFunction: [UInt8]($0.unknownFields.data)) })
        values = [:]
        depth = 0
    }

    /// For a graph inside a node, which sees the values around it.
    init(inside other: RowTracing) {
        (versions, functions, values, depth) = (other.versions, other.functions, other.values, other.depth + 1)
    }

    private static func name(ofFunction bytes: [UInt8]) -> String {
        var (name, domain) = ("", "")
        var walk = WireWalk(bytes[...])
        while let field = walk.next() {
            guard field.wireType == 2 else { continue }
            if field.number == 1 { name = String(decoding: bytes[field.content], as: UTF8.self) }
            if field.number == 10 { domain = String(decoding: bytes[field.content], as: UTF8.self) }
        }
        return "\(domain).\(name)"
    }

    var version: Int { versions[""] ?? 1 }

    func value(_ name: String) -> RowTrace { values[name] ?? .mixed("'\(name)' is not defined") }

    mutating func set(_ name: String, _ trace: RowTrace) {
        guard !name.isEmpty else { return }
        var trace = trace
        if trace.axis != nil, trace.shape == nil { trace = .mixed("'\(name)' has an unknown shape") }
        values[name] = trace
    }

    mutating func define(_ constants: [ProtoTensorProto]) {
        for constant in constants { set(constant.name, Self.trace(of: constant)) }
    }

    static func trace(of constant: ProtoTensorProto) -> RowTrace {
        let shape = constant.dims.map { Extent.known(Int(clamping: $0)) }
        var trace = RowTrace(.fixed, shape)
        if let count = Extent.product(shape), count <= maxContent { trace.content = integers(of: constant, count) }
        return trace
    }

    /// All of a short tensor's integers or truths; nil of other types.
    private static func integers(of constant: ProtoTensorProto, _ count: Int) -> [Extent]? {
        let raw = [UInt8](constant.rawData)
        func read<T: FixedWidthInteger>(_ stored: [T]) -> [Extent]? {
            let size = raw.count / max(count, 1)
            guard !raw.isEmpty else { return stored.count == count ? stored.map { .known(Int($0)) } : nil }
            guard size * count == raw.count else { return nil }
            return raw.withUnsafeBytes { raw -> [Extent]? in
                switch size {
                case 1: raw.map { .known(Int($0)) }
                case 4: (0..<count).map { .known(Int(raw.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self))) }
                case 8: (0..<count).map { .known(Int(raw.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self))) }
                default: nil
                }
            }
        }
        return switch ElementType(rawValue: constant.dataType) {
        case .int64: read(constant.int64Data)
        case .int32, .bool: read(constant.int32Data)
        default: nil
        }
    }

    mutating func walk(_ nodes: [ProtoNodeProto]) {
        for (index, proto) in nodes.enumerated() {
            let node = OperatorNode(proto, index: index)
            let traces = outputs(of: node)
            for (position, name) in proto.output.enumerated() {
                set(name, position < traces.count ? traces[position] : .mixed("\(node.place) has an unknown output"))
            }
        }
    }

    private func outputs(of node: OperatorNode) -> [RowTrace] {
        let count = max(1, node.proto.output.count)
        var inputs: [RowTrace?] = []
        for name in node.proto.input { inputs.append(name.isEmpty ? nil : value(name)) }
        for case .mixed(let reason) in inputs.compactMap({ $0?.origin }) {
            return Array(repeating: .mixed(reason), count: count)
        }
        do throws(RowMixing) {
            let key = "\(node.proto.domain).\(node.operation)"
            guard !functions.contains(key) else { throw RowMixing("is a function of the model's own, which is not looked into") }
            return try RowRules(node, inputs, version: version, around: self).traces()
        } catch {
            return Array(repeating: .mixed("\(node.place) \(error.reason)"), count: count)
        }
    }
}
