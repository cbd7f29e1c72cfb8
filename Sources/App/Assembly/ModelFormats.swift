internal import Glibc
internal import ONNX
internal import PMML
package import Scoring
internal import TreeFormats

/// The model files this build can read.
package enum ModelFormats {
    package static let all = all(onnxRuntime: getenv(onnxRuntimeVariable).map { String(cString: $0) })

    /// Reads ONNX files alone.
    static let onnx = ONNXFormat(
        runtime: RuntimeLocation(path: getenv(onnxRuntimeVariable).map { String(cString: $0) }))

    /// - Parameter onnxRuntime: ONNX Runtime's library or its folder; nil for the default places.
    package static func all(onnxRuntime: String?) -> [any ModelFormat] {
        [XGBoostFormat(), LightGBMFormat(), PMMLFormat(), ONNXFormat(runtime: RuntimeLocation(path: onnxRuntime))]
    }

    /// The setting `onnxruntime` for the commands that read no configuration.
    private static let onnxRuntimeVariable = "VERDICT_ONNXRUNTIME"
}
