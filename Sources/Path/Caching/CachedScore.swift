package import Scoring

/// One row of a `ScoreBatch` on its own: what caches keep and single flights hand over. Its bytes, little-endian:
/// cells and texts as counts of four bytes each, the cells, then each text with its length in four bytes before it. The
/// cell of a text holds its position among the row's texts.
///
/// Bytes from outside become a `CachedScore` through `init(checking:of:)` only, so that reading one needs no checks.
package struct CachedScore: Sendable, Equatable {
    /// The scope's columns and their texts.
    let bytes: [UInt8]

    /// A copy of a row, or nil where the row failed: failures are not kept.
    package init?(_ scores: ScoreBatch, row: Int, of scope: CacheScope) {
        guard scores.failure(row: row) == nil else { return nil }
        let count = Self.byteCount(of: scores, row: row, scope)
        bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
            // Safe: the buffer has room for what `byteCount` says, and `write` fills exactly that.
            unsafe Self.write(scores, row: row, scope, to: UnsafeMutableRawPointer(buffer.baseAddress.unsafelyUnwrapped))
            written = count
        }
    }

    /// Bytes that may be anything; nil unless they are a row of the scope's shape.
    init?(checking bytes: ArraySlice<UInt8>, of scope: CacheScope) {
        guard unsafe bytes.withUnsafeBytes({ unsafe Self.isSound($0, scope) }) else { return nil }
        self.bytes = Array(bytes)
    }

    /// Copies the row into a batch of the scope's width.
    package func copy(into scores: ScoreBatch, row: Int, of scope: CacheScope) {
        unsafe bytes.withUnsafeBytes {
            unsafe Self.read($0.baseAddress.unsafelyUnwrapped, into: scores, row: row, scope)
        }
    }

    static func byteCount(of scores: ScoreBatch, row: Int, _ scope: CacheScope) -> Int {
        precondition(scores.width == scope.width && row >= 0 && row < scores.count)
        var count = 8 + scope.width * 8
        for column in scope.outputTexts {
            guard let text = scores.text(row: row, column: column) else { continue }
            count += 4 + text.utf8.count
        }
        return count
    }

    /// Writes `byteCount` bytes.
    static func write(_ scores: ScoreBatch, row: Int, _ scope: CacheScope, to memory: UnsafeMutableRawPointer) {
        precondition(scores.width == scope.width && row >= 0 && row < scores.count)
        unsafe memory.storeBytes(of: UInt32(scope.width).littleEndian, as: UInt32.self)
        unsafe (memory + 8).copyMemory(from: scores.values + row * scope.width, byteCount: scope.width * 8)
        var texts = 0
        var end = unsafe memory + 8 + scope.width * 8
        for column in scope.outputTexts {
            guard var text = scores.text(row: row, column: column) else { continue }
            unsafe (memory + 8).storeBytes(of: Double(texts), toByteOffset: column * 8, as: Double.self)
            texts += 1
            text.withUTF8 {
                unsafe end.storeBytes(of: UInt32($0.count).littleEndian, as: UInt32.self)
                if let start = $0.baseAddress { unsafe (end + 4).copyMemory(from: start, byteCount: $0.count) }
                unsafe end += 4 + $0.count
            }
        }
        unsafe memory.storeBytes(of: UInt32(texts).littleEndian, toByteOffset: 4, as: UInt32.self)
    }

    /// Copies sound bytes into a row. Allocates for texts of more than 15 bytes only.
    static func read(_ memory: UnsafeRawPointer, into scores: ScoreBatch, row: Int, _ scope: CacheScope) {
        precondition(scores.width == scope.width && row >= 0 && row < scores.count)
        unsafe UnsafeMutableRawPointer(scores.values + row * scope.width).copyMemory(from: memory + 8, byteCount: scope.width * 8)
        guard !scope.outputTexts.isEmpty else { return }
        // Texts lie in the order of their columns, as `write` and `isSound` have it.
        var end = unsafe memory + 8 + scope.width * 8
        for column in scope.outputTexts where !scores[row, column].isNaN {
            let length = unsafe Int(UInt32(littleEndian: end.loadUnaligned(as: UInt32.self)))
            let text = unsafe String(decoding: UnsafeRawBufferPointer(start: end + 4, count: length), as: UTF8.self)
            scores.setText(text, row: row, column: column)
            unsafe end += 4 + length
        }
    }

    /// Whether bytes from outside are a row of the scope's columns: sizes, positions of texts, UTF-8.
    private static func isSound(_ bytes: UnsafeRawBufferPointer, _ scope: CacheScope) -> Bool {
        let cells = 8 + scope.width * 8
        guard bytes.count >= cells,
            unsafe UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)) == UInt32(scope.width)
        else { return false }
        let texts = unsafe UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        var seen: UInt32 = 0
        var end = cells
        for column in scope.outputTexts {
            let cell = unsafe bytes.loadUnaligned(fromByteOffset: 8 + column * 8, as: Double.self)
            if cell.isNaN { continue }
            guard cell == Double(seen), bytes.count - end >= 4 else { return false }
            let length = unsafe Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: end, as: UInt32.self)))
            guard bytes.count - end - 4 >= length,
                unsafe String(validating: bytes[(end + 4)..<(end + 4 + length)], as: UTF8.self) != nil
            else { return false }
            end += 4 + length
            seen += 1
        }
        return seen == texts && end == bytes.count
    }
}
