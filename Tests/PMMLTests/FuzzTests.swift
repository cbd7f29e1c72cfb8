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
        "xmlns:a=\"b\"", "-1",
        "0", "1e999", "-1e999", "NaN", "INF", "9223372036854775807", "-9223372036854775808", "4294967296", "1e-400", "", " ",
        "true", "x",
        "<True/>", "<False/>", "<Node><True/></Node>", "<Extension/>", "string", "double", "integer", "float", "boolean", "date",
        "categorical",
        "continuous", "ordinal", "isIn", "isMissing", "equal", "surrogate", "and", "defaultChild", "returnLastPrediction",
        "modelChain", "sum",
        "majorityVote", "median", "classification", "regression", "predictedValue", "reasonCode", "probability", "entityId",
        "asIs",
    ]

    static func mutate(_ bytes: [UInt8], _ random: inout Random) -> [UInt8] {
        var bytes = bytes
        for _ in 0...random.next(3) {
            guard !bytes.isEmpty else { return bytes }
            let at = random.next(bytes.count)
            let end = min(bytes.count, at + random.next(random.next(4) == 0 ? 400 : 12) + 1)
            switch random.next(9) {
            case 0: bytes[at] = UInt8(truncatingIfNeeded: random.next(256))
            case 1: bytes.removeSubrange(at..<end)
            case 2: bytes.insert(contentsOf: bytes[at..<end], at: random.next(bytes.count))
            case 3: bytes.insert(contentsOf: snippets[random.next(snippets.count)].utf8, at: at)
            case 4: bytes.removeSubrange(at...)
            case 5: replaceQuoted(&bytes, at, with: Array(snippets[random.next(snippets.count)].utf8))
            case 6: replaceQuoted(&bytes, at, with: quoted(bytes, random.next(bytes.count)))
            case 7: replaceTag(&bytes, at, with: tag(bytes, random.next(bytes.count)))
            default: swapElements(&bytes, at, random.next(bytes.count))
            }
        }
        return bytes
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

    /// How many mutations a sample gets; `VERDICT_FUZZ` says more.
    static let rounds = getenv("VERDICT_FUZZ").flatMap { Int(String(cString: $0)) } ?? 10_000

    /// Models that are written in tests and not made by scripts.
    static let written = [
        "network": NeuralNetworkTests.example, "general regression": GeneralRegressionTests.example,
        "survival": GeneralRegressionTests.survivalExample, "naive Bayes": NaiveBayesTests.example,
    ]

    static let samples = ["credit_scorecard"] + SampleTests.names + written.keys.sorted()

    static func bytes(of name: String) -> [UInt8]? {
        written[name].map { Array($0.utf8) } ?? contents(of: "\(ScorecardTests.folder)/\(name).pmml")
    }

    @Test(arguments: samples)
    func damagedFilesGiveAnErrorOrAModel(_ name: String) throws {
        let sample = try #require(Self.bytes(of: name))
        var random = Random(state: name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) } | 1)
        var (models, errors) = (0, 0)
        let (batch, scores, workspace) = (FeatureBatch(), ScoreBatch(), Workspace())
        for _ in 0..<Self.rounds {
            let mutation = Self.mutate(sample, &random)
            do throws(ScoringError) {
                let model = try PMMLFormat().load(.file(name: name, bytes: mutation), options: LoadOptions())
                models += 1
                try? model.verify()
                batch.reset(width: model.signature.inputs.count)
                for value in [Double.nan, 0, 1, -1, 1e300, -Double.infinity] {
                    let row = batch.addRow()
                    for (column, field) in model.signature.inputs.enumerated() {
                        if case .text = field.kind {
                            batch.setText("text \(value)", row: row, column: column)
                        } else {
                            batch.set(value, row: row, column: column)
                        }
                    }
                }
                try model.score(batch, into: scores, using: workspace)
            } catch {
                errors += 1
                switch error {
                case .invalidModel, .unsupportedModel, .refusedModel: break
                default: Issue.record("\(error)")
                }
            }
        }
        #expect(models > 0 && errors > 0)
    }

    @Test(arguments: samples)
    func truncatedFilesAreRefused(_ name: String) throws {
        let sample = try #require(Self.bytes(of: name))
        let end = try #require(sample.lastIndex(of: UInt8(ascii: ">")))
        for length in stride(from: 0, to: end, by: max(1, end / 500)) {
            #expect(throws: ScoringError.self) {
                try PMMLFormat().load(.file(name: name, bytes: Array(sample[..<length])), options: LoadOptions())
            }
        }
    }
}
