internal import ONNX
internal import Testing

/// What ONNX Runtime 1.28.0 says of runs that fail.
@Suite struct RunRefusalTests {
    private static let node = "Non-zero status code returned while running"

    @Test(arguments: [
        "\(node) Div node. Name:'' Status Message: element_wise_ops.cc:692 Compute Integer division by zero",
        "\(node) Gather node. Name:'g' Status Message: indices element out of data bounds, idx=9 must be within [-2,1]",
        "\(node) Cast node. Name:'' Status Message: stod",
    ])
    func aNodeThatDoesNotComputeWithItsValuesRefusesTheRow(text: String) { #expect(RunRefusal.isOfRow(text)) }

    @Test(arguments: [
        "\(node) Expand node. Name:'' Status Message: /src/core/framework/bfc_arena.cc:359 void* onnxruntime::BFCArena::Allocate",
        "\(node) MatMul node. Name:'' Status Message: std::bad_alloc",
        "\(node) Loop node. Name:'' Status Message: Exiting due to terminate flag being set to true.",
        "Invalid rank for input: x Got: 1 Expected: 2", "no reason is given", "",
    ])
    func allElseIsTheLibrarys(text: String) { #expect(!RunRefusal.isOfRow(text)) }
}
