internal import Scoring
internal import Testing
internal import WireFormat

/// Finding features by the bytes of their names.
@Suite struct FeatureNamesTests {
    @Test func namesOfEveryLengthAreFoundAndNoOthers() {
        var names: [String] = [""]
        for length in 1...40 {
            names.append(String(repeating: "a", count: length))
            names.append(String(repeating: "a", count: length - 1) + "b")
            names.append("b" + String(repeating: "a", count: length))
        }
        names = names.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        let table = SymbolTable(names)
        for (position, name) in names.enumerated() { #expect(table.position(of: name) == position) }
        for other in ["c", "A", "aab\u{0}", "bb", String(repeating: "a", count: 41), "é"] {
            #expect(table.position(of: other) == nil)
        }
        #expect(SymbolTable([]).position(of: "") == nil)
        #expect(SymbolTable(["x", "y", "x"]).position(of: "x") == 0)
    }

    @Test func thousandsOfFeaturesAreToldApart() throws {
        let fields = (0..<3000).map { Field("feature_\($0)") }
        let counter = Counter([try serve("m", .summing(fields))])
        let body = #"{"features": {"feature_2999": -2999000, "feature_7": 5}}"#
        #expect(try counter.post("/predict/m", body).json["prediction"] == [.number(2998 * 1000 - 2_999_000 + 5)])
    }

    @Test func aModelThatAnswersOtherRowsThanItWasAskedIsAFailure() throws {
        let signature = Signature(inputs: [Field("a")], outputs: [OutputColumn("p")], roles: Roles(score: 0..<1))
        let short = FakeModel(signature) { _, scores in scores.reset(rows: 1, width: 1) }
        let counter = Counter([try serve("m", short)])
        #expect(try counter.post("/predict/m", #"{"features": [1]}"#).status.code == 200)
        let answer = try counter.post("/predict/batch/m", #"[{"features": [1]}, {"features": [2]}]"#)
        #expect(answer.status.code == 500)
        #expect(answer.code == "ENGINE_FAILURE")
    }
}
