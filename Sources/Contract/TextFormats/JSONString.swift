internal import Glibc

/// A string of a JSON document as bytes: a view of the document where the string has no escapes, of its
/// decoded form in the reader's memory otherwise. Valid UTF-8. Valid while the document's bytes and the
/// reader's memory are and no other document is read with that memory.
package struct JSONString {
    package let bytes: UnsafeBufferPointer<UInt8>

    package init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    package var count: Int { bytes.count }
    package var isEmpty: Bool { bytes.isEmpty }
    /// A copy; allocates if it is longer than 15 bytes.
    package var string: String { String(decoding: bytes, as: UTF8.self) }

    @inline(__always)
    package static func == (text: JSONString, literal: StaticString) -> Bool {
        guard text.bytes.count == literal.utf8CodeUnitCount else { return false }
        guard let start = text.bytes.baseAddress else { return true }
        return memcmp(start, literal.utf8Start, text.bytes.count) == 0
    }

    package static func == (left: JSONString, right: JSONString) -> Bool {
        guard left.count == right.count else { return false }
        guard let start = left.bytes.baseAddress, let other = right.bytes.baseAddress else { return true }
        return memcmp(start, other, left.count) == 0
    }

    /// Lets `switch key { case "features": ... }` compare bytes.
    @inline(__always)
    package static func ~= (literal: StaticString, text: JSONString) -> Bool { text == literal }
}
