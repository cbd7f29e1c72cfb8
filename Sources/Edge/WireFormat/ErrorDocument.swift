package import Scoring
package import TextFormats

/// In which protocol's words an error is told.
package enum ErrorStyle: Sendable, Equatable {
    /// `{"success": false, "error": {"code": ..., "message": ..., "request_id": ...}}`
    case predict
    /// Open Inference: `{"error": "..."}`, with the statuses that Triton gives.
    case inference
}

/// An error as a client gets it: HTTP status, code, message.
package struct ErrorDocument {
    package let status: WireStatus
    package let code: StaticString
    package let message: String
    package let style: ErrorStyle

    package init(_ error: ScoringError, style: ErrorStyle = .predict) {
        let kind = Self.kind(of: error)
        status = WireStatus(code: style == .predict ? kind.status : kind.inferenceStatus, retryAfter: Self.retryAfter(error))
        code = kind.code
        message = error.description
        self.style = style
    }

    /// An error of the front itself: no such path, wrong method, malformed HTTP.
    package init(status: Int, code: StaticString, message: String, style: ErrorStyle = .predict) {
        self.status = WireStatus(code: status)
        self.code = code
        self.message = message
        self.style = style
    }

    /// Appends the body.
    package func write(requestID: String? = nil, into sink: inout ByteSink) {
        guard var requestID else { return unsafe write(utf8ID: nil, into: &sink) }
        requestID.withUTF8 { unsafe write(utf8ID: $0, into: &sink) }
    }

    func write(utf8ID: UnsafeBufferPointer<UInt8>?, into sink: inout ByteSink) {
        switch style {
        case .predict:
            sink.append(#"{"success":false,"error":"#)
            unsafe writeMembers(utf8ID: utf8ID, into: &sink)
            sink.append("}")
        case .inference:
            sink.append(#"{"error":"#)
            sink.append(json: message)
            sink.append("}")
        }
    }

    /// The object with code, message and request_id: what a row of a batch carries as its `error`.
    func writeMembers(utf8ID: UnsafeBufferPointer<UInt8>?, into sink: inout ByteSink) {
        sink.append(#"{"code":""#)
        sink.append(code)
        sink.append(#"","message":"#)
        sink.append(json: message)
        if let utf8ID = unsafe utf8ID {
            sink.append(#","request_id":"#)
            unsafe sink.append(json: utf8ID)
        }
        sink.append("}")
    }

    private struct Kind {
        var status: Int
        var inferenceStatus: Int
        var code: StaticString
    }

    /// The one place where errors become statuses.
    private static func kind(of error: ScoringError) -> Kind {
        switch error {
        case .invalidRequest: Kind(status: 400, inferenceStatus: 400, code: "INVALID_REQUEST")
        case .invalidFeature: Kind(status: 400, inferenceStatus: 400, code: "INVALID_FEATURE")
        case .unknownModel: Kind(status: 404, inferenceStatus: 404, code: "UNKNOWN_MODEL")
        case .unknownVersion: Kind(status: 404, inferenceStatus: 404, code: "UNKNOWN_VERSION")
        case .notReady: Kind(status: 503, inferenceStatus: 503, code: "NOT_READY")
        case .tooLarge: Kind(status: 413, inferenceStatus: 413, code: "TOO_LARGE")
        case .overloaded: Kind(status: 429, inferenceStatus: 503, code: "OVERLOADED")
        case .circuitOpen: Kind(status: 503, inferenceStatus: 503, code: "NOT_READY")
        case .cancelled: Kind(status: 503, inferenceStatus: 503, code: "CANCELLED")
        case .deadlineExceeded: Kind(status: 504, inferenceStatus: 503, code: "DEADLINE_EXCEEDED")
        case .invalidModel: Kind(status: 400, inferenceStatus: 400, code: "INVALID_MODEL")
        case .unsupportedModel: Kind(status: 400, inferenceStatus: 400, code: "UNSUPPORTED_MODEL")
        case .refusedModel: Kind(status: 400, inferenceStatus: 400, code: "REFUSED_MODEL")
        case .rowRefused: Kind(status: 400, inferenceStatus: 400, code: "INVALID_REQUEST")
        case .engineFailure: Kind(status: 500, inferenceStatus: 500, code: "ENGINE_FAILURE")
        }
    }

    /// Whole seconds, at least one.
    private static func retryAfter(_ error: ScoringError) -> Int? {
        let wait: Duration
        switch error {
        case .overloaded(_, let retryAfter), .circuitOpen(let retryAfter): wait = retryAfter
        default: return nil
        }
        let (seconds, attoseconds) = wait.components
        return max(1, Int(clamping: seconds) + (attoseconds > 0 ? 1 : 0))
    }
}
