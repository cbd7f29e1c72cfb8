import Glibc
import PMML
import Scoring
import Testing

/// Damaged files give an error or a model, never a crash, a hang or memory without bounds.
@Suite struct FuzzTests {
    /// xorshift64*: the same mutations every time.
    struct Random {
        var state: UInt64

        mutating func next(_ bound: Int) -> Int {
            state ^= state >> 12
            state ^= state << 25
            state ^= state >> 27
            return Int((state &* 0x2545_F491_4F6C_DD1D) >> 33) % max(bound, 1)
        }
    }

    static let snippets = [
        "<", ">", "/>", "</", "\"", "'", "&", "&amp;", "&#x110000;", "]]>", "<!--", "<![CDATA[", "<?", "\u{0}", "é", "=",
        "xmlns:a=\"b\"", "<True/>", "<False/>", "<Node><True/></Node>", "<Extension/>", "<Interval/>", "<row/>", "<Array/>",
        "<Constant/>", "<Con from=\"0\" weight=\"1\"/>", "<PCell parameterName=\"p0\" beta=\"1\"/>",
        "<MatCell row=\"9\" col=\"9\">1</MatCell>",
        "<OutputField name=\"more\" feature=\"entityId\" rank=\"3\"/>",
        "<Apply function=\"concat\"><FieldRef field=\"x\"/></Apply>",
    ]

    /// Values of attributes: numbers at the edges of what can be held, and words of the specification.
    static let values = [
        "-1", "0", "1", "2", "101", "1e999", "-1e999", "NaN", "INF", "-INF", "9223372036854775807", "-9223372036854775808",
        "4294967296",
        "1e15", "1e18", "1e-400", "-0.0", "", " ", "x", "true", "false", "string", "double", "integer", "float", "boolean",
        "date",
        "time", "dateTime", "dateDaysSince[1960]", "dateTimeSecondsSince[1970]", "timeSeconds", "categorical", "continuous",
        "ordinal", "isIn", "isNotIn", "isMissing", "equal", "lessThan", "surrogate", "and", "or", "xor", "defaultChild",
        "lastPrediction", "nullPrediction", "weightedConfidence", "aggregateNodes", "returnLastPrediction", "modelChain", "sum",
        "majorityVote", "weightedMajorityVote", "median", "weightedMedian", "average", "max", "selectFirst", "x-multiModelChain",
        "skipSegment", "returnMissing", "classification", "regression", "clustering", "mixed", "predictedValue",
        "predictedDisplayValue", "transformedValue", "decision", "reasonCode", "probability", "confidence", "residual",
        "entityId",
        "affinity", "clusterAffinity", "asIs", "asMean", "asMissing", "asValue", "asMissingValues", "asExtremeValues",
        "returnInvalid", "missing", "invalid", "softmax", "simplemax", "logit", "probit", "cloglog", "loglog", "cauchit", "exp",
        "none",
        "threshold", "logistic", "radialBasis", "rectifier", "reciprocal", "multinomialLogistic", "ordinalMultinomial",
        "generalizedLinear", "CoxRegression", "negbin", "oddspower", "power", "OneAgainstAll", "OneAgainstOne", "Coefficients",
        "SupportVectors", "absDiff", "gaussSim", "delta", "table", "similarity", "symmetric", "diagonal", "iforest", "ocsvm",
        "clusterMeanDist", "weightedSum", "weightedMax", "firstHit", "uppercase", "lowercase", "substring", "concat", "replace",
        "matches", "stringLength", "formatNumber", "formatDatetime", "trimBlanks", "dateDaysSinceYear",
        "dateSecondsSinceMidnight",
        "if", "ln", "/", "modulo", "isValid", "stdNormalIDF", "product", "binary", "augmentedNormalizedTermFrequency", "bestHits",
        "(?:){9}{9}", "(a*)*b", "%99.99f", "%d", "%j%H", "2000-02-30", "9999-12-31T23:59:59.999999999", "round", "ceiling",
    ]

    /// A document with a few places changed, by itself or by what stands in another one.
    static func mutate(_ bytes: [UInt8], with donor: [UInt8], _ random: inout Random) -> [UInt8] {
        var bytes = bytes
        for _ in 0...random.next(3) {
            guard !bytes.isEmpty else { return bytes }
            let at = random.next(bytes.count)
            let end = min(bytes.count, at + random.next(random.next(4) == 0 ? 400 : 12) + 1)
            switch random.next(16) {
            case 0: bytes[at] = UInt8(truncatingIfNeeded: random.next(256))
            case 1: bytes.removeSubrange(at..<end)
            case 2: bytes.insert(contentsOf: bytes[at..<end], at: random.next(bytes.count))
            case 3:
                bytes.insert(
                    contentsOf: snippets[random.next(snippets.count)].utf8,
                    at: tagRange(bytes, at)?.lowerBound.advanced(by: -1) ?? at)
            case 4: if random.next(4) == 0 { bytes.removeSubrange(at...) }
            case 5, 6, 7: replaceQuoted(&bytes, at, with: Array(values[random.next(values.count)].utf8))
            case 8: replaceQuoted(&bytes, at, with: quoted(bytes, random.next(bytes.count)))
            case 9: replaceQuoted(&bytes, at, with: quoted(donor, random.next(donor.count)))
            case 10: replaceTag(&bytes, at, with: tag(bytes, random.next(bytes.count)))
            case 11: swapElements(&bytes, at, random.next(bytes.count))
            case 12: replaceElement(&bytes, at, with: element(donor, random.next(donor.count)))
            case 13: replaceElement(&bytes, at, with: element(bytes, random.next(bytes.count)))
            case 14: if let range = elementRange(bytes, at) { bytes.removeSubrange(range) }
            default:
                if let range = elementRange(bytes, at) {
                    bytes.insert(
                        contentsOf: element(random.next(2) == 0 ? donor : bytes, random.next(donor.count)), at: range.lowerBound)
                }
            }
        }
        return bytes
    }

    /// The whole element that begins at or after a place, with what is in it.
    static func elementRange(_ bytes: [UInt8], _ at: Int) -> Range<Int>? {
        var (depth, index): (Int, Int) = (0, min(at, bytes.count))
        var start: Int?
        while let open = bytes[index...].firstIndex(of: UInt8(ascii: "<")),
            let close = bytes[open...].firstIndex(of: UInt8(ascii: ">"))
        {
            index = close + 1
            guard open + 1 < close, bytes[open + 1] != UInt8(ascii: "?"), bytes[open + 1] != UInt8(ascii: "!") else { continue }
            if bytes[open + 1] == UInt8(ascii: "/") {
                guard let start else { continue }
                depth -= 1
                if depth == 0 { return start..<index }
            } else {
                start = start ?? open
                if bytes[close - 1] != UInt8(ascii: "/") { depth += 1 }
                if depth == 0 { return start!..<index }
            }
        }
        return nil
    }

    static func element(_ bytes: [UInt8], _ at: Int) -> [UInt8] {
        guard !bytes.isEmpty else { return [] }
        return elementRange(bytes, at % bytes.count).map { Array(bytes[$0]) } ?? []
    }

    static func replaceElement(_ bytes: inout [UInt8], _ at: Int, with element: [UInt8]) {
        if !element.isEmpty, let range = elementRange(bytes, at) { bytes.replaceSubrange(range, with: element) }
    }

    /// The quoted value that begins at or after a place.
    static func quotedRange(_ bytes: [UInt8], _ at: Int) -> Range<Int>? {
        guard let start = bytes[at...].firstIndex(of: UInt8(ascii: "\"")),
            let end = bytes[(start + 1)...].firstIndex(of: UInt8(ascii: "\""))
        else { return nil }
        return start + 1..<end
    }

    static func quoted(_ bytes: [UInt8], _ at: Int) -> [UInt8] { quotedRange(bytes, at).map { Array(bytes[$0]) } ?? [] }

    static func replaceQuoted(_ bytes: inout [UInt8], _ at: Int, with value: [UInt8]) {
        if let range = quotedRange(bytes, at) { bytes.replaceSubrange(range, with: value) }
    }

    static func tagRange(_ bytes: [UInt8], _ at: Int) -> Range<Int>? {
        guard let start = bytes[at...].firstIndex(of: UInt8(ascii: "<")) else { return nil }
        let end =
            bytes[(start + 1)...].firstIndex { $0 == 0x20 || $0 == UInt8(ascii: ">") || $0 == UInt8(ascii: "/") } ?? bytes.count
        return start + 1..<end
    }

    static func tag(_ bytes: [UInt8], _ at: Int) -> [UInt8] { tagRange(bytes, at).map { Array(bytes[$0]) } ?? [] }

    static func replaceTag(_ bytes: inout [UInt8], _ at: Int, with name: [UInt8]) {
        if let range = tagRange(bytes, at) { bytes.replaceSubrange(range, with: name) }
    }

    /// Exchanges two elements without children, or whatever stands between `<` and `/>`.
    static func swapElements(_ bytes: inout [UInt8], _ first: Int, _ second: Int) {
        func element(_ at: Int) -> Range<Int>? {
            guard let start = bytes[at...].firstIndex(of: UInt8(ascii: "<")) else { return nil }
            var end = start
            while end + 1 < bytes.count, !(bytes[end] == UInt8(ascii: "/") && bytes[end + 1] == UInt8(ascii: ">")) { end += 1 }
            return end + 2 <= bytes.count ? start..<end + 2 : nil
        }
        guard let a = element(min(first, second)), let b = element(max(first, second)), a.upperBound <= b.lowerBound else {
            return
        }
        let (left, right) = (Array(bytes[a]), Array(bytes[b]))
        bytes.replaceSubrange(b, with: left)
        bytes.replaceSubrange(a, with: right)
    }

    /// How many mutations each sample gets; `VERDICT_FUZZ` says more.
    static let rounds = getenv("VERDICT_FUZZ").flatMap { Int(String(cString: $0)) } ?? 700
    /// Where the file that is being tried is kept, to look at after a crash.
    static let folder = getenv("VERDICT_FUZZ_FOLDER").map { String(cString: $0) }
    /// A file that takes longer is taken for one that hangs.
    #if DEBUG
        static let patience = Duration.seconds(15)
    #else
        static let patience = Duration.seconds(2)
    #endif

    static let samples = ["credit_scorecard"] + SampleTests.names + FuzzSamples.written.keys.sorted()

    static let contentsOfSamples: [String: [UInt8]] = Dictionary(
        uniqueKeysWithValues: samples.compactMap { name in
            let content =
                FuzzSamples.written[name].map { Array($0.utf8) } ?? contents(of: "\(ScorecardTests.folder)/\(name).pmml")
            return content.map { (name, $0) }
        })

    static let odd: [Double] = [
        .nan, 0, 1, -1, 2, -0.0, 0.5, -2, 3, 1e15, 4_294_967_296, 1e300, .infinity, -.infinity, .leastNonzeroMagnitude,
    ]

    static let oddTexts = [
        "", "a", "text nan", "b c", "\u{0}", "x\u{0}y", "aaaa aabaa quick quikc fox dog", "2020-02-29",
        "2020-02-29T23:59:59.99999999", "1e999", "-5",
        "é€😀ß", String(decoding: [0x61, 0xFF, 0xC0, 0x80, 0xED, 0xA0, 0x80] as [UInt8], as: UTF8.self),
        String(repeating: "ab ", count: 2_000), String(repeating: "€", count: 22_000), "high", "none",
        "9999-12-31T23:59:59.999999999",
    ]

    /// Scores rows of odd values; every result must be one that its column can have.
    static func scoreOddRows(_ model: any ScoringModel, _ random: inout Random, _ scratch: (FeatureBatch, ScoreBatch, Workspace))
        throws(ScoringError)
    {
        let (batch, scores, workspace) = scratch
        batch.reset(width: model.signature.inputs.count)
        let count = random.next(3) == 0 ? 1 : 12
        for row in 0..<count {
            batch.addRow()
            for (column, field) in model.signature.inputs.enumerated() {
                // The first rows have one value everywhere.
                let choice = row < 3 ? row : random.next(64)
                if case .text = field.kind {
                    if choice != 0 { batch.setText(oddTexts[choice % oddTexts.count], row: row, column: column) }
                } else {
                    batch.set(odd[choice % odd.count], row: row, column: column)
                }
            }
        }
        try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: workspace))
        for row in 0..<count where scores.failure(row: row) == nil {
            for (column, output) in model.signature.outputs.enumerated() where !scores[row, column].isNaN {
                let value = scores[row, column]
                switch output.kind {
                case .category(let labels):
                    #expect(value >= 0 && value < Double(labels.count) && value == value.rounded(), "\(output.name) is \(value)")
                case .text: #expect(value >= 0 && value < Double(scores.texts.count), "\(output.name) is \(value)")
                default: break
                }
            }
        }
    }

    @Test(arguments: samples)
    func damagedFilesGiveAnErrorOrAModel(_ name: String) throws {
        let sample = try #require(Self.contentsOfSamples[name])
        #expect(throws: Never.self) { try PMMLFormat().load(.file(name: name, bytes: sample), options: LoadOptions()) }
        var random = Random(state: name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) } | 1)
        var (models, errors) = (0, 0)
        let scratch = (FeatureBatch(), ScoreBatch(), Workspace())
        for round in 0..<Self.rounds {
            let donor = Self.contentsOfSamples[Self.samples[random.next(Self.samples.count)]] ?? []
            let mutation = Self.mutate(sample, with: donor, &random)
            Self.keep(mutation, as: name)
            let time = processorTime {
                do throws(ScoringError) {
                    let model = try PMMLFormat().load(.file(name: name, bytes: mutation), options: LoadOptions())
                    models += 1
                    try? model.verify()
                    try Self.scoreOddRows(model, &random, scratch)
                } catch {
                    errors += 1
                    switch error {
                    case .invalidModel, .unsupportedModel, .refusedModel: break
                    default: Issue.record("\(error)")
                    }
                }
            }
            if time > Self.patience {
                Issue.record("round \(round) of '\(name)' takes \(time)")
                Self.keep(mutation, as: "\(name)-slow-\(round)")
            }
        }
        #expect(models > 0 && errors > 0)
    }

    private static func keep(_ bytes: [UInt8], as name: String) {
        guard let folder, let file = fopen("\(folder)/\(name.replacing(" ", with: "_")).pmml", "wb") else { return }
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
    }

    @Test(arguments: samples)
    func truncatedFilesAreRefused(_ name: String) throws {
        let sample = try #require(Self.contentsOfSamples[name])
        let end = try #require(sample.lastIndex(of: UInt8(ascii: ">")))
        for length in stride(from: 0, to: end, by: max(1, end / 200)) {
            #expect(throws: ScoringError.self) {
                try PMMLFormat().load(.file(name: name, bytes: Array(sample[..<length])), options: LoadOptions())
            }
        }
    }
}
