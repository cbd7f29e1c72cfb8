internal import Caching
internal import Digests
internal import Scoring
internal import Testing

@Suite struct CacheKeyTests {
    private struct Keys: Equatable {
        let local: CacheKey
        let shared: SharedCacheKey
    }

    private func keys(_ values: [Double], _ scope: CacheScope) -> Keys {
        let row = makeRow(values)
        return Keys(local: scope.key(of: row, row: 0), shared: scope.sharedKey(of: row, row: 0))
    }

    @Test func equalValuesHaveEqualKeys() {
        let scope = makeScope()
        #expect(keys([1, 2], scope) == keys([1.0, 2.0], scope))
        #expect(keys([-0.0, 2], scope) == keys([0.0, 2], scope))
        let otherNaN = Double(bitPattern: 0xfff8_0000_0000_1234)
        #expect(keys([.nan, 2], scope) == keys([otherNaN, 2], scope))
        #expect(keys([.signalingNaN, 2], scope) == keys([.nan, 2], scope))
    }

    @Test func differentRowsHaveDifferentKeys() {
        let scope = makeScope()
        let rows: [[Double]] = [
            [1, 2], [2, 1], [.nan, 2], [2, .nan], [0, 0], [0, .leastNonzeroMagnitude], [.infinity, 0],
            [-.infinity, 0],
            [1 + .ulpOfOne, 2], [.greatestFiniteMagnitude, 2],
        ]
        #expect(Set(rows.map { keys($0, scope).local }).count == rows.count)
        #expect(Set(rows.map { keys($0, scope).shared }).count == rows.count)
    }

    @Test func manyRowsHaveDifferentKeysInEveryPart() {
        let scope = makeScope()
        var (highs, lows, shared) = (Set<UInt64>(), Set<UInt64>(), Set<UInt64>())
        for index in 0..<50_000 {
            let keys = self.keys([Double(index / 200), Double(index % 200)], scope)
            highs.insert(keys.local.high)
            lows.insert(keys.local.low)
            shared.insert(keys.shared.low)
        }
        #expect(highs.count == 50_000 && lows.count == 50_000 && shared.count == 50_000)
    }

    @Test func integersBeyondDoublesCountByTheirBits() throws {
        let name = try #require(ModelName("fraud"))
        let version = try #require(ModelVersion(1))
        let fields = [Field("a", .integer, integers: .int64), Field("b", .integer, integers: .int64)]
        let signature = Signature(inputs: fields, outputs: [OutputColumn("o")], roles: Roles(score: 0..<1))
        let scope = CacheScope(model: name, version: version, signature: signature, content: [1], timeToLive: .seconds(1))
        func row(_ bits: [UInt64]) -> FeatureBatch {
            let batch = FeatureBatch()
            batch.reset(width: 2)
            batch.addRow()
            for (column, bits) in bits.enumerated() { batch.setInteger(bits, row: 0, column: column) }
            return batch
        }
        let rows = [
            row([1 << 53 + 1, 1 << 53 + 2]), row([1 << 53 + 2, 1 << 53 + 1]), row([1 << 53 + 1, 1 << 53 + 3]),
            // Bits that are those of a double.
            row([(5.0).bitPattern, (6.0).bitPattern]), makeRow([5, 6]),
        ]
        #expect(Set(rows.map { scope.key(of: $0, row: 0) }).count == rows.count)
        #expect(Set(rows.map { scope.sharedKey(of: $0, row: 0) }).count == rows.count)
        // The same integers at other places of the batch's list.
        let late = row([7, 7])
        late.setInteger(1 << 53 + 1, row: 0, column: 0)
        late.setInteger(1 << 53 + 2, row: 0, column: 1)
        #expect(scope.key(of: late, row: 0) == scope.key(of: rows[0], row: 0))
        #expect(scope.sharedKey(of: late, row: 0) == scope.sharedKey(of: rows[0], row: 0))
    }

    @Test func textsCountByTheirBytesAndTheirColumn() {
        let scope = makeScope(textInputs: [0, 1])
        let rows: [[String?]] = [
            ["a", "b"], ["b", "a"], ["ab", ""], ["", "ab"], [nil, "ab"], ["ab", nil], ["a\0", "b"],
            ["a", "\0b"],
            // One letter, written as one character and as two.
            ["\u{e9}", ""], ["e\u{301}", ""], ["12345678", "9"], ["123456789", ""],
        ]
        #expect(Set(rows.map { scope.key(of: makeTextRow($0), row: 0) }).count == rows.count)
        #expect(Set(rows.map { scope.sharedKey(of: makeTextRow($0), row: 0) }).count == rows.count)

        // The same texts at other places of the batch's list.
        let batch = FeatureBatch()
        batch.reset(width: 2)
        for _ in 0..<2 {
            let row = batch.addRow()
            batch.setText("b", row: row, column: 1)
            batch.setText("a", row: row, column: 0)
        }
        #expect(scope.key(of: batch, row: 1) == scope.key(of: makeTextRow(["a", "b"]), row: 0))
        #expect(
            scope.sharedKey(of: batch, row: 1) == scope.sharedKey(of: makeTextRow(["a", "b"]), row: 0))
    }

    @Test func modelsVersionsAndContentsDoNotShareKeys() {
        let scopes = [
            makeScope(), makeScope("fraud2"), makeScope(version: 2), makeScope(content: [2]),
            makeScope(content: [1, 0]),
        ]
        #expect(Set(scopes.map { keys([1, 2], $0).local }).count == scopes.count)
        #expect(Set(scopes.map { keys([1, 2], $0).shared }).count == scopes.count)
    }

    /// The same number and even the same file: L1 starts anew, and what processes share goes on.
    @Test func aReloadHasNewKeysInThisProcessAndTheSameInSharedCaches() {
        let (first, second) = (makeScope(), makeScope())
        #expect(keys([1, 2], first).local != keys([1, 2], second).local)
        #expect(keys([1, 2], first).shared == keys([1, 2], second).shared)
    }

    /// What another process computes: fixed for ever, or every upgrade would empty shared caches.
    @Test func sharedKeysAreTheSHA256OfTheirDocumentedContent() {
        var message: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 5] + Array("fraud".utf8) + [0, 0, 0]
        message += [0, 0, 0, 0, 0, 0, 0, 1]
        message += [0, 0, 0, 0, 0, 0, 0, 1] + [1, 0, 0, 0, 0, 0, 0, 0]
        message += [0x3f, 0xf0, 0, 0, 0, 0, 0, 0] + [0x7f, 0xf8, 0, 0, 0, 0, 0, 0]
        let digest = SHA256.digest(of: message)
        let key = keys([1, .nan], makeScope()).shared
        let bytes = [key.high, key.low].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - $0 * 8)) }
        }
        #expect(bytes == Array(digest[..<16]))
    }

    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            String(repeating: "a", count: 1_000_000),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ),
    ])
    func sha256GivesThePublishedDigests(message: String, digest: String) {
        let hex = SHA256.digest(of: Array(message.utf8)).map {
            ($0 < 16 ? "0" : "") + String($0, radix: 16)
        }.joined()
        #expect(hex == digest)
    }

    /// Some of the reference code's vectors: key 00 01 .. 0f, message 00 01 .. n-1.
    @Test(arguments: [
        (0, "a3817f04ba25a8e66df67214c7550293"), (1, "da87c1d86b99af44347659119b22fc45"),
        (63, "5150d1772f50834a503e069a973fbd7c"),
    ])
    func sipHashGivesTheReferenceCodesVectors(length: Int, expected: String) {
        let message = (0..<length).map { UInt8($0) }
        let words = message.withUnsafeBytes {
            SipHash.hash($0, key: (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908))
        }
        let bytes = [words.0, words.1].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) }
        }
        #expect(bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == expected)
    }
}
