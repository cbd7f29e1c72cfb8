package import Scoring
internal import SwiftProtobuf

/// An ONNX file with the weights of its products (Gemm, MatMul) as bytes, and what became of each product. Everything
/// else in the file is kept as it was.
package struct ModelQuantization: Sendable {
    /// A product that was looked at.
    package struct Layer: Sendable, Equatable {
        /// "Gemm 'dense'".
        package let node: String
        /// Inputs and outputs; 0 where the weights could not be read.
        package let inputs: Int
        package let outputs: Int
        /// Why it was left as it was; nil where it was quantized.
        package let reason: String?
    }

    package let method: QuantizationMethod
    /// The new file.
    package let bytes: [UInt8]
    package let bytesBefore: Int
    /// In the order of the graph.
    package let layers: [Layer]

    /// Quantizes an ONNX file. Linear in its size.
    ///
    /// Throws `.invalidModel` where it is none, and `.unsupportedModel` where there is nothing to quantize, where it is
    /// quantized already, where its weights lie in other files, and where its operators are too old for the method.
    package init(of file: [UInt8], by method: QuantizationMethod) throws(ScoringError) {
        try WireLimits.check(file)
        guard var model = try? ProtoModelProto(serializedBytes: file), model.hasGraph else {
            throw .invalidModel(reason: "the file is truncated or no ONNX model", place: "ModelProto")
        }
        try Self.check(model, for: method)
        var rewriting = GraphRewriting(model.graph, method: method, opset: Self.opset(of: model))
        rewriting.run()
        guard rewriting.layers.contains(where: { $0.reason == nil }) else {
            let reasons = rewriting.layers.map { "\($0.node): \($0.reason ?? "")" }
            throw .unsupportedModel(
                "there is nothing to quantize: "
                    + (reasons.isEmpty ? "no Gemm or MatMul has constant weights" : reasons.prefix(5).joined(separator: "; "))
                    + (reasons.count > 5 ? "; and \(reasons.count - 5) more" : ""))
        }
        model.graph = rewriting.graph
        if method == .matmulNBits, !model.opsetImport.contains(where: { $0.domain == "com.microsoft" }) {
            var set = ProtoOperatorSetIdProto()
            (set.domain, set.version) = ("com.microsoft", 1)
            model.opsetImport.append(set)
        }
        if model.irVersion < 4 {
            // Until then each constant has to be an input as well; since then such a constant can be replaced by the
            // caller, and ONNX Runtime does not prepare it.
            let constants = Set(model.graph.initializer.map(\.name))
            model.graph.input.removeAll { constants.contains($0.name) }
            model.irVersion = 4
        }
        guard let bytes: [UInt8] = try? model.serializedBytes() else {
            throw .unsupportedModel("the quantized model cannot be written as one file")
        }
        (self.method, self.bytes, bytesBefore, layers) = (method, bytes, file.count, rewriting.layers)
    }

    private static func opset(of model: ProtoModelProto) -> Int {
        model.opsetImport.filter { OperatorNode.isStandard($0.domain) }.map { Int(clamping: $0.version) }.max() ?? 1
    }

    private static let quantizedOperators: Set<String> = [
        "ConvInteger", "DequantizeLinear", "DynamicQuantizeLinear", "DynamicQuantizeMatMul", "MatMulBnb4",
        "MatMulInteger", "MatMulIntegerToFloat", "MatMulNBits", "QGemm", "QLinearConv", "QLinearMatMul", "QuantizeLinear",
    ]

    private static func check(_ model: ProtoModelProto, for method: QuantizationMethod) throws(ScoringError) {
        let attributes = model.graph.node.lazy.flatMap(\.attribute).filter(\.hasT).map(\.t)
        for tensor in model.graph.initializer + Array(attributes) where tensor.dataLocation != 0 || !tensor.externalData.isEmpty {
            throw .unsupportedModel(
                "the tensor '\(tensor.name)' lies in another file; write the model as one file, with onnx.save(onnx.load(path), new_path)"
            )
        }
        for (index, proto) in model.graph.node.enumerated() where quantizedOperators.contains(proto.opType) {
            throw .unsupportedModel("the model is quantized already: it has a \(OperatorNode(proto, index: index).place)")
        }
        let opset = opset(of: model)
        guard opset >= method.lowestOpset else {
            throw .unsupportedModel(
                "the method '\(method.rawValue)' needs version \(method.lowestOpset) of ONNX's operators, the model has \(opset); "
                    + "onnx.version_converter raises it")
        }
    }
}
