internal import Glibc

/// Where ONNX Runtime's library is looked for.
package struct RuntimeLocation: Sendable, Equatable {
    /// The library or its folder, as configured; nil for the default places.
    package var path: String?

    package init(path: String? = nil) {
        self.path = path
    }

    private static let name = "libonnxruntime.so"

    /// The library's absolute path, or nil where none is there. A configured path is taken whatever is there, and no other
    /// place is tried in its stead.
    func library() -> String? {
        guard let path else { return Self.defaultFolders.lazy.compactMap { Self.library(in: $0) }.first }
        return Self.absolute(Self.isFolder(path) ? Self.library(in: path) ?? path + "/" + Self.name : path)
    }

    /// The places that are tried, for messages.
    var searched: [String] { path.map { [$0] } ?? Self.defaultFolders }

    /// Beside the program, beside its folder, and where `scripts/fetch-runtime` puts the library for programs that lie in
    /// the project's own build folder.
    private static let defaultFolders: [String] = {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard count > 0 else { return [] }
        let parts = buffer[..<count].split(separator: 0x2f).map {
            String(decoding: $0.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
        func folder(_ count: Int) -> String { "/" + parts.prefix(count).joined(separator: "/") }
        var folders = [folder(parts.count - 1) + "/lib/onnxruntime"]
        if parts.count > 1 { folders.append(folder(parts.count - 2) + "/lib/onnxruntime") }
        if let build = parts.dropLast().lastIndex(where: { $0.hasPrefix(".build") }) {
            folders.append(folder(build) + "/.runtime/onnxruntime")
        }
        return folders
    }()

    /// `libonnxruntime.so`, or the one with a version behind its name as it is in the project's own archives.
    private static func library(in folder: String) -> String? {
        let plain = folder + "/" + name
        if access(plain, F_OK) == 0 { return plain }
        guard let listing = opendir(folder) else { return nil }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            let text = withUnsafePointer(to: &entry.pointee.d_name) {
                String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
            if text.hasPrefix(name + ".") { names.append(text) }
        }
        return names.max().map { folder + "/" + $0 }
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        return String(cString: folder) + "/" + path
    }
}
