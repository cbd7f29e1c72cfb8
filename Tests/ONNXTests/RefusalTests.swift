internal import ONNX
internal import Scoring
internal import Testing

/// What is wrong with a file is said, and what is not evaluated is named.
@Suite struct RefusalTests {
    // A file is put together from protobuf fields, which the reader's own types have no part in.

    private func varint(_ value: Int) -> [UInt8] {
        var (rest, bytes) = (UInt64(bitPattern: Int64(value)), [UInt8]())
        while rest > 0x7f {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private func field(_ number: Int, _ value: Int) -> [UInt8] { varint(number << 3) + varint(value) }
    private func field(_ number: Int, _ content: [UInt8]) -> [UInt8] { varint(number << 3 | 2) + varint(content.count) + content }
    private func field(_ number: Int, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

    private func node(_ operation: String, _ inputs: [String], _ output: String, domain: String = "", more: [UInt8] = [])
        -> [UInt8]
    {
        let names = inputs.flatMap { field(1, $0) } + field(2, output) + field(3, "n1")
        return field(1, names + field(4, operation) + field(7, domain) + more)
    }

    /// A model that takes X [rows, 2] of floats and gives Z.
    private func model(_ nodes: [UInt8]..., rows: [UInt8]? = nil, constant: [UInt8] = [], opset: Int = 17) -> [UInt8] {
        let shape = field(1, rows ?? field(2, "N")) + field(1, field(1, 2))
        let input = field(11, field(1, "X") + field(2, field(1, field(1, 1) + field(2, shape))))
        let graph = nodes.flatMap { $0 } + constant + input + field(12, field(1, "Z"))
        return field(1, 8) + field(7, graph) + field(8, field(2, opset))
    }

    private func error(_ bytes: [UInt8]) -> String {
        do throws(ScoringError) {
            _ = try Golden.load(bytes)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test func aSoundGraphIsRead() {
        #expect(error(model(node("Identity", ["X"], "Z"))) == "")
    }

    @Test func unknownOperatorsAreNamed() {
        #expect(error(model(node("Scan", ["X"], "Z"))).contains("Scan 'n1' needs ONNX Runtime"))
        #expect(error(model(node("Magic", ["X"], "Z", domain: "com.bank"))).contains("com.bank.Magic 'n1' needs ONNX Runtime"))
    }

    @Test func graphsInsideNodesAreRefused() {
        let branch = field(5, field(1, "then_branch") + field(6, field(2, "inner")))
        #expect(error(model(node("If", ["X"], "Z", more: branch))).contains("a graph inside a node"))
    }

    @Test func attributesAreThereOnce() {
        let twice = field(5, field(1, "axis") + field(3, 1)) + field(5, field(1, "axis") + field(3, 1))
        #expect(error(model(node("Flatten", ["X"], "Z", more: twice))).contains("'axis' is there twice"))
    }

    @Test func cyclesAreRefused() {
        let cycle = model(node("Add", ["X", "Z"], "a"), node("Identity", ["a"], "Z"))
        #expect(error(cycle).contains("'Z' is used, but not defined before"))
    }

    @Test func namesAreDefinedOnce() {
        #expect(error(model(node("Identity", ["X"], "Z"), node("Identity", ["X"], "Z"))).contains("'Z' is defined twice"))
    }

    @Test func missingOutputsAreNamed() {
        #expect(error(model(node("Identity", ["X"], "Y"))).contains("'Z' is not defined"))
    }

    /// What is said of X + c, c with these fields.
    private func withConstant(dims: [Int] = [2], type: Int = 1, data: [UInt8]) -> String {
        let tensor = dims.flatMap { field(1, $0) } + field(2, type) + field(8, "c") + data
        return error(model(node("Add", ["X", "c"], "Z"), constant: field(5, tensor)))
    }

    @Test func constantsMustHoldWhatTheyAnnounce() {
        let data = field(9, [UInt8](repeating: 0, count: 8))
        #expect(withConstant(data: data) == "")
        #expect(withConstant(dims: [1_000_000_000], data: data).contains("announce 1000000000"))
        #expect(withConstant(dims: [1 << 40, 1 << 40], data: data).contains("out of range"))
        #expect(withConstant(dims: [-1], data: data).contains("out of range"))
        #expect(withConstant(data: field(9, [1, 2, 3])).contains("3 bytes"))
        #expect(withConstant(type: 16, data: data).contains("type 16"))
        #expect(withConstant(data: field(14, 1)).contains("external data"))
    }

    @Test func operatorSetsBeyondThoseKnownAreRefused() {
        #expect(error(model(node("Identity", ["X"], "Z"), opset: 99)).contains("version 99"))
    }

    @Test func batchesOfAFixedSizeAreRefused() {
        #expect(error(model(node("Identity", ["X"], "Z"), rows: field(1, 16))).contains("16 rows at a time"))
    }

    @Test func rowsThatMixAreRefused() {
        let flat = field(5, field(1, "axis") + field(3, 0))
        #expect(error(model(node("Flatten", ["X"], "Z", more: flat))).contains("rows that mix"))
    }

    @Test func tooManyNodesAreRefusedBeforeTheyAreRead() {
        // Empty nodes: two bytes each in the file, hundreds in memory.
        let nodes = [[UInt8]](repeating: [0x0a, 0], count: 30_000).flatMap { $0 }
        #expect(error(field(1, 8) + field(7, nodes)).contains("too many nodes"))
    }
}
