/// Why the front itself turns a request down, before anything behind it sees the request.
enum Refusal: Equatable {
    /// The bytes are not an HTTP request, or one that could be read in two ways.
    case malformed(String)
    case headTooLarge
    case bodyTooLarge(limit: Int)
    /// The request did not arrive in time; `part` is "head" or "body".
    case tooSlow(part: String)
    case notFound
    case methodNotAllowed(allow: String)
    case unsupportedTransferCoding
    case unsupportedContentCoding
    case unknownExpectation
    /// The answer is large, and those of other clients that are still being read leave no room for it.
    case tooManyUnreadAnswers
    /// The body is large, and those of other clients that have not arrived whole leave no room for it.
    case tooManyUnfinishedBodies

    var status: Int {
        switch self {
        case .malformed: 400
        case .headTooLarge: 431
        case .bodyTooLarge: 413
        case .tooSlow: 408
        case .notFound: 404
        case .methodNotAllowed: 405
        case .unsupportedTransferCoding: 501
        case .unsupportedContentCoding: 415
        case .unknownExpectation: 417
        case .tooManyUnreadAnswers, .tooManyUnfinishedBodies: 503
        }
    }

    /// The `code` of the error document.
    var code: StaticString {
        switch self {
        case .malformed: "INVALID_REQUEST"
        case .headTooLarge: "HEAD_TOO_LARGE"
        case .bodyTooLarge: "TOO_LARGE"
        case .tooSlow: "REQUEST_TIMEOUT"
        case .notFound: "NOT_FOUND"
        case .methodNotAllowed: "METHOD_NOT_ALLOWED"
        case .unsupportedTransferCoding: "UNSUPPORTED_TRANSFER_CODING"
        case .unsupportedContentCoding: "UNSUPPORTED_CONTENT_CODING"
        case .unknownExpectation: "UNKNOWN_EXPECTATION"
        case .tooManyUnreadAnswers, .tooManyUnfinishedBodies: "NOT_READY"
        }
    }

    var message: String {
        switch self {
        case .malformed(let reason): "not a valid HTTP request: \(reason)"
        case .headTooLarge:
            "the request's head is too large: at most \(HeadLimits.maxFields) fields, \(HeadLimits.maxFieldBytes) bytes each, "
                + "\(HeadLimits.maxHeadBytes) bytes in all"
        case .bodyTooLarge(let limit): "the request's body is too large: at most \(limit) bytes"
        case .tooSlow(let part): "the request's \(part) did not arrive in time"
        case .notFound: "there is nothing at this path"
        case .methodNotAllowed(let allow): "this path takes \(allow) only"
        case .unsupportedTransferCoding: "the only transfer coding taken is chunked"
        case .unsupportedContentCoding: "send the body without a content coding"
        case .unknownExpectation: "the only expectation known is 100-continue"
        case .tooManyUnreadAnswers:
            "large answers that other clients are still reading leave no room for this one (limits.maxUnreadBytes); try again, or "
                + "ask for fewer rows at a time"
        case .tooManyUnfinishedBodies:
            "large requests that other clients are still sending leave no room for this one (limits.maxUnfinishedBytes); try again, or "
                + "send fewer rows at a time"
        }
    }

    /// Whether the connection can go on after the answer: only where the rest of the request can be told
    /// from the next one and is worth reading.
    var endsConnection: Bool {
        switch self {
        case .notFound, .methodNotAllowed, .unsupportedContentCoding, .tooManyUnreadAnswers: false
        case .malformed, .headTooLarge, .bodyTooLarge, .tooSlow, .unsupportedTransferCoding, .unknownExpectation,
            .tooManyUnfinishedBodies:
            true
        }
    }
}
