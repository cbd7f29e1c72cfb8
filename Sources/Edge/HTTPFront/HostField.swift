internal import Glibc

/// The value of a Host field: `uri-host [":" port]` (RFC 9110 section 7.2, RFC 3986 section 3.2), or nothing for a
/// target without an authority.
enum HostField {
    static func isValid(_ value: String) -> Bool {
        var value = value
        return value.withUTF8 { bytes in
            let isLiteral = unsafe bytes.first == UInt8(ascii: "[")
            let hostEnd: Int
            if isLiteral {
                guard let close = unsafe bytes.firstIndex(of: UInt8(ascii: "]")) else { return false }
                guard unsafe isAddress(UnsafeBufferPointer(rebasing: bytes[1..<close])) else { return false }
                hostEnd = close + 1
            } else {
                hostEnd = unsafe bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.count
                guard unsafe isName(UnsafeBufferPointer(rebasing: bytes[..<hostEnd])) else { return false }
            }
            guard hostEnd < bytes.count else { return true }
            // A port behind no host is no authority.
            guard hostEnd > 0, unsafe bytes[hostEnd] == UInt8(ascii: ":") else { return false }
            return unsafe bytes[(hostEnd + 1)...].allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        }
    }

    /// Whether the bytes are a registered name or an IPv4 address: unreserved characters, sub-delimiters, and
    /// percent-encoded bytes.
    private static func isName(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var offset = 0
        while offset < bytes.count {
            if unsafe bytes[offset] == UInt8(ascii: "%") {
                guard offset + 2 < bytes.count, unsafe isHexadecimal(bytes[offset + 1]), unsafe isHexadecimal(bytes[offset + 2])
                else {
                    return false
                }
                offset += 3
            } else {
                guard unsafe isNameCharacter(bytes[offset]) else { return false }
                offset += 1
            }
        }
        return true
    }

    /// Whether the bytes, which stand between brackets, are an IPv6 address or one of a later version.
    private static func isAddress(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        if unsafe bytes.first == UInt8(ascii: "v") || bytes.first == UInt8(ascii: "V") {
            guard let dot = unsafe bytes.firstIndex(of: UInt8(ascii: ".")), dot > 1, dot + 1 < bytes.count else { return false }
            return unsafe bytes[1..<dot].allSatisfy(isHexadecimal)
                && bytes[(dot + 1)...].allSatisfy { isNameCharacter($0) || $0 == UInt8(ascii: ":") }
        }
        // Longer than any address; the C function reads to a zero.
        guard bytes.count < 64, unsafe !bytes.contains(0) else { return false }
        return unsafe withUnsafeTemporaryAllocation(byteCount: 16, alignment: 4) {
            unsafe inet_pton(AF_INET6, String(decoding: bytes, as: UTF8.self), $0.baseAddress) == 1
        }
    }

    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        case UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("),
            UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ";"),
            UInt8(ascii: "="):
            true
        default: false
        }
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
