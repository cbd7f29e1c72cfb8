internal import Glibc

/// What a `JSONReader` needs beside the document: open objects, their keys, decoded strings. Hand the same
/// one to reader after reader and reading allocates nothing; one reader at a time.
@safe package final class JSONMemory {
    /// An open object or array, as it is saved while one inside it is read.
    struct Frame {
        var isObject: Bool
        /// The object's keys start here in `keys`.
        var firstKey: Int
        var seenLow: UInt64
        var seenHigh: UInt64
        /// Whether its keys are in `index`.
        var isIndexed: Bool
    }

    @safe struct Key {
        var hash: UInt64
        var start: UnsafePointer<UInt8>
        var count: Int
    }

    /// Objects with more keys are looked up through `index`.
    static let scannedKeys = 64

    private(set) var frames: UnsafeMutablePointer<Frame>
    private(set) var frameCapacity = 16
    private(set) var keys: UnsafeMutablePointer<Key>
    private(set) var keyCapacity = 64
    /// Open addressing over the keys of the large open objects; -1 is free. Keys leave in the reverse order
    /// of their coming, so that emptying a slot never breaks another key's chain.
    private(set) var index: UnsafeMutablePointer<Int>?
    private(set) var indexCapacity = 0
    var indexedKeys = 0
    private var decoded: UnsafeMutablePointer<UInt8>?
    private var decodedCapacity = 0

    package init() {
        unsafe frames = .allocate(capacity: frameCapacity)
        unsafe keys = .allocate(capacity: keyCapacity)
    }

    deinit {
        unsafe frames.deallocate()
        unsafe keys.deallocate()
        unsafe index?.deallocate()
        unsafe decoded?.deallocate()
    }

    /// Makes the memory ready for the next document, and gives back what an unusually large one took.
    func begin() {
        if keyCapacity > 1 << 14 {
            unsafe keys.deallocate()
            keyCapacity = 64
            unsafe keys = .allocate(capacity: keyCapacity)
        }
        if decodedCapacity > 1 << 20 {
            unsafe decoded?.deallocate()
            unsafe decoded = nil
            decodedCapacity = 0
        }
        if indexCapacity > 1 << 15 {
            unsafe index?.deallocate()
            unsafe index = nil
            indexCapacity = 0
        } else if indexedKeys > 0, let index = unsafe index {
            // The last document was left in the middle.
            unsafe index.update(repeating: -1, count: indexCapacity)
        }
        indexedKeys = 0
    }

    func growFrames(holding count: Int) {
        let larger = UnsafeMutablePointer<Frame>.allocate(capacity: frameCapacity * 2)
        unsafe larger.update(from: frames, count: count)
        unsafe frames.deallocate()
        unsafe frames = unsafe larger
        frameCapacity *= 2
    }

    func growKeys(holding count: Int) {
        let larger = UnsafeMutablePointer<Key>.allocate(capacity: keyCapacity * 2)
        unsafe larger.update(from: keys, count: count)
        unsafe keys.deallocate()
        unsafe keys = unsafe larger
        keyCapacity *= 2
    }

    /// Room for the decoded strings of one document, none of which moves: decoding never makes a string
    /// longer, so the document's own length is enough.
    func decodingRoom(_ documentBytes: Int) -> UnsafeMutablePointer<UInt8> {
        if let decoded = unsafe decoded, decodedCapacity >= documentBytes { return unsafe decoded }
        unsafe decoded?.deallocate()
        let room = UnsafeMutablePointer<UInt8>.allocate(capacity: max(documentBytes, 4096))
        unsafe decoded = unsafe room
        decodedCapacity = max(documentBytes, 4096)
        return unsafe room
    }

    /// Puts key `position` into the index, unless its object, whose keys start at `firstKey`, has the key
    /// already; then returns false.
    func insert(_ position: Int, firstKey: Int) -> Bool {
        if (indexedKeys + 1) * 2 > indexCapacity { growIndex() }
        guard let index = unsafe index else { return true }
        let mask = indexCapacity - 1
        let key = unsafe keys[position]
        var slot = Int(truncatingIfNeeded: key.hash) & mask
        while unsafe index[slot] >= 0 {
            let other = unsafe index[slot]
            if other >= firstKey, unsafe Self.areEqual(keys[other], key) { return false }
            slot = (slot + 1) & mask
        }
        unsafe index[slot] = position
        indexedKeys += 1
        return true
    }

    /// Takes the keys from `count` down to `firstKey` out of the index.
    func remove(from count: Int, downTo firstKey: Int) {
        guard let index = unsafe index else { return }
        let mask = indexCapacity - 1
        for position in (firstKey..<count).reversed() {
            var slot = unsafe Int(truncatingIfNeeded: keys[position].hash) & mask
            while unsafe index[slot] >= 0, unsafe index[slot] != position { slot = (slot + 1) & mask }
            if unsafe index[slot] == position {
                unsafe index[slot] = -1
                indexedKeys -= 1
            }
        }
    }

    private func growIndex() {
        let capacity = max(256, indexCapacity * 2)
        let larger = UnsafeMutablePointer<Int>.allocate(capacity: capacity)
        unsafe larger.update(repeating: -1, count: capacity)
        if let index = unsafe index {
            // In the order of their coming, so that the chains stay such that the last one can leave.
            var positions: [Int] = []
            positions.reserveCapacity(indexedKeys)
            for slot in 0..<indexCapacity where unsafe index[slot] >= 0 { unsafe positions.append(index[slot]) }
            positions.sort()
            for position in positions {
                var slot = unsafe Int(truncatingIfNeeded: keys[position].hash) & (capacity - 1)
                while unsafe larger[slot] >= 0 { slot = (slot + 1) & (capacity - 1) }
                unsafe larger[slot] = position
            }
            unsafe index.deallocate()
        }
        unsafe index = unsafe larger
        indexCapacity = capacity
    }

    @inline(__always)
    static func areEqual(_ left: Key, _ right: Key) -> Bool {
        unsafe left.hash == right.hash && left.count == right.count && memcmp(left.start, right.start, left.count) == 0
    }
}

/// The hash of keys: folded multiplications with a secret of this process, so that nobody outside can make
/// keys collide.
enum KeyHash {
    static let seed = UInt64.random(in: .min ... .max)
    private static let factor: UInt64 = 0x9e37_79b9_7f4a_7c15

    @inline(__always)
    static func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
        let product = (hash ^ word).multipliedFullWidth(by: factor)
        return product.high ^ product.low
    }

    /// The last 0 to 7 bytes, padded with zeros, and the length.
    @inline(__always)
    static func finish(_ hash: UInt64, tail: UInt64, count: Int) -> UInt64 {
        mix(mix(hash, tail), UInt64(truncatingIfNeeded: count) | 1 << 63)
    }

    static func hash(_ start: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
        var hash = seed
        var offset = 0
        while count - offset >= 8 {
            hash = unsafe mix(hash, EightBytes.load(start + offset))
            offset += 8
        }
        var tail: UInt64 = 0
        var shift: UInt64 = 0
        while offset < count {
            unsafe tail |= UInt64(start[offset]) << shift
            shift += 8
            offset += 1
        }
        return finish(hash, tail: tail, count: count)
    }
}
