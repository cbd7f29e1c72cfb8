internal import Glibc

/// A growable run of bytes to write answers into; kept and emptied between answers, so that writing
/// allocates nothing once it has grown to the largest.
@safe package struct ByteSink: ~Copyable {
    private var storage: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    package private(set) var count = 0

    package init(capacity: Int = 1024) {
        self.capacity = max(capacity, 64)
        unsafe storage = .allocate(capacity: self.capacity)
    }

    deinit { unsafe storage.deallocate() }

    /// The bytes written. Valid until the sink is next written to.
    package var bytes: UnsafeBufferPointer<UInt8> { unsafe UnsafeBufferPointer(start: storage, count: count) }
    package var isEmpty: Bool { count == 0 }
    /// A copy of the bytes.
    package var array: [UInt8] { unsafe Array(bytes) }
    /// A copy of the bytes as text.
    package var string: String { unsafe String(decoding: bytes, as: UTF8.self) }

    package mutating func removeAll() { count = 0 }

    /// Takes back what was written after the first `count` bytes.
    package mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= self.count)
        self.count = count
    }

    /// Room for `more` bytes behind those written. Those filled are added by `commit`.
    @inline(__always)
    package mutating func reserve(_ more: Int) -> UnsafeMutablePointer<UInt8> {
        if capacity - count < more { grow(more) }
        return unsafe storage + count
    }

    /// Adds the first `more` bytes of the room that `reserve` gave.
    @inline(__always)
    package mutating func commit(_ more: Int) {
        precondition(more >= 0 && more <= capacity - count)
        count += more
    }

    @inline(never)
    private mutating func grow(_ more: Int) {
        let larger = max(count + more, capacity * 2)
        let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        unsafe moved.update(from: storage, count: count)
        unsafe storage.deallocate()
        unsafe storage = unsafe moved
        capacity = larger
    }

    @inline(__always)
    package mutating func append(_ byte: UInt8) {
        unsafe reserve(1).pointee = byte
        count += 1
    }

    package mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let start = bytes.baseAddress else { return }
        unsafe reserve(bytes.count).update(from: start, count: bytes.count)
        count += bytes.count
    }

    /// Literal text.
    @inline(__always)
    package mutating func append(_ text: StaticString) {
        let length = text.utf8CodeUnitCount
        unsafe reserve(length).update(from: text.utf8Start, count: length)
        count += length
    }

    /// Text as it is, without quotes or escapes.
    package mutating func append(text: String) {
        var text = text
        text.withUTF8 { unsafe append($0) }
    }

    package mutating func append(contentsOf bytes: [UInt8]) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append($0) }
    }
}
