/// Writes deflate streams (RFC 1951) with stored blocks and blocks of the fixed codes, with copies where something comes again.
struct DeflateWriter {
    private var bytes: [UInt8] = []
    private var bits: UInt64 = 0
    private var bitCount = 0

    static func deflated(_ content: [UInt8], using random: inout SplitMix) -> [UInt8] {
        var writer = DeflateWriter()
        var start = 0
        repeat {
            let end = min(content.count, start + 1 + random.next(20_000))
            let isLast = end == content.count
            if random.next(4) == 0 {
                writer.stored(content[start..<end], isLast)
            } else {
                writer.fixed(content, start..<end, isLast)
            }
            start = end
        } while start < content.count
        writer.align()
        return writer.bytes
    }

    private mutating func put(_ value: Int, _ count: Int) {
        bits |= UInt64(value) << UInt64(bitCount)
        bitCount += count
        while bitCount >= 8 {
            bytes.append(UInt8(truncatingIfNeeded: bits))
            bits >>= 8
            bitCount -= 8
        }
    }

    /// Codes have their most significant bit first, all else the least.
    private mutating func put(code: Int, _ count: Int) {
        for bit in (0..<count).reversed() { put(code >> bit & 1, 1) }
    }

    private mutating func align() {
        if bitCount > 0 { put(0, 8 - bitCount) }
    }

    private mutating func stored(_ content: ArraySlice<UInt8>, _ isLast: Bool) {
        put(isLast ? 1 : 0, 3)
        align()
        put(content.count, 16)
        put(content.count ^ 0xffff, 16)
        for byte in content { put(Int(byte), 8) }
    }

    private mutating func fixed(_ content: [UInt8], _ range: Range<Int>, _ isLast: Bool) {
        put(isLast ? 3 : 2, 3)
        /// Where three bytes were last.
        var seen: [Int: Int] = [:]
        var at = range.lowerBound
        while at < range.upperBound {
            var length = 0
            if at + 3 <= range.upperBound {
                let key = Int(content[at]) << 16 | Int(content[at + 1]) << 8 | Int(content[at + 2])
                if let earlier = seen[key], at - earlier <= 32_768 {
                    while length < 258, at + length < range.upperBound, content[earlier + length] == content[at + length] {
                        length += 1
                    }
                    put(length: length)
                    put(distance: at - earlier)
                }
                seen[key] = at
            }
            if length == 0 { put(symbol: Int(content[at])) }
            at += max(length, 1)
        }
        put(symbol: 256)
    }

    private mutating func put(symbol: Int) {
        switch symbol {
        case 0..<144: put(code: 0x30 + symbol, 8)
        case 144..<256: put(code: 0x190 + symbol - 144, 9)
        case 256..<280: put(code: symbol - 256, 7)
        default: put(code: 0xc0 + symbol - 280, 8)
        }
    }

    private mutating func put(length: Int) {
        guard length < 258 else { return put(symbol: 285) }
        // Eight lengths of their own, then four for each number of extra bits.
        var (symbol, base, extra) = (257, 3, 0)
        while base + 1 << extra <= length {
            base += 1 << extra
            symbol += 1
            extra = symbol < 265 ? 0 : (symbol - 261) / 4
        }
        put(symbol: symbol)
        put(length - base, extra)
    }

    private mutating func put(distance: Int) {
        var (symbol, base, extra) = (0, 1, 0)
        while base + 1 << extra <= distance {
            base += 1 << extra
            symbol += 1
            extra = symbol < 4 ? 0 : (symbol - 2) / 2
        }
        put(code: symbol, 5)
        put(distance - base, extra)
    }
}

/// Random numbers that are the same in every run.
struct SplitMix {
    private var state: UInt64

    init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) }

    /// From 0 to below the bound.
    mutating func next(_ bound: Int) -> Int {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return Int((value ^ (value >> 31)) % UInt64(bound))
    }
}
