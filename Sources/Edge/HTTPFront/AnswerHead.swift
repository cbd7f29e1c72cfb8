internal import Glibc
internal import NIOCore

/// Writes the heads of the answers that do not go through the router.
struct AnswerHead {
    var status: Int
    /// nil for a body in chunks.
    var bodyBytes: Int?
    var isLast = false
    /// An HTTP/1.0 client that asked to go on has to be told that it may.
    var confirmsKeepAlive = false
    var retryAfter: Int?
    var allow: String?
    /// Comes back as X-Request-Id.
    var requestID: String?

    func write(into output: inout ByteBuffer, date: HTTPDate) {
        if status == 200 {
            output.writeStaticString("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: ")
        } else {
            output.writeStaticString("HTTP/1.1 ")
            Self.write(decimal: status, into: &output)
            output.writeStaticString(Self.reason(of: status))
            output.writeStaticString("\r\nContent-Type: application/json\r\nDate: ")
        }
        output.writeBytes(date.text)
        if let bodyBytes {
            output.writeStaticString("\r\nContent-Length: ")
            Self.write(decimal: bodyBytes, into: &output)
        } else {
            output.writeStaticString("\r\nTransfer-Encoding: chunked")
        }
        if let retryAfter {
            output.writeStaticString("\r\nRetry-After: ")
            Self.write(decimal: retryAfter, into: &output)
        }
        if let allow {
            output.writeStaticString("\r\nAllow: ")
            output.writeString(allow)
        }
        if let requestID {
            output.writeStaticString("\r\nX-Request-Id: ")
            output.writeString(requestID)
        }
        if isLast {
            output.writeStaticString("\r\nConnection: close")
        } else if confirmsKeepAlive {
            output.writeStaticString("\r\nConnection: keep-alive")
        }
        output.writeStaticString("\r\n\r\n")
    }

    private static func write(decimal value: Int, into output: inout ByteBuffer) {
        var rest = UInt(max(value, 0))
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var first = 20
            repeat {
                first -= 1
                unsafe digits[first] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            } while rest > 0
            unsafe output.writeBytes(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(digits)[first...]))
        }
    }

    private static func reason(of status: Int) -> StaticString {
        switch status {
        case 400: " Bad Request"
        case 401: " Unauthorized"
        case 403: " Forbidden"
        case 404: " Not Found"
        case 405: " Method Not Allowed"
        case 408: " Request Timeout"
        case 413: " Content Too Large"
        case 415: " Unsupported Media Type"
        case 417: " Expectation Failed"
        case 429: " Too Many Requests"
        case 431: " Request Header Fields Too Large"
        case 500: " Internal Server Error"
        case 501: " Not Implemented"
        case 503: " Service Unavailable"
        case 504: " Gateway Timeout"
        default: " Status"
        }
    }
}

/// The text of a Date field (RFC 9110 section 5.6.7), made once a second.
struct HTTPDate {
    private(set) var text: [UInt8] = []
    private var second: time_t = -1

    init() { refresh() }

    /// Brings the text up to date. Within the same second it costs a few nanoseconds.
    mutating func refresh() {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME_COARSE, &now)
        guard now.tv_sec != second else { return }
        second = now.tv_sec
        text = Self.text(of: now.tv_sec)
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`, whatever the locale.
    static func text(of second: time_t) -> [UInt8] {
        var second = second
        var parts = unsafe tm()
        unsafe gmtime_r(&second, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let text =
            unsafe "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(parts.tm_year + 1900) "
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
        return Array(text.utf8)
    }
}
