internal import Glibc

/// A string of a JSON document as bytes: a view of the document where the string has no escapes, of its
/// decoded form in the reader's memory otherwise. Valid UTF-8. Valid while the document's bytes and the
/// reader's memory are and no other document is read with that memory.
@safe package struct JSONString {
    package let bytes: UnsafeBufferPointer<UInt8>

    package init(_ bytes: UnsafeBufferPointer<UInt8>) { unsafe self.bytes = unsafe bytes }

    package var count: Int { unsafe bytes.count }
    package var isEmpty: Bool { unsafe bytes.isEmpty }
    /// A copy; allocates if it is longer than 15 bytes.
    package var string: String { unsafe String(decoding: bytes, as: UTF8.self) }

    @inline(__always)
    package static func == (text: JSONString, literal: StaticString) -> Bool {
        guard unsafe text.bytes.count == literal.utf8CodeUnitCount else { return false }
        guard let start = unsafe text.bytes.baseAddress else { return true }
        return unsafe memcmp(start, literal.utf8Start, text.bytes.count) == 0
    }

    package static func == (left: JSONString, right: JSONString) -> Bool {
        guard left.count == right.count else { return false }
        guard let start = unsafe left.bytes.baseAddress, let other = unsafe right.bytes.baseAddress else { return true }
        return unsafe memcmp(start, other, left.count) == 0
    }

    /// Lets `switch key { case "features": ... }` compare bytes.
    @inline(__always)
    package static func ~= (literal: StaticString, text: JSONString) -> Bool { text == literal }
}
