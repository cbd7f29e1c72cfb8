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
        bytes.withUnsafeBufferPointer { all in
            for index in symbols.indices {
                let symbol = UnsafeBufferPointer(rebasing: all[Int(ends[index])..<Int(ends[index + 1])])
                var slot = Self.hash(symbol) & (capacity - 1)
                var isDuplicate = false
                while slots[slot] >= 0 {
                    let other = Int(slots[slot])
                    if symbols[other] == symbols[index] {
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

    package var count: Int { symbols.count }
    package var isEmpty: Bool { symbols.isEmpty }
    package subscript(position: Int) -> String { symbols[position] }

    /// The position of the symbol with exactly these bytes. O(length).
    package func position(of utf8: UnsafeBufferPointer<UInt8>) -> Int? {
        slots.withUnsafeBufferPointer { slots in
            bytes.withUnsafeBufferPointer { bytes in
                ends.withUnsafeBufferPointer { ends in
                    var slot = Self.hash(utf8) & (slots.count - 1)
                    while slots[slot] >= 0 {
                        let index = Int(slots[slot])
                        let start = Int(ends[index])
                        if Int(ends[index + 1]) - start == utf8.count, areEqual(bytes, start, utf8) { return index }
                        slot = (slot + 1) & (slots.count - 1)
                    }
                    return nil
                }
            }
        }
    }

    package func position(of symbol: String) -> Int? {
        var symbol = symbol
        return symbol.withUTF8 { position(of: $0) }
    }

    private func areEqual(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ utf8: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let left = bytes.baseAddress, let right = utf8.baseAddress else { return utf8.isEmpty }
        return memcmp(left + start, right, utf8.count) == 0
    }

    /// A multiplication for every eight bytes, then for the rest and the length. Symbols come from the model, not
    /// from requests, so flooding the table is not a threat.
    private static func hash(_ utf8: UnsafeBufferPointer<UInt8>) -> Int {
        var hash = UInt64(truncatingIfNeeded: utf8.count)
        guard let start = utf8.baseAddress else { return 0 }
        var offset = 0
        while utf8.count - offset >= 8 {
            hash = mix(hash, UnsafeRawPointer(start + offset).loadUnaligned(as: UInt64.self))
            offset += 8
        }
        var rest: UInt64 = 0
        while offset < utf8.count {
            rest = rest << 8 | UInt64(start[offset])
            offset += 1
        }
        return Int(truncatingIfNeeded: mix(hash, rest) & 0x7fff_ffff)
    }

    @inline(__always)
    private static func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
        let product = (hash ^ word ^ 0xcbf2_9ce4_8422_2325).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
        return product.high ^ product.low
    }
}
