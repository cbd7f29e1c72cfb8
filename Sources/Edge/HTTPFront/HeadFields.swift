internal import NIOHTTP1

/// The header fields that matter to the front, gathered in one pass. White space around a value is no part of it
/// (RFC 9110 section 5.5); NIO leaves it there.
struct HeadFields {
    private(set) var deadline: String?
    /// The first usable value of X-Request-Id.
    private(set) var requestID: String?
    private(set) var expectsContinue = false
    private(set) var asksForUpgrade = false
    private(set) var hasContentCoding = false
    private(set) var announcedBytes: Int?
    private var hosts = 0
    private var isHostWrong = false
    private var isChunked = false
    private var hasOtherTransferCoding = false
    /// NIO's parser takes a coding with a tab behind it for another one than it is.
    private var hasTabInFraming = false
    private var hasOtherExpectation = false
    private var asksToClose = false
    private var asksToKeepAlive = false

    init(_ headers: HTTPHeaders) {
        for (name, value) in headers {
            switch name.utf8.count {
            case 4 where name.isField("host"):
                hosts += 1
                if !HostField.isValid(value.withoutOuterSpace) { isHostWrong = true }
            case 6 where name.isField("expect"):
                if value.withoutOuterSpace.isField("100-continue") { expectsContinue = true } else { hasOtherExpectation = true }
            case 7 where name.isField("upgrade"): asksForUpgrade = true
            case 10 where name.isField("connection"): readConnection(value)
            case 12 where name.isField("x-request-id"): readRequestID(value)
            case 14 where name.isField("content-length"): announcedBytes = Int(value.withoutOuterSpace) ?? .max
            case 16 where name.isField("content-encoding"):
                if value.listElements.contains(where: { !$0.isField("identity") }) { hasContentCoding = true }
            case 17 where name.isField("transfer-encoding"):
                if value.utf8.contains(UInt8(ascii: "\t")) { hasTabInFraming = true }
                if !isChunked && value.withoutOuterSpace.isField("chunked") {
                    isChunked = true
                } else {
                    hasOtherTransferCoding = true
                }
            case 20 where name.isField("x-request-timeout-ms"): deadline = value.withoutOuterSpace
            default: continue
            }
        }
    }

    private mutating func readConnection(_ value: String) {
        for option in value.listElements {
            if option.isField("close") { asksToClose = true }
            if option.isField("keep-alive") { asksToKeepAlive = true }
        }
    }

    /// Takes an identifier that is safe to repeat in a head and in a log: printable ASCII, and not too long.
    private mutating func readRequestID(_ value: String) {
        let text = value.withoutOuterSpace
        guard requestID == nil, (1...HeadLimits.maxRequestIDBytes).contains(text.utf8.count),
            text.utf8.allSatisfy({ 0x20...0x7e ~= $0 })
        else { return }
        requestID = text
    }

    /// Whether the client lets the connection go on (RFC 9112 section 9.3).
    func keepsAlive(_ version: HTTPVersion) -> Bool {
        !asksToClose && (version != .http1_0 || asksToKeepAlive)
    }

    /// Framing that two readers could take differently is refused, as RFC 9112 section 6.3 asks; NIO's parser
    /// refuses most of it already. So is a host that is none, or not one (section 3.2).
    func refusal(version: HTTPVersion, maxBodyBytes: Int) -> Refusal? {
        if hosts > 1 || (version == .http1_1 && hosts == 0) { return .malformed("exactly one Host field is required") }
        if isHostWrong { return .malformed("the value of the Host field is not a host with an optional port") }
        if hasTabInFraming { return .malformed("Transfer-Encoding has a tab in its value") }
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

extension StringProtocol {
    /// Whether this is `name`, given in lower case, but for the case of ASCII letters.
    func isField(_ name: StaticString) -> Bool {
        guard utf8.count == name.utf8CodeUnitCount else { return false }
        let expected = unsafe name.utf8Start
        var offset = 0
        for byte in utf8 {
            let lower = byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
            if unsafe lower != expected[offset] { return false }
            offset += 1
        }
        return true
    }
}

extension String {
    private static func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    /// The text without spaces and tabs around it. Allocates nothing where there are none.
    fileprivate var withoutOuterSpace: String {
        guard let first = utf8.first, let last = utf8.last, Self.isSpace(first) || Self.isSpace(last) else { return self }
        return String(Self.trimmed(self[...]))
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var bytes = text.utf8
        while let first = bytes.first, isSpace(first) { bytes.removeFirst() }
        while let last = bytes.last, isSpace(last) { bytes.removeLast() }
        return Substring(bytes)
    }

    /// The elements of a list (RFC 9110 section 5.6.1), none of them empty.
    fileprivate var listElements: [Substring] {
        split(separator: ",").map { Self.trimmed($0) }.filter { !$0.isEmpty }
    }
}
