internal import Glibc
internal import ONNX
internal import Scoring
internal import Testing

/// What quantization does to a file, as its report and the reader of rows see it. What the files compute is tested against
/// ONNX Runtime in Tests/contract/test_quantize.py.
@Suite struct QuantizationTests {
    private static func network(_ name: String) -> [UInt8] {
        let folder = #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined() + "/GoldenTests/onnx-products/"
        guard let file = fopen(folder + name + ".onnx", "rb") else { return [] }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        return Array(bytes[..<fread(&bytes, 1, bytes.count, file)])
    }

    private func error(_ bytes: [UInt8], _ method: QuantizationMethod = .matmulNBits) -> String {
        do throws(ScoringError) {
            _ = try ModelQuantization(of: bytes, by: method)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test(
        arguments: ["gemm", "gemm_turned", "gemm_scaled", "gemm_ir_3", "matmul", "shared", "zeros"], QuantizationMethod.allCases)
    func onlyDynamicMakesRowsDependOnOneAnother(_ name: String, _ method: QuantizationMethod) throws {
        let before = Self.network(name)
        let after = try ModelQuantization(of: before, by: method)
        #expect(try RowDependence(ofFile: before) == .independent)
        #expect((try RowDependence(ofFile: after.bytes) == .independent) == method.keepsRowsApart)
    }

    @Test(arguments: QuantizationMethod.allCases)
    func theReportHasEveryProductWithItsSize(_ method: QuantizationMethod) throws {
        let quantization = try ModelQuantization(of: Self.network("gemm"), by: method)
        #expect(quantization.layers.map(\.node) == ["Gemm 'dense_1'", "Gemm 'dense_2'", "Gemm 'last'"])
        #expect(quantization.layers.map(\.inputs) == [40, 24, 12])
        #expect(quantization.layers.map(\.outputs) == [24, 12, 1])
        #expect(quantization.layers.map { $0.reason == nil } == [true, true, false])
        #expect(quantization.bytes.count < quantization.bytesBefore)
    }

    @Test(arguments: QuantizationMethod.allCases)
    func theSameFileGivesTheSameBytes(_ method: QuantizationMethod) throws {
        let bytes = Self.network("shared")
        #expect(try ModelQuantization(of: bytes, by: method).bytes == ModelQuantization(of: bytes, by: method).bytes)
    }

    @Test(arguments: QuantizationMethod.allCases)
    func whatIsQuantizedIsNotQuantizedAgain(_ method: QuantizationMethod) throws {
        let once = try ModelQuantization(of: Self.network("gemm"), by: method).bytes
        for again in QuantizationMethod.allCases { #expect(error(once, again).contains("quantized already")) }
    }

    @Test func whatCannotBeQuantizedIsRefused() {
        #expect(error(Self.network("nothing")).contains("nothing to quantize"))
        #expect(error(Self.network("external")).contains("lies in another file"))
        #expect(error(Self.network("gemm_opset_9"), .dynamic).contains("needs version 11"))
        #expect(error([1, 2, 3]).contains("no ONNX model"))
    }

    @Test(arguments: QuantizationMethod.allCases)
    func damagedFilesAreQuantizedOrRefused(_ method: QuantizationMethod) throws {
        let original = Self.network("matmul")
        try #require(!original.isEmpty)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            var bytes = original
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random)) }
            do throws(ScoringError) {
                let made = try ModelQuantization(of: bytes, by: method)
                _ = try RowDependence(ofFile: made.bytes)
            } catch {
                switch error {
                case .invalidModel(let reason, _): #expect(!reason.isEmpty)
                case .unsupportedModel(let message): #expect(!message.isEmpty)
                default: Issue.record("a damaged file gave \(error)")
                }
            }
        }
    }
}
