/// Why ONNX Runtime evaluates a graph and the native engine does not.
///
/// `description` completes "ONNX Runtime is needed, because ..."; `refusal` is what `engine: native` refuses the model with.
package enum RuntimeReason: Sendable, Equatable {
    /// `model.yaml` asks for it.
    case requested
    /// The native engine does not compute this operator, or not in this form.
    case node(NodeName, NativeLimit?)
    /// A constant that the native engine does not hold.
    case constant(place: String, NativeLimit)
    /// The file defines functions.
    case ownFunctions
    /// An output has strings that are not among known labels.
    case textOutput(String)
    case constantOutput(String)
    case sparseConstants
    /// A constant's elements are in another file. `GraphAudit` refuses such files.
    case externalData(place: String)
    /// An element type by ONNX's number for it.
    case elementType(place: String, Int32)
    /// A version of an operator set other than 1 to `latest`.
    case operatorSet(OperatorSet, version: Int64, latest: Int64)
    case input(String, InputLimit)
    /// The number of features of all inputs together, other than 1 to `limit`.
    case featureCount(Int, limit: Int)

    package enum OperatorSet: Sendable, Equatable {
        case standard, machineLearning
    }

    /// What an input is that the native engine does not take.
    package enum InputLimit: Sendable, Equatable {
        case noTensor
        case noRows
        case rows(Int64)
        case openFeatureCount
        case manyFeatures(limit: Int)
    }

    /// Which node of a graph.
    package struct NodeName: Sendable, Equatable {
        package var domain: String
        package var operation: String
        /// Empty where the file gives none.
        package var name: String
        /// Its position among the graph's nodes.
        package var index: Int

        package init(domain: String, operation: String, name: String, index: Int) {
            (self.domain, self.operation, self.name, self.index) = (domain, operation, name, index)
        }

        /// Without the domain: "Reshape 'Re_Reshape2'", "Scan (node 3)".
        package var place: String { name.isEmpty ? "\(operation) (node \(index))" : "\(operation) '\(name)'" }
    }

    private enum Wording {
        /// What the native engine does not compute.
        case subject(String)
        case sentence(String)
    }

    private var wording: Wording {
        switch self {
        case .requested: .sentence("model.yaml asks for it")
        case .node(let node, let limit):
            .subject((node.domain.isEmpty ? "" : "\(node.domain).") + node.place + (limit.map { " with \($0)" } ?? ""))
        case .constant(let place, let limit): .subject("\(place) with \(limit)")
        case .ownFunctions: .subject("the model with functions of its own")
        case .textOutput(let name): .subject("the output '\(name)' passes strings on, which")
        case .constantOutput(let name): .sentence("the output '\(name)' is a constant")
        case .sparseConstants: .sentence("sparse constants are not supported")
        case .externalData(let place): .sentence("\(place) lies in another file; models with external data are not read")
        case .elementType(let place, let number):
            .sentence("\(place) has elements of ONNX's type \(number), which are not supported")
        case .operatorSet(.standard, let version, let latest):
            .sentence("version \(version) of ONNX's operators is not supported; 1 to \(latest) are")
        case .operatorSet(.machineLearning, let version, let latest):
            .sentence("version \(version) of ai.onnx.ml is not supported; 1 to \(latest) are")
        case .input(let name, let limit): .sentence("input '\(name)' \(limit)")
        case .featureCount(let count, let limit): .sentence("the model has \(count) inputs; 1 to \(limit) are supported")
        }
    }

    package var refusal: String {
        switch wording {
        case .subject(let subject): "\(subject) needs ONNX Runtime"
        case .sentence(let sentence): sentence
        }
    }
}

extension RuntimeReason: CustomStringConvertible {
    package var description: String {
        switch wording {
        case .subject(let subject): "\(subject) is not computed by the native engine"
        case .sentence(let sentence): sentence
        }
    }
}

extension RuntimeReason.InputLimit: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noTensor: "is no tensor"
        case .noRows: "has no dimension for rows"
        case .rows(let count): "takes \(count) rows at a time; rows are scored one by one"
        case .openFeatureCount: "does not say how many features it has"
        case .manyFeatures(let limit): "has more than \(limit) features"
        }
    }
}
