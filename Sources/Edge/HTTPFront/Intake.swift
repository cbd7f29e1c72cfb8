internal import NIOCore
internal import NIOHTTP1
internal import WireFormat

/// What a request's head says about how the request is to be read and who answers it. Deciding it all here,
/// before a byte of the body, is what lets the front refuse without reading and expect without guessing.
struct Intake {
    enum Target {
        /// Answered on the event loop.
        case prediction(PredictRoute)
        /// Answered by the router.
        case management
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
    /// The value of X-Request-Id.
    var requestID: String?

    var isVersion10: Bool { head.version == .http1_0 }

    /// Judges a head. `routes` remembers the connection's latest route.
    init(_ head: HTTPRequestHead, maxBodyBytes: Int, routes: inout RouteMemory) {
        self.head = head
        isKeptAlive = head.isKeepAlive
        target = .management
        let fields = HeadFields(head.headers)
        (deadline, requestID) = (fields.deadline, fields.requestID)

        if let refusal = fields.refusal(version: head.version, maxBodyBytes: maxBodyBytes) {
            target = .refused(refusal)
        } else if let route = routes.route(of: head.uri) {
            if head.method != .POST {
                target = .refused(.methodNotAllowed(allow: "POST"))
            } else if fields.hasContentCoding {
                target = .refused(.unsupportedContentCoding)
            } else {
                target = .prediction(route)
            }
        }
        expectsContinue = fields.expectsContinue && head.version == .http1_1 && fields.announcedBytes != 0
        // Such requests stop NIO's parser, which leaves what follows to another protocol.
        if fields.asksForUpgrade || head.method == .CONNECT { isKeptAlive = false }
    }
}

/// The header fields that matter to the front, gathered in one pass.
private struct HeadFields {
    var hosts = 0
    var announcedBytes: Int?
    var isChunked = false
    var hasOtherTransferCoding = false
    var hasContentCoding = false
    var expectsContinue = false
    var hasOtherExpectation = false
    var asksForUpgrade = false
    var deadline: String?
    var requestID: String?

    init(_ headers: HTTPHeaders) {
        for (name, value) in headers {
            switch name.utf8.count {
            case 4 where name.isField("host"): hosts += 1
            case 6 where name.isField("expect"):
                if value.isField("100-continue") { expectsContinue = true } else { hasOtherExpectation = true }
            case 7 where name.isField("upgrade"): asksForUpgrade = true
            case 12 where name.isField("x-request-id"): if value.utf8.count <= 256 { requestID = value }
            case 14 where name.isField("content-length"): announcedBytes = Int(value) ?? .max
            case 16 where name.isField("content-encoding"): hasContentCoding = hasContentCoding || !value.isField("identity")
            case 17 where name.isField("transfer-encoding"):
                if !isChunked && value.isField("chunked") { isChunked = true } else { hasOtherTransferCoding = true }
            case 20 where name.isField("x-request-timeout-ms"): deadline = value
            default: continue
            }
        }
    }

    /// Framing that two readers could take differently is refused, as RFC 9112 section 6.3 asks; NIO's parser
    /// refuses most of it already.
    func refusal(version: HTTPVersion, maxBodyBytes: Int) -> Refusal? {
        if version == .http1_1 && hosts != 1 { return .malformed("exactly one Host field is required") }
        if (isChunked || hasOtherTransferCoding) && announcedBytes != nil {
            return .malformed("Content-Length and Transfer-Encoding exclude each other")
        }
        if (isChunked || hasOtherTransferCoding) && version != .http1_1 {
            return .malformed("HTTP/1.0 has no Transfer-Encoding")
        }
        if hasOtherTransferCoding { return .unsupportedTransferCoding }
        if hasOtherExpectation { return .unknownExpectation }
        if let announcedBytes, announcedBytes > maxBodyBytes { return .bodyTooLarge(limit: maxBodyBytes) }
        return nil
    }
}

/// Finds the predict route of a request's target. Clients ask for the same one again and again, so a
/// connection remembers the latest.
struct RouteMemory {
    private var target = ""
    private var route: PredictRoute?

    mutating func route(of target: String) -> PredictRoute? {
        if target == self.target { return route }
        self.target = target
        route = Self.parse(target)
        return route
    }

    private static func parse(_ target: String) -> PredictRoute? {
        var target = target
        return target.withUTF8 { PredictRoute.parse(path: path(of: $0)) }
    }

    /// The path of a request target in origin form or absolute form, without its query.
    static func path(of target: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        var start = 0
        if let first = target.first, first != UInt8(ascii: "/") {
            // http://authority/path; anything else has no path.
            guard let colon = target.firstIndex(of: UInt8(ascii: ":")), colon + 2 < target.count,
                target[colon + 1] == UInt8(ascii: "/"), target[colon + 2] == UInt8(ascii: "/"),
                let slash = target[(colon + 3)...].firstIndex(of: UInt8(ascii: "/"))
            else { return UnsafeBufferPointer(rebasing: target[..<0]) }
            start = slash
        }
        let rest = target[start...]
        let end = rest.firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") } ?? rest.endIndex
        return UnsafeBufferPointer(rebasing: rest[..<end])
    }
}

extension String {
    /// Whether this is `name`, given in lower case, but for the case of ASCII letters.
    func isField(_ name: StaticString) -> Bool {
        guard utf8.count == name.utf8CodeUnitCount else { return false }
        let expected = name.utf8Start
        var offset = 0
        for byte in utf8 {
            let lower = byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
            if lower != expected[offset] { return false }
            offset += 1
        }
        return true
    }
}
