internal import Glibc

/// An immutable list of distinct strings that finds the position of one from its UTF-8 bytes: feature
/// names, category levels, class labels. A look-up allocates nothing.
package struct SymbolTable: Sendable, Equatable {
    package let symbols: [String]
    /// Open addressing; a slot holds a position in `symbols` or -1. Its count is a power of two.
    private let slots: [Int32]
    private let bytes: [UInt8]
    /// `symbols[i]` is `bytes[ends[i] ..< ends[i + 1]]`.
    private let ends: [Int32]

    /// Later duplicates of a symbol keep their position in `symbols`, but the first one is found.
    package init(_ symbols: [String]) {
        self.symbols = symbols
        var bytes: [UInt8] = []
        var ends: [Int32] = [0]
        for symbol in symbols {
            bytes.append(contentsOf: symbol.utf8)
            ends.append(Int32(bytes.count))
        }
        var capacity = 4
        while capacity < symbols.count * 2 { capacity *= 2 }
        var slots = [Int32](repeating: -1, count: capacity)
        unsafe bytes.withUnsafeBufferPointer { all in
            for index in symbols.indices {
                let symbol = unsafe UnsafeBufferPointer(rebasing: all[Int(ends[index])..<Int(ends[index + 1])])
                var slot = unsafe SymbolHash.hash(symbol) & (capacity - 1)
                var isDuplicate = false
                while slots[slot] >= 0 {
                    let other = Int(slots[slot])
                    let start = Int(ends[other])
                    if Int(ends[other + 1]) - start == symbol.count, unsafe Self.areEqual(all, start, symbol) {
                        isDuplicate = true
                        break
                    }
                    slot = (slot + 1) & (capacity - 1)
                }
                if !isDuplicate { slots[slot] = Int32(index) }
            }
        }
        self.slots = slots
        self.bytes = bytes
        self.ends = ends
    }

    package static func == (left: SymbolTable, right: SymbolTable) -> Bool {
        left.ends == right.ends && left.bytes == right.bytes
    }

    package var count: Int { symbols.count }
    package var isEmpty: Bool { symbols.isEmpty }
    package subscript(position: Int) -> String { symbols[position] }

    /// The position of the symbol with exactly these bytes. O(length).
    package func position(of utf8: UnsafeBufferPointer<UInt8>) -> Int? {
        unsafe slots.withUnsafeBufferPointer { slots in
            unsafe bytes.withUnsafeBufferPointer { bytes in
                unsafe ends.withUnsafeBufferPointer { ends in
                    var slot = unsafe SymbolHash.hash(utf8) & (slots.count - 1)
                    while unsafe slots[slot] >= 0 {
                        let index = unsafe Int(slots[slot])
                        let start = unsafe Int(ends[index])
                        if unsafe Int(ends[index + 1]) - start == utf8.count, unsafe Self.areEqual(bytes, start, utf8) {
                            return index
                        }
                        slot = (slot + 1) & (slots.count - 1)
                    }
                    return nil
                }
            }
        }
    }

    package func position(of symbol: String) -> Int? {
        var symbol = symbol
        return symbol.withUTF8 { unsafe position(of: $0) }
    }

    private static func areEqual(
        _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ utf8: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        guard let left = bytes.baseAddress, let right = utf8.baseAddress else { return utf8.isEmpty }
        return unsafe memcmp(left + start, right, utf8.count) == 0
    }
}

/// SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF") with a key that each process draws for itself.
/// Symbols come from model files and are looked up for requests: with a hash that everyone can compute, a file could
/// name symbols that all fall on one slot, and every look-up would read them all. One round for every eight bytes.
package enum SymbolHash {
    private static let key = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))

    /// A number that is not negative.
    @inline(__always)
    static func hash(_ utf8: UnsafeBufferPointer<UInt8>) -> Int {
        unsafe Int(truncatingIfNeeded: hash(UnsafeRawBufferPointer(utf8), key: key) >> 1)
    }

    @inline(__always)
    package static func hash(_ bytes: UnsafeRawBufferPointer, key: (UInt64, UInt64)) -> UInt64 {
        var state = SipState(key: key)
        var offset = 0
        while bytes.count - offset >= 8 {
            let word = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            state.v3 ^= word
            state.round()
            state.v0 ^= word
            offset += 8
        }
        // The last 0 to 7 bytes, and the length in the highest one.
        var word = UInt64(truncatingIfNeeded: bytes.count) << 56
        var shift: UInt64 = 0
        while offset < bytes.count {
            unsafe word |= UInt64(bytes[offset]) << shift
            shift += 8
            offset += 1
        }
        state.v3 ^= word
        state.round()
        state.v0 ^= word
        state.v2 ^= 0xff
        for _ in 0..<3 { state.round() }
        return state.folded
    }
}
