/// Puts an ONNX file together from protobuf fields, which the reader's own types have no part in.
enum ModelBytes {
    static func varint(_ value: Int) -> [UInt8] {
        var (rest, bytes) = (UInt64(bitPattern: Int64(value)), [UInt8]())
        while rest > 0x7f {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    static func field(_ number: Int, _ value: Int) -> [UInt8] { varint(number << 3) + varint(value) }
    static func field(_ number: Int, _ content: [UInt8]) -> [UInt8] {
        varint(number << 3 | 2) + varint(content.count) + content
    }
    static func field(_ number: Int, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

    /// A field of a graph or function: a node.
    static func node(
        _ operation: String, _ inputs: [String], _ outputs: [String], domain: String = "", field number: Int = 1,
        more: [UInt8] = []
    ) -> [UInt8] {
        let names = inputs.flatMap { field(1, $0) } + outputs.flatMap { field(2, $0) } + field(3, "n_\(outputs.first ?? "")")
        return field(number, names + field(4, operation) + field(7, domain) + more)
    }

    static func attribute(_ name: String, _ type: Int, _ content: [UInt8]) -> [UInt8] {
        field(5, field(1, name) + content + field(20, type))
    }

    /// A tensor of floats; `data` is what follows its type and name.
    static func tensor(_ name: String, dims: [Int], _ data: [UInt8]) -> [UInt8] {
        dims.flatMap { field(1, $0) } + field(2, 1) + field(8, name) + data
    }

    static func external(_ name: String, _ location: String) -> [UInt8] {
        tensor(name, dims: [2], field(13, field(1, "location") + field(2, location)) + field(14, 1))
    }

    /// A field of a graph: an input (11) or an output (12) of floats.
    static func info(_ number: Int, _ name: String, _ dims: [Int?]) -> [UInt8] {
        let shape = dims.flatMap { field(1, $0.map { field(1, $0) } ?? field(2, "N")) }
        return field(number, field(1, name) + field(2, field(1, field(1, 1) + field(2, shape))))
    }

    /// A graph that takes X [N, 2] and gives Z of these dimensions.
    static func graph(_ content: [UInt8], output: [Int?] = [nil, 2], input: [Int?] = [nil, 2]) -> [UInt8] {
        content + field(2, "g") + info(11, "X", input) + info(12, "Z", output)
    }

    static func model(_ graph: [UInt8], more: [UInt8] = [], domains: [String] = []) -> [UInt8] {
        let sets = field(8, field(1, "") + field(2, 17)) + field(8, field(1, "ai.onnx.ml") + field(2, 3))
        return field(1, 8) + field(7, graph) + sets + domains.flatMap { field(8, field(1, $0) + field(2, 1)) } + more
    }
}
