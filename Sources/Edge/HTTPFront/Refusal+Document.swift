internal import TextFormats
internal import WireFormat

extension Refusal {
    /// The error document, in the words of the API that `target` belongs to.
    func document(target: String) -> ErrorDocument {
        ErrorDocument(status: status, code: code, message: message, style: ErrorStyle(target: target))
    }
}

extension ErrorStyle {
    /// The style of the API that a request target belongs to.
    init(target: String) {
        self = target == "/v2" || target.hasPrefix("/v2/") || target.hasPrefix("/v2?") ? .inference : .predict
    }
}
