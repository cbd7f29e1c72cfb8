internal import Scoring
internal import TextFormats

/// Brings a file into UTF-8 and makes sure that it holds characters of XML only.
enum XMLEncoding {
    /// The same text in UTF-8. Copies nothing if it is UTF-8 already.
    static func utf8(of content: [UInt8]) throws(ScoringError) -> [UInt8] {
        let bytes = try transcoded(content)
        let invalid = bytes.withUnsafeBufferPointer { UTF8Text.firstInvalidByte($0) }
        if let invalid { throw .invalidModel(reason: "the file is not the UTF-8 it should be", place: "byte \(invalid)") }
        let control = bytes.firstIndex { $0 < 0x20 && $0 != 0x0A && $0 != 0x09 && $0 != 0x0D }
        if let control { throw .invalidModel(reason: "the file holds a control character", place: "byte \(control)") }
        return bytes
    }

    private static func transcoded(_ content: [UInt8]) throws(ScoringError) -> [UInt8] {
        if content.starts(with: [0xFE, 0xFF]) || content.starts(with: [0, 0x3C]) {
            return try utf16(content, isBigEndian: true)
        }
        if content.starts(with: [0xFF, 0xFE]) || content.starts(with: [0x3C, 0]) {
            return try utf16(content, isBigEndian: false)
        }
        guard let name = declaredEncoding(content) else { return content }
        switch name.lowercased() {
        case "utf-8", "utf8", "us-ascii", "ascii": return content
        case "iso-8859-1", "iso8859-1", "latin1", "latin-1", "iso_8859-1": return latin1(content)
        default:
            guard let set = CharacterSet(name) else {
                throw .unsupportedModel("the XML encoding '\(name.prefix(40))' is not supported; convert the file to UTF-8")
            }
            return try set.utf8(of: content)
        }
    }

    /// What the XML declaration names, if there is one.
    private static func declaredEncoding(_ content: [UInt8]) -> String? {
        let start = content.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        let head = content[start...].prefix(256)
        guard head.starts(with: "<?xml".utf8), let end = head.firstIndex(of: UInt8(ascii: ">")) else { return nil }
        let declaration = String(decoding: head[..<end], as: UTF8.self)
        guard let key = declaration.utf8.firstRange(of: "encoding".utf8) else { return nil }
        let rest = declaration[key.upperBound...]
        guard let open = rest.firstIndex(where: { $0 == "\"" || $0 == "'" }) else { return nil }
        let quoted = rest[rest.index(after: open)...]
        guard let close = quoted.firstIndex(of: rest[open]) else { return nil }
        return String(quoted[..<close])
    }

    private static func latin1(_ content: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(content.count + content.count / 16)
        for byte in content {
            if byte < 0x80 {
                result.append(byte)
            } else {
                result.append(0xC0 | byte >> 6)
                result.append(0x80 | byte & 0x3F)
            }
        }
        return result
    }

    private static func utf16(_ content: [UInt8], isBigEndian: Bool) throws(ScoringError) -> [UInt8] {
        guard content.count % 2 == 0 else {
            throw .invalidModel(
                reason: "the file is UTF-16 with an odd number of bytes; it is truncated", place: "byte \(content.count)")
        }
        var result: [UInt8] = []
        result.reserveCapacity(content.count / 2 + content.count / 32)
        var decoder = UTF16()
        var units = (0..<content.count / 2).lazy.map { index -> UInt16 in
            let (first, second) = (UInt16(content[2 * index]), UInt16(content[2 * index + 1]))
            return isBigEndian ? first << 8 | second : second << 8 | first
        }.makeIterator()
        var isFirst = true
        while true {
            switch decoder.decode(&units) {
            case .scalarValue(let scalar):
                if !(isFirst && scalar == "\u{FEFF}") { result.append(contentsOf: Array(String(scalar).utf8)) }
                isFirst = false
            case .emptyInput: return result
            case .error: throw .invalidModel(reason: "the file is not the UTF-16 it should be", place: "")
            }
        }
    }
}
