internal import Glibc
internal import Scoring
internal import Testing

@Suite struct SymbolTableTests {
    @Test func theHashIsTheReferenceCodes() {
        // SipHash-1-3 of no bytes and of the byte 0 under the key 0, 1, ... 15, as the vectors of Rust's standard library.
        let key: (UInt64, UInt64) = (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908)
        let none: [UInt8] = []
        #expect(none.withUnsafeBytes { SymbolHash.hash($0, key: key) } == 0xabac_0158_050f_c4dc)
        #expect([UInt8(0)].withUnsafeBytes { SymbolHash.hash($0, key: key) } == 0xc9f4_9bf3_7d57_ca93)
    }

    @Test func symbolsOfEqualBytesOnlyAreEqual() {
        let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}")
        #expect(composed == decomposed)
        let table = SymbolTable([composed, decomposed, "", composed])
        #expect(table.position(of: composed) == 0)
        #expect(table.position(of: decomposed) == 1)
        #expect(table.position(of: "") == 2)
        #expect(table.position(of: "cafe") == nil)
        #expect(SymbolTable([composed]) != SymbolTable([decomposed]))
    }

    /// Names that a fixed hash, a folded multiplication of every eight bytes, puts all on one slot.
    @Test func namesThatAreMadeToCollideCostNoMoreThanOthers() throws {
        let fixed: UInt64 = 0xcbf2_9ce4_8422_2325
        func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
            let product = (hash ^ word ^ fixed).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
            return product.high ^ product.low
        }
        var (made, others): ([String], [String]) = ([], [])
        var word: UInt64 = 0x3030_3030_3030_3030
        while made.count < 4_000 {
            word += 1
            guard word & 0x8080_8080_8080_8080 == 0 else { continue }
            // The second word takes back what the first one made.
            let second = mix(16, word) ^ fixed
            guard second & 0x8080_8080_8080_8080 == 0 else { continue }
            let bytes = withUnsafeBytes(of: (word.littleEndian, second.littleEndian)) { Array($0) }
            made.append(String(decoding: bytes, as: UTF8.self))
            others.append("name-\(String(made.count + 100_000_000))xy")
        }
        func time(_ names: [String]) -> Double {
            (0..<3).map { _ in
                var (start, end) = (timespec(), timespec())
                clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start)
                let table = SymbolTable(names)
                for (index, name) in names.enumerated() where table.position(of: name) != index { Issue.record("\(name)") }
                clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end)
                return Double(end.tv_sec - start.tv_sec) + Double(end.tv_nsec - start.tv_nsec) / 1e9
            }.min()!
        }
        // On one slot they would take a thousand times as long.
        #expect(time(made) < time(others) * 30)
    }
}
