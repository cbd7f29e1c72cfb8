import Glibc
import PMML
import Scoring
import Testing

/// Times of scoring and loading, printed where `VERDICT_PMML_SPEED` is set.
@Suite(.enabled(if: getenv("VERDICT_PMML_SPEED") != nil, "set VERDICT_PMML_SPEED to measure"), .serialized)
struct SpeedTests {
    /// A scorecard of `count` characteristics over numbers and strings, with reason codes.
    static func scorecard(_ count: Int) -> String {
        var (fields, schema, characteristics) = ("", "", "")
        for index in 0..<count {
            let isText = index % 3 == 2
            fields +=
                isText
                ? PMMLText.field("x\(index)", "string", "categorical", PMMLText.values("a", "b", "c", "d"))
                : PMMLText.field("x\(index)")
            schema += "<MiningField name=\"x\(index)\"/>"
            characteristics += "<Characteristic name=\"c\(index)\" reasonCode=\"R\(index)\" baselineScore=\"40\">"
            for bin in 0..<5 {
                let predicate: String
                if isText {
                    predicate =
                        bin < 4
                        ? "<SimplePredicate field=\"x\(index)\" operator=\"equal\" value=\"\(["a", "b", "c", "d"][bin])\"/>"
                        : "<True/>"
                } else if bin == 4 {
                    predicate = "<SimplePredicate field=\"x\(index)\" operator=\"isMissing\"/>"
                } else {
                    predicate = """
                        <CompoundPredicate booleanOperator="and"><SimplePredicate field="x\(index)" operator="greaterOrEqual" value="\(bin == 0 ? -1e9 : Double(bin) * 25)"/>
                        <SimplePredicate field="x\(index)" operator="lessThan" value="\(bin == 3 ? 1e9 : Double(bin + 1) * 25)"/></CompoundPredicate>
                        """
                }
                characteristics += "<Attribute partialScore=\"\((bin * 17 + index * 7) % 50)\">\(predicate)</Attribute>"
            }
            characteristics += "</Characteristic>"
        }
        return PMMLText.document(
            fields: fields,
            """
            <Scorecard functionName="regression" initialScore="100"><MiningSchema>\(schema)</MiningSchema><Output><OutputField name="score"/>
            \((1...4).map { "<OutputField name=\"reason\($0)\" feature=\"reasonCode\" rank=\"\($0)\"/>" }.joined())</Output>
            <Characteristics>\(characteristics)</Characteristics></Scorecard>
            """)
    }

    /// Boosted trees as exporters write them, with a link to probabilities.
    static func boosting(trees: Int, depth: Int, fields: Int) -> String {
        var random = FuzzTests.Random(state: 99)
        func node(_ predicate: String, _ level: Int) -> String {
            guard level < depth else {
                return "<Node score=\"\(Double(random.next(2_000) - 1_000) / 10_000)\">\(predicate)</Node>"
            }
            let (field, value) = ("x\(random.next(fields))", Double(random.next(10_000)) / 10_000)
            let below = node("<SimplePredicate field=\"\(field)\" operator=\"lessOrEqual\" value=\"\(value)\"/>", level + 1)
            let above = node("<SimplePredicate field=\"\(field)\" operator=\"greaterThan\" value=\"\(value)\"/>", level + 1)
            return "<Node>\(predicate)\(below)\(above)</Node>"
        }
        let schema = "<MiningSchema>" + (0..<fields).map { "<MiningField name=\"x\($0)\"/>" }.joined() + "</MiningSchema>"
        var segments = ""
        for index in 0..<trees {
            segments += """
                <Segment id="\(index + 1)"><True/><TreeModel functionName="regression" missingValueStrategy="nullPrediction" splitCharacteristic="binarySplit">
                \(schema)\(node("<True/>", 0))</TreeModel></Segment>
                """
        }
        return PMMLText.document(
            fields: (0..<fields).map { PMMLText.field("x\($0)") }.joined()
                + PMMLText.field("y", "string", "categorical", PMMLText.values("0", "1")),
            """
            <MiningModel functionName="classification">\(schema.replacing("</MiningSchema>", with: "<MiningField name=\"y\" usageType=\"target\"/></MiningSchema>"))
            <Segmentation multipleModelMethod="modelChain"><Segment id="1"><True/><MiningModel functionName="regression">\(schema)
            <Output><OutputField name="margin" feature="predictedValue"/></Output>
            <Segmentation multipleModelMethod="sum">\(segments)</Segmentation></MiningModel></Segment>
            <Segment id="2"><True/><RegressionModel functionName="classification" normalizationMethod="logit"><MiningSchema><MiningField name="margin"/>
            <MiningField name="y" usageType="target"/></MiningSchema><RegressionTable intercept="0" targetCategory="1"><NumericPredictor name="margin" coefficient="1"/></RegressionTable>
            <RegressionTable intercept="0" targetCategory="0"/></RegressionModel></Segment></Segmentation></MiningModel>
            """)
    }

    /// Nanoseconds a row in batches of `rows`; the fastest of several runs.
    func time(_ model: any ScoringModel, rows: Int, scale: Double) throws -> Double {
        let (batch, scores, workspace) = (FeatureBatch(), ScoreBatch(), Workspace())
        var random = FuzzTests.Random(state: 5)
        batch.reset(width: model.signature.inputs.count)
        for _ in 0..<rows {
            let row = batch.addRow()
            for (column, field) in model.signature.inputs.enumerated() {
                if case .category(let levels) = field.kind {
                    batch.set(Double(random.next(levels.count)), row: row, column: column)
                } else {
                    batch.set(Double(random.next(10_000)) / 10_000 * scale, row: row, column: column)
                }
            }
        }
        var best = Double.infinity
        for _ in 0..<30 {
            let count = max(1, 20_000 / rows)
            let start = Moment.now
            for _ in 0..<count { try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: workspace)) }
            best = min(best, Double(Moment.now.nanoseconds(since: start)) / Double(count * rows))
        }
        #expect(scores.failures.isEmpty)
        return best
    }

    func report(_ name: String, _ model: any ScoringModel, scale: Double) throws {
        let (alone, together) = (try time(model, rows: 1, scale: scale), try time(model, rows: 1_024, scale: scale))
        print("PMML \(name): \(Int(alone)) ns alone, \(Int(together)) ns a row in batches")
    }

    @Test func scorecards() throws {
        try report("scorecard of 15 characteristics, 4 reasons", load(Self.scorecard(15)), scale: 100)
    }

    @Test func boostedTrees() throws {
        try report("100 trees of depth 3", load(Self.boosting(trees: 100, depth: 3, fields: 20)), scale: 1)
    }

    @Test func loadingTenMegabytes() throws {
        let bytes = Array(Self.boosting(trees: 600, depth: 7, fields: 30).utf8)
        let before = residentBytes()
        let start = Moment.now
        let model = try PMMLFormat().load(.file(name: "large", bytes: bytes), options: LoadOptions())
        let seconds = Double(Moment.now.nanoseconds(since: start)) / 1e9
        print(
            "PMML \(bytes.count) bytes, \(model.description.trees ?? 0) trees: loaded in \(seconds) s, peak \(peakBytes() - before) bytes more"
        )
    }

    private func residentBytes() -> Int { statusBytes("VmRSS:") }
    private func peakBytes() -> Int { statusBytes("VmHWM:") }

    private func statusBytes(_ name: String) -> Int {
        let text = String(decoding: contents(of: "/proc/self/status") ?? [], as: UTF8.self)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return 0 }
        return (line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
    }
}
