internal import ONNX
internal import Scoring
internal import Testing

/// Why the native engine does not evaluate a graph: refused with `engine: native`, else the reason for ONNX Runtime.
@Suite struct RuntimeReasonTests {
    private typealias M = ModelBytes

    private let scan = RuntimeReason.NodeName(domain: "", operation: "Scan", name: "n1", index: 0)

    @Test func aNodeIsNamedWithItsDomainAndWhatIsNotComputed() {
        #expect(RuntimeReason.node(scan, nil).refusal == "Scan 'n1' needs ONNX Runtime")
        #expect("\(RuntimeReason.node(scan, nil))" == "Scan 'n1' is not computed by the native engine")
        let magic = RuntimeReason.NodeName(domain: "com.bank", operation: "Magic", name: "", index: 3)
        #expect(RuntimeReason.node(magic, .mixedRows).refusal == "com.bank.Magic (node 3) with rows that mix needs ONNX Runtime")
        #expect(
            "\(RuntimeReason.node(magic, .kernel("RBF2")))"
                == "com.bank.Magic (node 3) with the kernel RBF2 is not computed by the native engine")
    }

    private static let subjects: [(reason: RuntimeReason, subject: String)] = [
        (.ownFunctions, "the model with functions of its own"),
        (.constant(place: "initializer 'c'", .wideIntegers), "initializer 'c' with integers beyond 2^53"),
        (.textOutput("Z"), "the output 'Z' passes strings on, which"),
    ]

    @Test(arguments: subjects)
    func whatIsNotComputedIsSaidInBothSentences(reason: RuntimeReason, subject: String) {
        #expect(reason.refusal == subject + " needs ONNX Runtime")
        #expect("\(reason)" == subject + " is not computed by the native engine")
    }

    private static let sentences: [(reason: RuntimeReason, sentence: String)] = [
        (.requested, "model.yaml asks for it"), (.constantOutput("Z"), "the output 'Z' is a constant"),
        (.sparseConstants, "sparse constants are not supported"),
        (.externalData(place: "initializer 'c'"), "initializer 'c' lies in another file; models with external data are not read"),
        (.elementType(place: "input 'X'", 16), "input 'X' has elements of ONNX's type 16, which are not supported"),
        (.operatorSet(.standard, version: 99, latest: 25), "version 99 of ONNX's operators is not supported; 1 to 25 are"),
        (.operatorSet(.machineLearning, version: 9, latest: 5), "version 9 of ai.onnx.ml is not supported; 1 to 5 are"),
        (.input("X", .noTensor), "input 'X' is no tensor"), (.input("X", .noRows), "input 'X' has no dimension for rows"),
        (.input("X", .rows(16)), "input 'X' takes 16 rows at a time; rows are scored one by one"),
        (.input("X", .openFeatureCount), "input 'X' does not say how many features it has"),
        (.input("X", .manyFeatures(limit: 7)), "input 'X' has more than 7 features"),
        (.featureCount(0, limit: 7), "the model has 0 inputs; 1 to 7 are supported"),
    ]

    @Test(arguments: sentences)
    func otherReasonsAreOneSentence(reason: RuntimeReason, sentence: String) {
        #expect(reason.refusal == sentence)
        #expect("\(reason)" == sentence)
    }

    private func error(_ bytes: [UInt8], _ engine: LoadOptions.Engine) -> String {
        var options = LoadOptions()
        options.engine = engine
        do throws(ScoringError) {
            let format = ONNXFormat(runtime: RuntimeLocation(path: "/nowhere"))
            _ = try format.load(.file(name: "model.onnx", bytes: bytes), options: options)
            return ""
        } catch {
            return "\(error)"
        }
    }

    /// A name may hold the words of a message.
    private static let graphs: [(node: [UInt8], subject: String)] = [
        (M.node("Det", ["X"], ["Z"]), "Det 'n_Z'"),
        (M.node("Transpose", ["X"], ["Z"]), "Transpose 'n_Z' with rows that mix"),
        (M.node("Det needs ONNX Runtime", ["X"], ["Z"]), "Det needs ONNX Runtime 'n_Z'"),
    ]

    @Test(arguments: graphs.indices)
    func aGraphIsRefusedByTheNativeEngineAndElseNeedsTheLibraryForTheSameReason(index: Int) {
        let (node, subject) = Self.graphs[index]
        let bytes = M.model(M.graph(node))
        #expect(error(bytes, .native) == "\(subject) needs ONNX Runtime")
        let reason = "the model needs ONNX Runtime, because \(subject) is not computed by the native engine; "
        #expect(error(bytes, .automatic).hasPrefix(reason))
        #expect(error(bytes, .onnxruntime).hasPrefix("the model needs ONNX Runtime, because model.yaml asks for it; "))
    }

    @Test func whatIsWrongWithAFileIsNoReasonForTheLibrary() {
        let undefined = M.model(M.graph(M.node("Identity", ["a"], ["Z"])))
        for engine in [LoadOptions.Engine.native, .automatic] {
            #expect(error(undefined, engine) == "'a' is used, but not defined before (at Identity 'n_Z')")
        }
    }
}
