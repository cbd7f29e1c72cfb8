internal import Foundation
internal import ONNX
internal import Scoring
internal import Testing

/// A folder of Tests/GoldenTests/onnx; written by make_goldens.py.
struct Golden: CustomTestStringConvertible {
    let folder: URL
    var testDescription: String { folder.lastPathComponent }

    static let all: [Golden] = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "GoldenTests/onnx")
        let folders = (try? FileManager.default.contentsOfDirectory(at: root, includingPropertiesForKeys: nil)) ?? []
        return folders.map(Golden.init).sorted { $0.testDescription < $1.testDescription }
    }()

    func bytes() throws -> [UInt8] { [UInt8](try Data(contentsOf: folder.appending(path: "model.onnx"))) }

    func table(_ name: String) throws -> [[String]] {
        try String(contentsOf: folder.appending(path: name), encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false
        )
        .dropLast().map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
    }

    static func load(_ bytes: [UInt8]) throws(ScoringError) -> any ScoringModel {
        var options = LoadOptions()
        options.engine = .native
        return try ONNXFormat().load(.file(name: "model.onnx", bytes: bytes), options: options)
    }
}

/// Files are recognised by their structure, however long the texts before the graph are.
@Suite struct RecognitionTests {
    private func recognises(_ bytes: [UInt8]) -> Bool { ONNXFormat().recognises(.file(name: "", bytes: bytes)) }

    @Test(arguments: [2, 3, 4, 6], [1, 346, 5_000])
    func longTextsBeforeTheGraphAreNoReasonToRefuse(_ number: Int, _ length: Int) {
        let start = ModelBytes.field(1, 8) + ModelBytes.field(number, String(repeating: "x", count: length))
        #expect(recognises(start + ModelBytes.field(7, [10, 0])))
    }

    @Test func textsThatEndBeyondTheFileAreNotRecognised() {
        #expect(!recognises(ModelBytes.field(1, 8) + ModelBytes.varint(2 << 3 | 2) + ModelBytes.varint(1 << 40) + [120, 120]))
        #expect(!recognises(ModelBytes.field(1, 8) + ModelBytes.field(2, "x")))
    }
}

/// Lowered graphs answer what ONNX Runtime answered.
@Suite struct GoldenTests {
    @Test(arguments: Golden.all)
    func answersAreThoseOfONNXRuntime(_ golden: Golden) throws {
        let bytes = try golden.bytes()
        #expect(ONNXFormat().recognises(.file(name: "", bytes: bytes)))
        let model = try Golden.load(bytes)
        let signature = model.signature
        let batch = FeatureBatch()
        batch.reset(width: signature.inputs.count)
        for cells in try golden.table("rows.csv") {
            let row = batch.addRow()
            try #require(cells.count == signature.inputs.count)
            for (column, cell) in cells.enumerated() where !cell.isEmpty {
                if case .category(let levels) = signature.inputs[column].kind {
                    batch.set(levels.position(of: cell).map(Double.init) ?? FeatureBatch.unknownLevel, row: row, column: column)
                } else {
                    batch.set(try #require(Double(cell)), row: row, column: column)
                }
            }
        }
        let scores = ScoreBatch()
        try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))

        // The label, where there is one, then the probabilities or values, then what else there is.
        let roles = signature.roles
        let numbers = Array(roles.probabilities.isEmpty ? roles.score : roles.probabilities) + Array(roles.named)
        let expected = try golden.table("expected.csv")
        #expect(expected.count == batch.count)
        var largest: Float = 0
        for (row, cells) in expected.enumerated() {
            var cells = cells[...]
            #expect(scores.failure(row: row) == nil)
            if let label = roles.label {
                guard case .category(let labels) = signature.outputs[label].kind else { throw ScoringError.deadlineExceeded }
                #expect(labels[Int(scores[row, label])] == cells.removeFirst(), "row \(row)")
            }
            let ordered = Self.numberFirst.contains(golden.testDescription) ? Array(roles.named) + Array(roles.score) : numbers
            let columns = ordered.filter { !roles.probabilities.isEmpty || $0 != roles.label }
            if roles.raw.count == 1, cells.count == columns.count + 1 {
                // Of the two decision values of two classes the model gives the one that is positive for the second.
                if Self.firstIsPositive.contains(golden.testDescription) { cells.removeLast() } else { cells.removeFirst() }
            }
            try #require(cells.count == columns.count)
            for (column, cell) in zip(columns, cells) {
                let got = Float(scores[row, column])
                let wanted = try #require(cell.isEmpty ? Float.nan : Self.truth[cell] ?? Float(cell))
                let distance = max(wanted.ulp, Self.unit[golden.testDescription] ?? 0) * 4
                #expect(
                    got == wanted || got.isNaN && wanted.isNaN || abs(got - wanted) <= distance,
                    "row \(row): \(got), not \(wanted)")
                if got != wanted, !wanted.isNaN { largest = max(largest, abs(got - wanted) / wanted.ulp) }
            }
        }
        if ProcessInfo.processInfo.environment["VERDICT_ONNX_DISTANCES"] != nil {
            print("ULP \(golden.testDescription) \(largest)")
        }
    }

    private static let truth: [String: Float] = ["True": 1, "False": 0]

    /// Graphs whose first output is a number that is computed, and no label of a list.
    private static let numberFirst: Set<String> = ["skl_clusters", "skl_isolation", "skl_one_class", "skl_one_vs_one"]

    /// Support vector machines without probabilities: the first of two decision values is positive for the second class.
    private static let firstIsPositive: Set<String> = ["skl_svc_sigmoid"]

    /// Where sums cancel, 4 ULP are those of the largest term: ONNX Runtime adds in float32, in no fixed order. Its
    /// Sigmoid is an approximation with an error of that size, and so is what is subtracted from 1.
    private static let unit: [String: Float] = {
        let ofOne = [
            "sklearn_logistic", "sklearn_logistic_classes", "layers", "machine_linear", "machine_rbf", "machine_sigmoid",
            "mixed_inputs", "op_logsoftmax", "op_sigmoid", "skl_bayes_multinomial", "skl_calibrated_sigmoid",
            "skl_calibrated_isotonic", "skl_calibrated_machine", "skl_discriminants", "skl_network", "skl_network_classes",
            "skl_normalized", "skl_one_vs_rest", "skl_one_vs_one", "skl_perceptron", "skl_polynomials", "skl_power",
            "skl_ridge_classes", "skl_scaled_max", "skl_scaled_robust", "skl_selected", "skl_sgd", "skl_sgd_classes",
            "skl_stacking", "skl_svc_linear", "skl_svc_rbf", "skl_svc_poly", "skl_svc_sigmoid", "skl_voting_soft",
            "skl_components", "skl_binarized", "skl_clusters",
        ]
        var unit = Dictionary(uniqueKeysWithValues: ofOne.map { ($0, Float(1).ulp) })
        for name in ["linear_regressor", "sklearn_linear", "machine_poly", "skl_bayes_gauss", "skl_one_class"] {
            unit[name] = Float(4).ulp
        }
        return unit
    }()

    @Test func goldensCoverWhatIsSupported() { #expect(Golden.all.count >= 140) }
}
