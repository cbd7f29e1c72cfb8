internal import NIOCore
internal import NIOHTTP1
internal import WireFormat

/// What a request's head says about how the request is to be read and who answers it. Deciding it all here,
/// before a byte of the body, is what lets the front refuse without reading and expect without guessing.
struct RequestClassification {
    enum Target {
        /// Answered on the event loop.
        case prediction(PredictionRoute)
        /// Answered by the router, which is asked for `target`.
        case management(target: String)
        /// Not answered by anyone behind the front; the request is read to its end if the connection goes on.
        case refused(Refusal)
    }

    var head: HTTPRequestHead
    var target: Target
    /// Whether the connection may go on after this request, as far as the client says.
    var isKeptAlive: Bool
    /// Whether the client waits for a 100 before it sends the body.
    var expectsContinue = false
    /// The value of X-Request-Timeout-Ms.
    var deadline: String?
    /// The value of X-Request-Id, if it can be repeated.
    var requestID: String?

    var isVersion10: Bool { head.version == .http1_0 }

    /// Judges a head. `routes` remembers the connection's latest route.
    init(_ head: HTTPRequestHead, maxBodyBytes: Int, routes: inout RouteMemory) {
        self.head = head
        let fields = HeadFields(head.headers)
        isKeptAlive = head.isKeepAlive && fields.keepsAlive(head.version)
        (deadline, requestID) = (fields.deadline, fields.requestID)
        let refusal = fields.refusal(version: head.version, maxBodyBytes: maxBodyBytes)
        target = refusal.map { .refused($0) } ?? Self.target(of: head, fields, &routes)
        expectsContinue = fields.expectsContinue && head.version == .http1_1 && fields.announcedBytes != 0
        // Such requests stop NIO's parser, which leaves what follows to another protocol.
        if fields.asksForUpgrade || head.method == .CONNECT { isKeptAlive = false }
    }

    private static func target(of head: HTTPRequestHead, _ fields: HeadFields, _ routes: inout RouteMemory) -> Target {
        let route = routes.route(of: head.uri)
        if case .none = route { return .refused(.notFound) }
        if case .prediction = route, head.method != .POST { return .refused(.methodNotAllowed(allow: "POST")) }
        if fields.hasContentCoding { return .refused(.unsupportedContentCoding) }
        return switch route {
        case .prediction(let route): .prediction(route)
        case .router(let target): .management(target: target)
        case .none: .refused(.notFound)
        }
    }
}
