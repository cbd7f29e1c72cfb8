internal import Glibc
internal import Scoring
internal import StrictYAML

/// Why something on disk cannot be used: where, and in the system's words what.
struct DiskError: Error {
    private let path: String
    private let problem: String
    /// Whether the system could not do what was asked: the same file may well be read the next time.
    let isOfSystem: Bool

    /// - Parameter problem: Continues a sentence that begins with the path: "is not a regular file".
    init(_ path: String, _ problem: String) {
        self.path = path
        self.problem = problem
        isOfSystem = false
    }

    init(_ path: String, _ problem: String, errno code: Int32) {
        self.path = path
        self.problem = unsafe "\(problem): \(String(cString: strerror(code)))"
        isOfSystem = true
    }

    /// The message for people. Paths inside `root` are shown without it: reasons reach clients, who need not know
    /// how the machine is laid out.
    func message(within root: String) -> String {
        var shown = path[...]
        if shown.hasPrefix(root + "/") { shown = shown.dropFirst(root.utf8.count + 1) }
        return "\(quoted(String(shown), atMost: 300)) \(problem)"
    }

    /// Why a version cannot be loaded: `.notReady` where that may pass by itself.
    func loadFailure(within root: String) -> ScoringError {
        isOfSystem ? .notReady(message(within: root)) : .refusedModel(message(within: root))
    }
}

/// A file or folder as the disk describes it; the only place, with `DiskFile` and `FileState`, that talks to the file system.
struct DiskEntry {
    enum Kind {
        case file
        case folder
        /// Devices, sockets, pipes: never opened.
        case other
    }

    let kind: Kind
    let isLink: Bool
    let byteCount: Int
    /// Nanoseconds since 1970.
    let modified: Int64

    /// Describes what `path` leads to, links followed.
    init(_ path: String) throws(DiskError) {
        var own = stat()
        guard unsafe lstat(path, &own) == 0 else { throw DiskError(path, "cannot be read", errno: errno) }
        isLink = own.st_mode & S_IFMT == S_IFLNK
        var target = own
        if isLink {
            guard unsafe stat(path, &target) == 0 else { throw DiskError(path, "is a link that leads nowhere", errno: errno) }
        }
        switch target.st_mode & S_IFMT {
        case S_IFREG: kind = .file
        case S_IFDIR: kind = .folder
        default: kind = .other
        }
        byteCount = Int(target.st_size)
        modified = Int64(target.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(target.st_mtim.tv_nsec)
    }

    /// The names in a folder, sorted, without dot files and names that are not UTF-8.
    /// Throws if there are more than `limit`.
    static func names(in folder: String, atMost limit: Int) throws(DiskError) -> [String] {
        guard let handle = unsafe opendir(folder) else { throw DiskError(folder, "cannot be listed", errno: errno) }
        defer { unsafe closedir(handle) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(handle) else {
                guard errno == 0 else { throw DiskError(folder, "cannot be listed", errno: errno) }
                return names.sorted()
            }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(validatingCString: $0) }
            }
            guard let name, !name.hasPrefix(".") else { continue }
            guard names.count < limit else {
                throw DiskError(folder, "holds more than \(limit) entries")
            }
            names.append(name)
        }
    }

    /// The path with every link resolved.
    static func resolved(_ path: String) throws(DiskError) -> String {
        guard let resolved = unsafe realpath(path, nil) else { throw DiskError(path, "cannot be found", errno: errno) }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }
}

/// Tells a folder from another one under the same path: the one that an unmounted disk leaves bare, for example.
struct FolderIdentity: Equatable {
    private let device: UInt64
    private let number: UInt64

    /// Of what `path` leads to, links followed.
    init(_ path: String) throws(DiskError) {
        var info = stat()
        guard unsafe stat(path, &info) == 0 else { throw DiskError(path, "cannot be read", errno: errno) }
        (device, number) = (UInt64(info.st_dev), UInt64(info.st_ino))
    }
}

/// Which file it is and in which state: equal for two looks at a file that nobody changed or replaced in between.
struct FileState: Equatable {
    private let device: UInt64
    private let number: UInt64
    private let seconds: Int
    private let nanoseconds: Int
    let byteCount: Int

    /// Of a regular file, links not followed.
    /// - Parameter name: The path in messages.
    init(at path: String, calledBy name: String) throws(DiskError) {
        var info = stat()
        guard unsafe lstat(path, &info) == 0 else { throw DiskError(name, "cannot be read", errno: errno) }
        try self.init(info, name)
    }

    fileprivate init(_ descriptor: Int32, _ path: String) throws(DiskError) {
        var info = stat()
        guard unsafe fstat(descriptor, &info) == 0 else { throw DiskError(path, "cannot be read", errno: errno) }
        try self.init(info, path)
    }

    private init(_ info: stat, _ path: String) throws(DiskError) {
        guard info.st_mode & S_IFMT == S_IFREG else { throw DiskError(path, "is not a regular file") }
        (device, number) = (UInt64(info.st_dev), UInt64(info.st_ino))
        (seconds, nanoseconds, byteCount) = (info.st_mtim.tv_sec, info.st_mtim.tv_nsec, Int(info.st_size))
    }
}

/// Reads files.
enum DiskFile {
    /// The content of a regular file of at most `limit` bytes. Reserves only what the file has, and fails if
    /// somebody changes the file meanwhile.
    static func read(_ path: String, atMost limit: Int) throws(DiskError) -> [UInt8] {
        let descriptor = try openFile(path, flags: 0)
        defer { close(descriptor) }
        let state = try FileState(descriptor, path)
        guard state.byteCount <= limit else { throw DiskError(path, "is larger than the limit of \(limit) bytes") }
        return try read(0..<state.byteCount, of: state, descriptor, path)
    }

    /// Part of a file that must still be as it was seen before, reached without a link at its end.
    ///
    /// - Parameter range: Within the file's size.
    static func read(_ path: String, _ range: Range<Int>, seen state: FileState) throws(DiskError) -> [UInt8] {
        let descriptor = try openFile(path, flags: O_NOFOLLOW)
        defer { close(descriptor) }
        guard try FileState(descriptor, path) == state else { throw DiskError(path, changed) }
        return try read(range, of: state, descriptor, path)
    }

    private static let changed = "changed while it was read"

    private static func openFile(_ path: String, flags: Int32) throws(DiskError) -> Int32 {
        // Non-blocking, so that opening a pipe somebody put there returns; `FileState` refuses it.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags)
        guard descriptor >= 0 else { throw DiskError(path, "cannot be opened", errno: errno) }
        return descriptor
    }

    private static func read(
        _ range: Range<Int>, of state: FileState, _ descriptor: Int32, _ path: String
    ) throws(DiskError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            while count < buffer.count {
                let result = unsafe pread(
                    descriptor, buffer.baseAddress! + count, min(buffer.count - count, 1 << 30), range.lowerBound + count)
                if result < 0 && errno == EINTR { continue }
                if result < 0 { failure = errno }
                if result <= 0 { break }
                count += result
            }
        }
        guard failure == 0 else { throw DiskError(path, "cannot be read", errno: failure) }
        guard bytes.count == range.count, try FileState(descriptor, path) == state else { throw DiskError(path, changed) }
        return bytes
    }
}
