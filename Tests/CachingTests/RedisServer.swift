internal import Foundation
internal import Glibc

/// A real redis-server on a free port of 127.0.0.1 that keeps nothing on disk. Killed with the object.
final class RedisServer: @unchecked Sendable {
    // `@unchecked Sendable` is safe: a test uses it from one task at a time.
    let port: Int
    private let folder: URL
    private let arguments: [String]
    private var process: Process?

    struct Unavailable: Error, CustomStringConvertible {
        let description: String
    }

    init(_ arguments: [String] = [], tls: (certificate: String, key: String)? = nil) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "verdict-redis-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        port = try Self.freePort()
        var all = [
            "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--enable-debug-command", "yes",
        ]
        all += ["--dir", folder.path]
        if let tls {
            all += [
                "--port", "0", "--tls-port", "\(port)", "--tls-cert-file", tls.certificate,
                "--tls-key-file", tls.key,
            ]
            all += ["--tls-auth-clients", "no"]
        } else {
            all += ["--port", "\(port)"]
        }
        self.arguments = all + arguments
        try start()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }

    func start() throws {
        // Debian's redis-tools has the server under the name of one of its tools, without the service that would start
        // it with the machine; the program goes by the name it is called by.
        let program = folder.appendingPathComponent("redis-server")
        if !FileManager.default.fileExists(atPath: program.path) {
            let candidates = ["redis-server", "redis-check-rdb"].flatMap { name in
                (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map {
                    "\($0)/\(name)"
                }
            }
            guard let found = candidates.first(where: FileManager.default.isExecutableFile) else {
                throw Unavailable(description: "no redis-server: apt-get install redis-tools")
            }
            try FileManager.default.createSymbolicLink(atPath: program.path, withDestinationPath: found)
        }
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = process
        for _ in 0..<5000 {
            if let socket = try? connect() {
                close(socket)
                return
            }
            guard process.isRunning else {
                throw Unavailable(description: "redis-server ended: \(arguments)")
            }
            usleep(2000)
        }
        throw Unavailable(description: "redis-server does not listen")
    }

    func kill() {
        guard let process else { return }
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        self.process = nil
    }

    func pause() { signal(SIGSTOP) }
    func resume() { signal(SIGCONT) }

    private func signal(_ number: Int32) {
        guard let process else { return }
        Glibc.kill(process.processIdentifier, number)
    }

    /// Sends one command over a connection of its own, without waiting for what comes back unless `reads` says so.
    @discardableResult
    func command(_ words: String..., reads: Bool = true) throws -> String {
        let socket = try connect()
        defer { close(socket) }
        let text = words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
        let bytes = Array("*\(words.count)\r\n\(text)".utf8)
        guard send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw Unavailable(description: "cannot send")
        }
        guard reads else { return "" }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(socket, &buffer, buffer.count, 0)
        return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    }

    private func connect() throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.loopback(port)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            close(descriptor)
            throw Unavailable(description: "cannot connect")
        }
        return descriptor
    }

    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard result else { throw Unavailable(description: "no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }
}
