internal import Scoring

/// Where a ZIP archive's directory is and how many entries it has, by the records at the end of the archive (APPNOTE 4.3.14 to 4.3.16).
/// Whatever is said twice must be said alike.
struct ZipEnd {
    static let maxEntries = 1_000_000

    private static let signature = 0x0605_4b50
    private static let locatorSignature = 0x0706_4b50
    private static let longSignature = 0x0606_4b50
    private static let fixedBytes = 22
    private static let maxComment = 0xffff

    let entryCount: Int
    let directory: Range<Int>

    init(_ archive: ArchiveBytes) throws(ScoringError) {
        let end = try Self.find(archive)
        func damaged(_ reason: String) -> ScoringError { .invalidModel(reason: reason, place: ArchiveBytes.place(end)) }

        var count = try archive.number16(at: end + 10)
        var size = try archive.number32(at: end + 12)
        var offset = try archive.number32(at: end + 16)
        var directoryEnd = end
        var disks = [try archive.number16(at: end + 4), try archive.number16(at: end + 6)]
        var countOnDisk = try archive.number16(at: end + 8)
        if let long = try Self.findLong(archive, before: end) {
            let said = [(count, 0xffff), (size, 0xffff_ffff), (offset, 0xffff_ffff)]
            (count, size, offset) = (
                try archive.number64(at: long + 32), try archive.number64(at: long + 40), try archive.number64(at: long + 48)
            )
            // Where a short field is not marked as too small, some programs go by it and some by the long one.
            guard zip(said, [count, size, offset]).allSatisfy({ $0.0 == $0.1 || $0.0 == $1 }) else {
                throw damaged("the archive's end record and its zip64 end record contradict each other")
            }
            disks = [try archive.number32(at: long + 16), try archive.number32(at: long + 20)]
            countOnDisk = try archive.number64(at: long + 24)
            directoryEnd = long
        } else if size == 0xffff_ffff || offset == 0xffff_ffff {
            throw damaged("the archive's end record refers to a zip64 end record that is not there")
        }
        guard disks == [0, 0], countOnDisk == count else { throw damaged("the archive is one of several parts") }
        guard count <= Self.maxEntries else {
            throw damaged("the archive has \(count) entries; at most \(Self.maxEntries) are read")
        }
        guard offset <= directoryEnd, size == directoryEnd - offset else {
            throw damaged(
                "the archive's directory of \(size) bytes at byte \(offset) does not end where its end record begins: "
                    + "the archive is truncated, or something was put before or into it")
        }
        (entryCount, directory) = (count, offset..<directoryEnd)
    }

    /// The last record whose comment ends with the file.
    private static func find(_ archive: ArchiveBytes) throws(ScoringError) -> Int {
        var at = archive.count - fixedBytes
        let first = max(0, at - maxComment)
        while at >= first {
            if archive.bytes[at] == 0x50, try archive.number32(at: at) == signature,
                try archive.number16(at: at + 20) == archive.count - at - fixedBytes
            {
                return at
            }
            at -= 1
        }
        throw .invalidModel(
            reason: "the ZIP archive has no directory at its end: it is truncated", place: ArchiveBytes.place(archive.count))
    }

    /// The zip64 record, if there is one.
    private static func findLong(_ archive: ArchiveBytes, before end: Int) throws(ScoringError) -> Int? {
        let locator = end - 20
        guard locator >= 0, try archive.number32(at: locator) == locatorSignature else { return nil }
        func damaged(_ reason: String) -> ScoringError { .invalidModel(reason: reason, place: ArchiveBytes.place(locator)) }

        let at = try archive.number64(at: locator + 8)
        guard try archive.number32(at: locator + 4) == 0, try archive.number32(at: locator + 16) <= 1 else {
            throw damaged("the archive is one of several parts")
        }
        guard at <= locator - 56, try archive.number32(at: at) == longSignature,
            try archive.number64(at: at + 4) == locator - at - 12
        else { throw damaged("the archive's zip64 end record is not where it is said to be") }
        return at
    }
}
