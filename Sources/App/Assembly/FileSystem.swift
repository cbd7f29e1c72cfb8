internal import Glibc
package import Scoring

/// A path made absolute, without trailing slashes, `.` and `..`.
func absolutePath(_ path: String) -> String {
    var parts: [Substring] = []
    let whole: String
    if path.hasPrefix("/") {
        whole = path
    } else {
        let folder = getcwd(nil, 0)
        defer { free(folder) }
        whole = (folder.map { String(cString: $0) } ?? "") + "/" + path
    }
    for part in whole.split(separator: "/") where part != "." {
        if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return "/" + parts.joined(separator: "/")
}

/// A whole file, or standard input for "-". Throws `.invalidRequest` saying why it cannot be read.
package func readFile(_ path: String, atMost limit: Int) throws(ScoringError) -> [UInt8] {
    let file = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw .invalidRequest("cannot read '\(path)': \(String(cString: strerror(errno)))") }
    defer { if path != "-" { close(file) } }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    while true {
        let count = read(file, &chunk, chunk.count)
        if count < 0 {
            if errno == EINTR { continue }
            throw .invalidRequest("cannot read '\(path)': \(String(cString: strerror(errno)))")
        }
        if count == 0 { return bytes }
        guard bytes.count + count <= limit else { throw .invalidRequest("'\(path)' has more than \(limit) bytes") }
        bytes += chunk[..<count]
    }
}

/// Replaces a file's content, or writes to standard output for "-". Throws `.invalidRequest` saying why it cannot.
package func writeFile(_ path: String, _ bytes: UnsafeBufferPointer<UInt8>) throws(ScoringError) {
    let file = path == "-" ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw .invalidRequest("cannot write '\(path)': \(String(cString: strerror(errno)))") }
    defer { if path != "-" { close(file) } }
    var written = 0
    while written < bytes.count {
        let count = write(file, bytes.baseAddress! + written, bytes.count - written)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { throw .invalidRequest("cannot write '\(path)': \(String(cString: strerror(errno)))") }
        written += count
    }
}

/// Whether both paths are one file that exists, by whatever names and links.
package func areSameFile(_ one: String, _ other: String) -> Bool {
    var (first, second) = (stat(), stat())
    guard one != "-", other != "-", stat(one, &first) == 0, stat(other, &second) == 0 else { return false }
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino && first.st_mode & S_IFMT == S_IFREG
}

func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}
