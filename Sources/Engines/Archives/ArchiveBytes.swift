internal import Scoring

/// The bytes of an archive, read as little-endian numbers that are there or an error.
struct ArchiveBytes {
    let bytes: [UInt8]

    var count: Int { bytes.count }

    func number16(at offset: Int) throws(ScoringError) -> Int { Int(try number(2, at: offset)) }
    func number32(at offset: Int) throws(ScoringError) -> Int { Int(try number(4, at: offset)) }

    /// A size or an offset of 64 bits. Throws if it is larger than any file.
    func number64(at offset: Int) throws(ScoringError) -> Int {
        let number = try number(8, at: offset)
        guard number <= UInt64(Int32.max) << 16 else {
            throw .invalidModel(
                reason: "the archive has a size or offset of \(number), beyond any file", place: Self.place(offset))
        }
        return Int(number)
    }

    /// Throws unless `count` bytes are there.
    func check(_ count: Int, at offset: Int) throws(ScoringError) {
        guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else {
            throw .invalidModel(
                reason: "the archive is truncated or damaged: it ends before this record does", place: Self.place(offset))
        }
    }

    private func number(_ size: Int, at offset: Int) throws(ScoringError) -> UInt64 {
        try check(size, at: offset)
        return bytes[offset..<offset + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    static func place(_ offset: Int) -> String { "byte \(offset)" }
}
