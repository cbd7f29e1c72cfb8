internal import Scoring
internal import TensorRuntime

/// What a run takes from a row and what it gives, as tensors.
struct RunPlan {
    struct Output: Equatable {
        enum Form: Equatable {
            case tensor
            /// A map for each row, with these keys.
            case maps(keys: [String])
            /// So many tensors, each with all rows.
            case tensors(Int)
        }

        /// Of a sequence, each of its tensors.
        var tensor: TensorOutput
        var form: Form
        /// All dimensions of a tensor, -1 for the rows; nil where they are seen only after a run.
        var dims: [Int]?

        var name: String { tensor.name }

        /// Whether it can be computed into memory that is there before the run.
        var isPlaced: Bool { dims != nil && tensor.element != .string && form == .tensor }
    }

    var inputs: [TensorInput]
    var outputs: [Output]
    /// Whether the graph takes one row at a time.
    var isFixed: Bool

    /// Reads what a session takes. Throws `.unsupportedModel` for inputs that are not rows of features.
    static func inputs(
        _ ports: [RuntimeSession.Port], _ options: LoadOptions
    ) throws(ScoringError) -> (inputs: [TensorInput], isFixed: Bool) {
        var tensors: [TensorPort] = []
        for port in ports {
            let place = "input '\(port.name)'"
            guard port.kind == .tensor else { throw .unsupportedModel("\(place) is no tensor") }
            guard let element = TensorElement(onnx: port.element) else {
                throw .unsupportedModel(
                    "\(place) has elements of type \(TensorElement.onnxName(port.element)), which are not supported")
            }
            tensors.append(TensorPort(name: port.name, element: element, dims: port.dims))
        }
        return try TensorInput.inputs(tensors, options)
    }
}
