internal import ONNX
internal import PMML
package import Scoring
internal import TreeFormats

/// The model files this build can read.
package enum ModelFormats {
    package static let all: [any ModelFormat] = [XGBoostFormat(), LightGBMFormat(), PMMLFormat(), ONNXFormat()]
}
