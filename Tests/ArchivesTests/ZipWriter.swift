/// Writes ZIP archives, right ones and those that lie: each field can be given a value of its own.
struct ZipWriter {
    struct Entry {
        var path: String
        var content: [UInt8] = []
        /// The content as it lies in the archive.
        var packed: [UInt8] = []
        var method = 0
        var flags = 0
        /// What is said of the content; by default the truth.
        var checksum: Int?
        var size: Int?
        var packedSize: Int?
        /// Of the local header, where they differ from the directory's.
        var localPath: String?
        var localMethod: Int?
        var localSize: Int?
        var localFlags: Int?
        /// Where the local header is said to be.
        var start: Int?
        var disk = 0
        var madeBy = 0x0314
        var mode = 0o100644
        /// Whether sizes and the offset are in zip64 fields.
        var isLong = false
        /// Whether the local header has zeros, and the values come behind the content.
        var isStreamed = false
        /// Extra fields of the directory, before the zip64 field.
        var extra: [UInt8] = []

        init(_ path: String, _ content: [UInt8]) {
            (self.path, self.content, packed) = (path, content, content)
        }

        init(_ path: String, _ text: String) { self.init(path, Array(text.utf8)) }

        static func deflated(_ path: String, _ content: [UInt8], using random: inout SplitMix) -> Entry {
            var entry = Entry(path, content)
            entry.packed = DeflateWriter.deflated(content, using: &random)
            entry.method = 8
            return entry
        }
    }

    var entries: [Entry] = []
    var comment: [UInt8] = []
    /// Whether there is a zip64 end record.
    var isLong = false
    /// What is put between the contents and the directory, and between the directory and the end.
    var beforeDirectory: [UInt8] = []
    var beforeEnd: [UInt8] = []
    /// What the end records say; by default the truth.
    var count: Int?
    var directorySize: Int?
    var directoryStart: Int?
    var disk = 0
    var longCount: Int?
    var longStart: Int?

    init(_ entries: Entry...) { self.entries = entries }

    func written() -> [UInt8] {
        var bytes: [UInt8] = []
        var starts: [Int] = []
        for entry in entries {
            starts.append(bytes.count)
            bytes += local(entry)
        }
        bytes += beforeDirectory
        let start = bytes.count
        for (entry, place) in zip(entries, starts) { bytes += central(entry, at: entry.start ?? place) }
        bytes += beforeEnd
        let size = bytes.count - start - beforeEnd.count
        if isLong {
            let place = bytes.count
            bytes += little(0x0606_4b50, 4) + little(44, 8) + little(45, 2) + little(45, 2) + little(disk, 4) + little(0, 4)
            bytes += little(longCount ?? entries.count, 8) + little(longCount ?? entries.count, 8)
            bytes += little(size, 8) + little(directoryStart ?? start, 8)
            bytes += little(0x0706_4b50, 4) + little(0, 4) + little(longStart ?? place, 8) + little(1, 4)
        }
        bytes += little(0x0605_4b50, 4) + little(disk, 2) + little(0, 2)
        bytes += little(count ?? entries.count, 2) + little(count ?? entries.count, 2)
        bytes += little(directorySize ?? (isLong ? 0xffff_ffff : size), 4)
        bytes += little(isLong ? 0xffff_ffff : directoryStart ?? start, 4)
        return bytes + little(comment.count, 2) + comment
    }

    private func local(_ entry: Entry) -> [UInt8] {
        let path = Array((entry.localPath ?? entry.path).utf8)
        let (checksum, size, packed) = said(entry)
        let flags = entry.localFlags ?? entry.flags | (entry.isStreamed ? 8 : 0)
        var bytes = little(0x0403_4b50, 4) + little(20, 2) + little(flags, 2)
        bytes += little(entry.localMethod ?? entry.method, 2) + little(0, 4) + little(entry.isStreamed ? 0 : checksum, 4)
        let sizes = entry.isStreamed ? (0, 0) : (entry.localSize ?? size, packed)
        let extra = entry.isLong ? little(1, 2) + little(16, 2) + little(sizes.0, 8) + little(sizes.1, 8) : []
        bytes += little(entry.isLong ? 0xffff_ffff : sizes.1, 4) + little(entry.isLong ? 0xffff_ffff : sizes.0, 4)
        bytes += little(path.count, 2) + little(extra.count, 2) + path + extra + entry.packed
        guard entry.isStreamed else { return bytes }
        let width = entry.isLong ? 8 : 4
        return bytes + little(0x0807_4b50, 4) + little(checksum, 4) + little(packed, width) + little(size, width)
    }

    private func central(_ entry: Entry, at start: Int) -> [UInt8] {
        let path = Array(entry.path.utf8)
        let (checksum, size, packed) = said(entry)
        let flags = entry.flags | (entry.isStreamed ? 8 : 0)
        var bytes = little(0x0201_4b50, 4) + little(entry.madeBy, 2) + little(20, 2) + little(flags, 2)
        bytes += little(entry.method, 2) + little(0, 4) + little(checksum, 4)
        bytes += little(entry.isLong ? 0xffff_ffff : packed, 4) + little(entry.isLong ? 0xffff_ffff : size, 4)
        let long = entry.isLong ? little(1, 2) + little(24, 2) + little(size, 8) + little(packed, 8) + little(start, 8) : []
        let extra = entry.extra + long
        bytes += little(path.count, 2) + little(extra.count, 2) + little(0, 2) + little(entry.disk, 2) + little(0, 2)
        bytes += little(entry.mode << 16, 4) + little(entry.isLong ? 0xffff_ffff : start, 4)
        return bytes + path + extra
    }

    private func said(_ entry: Entry) -> (checksum: Int, size: Int, packed: Int) {
        (
            entry.checksum ?? Self.checksum(entry.content), entry.size ?? entry.content.count,
            entry.packedSize ?? entry.packed.count
        )
    }

    static func checksum(_ bytes: [UInt8]) -> Int {
        var sum: UInt32 = ~0
        for byte in bytes { sum = sum >> 8 ^ table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] }
        return Int(~sum)
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { sum, _ in sum & 1 == 1 ? sum >> 1 ^ 0xedb8_8320 : sum >> 1 }
    }
}

func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}
