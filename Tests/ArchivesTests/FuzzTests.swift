internal import Archives
internal import Glibc
internal import Scoring
internal import Testing

/// Damaged archives are read or refused; nothing else, and nothing larger than the limit. `VERDICT_FUZZ` sets how many damaged versions of
/// each archive are tried (default 10,000).
@Suite struct FuzzTests {
    private static let count = getenv("VERDICT_FUZZ").flatMap { Int(String(cString: $0)) } ?? 10_000
    private static let maxBytes = 1 << 20

    /// An archive with every kind of entry, and with or without the records of zip64.
    private static func sample(isLong: Bool) -> [UInt8] {
        var random = SplitMix(seed: 3)
        var archive = ZipWriter()
        archive.isLong = isLong
        archive.comment = Array("PK".utf8)
        for index in 0..<6 {
            let content = (0..<random.next(400)).map { _ in UInt8(random.next(9)) }
            var entry = ZipWriter.Entry.deflated("trees/\(index)", content, using: &random)
            if index % 2 == 0 { entry = ZipWriter.Entry("trees/\(index)", content) }
            (entry.isLong, entry.isStreamed) = (index % 3 == 0, index > 2)
            archive.entries.append(entry)
        }
        return archive.written()
    }

    @Test(arguments: [false, true], [1, 2])
    func damagedArchivesAreReadOrRefused(_ isLong: Bool, _ seed: Int) {
        let sample = Self.sample(isLong: isLong)
        var random = SplitMix(seed: seed)
        var (opened, whole, refused) = (0, 0, 0)
        for round in 0..<Self.count {
            let bytes = Self.damaged(sample, &random)
            do throws(ScoringError) {
                let artifact = try ModelArtifact.file(name: "x", bytes: bytes, maxUnpackedBytes: Self.maxBytes).unpacked()
                opened += 1
                #expect(artifact.size <= Self.maxBytes, "round \(round) of seed \(seed)")
                for member in artifact.members {
                    let content = try artifact.member(member.path)
                    #expect(content.count == member.size, "'\(member.path)' of round \(round) of seed \(seed)")
                }
                whole += 1
            } catch {
                refused += 1
                guard case .invalidModel(let reason, let place) = error, !reason.isEmpty, !place.isEmpty else {
                    Issue.record("round \(round) of seed \(seed): \(error)")
                    continue
                }
            }
        }
        #expect(whole > 0 && opened > whole && refused > whole)
    }

    /// A few changes of bits, bytes, numbers and lengths, most of them where the records are.
    private static func damaged(_ sample: [UInt8], _ random: inout SplitMix) -> [UInt8] {
        var bytes = sample
        for _ in 0...random.next(3) {
            let tail = min(bytes.count, 700)
            let at = random.next(2) == 0 ? random.next(bytes.count) : bytes.count - 1 - random.next(tail)
            switch random.next(7) {
            case 0: bytes[at] ^= 1 << UInt8(random.next(8))
            case 1: bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.next(5)]
            case 2:
                let value = [0, 1, 0xffff, 0xffff_ffff, 0x8000_0000, bytes.count, bytes.count - 1, Int.max, Int.min][
                    random.next(9)]
                for (offset, byte) in little(value, [2, 4, 8][random.next(3)]).enumerated() where at + offset < bytes.count {
                    bytes[at + offset] = byte
                }
            case 3: bytes.remove(at: at)
            case 4: bytes.insert(UInt8(random.next(256)), at: at)
            case 5:
                let from = random.next(bytes.count)
                let piece = bytes[from..<min(bytes.count, from + 1 + random.next(60))]
                bytes.insert(contentsOf: piece, at: at)
            default:
                // The same number in two places, as a liar would write it.
                let other = random.next(bytes.count)
                (bytes[at], bytes[other]) = (bytes[at] &+ 1, bytes[other] &+ 1)
            }
        }
        return bytes
    }
}
