internal import Glibc

/// Where a native library is looked for.
package struct LibrarySearch: Sendable {
    /// "libonnxruntime.so".
    private let file: String
    /// The library's own folder in the default places.
    private let folder: String

    package init(file: String, folder: String) {
        (self.file, self.folder) = (file, folder)
    }

    /// The library's absolute path, or nil where none is there. A configured path is taken whatever is there, and no other
    /// place is tried in its stead.
    /// - Parameter path: The library or its folder, as configured; nil for the default places.
    package func library(at path: String?) -> String? {
        guard let path else { return defaultFolders.lazy.compactMap { library(in: $0) }.first }
        return Self.absolute(Self.isFolder(path) ? library(in: path) ?? path + "/" + file : path)
    }

    /// The places that are tried, for messages.
    package func searched(_ path: String?) -> [String] { path.map { [$0] } ?? defaultFolders }

    /// Beside the program, beside its folder, and where `scripts/fetch-runtime` puts the library for programs that lie in
    /// the project's own build folder.
    private var defaultFolders: [String] { Self.places.map { $0 + "/" + folder } }

    private static let places: [String] = {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard count > 0 else { return [] }
        let parts = buffer[..<count].split(separator: 0x2f).map {
            String(decoding: $0.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
        func folder(_ count: Int) -> String { "/" + parts.prefix(count).joined(separator: "/") }
        var places = [folder(parts.count - 1) + "/lib"]
        if parts.count > 1 { places.append(folder(parts.count - 2) + "/lib") }
        if let build = parts.dropLast().lastIndex(where: { $0.hasPrefix(".build") }) {
            places.append(folder(build) + "/.runtime")
        }
        return places
    }()

    /// The file, or the one with the latest version behind its name as it is in the library's own archives.
    private func library(in folder: String) -> String? {
        let plain = folder + "/" + file
        if access(plain, F_OK) == 0 { return plain }
        guard let listing = opendir(folder) else { return nil }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            let text = withUnsafePointer(to: &entry.pointee.d_name) {
                String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
            if text.hasPrefix(file + ".") { names.append(text) }
        }
        let latest = names.max { version($0).lexicographicallyPrecedes(version($1)) }
        return latest.map { folder + "/" + $0 }
    }

    /// 1, 28, 0 of "libonnxruntime.so.1.28.0".
    private func version(_ name: String) -> [Int] {
        name.dropFirst(file.count + 1).split(separator: ".").map { Int($0) ?? -1 }
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
