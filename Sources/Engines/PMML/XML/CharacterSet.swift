internal import Glibc
internal import Scoring

/// A character set of a file besides UTF-8, UTF-16 and Latin-1, which the C library's `iconv` turns into UTF-8.
/// All of them have the characters of an XML declaration where ASCII has them.
struct CharacterSet {
    /// As the file calls it.
    let declared: String
    /// As the C library calls it.
    private let name: String

    /// Nil for a name that is none of a known character set.
    init?(_ declared: String) {
        var key = declared.lowercased()
        for prefix in ["x-", "cs"] where key.hasPrefix(prefix) { key.removeFirst(prefix.count) }
        key.removeAll { $0 == "-" || $0 == "_" || $0 == ":" }
        guard let name = Self.names[key] else { return nil }
        (self.declared, self.name) = (declared, name)
    }

    /// Where a name is used for a set and for its extensions alike, the widest is taken (WHATWG, Encoding).
    private static let names: [String: String] = {
        var names = [
            "gbk": "GBK", "gb2312": "GBK", "cp936": "GBK", "windows936": "GBK", "gb18030": "GB18030",
            "shiftjis": "CP932", "sjis": "CP932", "windows31j": "CP932", "cp932": "CP932", "ms932": "CP932",
            "eucjp": "EUC-JP", "big5": "BIG5", "cp950": "BIG5", "big5hkscs": "BIG5-HKSCS", "euckr": "CP949",
            "ksc56011987": "CP949", "cp949": "CP949", "ms949": "CP949", "uhc": "CP949", "koi8r": "KOI8-R", "koi8u": "KOI8-U",
            "windows874": "CP874", "tis620": "TIS-620", "macintosh": "MACINTOSH", "macroman": "MACINTOSH",
            "latin9": "ISO-8859-15",
        ]
        for page in 1250...1258 {
            for prefix in ["windows", "cp"] { names["\(prefix)\(page)"] = "CP\(page)" }
        }
        for part in 2...16 where part != 12 { names["iso8859\(part)"] = "ISO-8859-\(part)" }
        for page in [437, 850, 852, 858, 866] {
            for prefix in ["ibm", "cp"] { names["\(prefix)\(page)"] = "CP\(page)" }
        }
        return names
    }()

    /// Bytes that are written in one call.
    private static let blockBytes = 1 << 16

    /// The same text in UTF-8. Takes time and memory linear in the text.
    func utf8(of content: [UInt8]) throws(ScoringError) -> [UInt8] {
        guard let converter = iconv_open("UTF-8", name), Int(bitPattern: converter) != -1 else {
            throw .unsupportedModel(
                "the C library of this machine does not know the XML encoding '\(declared)'; convert the file to UTF-8")
        }
        defer { iconv_close(converter) }
        var result: [UInt8] = []
        result.reserveCapacity(content.count + content.count / 8)
        let failed = content.withUnsafeBytes { input -> Int? in
            // The converter reads `left` bytes from `next` on, which stay within `input`, and writes into the block
            // only. It does not change what it reads, although its type says so.
            var next = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: CChar.self))
            var left = input.count
            var isFlushing = false
            while true {
                let status = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Self.blockBytes) { block -> Int32 in
                    var (end, room) = (block.baseAddress, block.count)
                    let count =
                        isFlushing ? iconv(converter, nil, nil, &end, &room) : iconv(converter, &next, &left, &end, &room)
                    let status = count == -1 ? errno : 0
                    result += UnsafeRawBufferPointer(start: block.baseAddress, count: block.count - room)
                    return status
                }
                LoadThrottle.step()
                if status == E2BIG { continue }
                guard status == 0 else { return input.count - left }
                // Some sets keep the last letter back, because an accent may follow.
                guard !isFlushing else { return nil }
                isFlushing = true
            }
        }
        if let failed {
            throw .invalidModel(reason: "the file is not the \(declared) it should be", place: "byte \(failed)")
        }
        return result
    }
}
