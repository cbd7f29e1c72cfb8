internal import ArgumentParser
internal import Assembly
internal import ONNX
internal import Scoring

/// `verdict quantize IN.onnx OUT.onnx`: writes a smaller, faster model.
struct QuantizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize",
        abstract: "Write an ONNX model whose large products are computed from 8-bit weights.",
        discussion: """
            Gemm and MatMul with constant weights become products of bytes, but for those with one output and small last \
            layers; everything else in the file stays as it is. Networks of wide layers become about four times smaller \
            and about twice as fast for one row. Methods:

              matmul-nbits  A scale for every 256 weights of an output and inputs of a row: the most accurate. Needs \
            ONNX Runtime 1.22 or later, whose own operator it is.
              per-row       A scale for each output's weights and for each row: standard operators of ONNX, less \
            accurate, faster for many rows.
              dynamic       One scale for the whole batch, as onnxruntime's quantize_dynamic does. A row's score then \
            depends on which other rows share its batch: the same transaction can score differently from one request to \
            the next. Use it only where batches have one row; the server never batches such a model.

            With --sample the model is scored before and after, which needs ONNX Runtime. The exit status is 1 if the \
            model cannot be quantized; nothing is written then.
            """)

    @Argument(help: ArgumentHelp("The model.", valueName: "in.onnx"))
    var source: String

    @Argument(help: ArgumentHelp("Where to write; replaced in one step.", valueName: "out.onnx"))
    var target: String

    @Option(help: ArgumentHelp("How: matmul-nbits, per-row or dynamic.", valueName: "method"))
    var method: QuantizationMethod = .matmulNBits

    @Option(help: ArgumentHelp("A CSV file with the model's inputs as columns, to compare the scores on.", valueName: "file"))
    var sample: String?

    @Option(help: ArgumentHelp("The sample's column of outcomes, 0 or 1, to compare the AUC on.", valueName: "column"))
    var label: String?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if label != nil, sample == nil { throw ValidationError("--label names a column of --sample, which is missing") }
    }

    func run() throws {
        do throws(ScoringError) {
            let compression = try ModelCompression(of: source, by: method, sample: sample, label: label)
            try compression.write(to: target)
            if let warning = compression.warning { Console.complain("Warning: \(warning)") }
            print(json ? compression.json : compression.text, terminator: "")
        } catch {
            Console.complain("Error: \(source): \(error)")
            throw ExitCode(1)
        }
    }
}

extension QuantizationMethod: ExpressibleByArgument {}
