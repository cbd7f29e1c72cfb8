internal import SwiftProtobuf

/// The constants of a graph, also those that it computes from others: renamed, turned, converted.
struct ConstantWeights {
    /// A matrix of float32, row by row.
    struct Matrix {
        var rows: Int
        var columns: Int
        var elements: [Float]

        var turned: Matrix {
            var result = Matrix(rows: columns, columns: rows, elements: elements)
            for row in 0..<rows {
                for column in 0..<columns { result.elements[column * rows + row] = elements[row * columns + column] }
            }
            return result
        }
    }

    /// Why a value is no constant of numbers.
    struct Refusal: Error {
        var reason: String
        init(_ reason: String) { self.reason = reason }
    }

    private let tensors: [String: ProtoTensorProto]
    private let makers: [String: OperatorNode]
    /// Initializers are looked up again and again only by name; their elements are not kept.
    private static let maxChain = 16

    init(_ graph: ProtoGraphProto) {
        tensors = Dictionary(graph.initializer.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var makers: [String: OperatorNode] = [:]
        for (index, proto) in graph.node.enumerated() {
            let node = OperatorNode(proto, index: index)
            for name in proto.output where !name.isEmpty { makers[name] = node }
        }
        self.makers = makers
    }

    /// Whether the value is the same for every call, as far as chains of single inputs show.
    func isConstant(_ name: String) -> Bool {
        var name = name
        for _ in 0..<Self.maxChain {
            if tensors[name] != nil { return true }
            guard let maker = makers[name], maker.isStandard else { return false }
            if maker.operation == "Constant" { return true }
            guard ["Identity", "Transpose", "Cast"].contains(maker.operation), let input = maker.input(0) else { return false }
            name = input
        }
        return false
    }

    /// The numbers and dimensions of a constant; matrices may have been turned on the way.
    func floats(_ name: String) throws(Refusal) -> (dims: [Int], elements: [Float]) { try floats(name, depth: 0) }

    private func floats(_ name: String, depth: Int) throws(Refusal) -> (dims: [Int], elements: [Float]) {
        guard depth < Self.maxChain else { throw Refusal("its weights are computed in too many steps") }
        if let tensor = tensors[name] { return try Self.floats(of: tensor) }
        guard let maker = makers[name], maker.isStandard else { throw Refusal("its weights are computed") }
        if maker.operation == "Constant", let tensor = maker.tensor("value") { return try Self.floats(of: tensor) }
        guard let input = maker.input(0) else { throw Refusal("its weights are computed") }
        switch maker.operation {
        case "Identity": return try floats(input, depth: depth + 1)
        case "Cast":
            guard maker.integer("to") == 1 else { throw Refusal("its weights are not float32") }
            return try floats(input, depth: depth + 1)
        case "Transpose":
            let (dims, elements) = try floats(input, depth: depth + 1)
            guard dims.count == 2 else { throw Refusal("its weights are no matrix") }
            if maker.integers("perm") == [0, 1] { return (dims, elements) }
            let turned = Matrix(rows: dims[0], columns: dims[1], elements: elements).turned
            return ([turned.rows, turned.columns], turned.elements)
        default: throw Refusal("its weights are computed by \(maker.place)")
        }
    }

    /// The element type of what a product takes as its weights.
    func matrix(_ name: String) throws(Refusal) -> Matrix {
        let (dims, elements) = try floats(name)
        guard dims.count == 2, dims[0] > 0, dims[1] > 0 else { throw Refusal("its weights are no matrix") }
        guard elements.allSatisfy(\.isFinite) else { throw Refusal("its weights are not all finite") }
        return Matrix(rows: dims[0], columns: dims[1], elements: elements)
    }

    private static func floats(of tensor: ProtoTensorProto) throws(Refusal) -> (dims: [Int], elements: [Float]) {
        var count = 1
        for dim in tensor.dims {
            let (product, overflow) = count.multipliedReportingOverflow(by: Int(clamping: dim))
            guard dim >= 0, !overflow else { throw Refusal("its weights' dimensions are out of range") }
            count = product
        }
        let raw = [UInt8](tensor.rawData)
        func read<T>(_ type: T.Type, _ stored: [Float], _ convert: (T) -> Float) throws(Refusal) -> [Float] {
            let size = MemoryLayout<T>.size
            guard !raw.isEmpty else {
                guard stored.count == count else { throw Refusal("its weights are not as many as announced") }
                return stored
            }
            guard raw.count % size == 0, raw.count / size == count else {
                throw Refusal("its weights are not as many as announced")
            }
            return raw.withUnsafeBytes { raw in
                (0..<count).map { convert(raw.loadUnaligned(fromByteOffset: $0 * size, as: type)) }
            }
        }
        let elements: [Float]
        switch tensor.dataType {
        case 1: elements = try read(UInt32.self, tensor.floatData) { Float(bitPattern: $0) }
        case 11: elements = try read(UInt64.self, tensor.doubleData.map { Float($0) }) { Float(Double(bitPattern: $0)) }
        case 10:
            let half = { (bits: UInt16) in Float(Float16(bitPattern: bits)) }
            elements = try read(UInt16.self, tensor.int32Data.map { half(UInt16(truncatingIfNeeded: $0)) }, half)
        case 16:
            let brain = { (bits: UInt16) in Float(bitPattern: UInt32(bits) << 16) }
            elements = try read(UInt16.self, tensor.int32Data.map { brain(UInt16(truncatingIfNeeded: $0)) }, brain)
        default: throw Refusal("its weights have elements of ONNX's type \(tensor.dataType)")
        }
        return (tensor.dims.map { Int($0) }, elements)
    }

    /// ONNX's number for the elements of a constant; nil where it cannot be told.
    func elementType(_ name: String) -> Int32? {
        var name = name
        for _ in 0..<Self.maxChain {
            if let tensor = tensors[name] { return tensor.dataType }
            guard let maker = makers[name] else { return nil }
            switch maker.operation {
            case "Constant":
                return maker.tensor("value")?.dataType ?? (maker.has("value_float") || maker.has("value_floats") ? 1 : nil)
            case "Cast": return maker.integer("to").map { Int32(clamping: $0) }
            default:
                guard let input = maker.input(0) else { return nil }
                name = input
            }
        }
        return nil
    }
}
