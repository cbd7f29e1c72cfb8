internal import Glibc
package import ONNX
internal import Registry
package import Scoring
internal import TextFormats

/// What `verdict quantize` does: writes a smaller ONNX file and, with a sample, says what that does to the scores.
package struct ModelCompression {
    /// Larger files are no ONNX files: protobuf ends there.
    private static let maxBytes = Int(Int32.max)

    private let quantization: ModelQuantization
    private let rows: RowDependence
    private let comparison: ScoreComparison?

    /// Quantizes the file `source`. With a sample (the path of a CSV file with the model's inputs as columns) the model is
    /// scored before and after; `label` names the sample's column of outcomes, 0 or 1. Writes nothing.
    ///
    /// Throws what `ModelQuantization` throws, and `.invalidRequest` or the engine's error where the sample cannot be scored.
    package init(of source: String, by method: QuantizationMethod, sample: String?, label: String?) throws(ScoringError) {
        let file = try readFile(source, atMost: Self.maxBytes)
        let artifact = ModelArtifact.file(name: source, bytes: file)
        guard ModelFormats.onnx.recognises(artifact) else {
            throw .unsupportedModel("the file is no ONNX model\(ModelOpener.hint(of: artifact))")
        }
        quantization = try ModelQuantization(of: file, by: method)
        rows = try RowDependence(ofFile: quantization.bytes)
        if let sample {
            let csv = try readFile(sample, atMost: 4 << 30)
            let before = try Self.model(file, source)
            let after = try Self.model(quantization.bytes, "quantized")
            comparison = try ScoreComparison(before, after, csv: csv, label: label)
        } else {
            comparison = nil
        }
    }

    private static func model(_ bytes: [UInt8], _ name: String) throws(ScoringError) -> any ScoringModel {
        // Both in ONNX Runtime: what is compared is the bytes, not two engines.
        var options = LoadOptions()
        options.engine = .onnxruntime
        return try ModelFormats.onnx.load(.file(name: name, bytes: bytes), options: options)
    }

    /// Puts the new file in its place in one step: readers see the whole old file or the whole new one.
    package func write(to path: String) throws(ScoringError) {
        let target = absolutePath(path)
        let temporary = "\(target).\(getpid()).partial"
        do throws(ScoringError) {
            let outcome = quantization.bytes.withUnsafeBufferPointer { bytes in
                Result { () throws(ScoringError) in try writeFile(temporary, bytes) }
            }
            try outcome.get()
            try Self.flush(temporary)
            guard rename(temporary, target) == 0 else { throw Self.cannotWrite(path) }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    private static func flush(_ path: String) throws(ScoringError) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw cannotWrite(path) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw cannotWrite(path) }
    }

    private static func cannotWrite(_ path: String) -> ScoringError {
        .invalidRequest("cannot write '\(path)': \(String(cString: strerror(errno)))")
    }

    private var ratio: Double { Double(quantization.bytesBefore) / Double(max(quantization.bytes.count, 1)) }
    private var done: [ModelQuantization.Layer] { quantization.layers.filter { $0.reason == nil } }
    private var skipped: [ModelQuantization.Layer] { quantization.layers.filter { $0.reason != nil } }

    /// What should not go unseen: a model that did not get smaller.
    package var warning: String? {
        let (before, after) = (quantization.bytesBefore, quantization.bytes.count)
        guard after >= before else { return nil }
        return "the quantized model is not smaller: \(before) bytes before, \(after) after; "
            + "scales and new nodes take more than its few weights save, so keep the original"
    }

    private var change: String {
        ratio >= 1 ? "\(Self.rounded(ratio, 2)) times smaller" : "\(Self.rounded(1 / ratio, 2)) times larger"
    }

    /// Lines for people.
    package var text: String {
        var lines = [
            "method    \(quantization.method.rawValue)",
            "size      \(quantization.bytesBefore) -> \(quantization.bytes.count) bytes, \(change)",
            "quantized \(done.count) of \(quantization.layers.count) products",
        ]
        lines += done.map { "  \($0.node): \($0.inputs) x \($0.outputs)" }
        lines += skipped.map { "  not \($0.node): \($0.reason ?? "")" }
        switch rows {
        case .independent: lines.append("rows      a row's score does not depend on its batch")
        case .dependent(let reason): lines.append("rows      a row's score depends on its batch: \(reason)")
        }
        if let comparison {
            lines.append("sample    \(comparison.rows) rows")
            lines.append(
                "change    largest \(Self.rounded(comparison.largestChange, 6)), mean \(Self.rounded(comparison.meanChange, 6))")
            if let auc = comparison.auc {
                let change = auc.after - auc.before
                lines.append(
                    "AUC       \(Self.rounded(auc.before, 6)) -> \(Self.rounded(auc.after, 6)) (\(change < 0 ? "" : "+")\(Self.rounded(change, 6)))"
                )
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func rounded(_ value: Double, _ digits: Int) -> String {
        let unit = (0..<digits).reduce(1.0) { unit, _ in unit * 10 }
        return "\((value * unit).rounded() / unit)"
    }

    /// The same for programs: one JSON object.
    package var json: String {
        var sink = ByteSink()
        sink.append("{\"method\":")
        sink.append(json: quantization.method.rawValue)
        sink.append(text: ",\"bytes_before\":\(quantization.bytesBefore),\"bytes_after\":\(quantization.bytes.count),\"ratio\":")
        sink.append(json: ratio)
        sink.append(",\"quantized\":[")
        for (index, layer) in done.enumerated() {
            sink.append(text: index == 0 ? "{\"node\":" : ",{\"node\":")
            sink.append(json: layer.node)
            sink.append(text: ",\"inputs\":\(layer.inputs),\"outputs\":\(layer.outputs)}")
        }
        sink.append("],\"skipped\":[")
        for (index, layer) in skipped.enumerated() {
            sink.append(text: index == 0 ? "{\"node\":" : ",{\"node\":")
            sink.append(json: layer.node)
            sink.append(",\"reason\":")
            sink.append(json: layer.reason ?? "")
            sink.append("}")
        }
        sink.append(text: "],\"rows_independent\":\(rows == .independent)")
        if case .dependent(let reason) = rows {
            sink.append(",\"dependent_because\":")
            sink.append(json: reason)
        }
        if let comparison {
            sink.append(text: ",\"sample\":{\"rows\":\(comparison.rows),\"largest_change\":")
            sink.append(json: comparison.largestChange)
            sink.append(",\"mean_change\":")
            sink.append(json: comparison.meanChange)
            if let auc = comparison.auc {
                sink.append(",\"auc_before\":")
                sink.append(json: auc.before)
                sink.append(",\"auc_after\":")
                sink.append(json: auc.after)
            }
            sink.append("}")
        }
        sink.append("}\n")
        return sink.string
    }
}
