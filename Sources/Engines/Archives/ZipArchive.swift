internal import Scoring

/// A ZIP archive in memory: what its directory lists, and nothing else. Everything is checked when it is opened but the contents, which are
/// checked as they are unpacked. What two programs could read differently is an error: entries that overlap, one name twice, headers that
/// contradict the directory.
struct ZipArchive: MemberSource {
    /// The archive's members may have so many times its bytes in all, and `freeBytes` in any case. Deflate itself packs 1,032 bytes into one.
    static let maxExpansion = 200
    static let freeBytes = 64 << 20

    private struct Member {
        let entry: ZipEntry
        let content: Range<Int>
    }

    private let bytes: [UInt8]
    /// Without folders, sorted by path.
    private let files: [Member]

    /// Whether the file begins as such an archive.
    static func recognises(_ head: ArraySlice<UInt8>) -> Bool { head.starts(with: [0x50, 0x4b, 0x03, 0x04]) }

    /// The paths in what looks like local headers, whole or not.
    static func paths(inHeadersOf head: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        head.indices.filter { head[$0] == 0x50 && recognises(head[$0...]) }.compactMap { start -> ArraySlice<UInt8>? in
            let header = head[start...].prefix(30)
            guard header.count == 30 else { return nil }
            return head[header.endIndex...].prefix(Int(header[start + 26]) | Int(header[start + 27]) << 8)
        }
    }

    /// - Parameter maxBytes: Bytes that the members may have together.
    init(_ bytes: [UInt8], maxBytes: Int) throws(ScoringError) {
        guard Self.recognises(bytes.prefix(4)) else {
            throw .invalidModel(reason: "this is no ZIP archive", place: ArchiveBytes.place(0))
        }
        let archive = ArchiveBytes(bytes: bytes)
        let end = try ZipEnd(archive)
        var members: [Member] = []
        var offset = end.directory.lowerBound
        for _ in 0..<end.entryCount {
            let entry = try ZipEntry(archive, at: &offset, before: end.directory.upperBound)
            members.append(Member(entry: entry, content: try entry.content(in: archive, before: end.directory.lowerBound)))
        }
        guard offset == end.directory.upperBound else {
            throw .invalidModel(
                reason: "the archive's directory has more than its \(end.entryCount) entries", place: ArchiveBytes.place(offset))
        }
        try Self.checkOverlap(&members)
        try Self.checkNames(&members)
        try Self.checkSize(members, archiveBytes: bytes.count, maxBytes: maxBytes)
        self.bytes = bytes
        files = members.filter { !$0.entry.isFolder }
    }

    /// Bytes that two members share make a small archive unpack to a large one. Sorts by place.
    private static func checkOverlap(_ members: inout [Member]) throws(ScoringError) {
        members.sort { $0.entry.start < $1.entry.start }
        for (one, next) in zip(members, members.dropFirst()) where next.entry.start < one.content.upperBound {
            throw .invalidModel(
                reason: "the archive has this file and '\(one.entry.path)' in the same place", place: next.entry.path)
        }
    }

    /// Sorts by path.
    private static func checkNames(_ members: inout [Member]) throws(ScoringError) {
        members.sort { ModelArtifact.Member.precedes($0.entry.path, $1.entry.path) }
        for (one, next) in zip(members, members.dropFirst()) where one.entry.path.utf8.elementsEqual(next.entry.path.utf8) {
            throw .invalidModel(reason: "the archive has two files of this name", place: next.entry.path)
        }
    }

    private static func checkSize(_ members: [Member], archiveBytes: Int, maxBytes: Int) throws(ScoringError) {
        let limit = min(maxBytes, max(freeBytes, archiveBytes * maxExpansion))
        var sum = 0
        for member in members {
            guard member.entry.size <= limit - sum else {
                throw .invalidModel(
                    reason: "the archive of \(archiveBytes) bytes unpacks to more than the limit of \(limit) bytes",
                    place: member.entry.path)
            }
            sum += member.entry.size
        }
    }

    var members: [ModelArtifact.Member] { files.map { .init(path: $0.entry.path, size: $0.entry.size) } }

    func read(_ position: Int, _ range: Range<Int>) throws(ScoringError) -> [UInt8] {
        let (entry, packed) = (files[position].entry, bytes[files[position].content])
        let content: [UInt8]
        switch entry.method {
        case .stored: content = Array(packed)
        case .deflated:
            do throws(Inflater.Failure) {
                content = try Inflater.inflated(packed, size: entry.size)
            } catch {
                throw Self.error(error, entry)
            }
        }
        guard Inflater.checksum(content) == entry.checksum else {
            throw .invalidModel(reason: "the archive is damaged: the file's checksum is wrong", place: entry.path)
        }
        return range == content.indices ? content : Array(content[range])
    }

    private static func error(_ failure: Inflater.Failure, _ entry: ZipEntry) -> ScoringError {
        let reason: String
        switch failure {
        case .damaged(let message): reason = "its compressed data is damaged (\(message))"
        case .truncated: reason = "its compressed data is truncated"
        case .surplus(let count): reason = "\(count) bytes follow the end of its compressed data"
        case .longer: reason = "it unpacks to more than the \(entry.size) bytes that are announced"
        case .shorter(let count): reason = "it unpacks to \(count) bytes, and \(entry.size) are announced"
        case .outOfMemory: return .notReady("memory ran out while '\(entry.path)' was unpacked")
        }
        return .invalidModel(reason: "the file cannot be unpacked: \(reason)", place: entry.path)
    }
}
