internal import Glibc

/// A client that sends exactly the bytes it is told to, and blocks. Every wait ends after ten seconds with an
/// error, so that a server that hangs fails its test.
final class RawClient {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    struct Answer: Equatable {
        var status: Int
        var head: String
        var body: String

        /// A field's value; nil if it is not there.
        func field(_ name: String) -> String? {
            for line in head.split(separator: "\r\n").dropFirst() {
                guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == name.lowercased() else { continue }
                return String(line[line.index(after: colon)...].drop { $0 == " " })
            }
            return nil
        }
    }

    private let socket: Int32
    private var received: [UInt8] = []
    private var isClosed = false

    init(port: Int, receiveBuffer: Int32? = nil) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { throw Failure(description: "no socket: \(errno)") }
        if var size = receiveBuffer {
            setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var one: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        setTimeout(milliseconds: 10_000)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let reason = errno
            Glibc.close(socket)
            isClosed = true
            throw Failure(description: "cannot connect: \(reason)")
        }
    }

    deinit { if !isClosed { Glibc.close(socket) } }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        Glibc.close(socket)
    }

    /// Resets the connection.
    func abort() {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    private func setTimeout(milliseconds: Int) {
        var time = timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }

    // MARK: Sending

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Failure(description: "cannot send: \(errno)") }
            sent += count
        }
    }

    /// Sends what fits without waiting longer than `milliseconds` for room. Returns how many bytes went.
    func sendWhatFits(_ bytes: [UInt8], milliseconds: Int32) throws -> Int {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count > 0 {
                sent += count
                continue
            }
            guard errno == EAGAIN else { throw Failure(description: "cannot send: \(errno)") }
            guard wait(for: Int16(POLLOUT), milliseconds: milliseconds) else { return sent }
        }
        return sent
    }

    /// Tells the server that nothing more will be sent.
    func endSending() { shutdown(socket, Int32(SHUT_WR)) }

    // MARK: Receiving

    /// Whether something, or the end, comes within the time.
    func hasInput(within milliseconds: Int32) -> Bool {
        !received.isEmpty || wait(for: Int16(POLLIN), milliseconds: milliseconds)
    }

    private func wait(for events: Int16, milliseconds: Int32) -> Bool {
        var descriptor = pollfd(fd: socket, events: events, revents: 0)
        return poll(&descriptor, 1, milliseconds) > 0
    }

    /// Receives more; false at the end of the connection, whether closed or reset.
    private func receive() throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(socket, &buffer, buffer.count, 0)
        if count > 0 {
            received += buffer[..<count]
            return true
        }
        if count == 0 || errno == ECONNRESET { return false }
        throw Failure(
            description: "nothing was received in time (\(errno)) after \(String(decoding: received.prefix(300), as: UTF8.self))")
    }

    /// The next answer, with as much body as it announces.
    func answer(toHead: Bool = false) throws -> Answer {
        var searched = 0
        while true {
            if let end = endOfHead(from: searched) {
                let head = String(decoding: received[..<end], as: UTF8.self)
                received.removeFirst(end + 4)
                guard let status = head.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
                    throw Failure(description: "not an answer: \(head)")
                }
                var answer = Answer(status: status, head: head, body: "")
                let length = answer.field("Content-Length").flatMap { Int($0) } ?? 0
                if answer.field("Transfer-Encoding") == "chunked" {
                    answer.body = String(decoding: try chunks(), as: UTF8.self)
                } else if status >= 200, !toHead {
                    while received.count < length {
                        guard try receive() else { throw Failure(description: "the body was cut off") }
                    }
                    answer.body = String(decoding: received[..<length], as: UTF8.self)
                    received.removeFirst(length)
                }
                return answer
            }
            searched = max(0, received.count - 3)
            guard try receive() else {
                throw Failure(description: "the connection ended after \(String(decoding: received, as: UTF8.self))")
            }
        }
    }

    /// A body in chunks, strictly: sizes in hexadecimal digits only, no extensions, no trailers.
    private func chunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            while !received.contains(10) {
                guard try receive() else { throw Failure(description: "the body was cut off") }
            }
            let line = received[..<(received.firstIndex(of: 10) ?? 0)]
            guard line.last == 13, let size = Int(String(decoding: line.dropLast(), as: UTF8.self), radix: 16) else {
                throw Failure(description: "not a chunk's size: \(String(decoding: line, as: UTF8.self))")
            }
            let start = line.endIndex + 1
            while received.count < start + size + 2 {
                guard try receive() else { throw Failure(description: "the body was cut off") }
            }
            body += received[start..<start + size]
            guard received[start + size] == 13, received[start + size + 1] == 10 else {
                throw Failure(description: "a chunk does not end where it should")
            }
            received.removeFirst(start + size + 2)
            if size == 0 { return body }
        }
    }

    private func endOfHead(from start: Int) -> Int? {
        var index = start
        while index + 3 < received.count {
            if received[index] == 13, received[index + 1] == 10, received[index + 2] == 13, received[index + 3] == 10 {
                return index
            }
            index += 1
        }
        return nil
    }

    /// At least `count` bytes more, or what comes before the end of the connection; nil at the end.
    func part(of count: Int) throws -> [UInt8]? {
        while received.count < count, try receive(), received.suffix(5) != [48, 13, 10, 13, 10] {}
        defer { received = [] }
        return received.isEmpty ? nil : received
    }

    /// Does nothing for a while.
    func pause(milliseconds: Int32) { poll(nil, 0, milliseconds) }

    /// Everything up to the end of the connection.
    func rest() throws -> String {
        while try receive() {}
        defer { received = [] }
        return String(decoding: received, as: UTF8.self)
    }
}

/// Requests as text.
enum Ask {
    static func predict(_ identity: Int, fields: String = "", path: String = "/predict/echo") -> String {
        post(path, "{\"features\":[\(identity),1]}", fields: fields)
    }

    /// A prediction whose answer comes later.
    static func late(_ identity: Int) -> String { post("/predict/echo", "{\"features\":[\(identity),2]}") }

    static func post(_ path: String, _ body: String, fields: String = "") -> String {
        "POST \(path) HTTP/1.1\r\nHost: test\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)"
    }

    static func get(_ path: String, method: String = "GET", fields: String = "") -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: test\r\n\(fields)\r\n"
    }
}

extension RawClient.Answer {
    /// The identity that a prediction gives back.
    var identity: Int? {
        guard let range = body.firstRange(of: "\"prediction\":[") else { return nil }
        let digits = body[range.upperBound...].prefix { $0.isNumber || $0 == "." || $0 == "-" }
        return Double(digits).map { Int($0) }
    }
}
