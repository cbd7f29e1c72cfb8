internal import Scoring

/// One entry of a ZIP archive's directory (APPNOTE 4.3.12).
struct ZipEntry {
    enum Method: Int {
        case stored = 0
        case deflated = 8
    }

    /// Bytes that deflate can make of one byte at most: two bits for a copy of 258 bytes (RFC 1951, 3.2.5).
    private static let maxExpansion = 1032
    private static let maxPathBytes = 1024
    private static let signature = 0x0201_4b50
    private static let fixedBytes = 46

    /// Ends with "/" for a folder.
    let path: String
    let method: Method
    let checksum: UInt32
    let packedSize: Int
    let size: Int
    /// Where its local header begins.
    let start: Int
    /// Where the path is in the directory.
    let pathRange: Range<Int>

    var isFolder: Bool { path.utf8.last == UInt8(ascii: "/") }

    /// - Parameter offset: Where the entry begins; moved behind it.
    init(_ archive: ArchiveBytes, at offset: inout Int, before end: Int) throws(ScoringError) {
        let at = offset
        guard at <= end - Self.fixedBytes, try archive.number32(at: at) == Self.signature else {
            throw .invalidModel(reason: "the archive's directory is damaged: no entry begins here", place: ArchiveBytes.place(at))
        }
        let pathBytes = try archive.number16(at: at + 28)
        let extraBytes = try archive.number16(at: at + 30)
        pathRange = at + Self.fixedBytes..<at + Self.fixedBytes + pathBytes
        let extra = pathRange.upperBound..<pathRange.upperBound + extraBytes
        offset = extra.upperBound + (try archive.number16(at: at + 32))
        guard offset <= end else {
            throw .invalidModel(
                reason: "the archive's directory is truncated: this entry is longer than it", place: ArchiveBytes.place(at))
        }
        let path = try Self.path(archive, pathRange)
        func damaged(_ reason: String) -> ScoringError { .invalidModel(reason: reason, place: path) }

        let flags = try archive.number16(at: at + 8)
        if flags & ZipFlags.encrypted != 0 { throw damaged("the file is encrypted in the archive") }
        if flags & ZipFlags.patch != 0 { throw damaged("the archive has a patch instead of the file") }
        let number = try archive.number16(at: at + 10)
        guard let method = Method(rawValue: number) else {
            throw damaged(
                "the archive has the file compressed by method \(number); only deflate (8) and stored (0) are read")
        }
        // The upper half of the attributes is a mode where the upper byte of "made by" names Unix (3) or Darwin (19).
        let isUnix = [3, 19].contains(try archive.number16(at: at + 4) >> 8)
        if isUnix, try archive.number16(at: at + 40) & 0o170000 == 0o120000 {
            throw damaged("the archive has a symbolic link instead of the file")
        }
        let sizes = try ZipSizes(
            archive, extra: extra, place: path,
            fields: [
                try archive.number32(at: at + 24), try archive.number32(at: at + 20), try archive.number32(at: at + 42),
            ])
        guard try archive.number16(at: at + 34) == 0 else { throw damaged("the file is in another part of the archive") }
        (size, packedSize, start) = (sizes[0], sizes[1], sizes[2])
        switch method {
        case .stored:
            guard size == packedSize else {
                throw damaged("the file is stored as it is, but has \(size) bytes and \(packedSize) in the archive")
            }
        case .deflated:
            guard size <= packedSize * Self.maxExpansion else {
                throw damaged(
                    "the file is announced with \(size) bytes, more than its \(packedSize) bytes in the archive can hold")
            }
        }
        (self.path, self.method) = (path, method)
        checksum = UInt32(try archive.number32(at: at + 16))
        if isFolder, size > 0 { throw damaged("the archive has a folder with \(size) bytes of content") }
    }

    /// Where the content is: behind the local header, which has to say what the directory says (APPNOTE 4.3.7).
    func content(in archive: ArchiveBytes, before end: Int) throws(ScoringError) -> Range<Int> {
        func damaged(_ reason: String) -> ScoringError { .invalidModel(reason: reason, place: path) }

        let pathStart = start + 30
        guard start >= 0, pathStart <= end, try archive.number32(at: start) == 0x0403_4b50 else {
            throw damaged("the archive is damaged: the file's header is not at byte \(start)")
        }
        let pathEnd = pathStart + (try archive.number16(at: start + 26))
        let contentStart = pathEnd + (try archive.number16(at: start + 28))
        guard contentStart <= end, packedSize <= end - contentStart else {
            throw damaged("the archive is truncated or damaged: the file's \(packedSize) bytes are not there")
        }
        guard archive.bytes[pathStart..<pathEnd].elementsEqual(archive.bytes[pathRange]) else {
            throw damaged("the archive's directory and the file's own header have different names")
        }
        let flags = try archive.number16(at: start + 6)
        guard flags & (ZipFlags.encrypted | ZipFlags.patch) == 0, try archive.number16(at: start + 8) == method.rawValue
        else {
            throw damaged("the archive's directory and the file's own header disagree on how the file is packed")
        }
        let said = try ZipSizes(
            archive, extra: pathEnd..<contentStart, place: path,
            fields: [try archive.number32(at: start + 22), try archive.number32(at: start + 18)])
        let saidChecksum = try archive.number32(at: start + 14)
        let matches = saidChecksum == Int(checksum) && said[0] == size && said[1] == packedSize
        // A writer that did not know them yet leaves zeros, and puts the values behind the content.
        let isOpen =
            flags & ZipFlags.streamed != 0 && [0, Int(checksum)].contains(saidChecksum) && [0, size].contains(said[0])
            && [0, packedSize].contains(said[1])
        guard matches || isOpen else {
            throw damaged("the archive's directory and the file's own header disagree on its size or checksum")
        }
        return contentStart..<contentStart + packedSize
    }

    /// A path that stays within the folder it would be unpacked in.
    private static func path(_ archive: ArchiveBytes, _ range: Range<Int>) throws(ScoringError) -> String {
        func damaged(_ reason: String) -> ScoringError {
            .invalidModel(reason: "the archive has a file \(reason)", place: ArchiveBytes.place(range.lowerBound))
        }
        guard !range.isEmpty else { throw damaged("without a name") }
        guard range.count <= maxPathBytes else {
            throw damaged("whose name has \(range.count) bytes; at most \(maxPathBytes) are read")
        }
        try archive.check(range.count, at: range.lowerBound)
        guard let path = String(validating: archive.bytes[range], as: UTF8.self) else { throw damaged("whose name is not UTF-8") }
        // Names become part of messages of one line.
        let isOneLine = path.unicodeScalars.allSatisfy {
            $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) && $0 != "\u{2028}" && $0 != "\u{2029}"
        }
        guard isOneLine else { throw damaged("whose name has a control character") }
        // Some programs separate folders by a backslash.
        var names = path.utf8.split(omittingEmptySubsequences: false) { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }
        if path.utf8.last == UInt8(ascii: "/") { names.removeLast() }
        guard !names.contains(where: { $0.isEmpty || $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) }) else {
            throw damaged("whose name '\(path)' leaves the folder or is not a plain relative path")
        }
        return path
    }
}

/// What a reader has to know of an entry's general purpose bits (APPNOTE 4.4.4).
enum ZipFlags {
    /// Encryption, strong encryption and masked headers.
    static let encrypted = 0x2041
    static let streamed = 0x0008
    static let patch = 0x0020
}

/// Sizes and offsets of an entry: of 32 bits in its header, or of 64 in an extra field where the header has none (APPNOTE 4.5.3).
struct ZipSizes {
    private var values: [Int]

    /// - Parameters:
    ///   - extra: Where the extra fields are.
    ///   - fields: The header's values, in the order in which the extra field has those that are marked with all bits.
    init(_ archive: ArchiveBytes, extra: Range<Int>, place: String, fields: [Int]) throws(ScoringError) {
        func damaged(_ reason: String) -> ScoringError { .invalidModel(reason: reason, place: place) }

        values = fields
        var long: Range<Int>?
        var at = extra.lowerBound
        // Fewer than four bytes at the end are padding.
        while at <= extra.upperBound - 4 {
            let content = at + 4..<at + 4 + (try archive.number16(at: at + 2))
            guard content.upperBound <= extra.upperBound else {
                throw damaged("an extra field of the file's header is truncated")
            }
            if try archive.number16(at: at) == 1 {
                guard long == nil else { throw damaged("the file's header has two zip64 fields") }
                long = content
            }
            at = content.upperBound
        }
        var next = long?.lowerBound ?? 0
        for index in values.indices where fields[index] == 0xffff_ffff {
            guard let long, next <= long.upperBound - 8 else {
                throw damaged("the file's header refers to a zip64 field that is not there")
            }
            values[index] = try archive.number64(at: next)
            next += 8
        }
    }

    subscript(index: Int) -> Int { values[index] }
}
