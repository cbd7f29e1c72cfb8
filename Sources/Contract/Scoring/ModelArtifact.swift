/// What a model format reads: the bytes of a file, or the members of a folder or an archive. Every read is of bytes that are there; nothing
/// is reserved because a file announces it.
package struct ModelArtifact: Sendable {
    /// A file within a folder or an archive.
    package struct Member: Sendable, Equatable {
        /// Relative to the folder, names separated by "/": "variables/variables.index".
        package let path: String
        /// Bytes.
        package let size: Int

        package init(path: String, size: Int) {
            (self.path, self.size) = (path, size)
        }

        /// The order of members: that of the bytes of their paths.
        package static func precedes(_ path: String, _ other: String) -> Bool {
            path.utf8.lexicographicallyPrecedes(other.utf8)
        }
    }

    private enum Content: Sendable {
        case bytes([UInt8])
        case members([Member], any MemberSource)
    }

    /// Bytes that `maxUnpackedBytes` is by default: 1 GiB.
    package static let defaultMaxUnpackedBytes = 1 << 30

    /// The name of the file or folder, for messages.
    package let name: String
    /// Bytes of a file; of a folder or an archive, those of its members together.
    package let size: Int
    /// Bytes that the members of an archive may have together once they are unpacked.
    package let maxUnpackedBytes: Int
    private let content: Content

    /// A file whose bytes are in memory.
    package static func file(
        name: String, bytes: [UInt8], maxUnpackedBytes: Int = defaultMaxUnpackedBytes
    ) -> ModelArtifact {
        ModelArtifact(name, bytes.count, maxUnpackedBytes, .bytes(bytes))
    }

    /// A folder or an archive.
    ///
    /// - Parameters:
    ///   - members: In the order of `Member.precedes`, no path twice.
    ///   - source: Reads them by their positions in `members`.
    package init(name: String, members: [Member], source: any MemberSource) {
        precondition(
            zip(members, members.dropFirst()).allSatisfy { Member.precedes($0.path, $1.path) },
            "members are sorted, and no path comes twice")
        let size = members.reduce(0) { $0.addingReportingOverflow($1.size).partialValue }
        self.init(name, size, size, .members(members, source))
    }

    /// A folder whose files are in memory.
    ///
    /// - Parameter files: Contents by their paths, in any order, no path twice.
    package static func folder(name: String, files: [(path: String, bytes: [UInt8])]) -> ModelArtifact {
        let files = files.sorted { Member.precedes($0.path, $1.path) }
        return ModelArtifact(
            name: name, members: files.map { Member(path: $0.path, size: $0.bytes.count) },
            source: FilesInMemory(contents: files.map(\.bytes)))
    }

    private init(_ name: String, _ size: Int, _ maxUnpackedBytes: Int, _ content: Content) {
        (self.name, self.size, self.maxUnpackedBytes, self.content) = (name, size, maxUnpackedBytes, content)
    }

    /// Whether it is one file, which may be an archive that nobody has opened yet.
    package var isFile: Bool {
        switch content {
        case .bytes: true
        case .members: false
        }
    }

    /// At most the first 4,096 bytes of a file; empty for what has members.
    package var head: ArraySlice<UInt8> {
        switch content {
        case .bytes(let bytes): bytes.prefix(4096)
        case .members: []
        }
    }

    /// The whole file. Throws for what has members. O(1).
    package func bytes() throws(ScoringError) -> [UInt8] {
        guard case .bytes(let bytes) = content else {
            throw .invalidModel(reason: "this is a folder, and a model of this format is a file", place: "")
        }
        return bytes
    }

    /// Part of a file. Throws where the file ends before the range does. O(1).
    package func read(_ range: Range<Int>) throws(ScoringError) -> ArraySlice<UInt8> {
        let bytes = try bytes()
        guard range.lowerBound >= 0, range.upperBound <= bytes.count else {
            throw .invalidModel(
                reason: "the file has \(bytes.count) bytes, and bytes \(range.lowerBound) to \(range.upperBound) are needed",
                place: "byte \(range.lowerBound)")
        }
        return bytes[range]
    }
}

/// Where the members of a folder or an archive are read.
package protocol MemberSource: Sendable {
    /// The bytes `range` of the member at `position`.
    ///
    /// - Parameters:
    ///   - position: Within the members that the artifact was made with.
    ///   - range: Within 0 ..< size of the member.
    /// - Returns: As many bytes as the range has.
    func read(_ position: Int, _ range: Range<Int>) throws(ScoringError) -> [UInt8]
}

extension ModelArtifact {
    /// The files of a folder or an archive, in the order of the bytes of their paths; empty for a file.
    package var members: [Member] {
        switch content {
        case .bytes: []
        case .members(let members, _): members
        }
    }

    /// The member with this path, compared by its bytes; nil if there is none. O(log members).
    package func findMember(_ path: String) -> Member? {
        position(of: path).map { members[$0] }
    }

    /// The whole content of a member. Throws if there is none. Each call reads or unpacks it again.
    package func member(_ path: String) throws(ScoringError) -> [UInt8] {
        let (position, size, source) = try found(path)
        return try read(position, 0..<size, path, source)
    }

    /// Part of a member. Throws if there is none, or if it ends before the range does. Of an archive, the whole member is unpacked.
    package func member(_ path: String, _ range: Range<Int>) throws(ScoringError) -> [UInt8] {
        let (position, size, source) = try found(path)
        guard range.lowerBound >= 0, range.upperBound <= size else {
            throw .invalidModel(
                reason: "the file has \(size) bytes, and bytes \(range.lowerBound) to \(range.upperBound) are needed", place: path
            )
        }
        return try read(position, range, path, source)
    }

    private func read(
        _ position: Int, _ range: Range<Int>, _ path: String, _ source: any MemberSource
    ) throws(ScoringError) -> [UInt8] {
        let bytes = try source.read(position, range)
        guard bytes.count == range.count else {
            throw .invalidModel(reason: "the file has \(bytes.count) bytes where \(range.count) were announced", place: path)
        }
        return bytes
    }

    private func found(_ path: String) throws(ScoringError) -> (position: Int, size: Int, source: any MemberSource) {
        guard case .members(let members, let source) = content else {
            throw .invalidModel(reason: "this is a file, and a model of this format is a folder or an archive", place: "")
        }
        guard let position = position(of: path) else { throw .invalidModel(reason: "there is no such file", place: path) }
        return (position, members[position].size, source)
    }

    private func position(of path: String) -> Int? {
        guard case .members(let members, _) = content else { return nil }
        var (low, high) = (0, members.count)
        while low < high {
            let middle = (low + high) / 2
            if Member.precedes(members[middle].path, path) { low = middle + 1 } else { high = middle }
        }
        return low < members.count && members[low].path.utf8.elementsEqual(path.utf8) ? low : nil
    }
}

private struct FilesInMemory: MemberSource {
    let contents: [[UInt8]]

    func read(_ position: Int, _ range: Range<Int>) -> [UInt8] { Array(contents[position][range]) }
}
