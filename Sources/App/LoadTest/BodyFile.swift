internal import Glibc

/// Reads request bodies from a file or standard input, bounded.
package struct BodyFile: Sendable {
    /// The most that is read: all bodies lie in memory while the test runs.
    package static let maxBytes = 64 << 20

    package let bytes: [UInt8]

    /// - Parameter path: "-" for standard input.
    package init(_ path: String) throws(LoadError) {
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .wrongArgument("cannot open '\(path)': \(String(cString: strerror(errno)))") }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .wrongArgument("cannot read '\(path)': \(String(cString: strerror(errno)))") }
            guard count > 0 else { break }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= Self.maxBytes else {
                throw .wrongArgument("'\(path)' is larger than \(Self.maxBytes >> 20) MiB, the most that is read")
            }
        }
        self.bytes = bytes
    }

    package init(bytes: [UInt8]) { self.bytes = bytes }

    /// One body a line; empty lines are passed over.
    package func lines() throws(LoadError) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            if !line.isEmpty { lines.append(Array(line)) }
        }
        guard !lines.isEmpty else { throw .wrongArgument("the file of bodies has no line that is not empty") }
        return lines
    }
}
