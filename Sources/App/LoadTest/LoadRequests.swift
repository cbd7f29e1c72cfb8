package import NIOCore

/// The requests that a load test sends, each laid out once as the bytes that go out, so that sending one
/// copies nothing. They are sent in turn, again from the first after the last.
package struct LoadRequests: Sendable {
    package let method: String
    /// Whether answers have no body although they may announce one (HEAD).
    let answersHaveNoBody: Bool
    private let messages: [ByteBuffer]

    /// - Parameters:
    ///   - method: nil for POST where there is a body, else GET.
    ///   - headers: "Name: value" each; they replace the defaults (Host, Content-Type, User-Agent).
    ///   - bodies: none for requests without a body.
    package init(
        to target: LoadTarget, method: String? = nil, headers: [String] = [], bodies: [[UInt8]] = []
    ) throws(LoadError) {
        let method = method ?? (bodies.isEmpty ? "GET" : "POST")
        guard !method.isEmpty, method.utf8.allSatisfy(Self.isTokenByte) else {
            throw .wrongArgument("'\(method)' is no HTTP method")
        }
        var fields = [("Host", target.authority), ("User-Agent", "verdict-bench")]
        if !bodies.isEmpty { fields.append(("Content-Type", "application/json")) }
        for header in headers {
            let (name, value) = try Self.field(header)
            fields.removeAll { $0.0.lowercased() == name.lowercased() && Self.defaults.contains(name.lowercased()) }
            fields.append((name, value))
        }
        let head = "\(method) \(target.path) HTTP/1.1\r\n" + fields.map { "\($0): \($1)\r\n" }.joined()
        self.method = method
        answersHaveNoBody = method == "HEAD"
        messages = (bodies.isEmpty ? [[]] : bodies).map { body in
            var message = ByteBuffer()
            message.writeString(head)
            if !bodies.isEmpty { message.writeString("Content-Length: \(body.count)\r\n") }
            message.writeString("\r\n")
            message.writeBytes(body)
            return message
        }
    }

    package var count: Int { messages.count }

    /// The bytes of the request with this number.
    package func message(_ index: UInt64) -> ByteBuffer {
        messages[Int(index % UInt64(messages.count))]
    }

    private static let defaults: Set<String> = ["host", "user-agent", "content-type"]

    private static func field(_ text: String) throws(LoadError) -> (String, String) {
        guard let colon = text.firstIndex(of: ":"), colon > text.startIndex, text[..<colon].utf8.allSatisfy(isTokenByte) else {
            throw .wrongArgument("a header is written 'Name: value'")
        }
        let name = String(text[..<colon])
        let value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }) else {
            throw .wrongArgument("the value of header '\(name)' has a line break or a control character")
        }
        guard !["content-length", "transfer-encoding", "connection"].contains(name.lowercased()) else {
            throw .wrongArgument("header '\(name)' cannot be set: it is the load generator's own")
        }
        return (name, String(value))
    }

    /// RFC 9110, section 5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
