internal import Glibc
internal import ScoringTestKit
internal import Testing
internal import TextFormats

/// Compares with the C library, bit for bit.
private enum Agreement {
    static func check(_ text: String) -> Bool {
        let double = DecimalParser.double(text)?.bitPattern == strtod(text, nil).bitPattern
        let float = DecimalParser.float(text)?.bitPattern == strtof(text, nil).bitPattern
        return double && float
    }
}

@Suite struct DecimalParserTests {
    @Test func shortestTextsOfRandomDoublesReadBackAsTheSameBits() {
        var random = SeededRandom(seed: 1)
        for _ in 0..<400_000 {
            let value = Double(bitPattern: random.next())
            guard value.isFinite else { continue }
            let text = value.description
            guard DecimalParser.double(text)?.bitPattern == value.bitPattern, Agreement.check(text) else {
                Issue.record("\(text)")
                return
            }
        }
    }

    @Test func shortestTextsOfRandomFloatsReadBackAsTheSameBits() {
        var random = SeededRandom(seed: 2)
        for _ in 0..<300_000 {
            let value = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
            guard value.isFinite else { continue }
            let text = value.description
            guard DecimalParser.float(text)?.bitPattern == value.bitPattern, Agreement.check(text) else {
                Issue.record("\(text)")
                return
            }
        }
    }

    @Test func randomDecimalTextsAgreeWithTheLibrary() {
        var random = SeededRandom(seed: 3)
        for round in 0..<600_000 {
            var text = random.next() & 1 == 0 ? "" : "-"
            let digits = Int.random(in: 1...25, using: &random)
            let point = Int.random(in: 0...25, using: &random)
            for position in 0..<digits {
                if position == point { text += "." }
                text.append(Character(Unicode.Scalar(UInt8(48 + random.next() % 10))))
            }
            if text.hasSuffix(".") { text += "0" }
            switch round % 3 {
            case 0: text += "e\(Int.random(in: -370...330, using: &random))"
            case 1: text += "E\(Int.random(in: -60...45, using: &random))"
            default: break
            }
            guard Agreement.check(text) else {
                Issue.record("\(text)")
                return
            }
        }
    }

    @Test func halfwayCasesAndTheirNeighboursAgreeWithTheLibrary() {
        var random = SeededRandom(seed: 4)
        for round in 0..<100_000 {
            // Two neighbouring floats or doubles; the exact middle, in as many digits as it takes.
            let middle: String
            if round % 2 == 0 {
                let value = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()) & 0x7fff_ffff)
                guard value.isFinite, value.nextUp.isFinite else { continue }
                middle = exactDigits((Double(value) + Double(value.nextUp)) / 2)
            } else {
                let value = Double(Int.random(in: (1 << 53)...(1 << 62), using: &random))
                let step = value.ulp / 2
                middle = String(Int(value) + Int(step))
            }
            for text in [middle, middle + "e0", nudged(middle, "1"), nudged(middle, "000000000000000000000000000001")] {
                guard Agreement.check(text) else {
                    Issue.record("\(text)")
                    return
                }
            }
        }
    }

    @Test(arguments: [
        "0", "-0", "0.0", "-0e5", "1e-400", "1e400", "-1e400", "4.9406564584124654e-324", "2.4703282292062327e-324",
        "2.4703282292062328e-324", "2.2250738585072011e-308", "2.2250738585072014e-308", "1.7976931348623157e308",
        "1.7976931348623158e308", "1.7976931348623159e308", "9007199254740993", "9007199254740993.0000000001",
        "1.4012984643e-45", "7.0064923216e-46", "7.006492321624085e-46", "7.006492321624086e-46", "3.4028235677973366e38",
        "3.4028235677973365e38", "1e-46", "1e39", "16777217", "16777217.0000001", "0.1", "1e23", "8.5e22",
        "1e99999999999999999999999", "1e-99999999999999999999999", "0e99999999999999999999999",
        "123456789012345678901234567890e-30",
        "6929495644600919.5", "3.7455744005952583e15", "0.000000000000000000000000000000000000000000000000000001e54",
    ])
    func namedHardCasesAgreeWithTheLibrary(text: String) {
        #expect(Agreement.check(text))
    }

    @Test func textsOfManyDigitsAgreeWithTheLibrary() {
        let longs = [
            String(repeating: "9", count: 5000) + "e-4900", "0." + String(repeating: "0", count: 5000) + "1e5000",
            "1" + String(repeating: "0", count: 4000) + "1e-4001", String(repeating: "0", count: 3000) + "12.5",
            "9007199254740993" + String(repeating: "0", count: 900),
            "9007199254740993." + String(repeating: "0", count: 900) + "1",
        ]
        for text in longs { #expect(Agreement.check(text), "\(text.prefix(30))") }
    }

    @Test(arguments: [
        "", "-", "+", ".", "e5", "1e", "1e+", "1.2.3", "1x", " 1", "1 ", "0x10", "nan", "inf", "--1", "1e5.0", "-.e1",
    ])
    func whatIsNoDecimalIsRefused(text: String) {
        #expect(DecimalParser.double(text) == nil)
        #expect(DecimalParser.float(text) == nil)
    }

    @Test func looseFormsOfModelFilesAreTaken() {
        #expect(DecimalParser.double("+1.5") == 1.5)
        #expect(DecimalParser.double(".5") == 0.5)
        #expect(DecimalParser.double("5.") == 5)
        #expect(DecimalParser.double("007") == 7)
    }

    /// All digits of a double, by exact long arithmetic in decimal.
    private func exactDigits(_ value: Double) -> String {
        var buffer = [CChar](repeating: 0, count: 1200)
        withVaList([value]) { _ = vsnprintf(&buffer, buffer.count, "%.400f", $0) }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func nudged(_ text: String, _ digits: String) -> String {
        text.contains(".") ? text + digits : text + "." + digits
    }
}
