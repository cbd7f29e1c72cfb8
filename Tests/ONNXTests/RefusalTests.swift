internal import FoundationEssentials
internal import Scoring
internal import Testing

@testable internal import ONNX

/// What is wrong with a file is said, and what is not evaluated is named.
@Suite struct RefusalTests {
    private func node(_ operation: String, _ inputs: [String], _ outputs: [String], domain: String = "") -> ProtoNodeProto {
        var node = ProtoNodeProto()
        (node.opType, node.input, node.output, node.domain, node.name) = (operation, inputs, outputs, domain, "n1")
        return node
    }

    private func model(_ nodes: [ProtoNodeProto], _ change: (inout ProtoModelProto) -> Void = { _ in }) -> ProtoModelProto {
        var (rows, columns) = (ProtoTensorShapeProto.Dimension(), ProtoTensorShapeProto.Dimension())
        rows.dimParam = "N"
        columns.dimValue = 2
        var model = ProtoModelProto()
        model.irVersion = 8
        model.graph.node = nodes
        var (input, output) = (ProtoValueInfoProto(), ProtoValueInfoProto())
        input.name = "X"
        input.type.tensorType.elemType = 1
        input.type.tensorType.shape.dim = [rows, columns]
        output.name = "Z"
        model.graph.input = [input]
        model.graph.output = [output]
        change(&model)
        return model
    }

    private func error(_ model: ProtoModelProto) -> String {
        do throws(ScoringError) {
            _ = try GraphLowering.model(of: model, options: LoadOptions())
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test func aSoundGraphIsRead() {
        #expect(error(model([node("Identity", ["X"], ["Z"])])) == "")
    }

    @Test func unknownOperatorsAreNamed() {
        #expect(error(model([node("Scan", ["X"], ["Z"])])).contains("Scan 'n1' needs ONNX Runtime"))
        #expect(
            error(model([node("Magic", ["X"], ["Z"], domain: "com.bank")])).contains("com.bank.Magic 'n1' needs ONNX Runtime"))
    }

    @Test func graphsInsideNodesAreRefused() {
        var branch = node("If", ["X"], ["Z"])
        var attribute = ProtoAttributeProto()
        attribute.g = ProtoEmptyProto()
        branch.attribute = [attribute]
        #expect(error(model([branch])).contains("a graph inside a node"))
    }

    @Test func cyclesAreRefused() {
        #expect(error(model([node("Add", ["X", "b"], ["a"]), node("Identity", ["a"], ["b"])])).contains("not defined before"))
    }

    @Test func namesAreDefinedOnce() {
        #expect(error(model([node("Identity", ["X"], ["Z"]), node("Identity", ["X"], ["Z"])])).contains("defined twice"))
    }

    @Test func missingOutputsAreNamed() {
        #expect(error(model([node("Identity", ["X"], ["Y"])])).contains("'Z' is not defined"))
    }

    private func withConstant(_ change: (inout ProtoTensorProto) -> Void) -> String {
        var tensor = ProtoTensorProto()
        (tensor.name, tensor.dataType, tensor.dims, tensor.floatData) = ("c", 1, [2], [1, 2])
        change(&tensor)
        return error(model([node("Add", ["X", "c"], ["Z"])]) { $0.graph.initializer = [tensor] })
    }

    @Test func constantsMustHoldWhatTheyAnnounce() {
        #expect(withConstant { _ in } == "")
        #expect(withConstant { $0.dims = [1_000_000_000] }.contains("announce 1000000000"))
        #expect(withConstant { $0.dims = [1 << 40, 1 << 40] }.contains("out of range"))
        #expect(withConstant { $0.dims = [-1] }.contains("out of range"))
        #expect(withConstant { $0.rawData = .init([1, 2, 3]) }.contains("3 bytes"))
        #expect(withConstant { $0.dataType = 16 }.contains("type 16"))
        #expect(withConstant { $0.dataLocation = 1 }.contains("external data"))
    }

    @Test func operatorSetsBeyondThoseKnownAreRefused() {
        let later = model([node("Identity", ["X"], ["Z"])]) { model in
            var set = ProtoOperatorSetIdProto()
            set.version = 99
            model.opsetImport = [set]
        }
        #expect(error(later).contains("version 99"))
    }

    @Test func batchesOfAFixedSizeAreRefused() {
        let fixed = model([node("Identity", ["X"], ["Z"])]) {
            $0.graph.input[0].type.tensorType.shape.dim[0].dimValue = 16
        }
        #expect(error(fixed).contains("16 rows at a time"))
    }

    @Test func tooManyNodesAreRefusedBeforeTheyAreRead() {
        // A graph of empty nodes: two bytes each.
        let nodes = [[UInt8]](repeating: [0x0a, 0], count: 30_000).flatMap { $0 }
        let size = nodes.count
        let head: [UInt8] = [8, 8, 0x3a, UInt8(size & 0x7f | 0x80), UInt8(size >> 7 & 0x7f | 0x80), UInt8(size >> 14)]
        #expect(throws: ScoringError.invalidModel(reason: "there are too many nodes", place: "graph.node")) {
            try Golden.load(head + nodes)
        }
    }
}
