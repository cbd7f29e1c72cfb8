internal import Scoring
internal import Testing
internal import TextFormats
internal import WireFormat

/// One list of rows with their answers, asked of every codec: what a row means and what becomes of it does not depend on the API.
///
/// A codec that is added gets an entry in `APIs.all`, and has to give these answers.
@Suite struct EveryCodecTests {
    /// A row of the model below, and its answer.
    struct Example: CustomTestStringConvertible {
        /// JSON by input; inputs that are left out are missing.
        var features: [String: String]
        var answer: Expected
        var testDescription: String { "\(features)" }
    }

    enum Expected: Equatable {
        /// The sum of the features, with 1,000 for a missing one.
        case score(Double)
        /// HTTP's status, in the words of `ScoringError`.
        case error(Int, contains: String)
    }

    static let examples = [
        Example(features: ["a": "1", "b": "2.5", "c": #""NL""#, "d": "true"], answer: .score(4.5)),
        Example(features: ["a": "-1e3", "b": "0", "c": #""DE""#, "d": "false"], answer: .score(-999)),
        Example(features: ["a": "1", "b": "null", "c": #""NL""#, "d": "true"], answer: .score(1002)),
        Example(features: ["a": "1", "b": "2"], answer: .score(2003)),
        Example(
            features: ["a": "9007199254740993", "b": "0", "c": #""NL""#, "d": "false"], answer: .score(9_007_199_254_740_992)),
        Example(features: ["a": "1", "c": #""\u0044E""#, "b": "1", "d": "false"], answer: .score(3)),
        Example(features: ["a": #""x""#, "b": "1", "c": #""NL""#, "d": "true"], answer: .error(400, contains: "a")),
        Example(features: ["a": "1", "b": "1", "c": #""FR""#, "d": "true"], answer: .error(400, contains: "feature 'c'")),
        Example(features: ["a": "13", "b": "1", "c": #""NL""#, "d": "true"], answer: .error(500, contains: "unlucky")),
        Example(features: ["a": "1", "colour": "1"], answer: .error(400, contains: "colour")),
    ]

    /// How an example is asked of an API, and its answer read.
    struct API: CustomTestStringConvertible, Sendable {
        var name: String
        var path: String
        var body: @Sendable (Example) -> String
        /// The score of an answer, or the error that stands in the row's place.
        var score: @Sendable (Answer) -> JSONValue?
        var rowError: @Sendable (Answer) -> JSONValue? = { _ in nil }
        var testDescription: String { name }
    }

    static let inputs = ["a": "FP64", "b": "FP64", "c": "BYTES", "d": "BOOL", "colour": "FP64"]

    static func object(_ example: Example) -> String {
        let members = example.features.sorted { $0.key < $1.key }.map { #""\#($0.key)": \#($0.value)"# }
        return #"{"features": {\#(members.joined(separator: ", "))}}"#
    }

    static let all = [
        API(name: "row", path: "/predict/m", body: object, score: { $0.json["prediction"]?[0] }),
        API(
            name: "batch", path: "/predict/batch/m", body: { "[\(object($0))]" },
            score: { $0.json["results"]?[0]?["prediction"]?[0] }, rowError: { $0.json["results"]?[0]?["error"] }),
        API(
            name: "inference", path: "/v2/models/m/infer",
            body: { example in
                let tensors = example.features.sorted { $0.key < $1.key }.map { name, value in
                    // A tensor says its type; numbers that are texts come as such.
                    let type = value.hasPrefix("\"") ? "BYTES" : inputs[name] ?? "FP64"
                    return #"{"name": "\#(name)", "shape": [1], "datatype": "\#(type)", "data": [\#(value)]}"#
                }
                return #"{"inputs": [\#(tensors.joined(separator: ", "))]}"#
            }, score: { $0.json["outputs"]?[0]?["data"]?[0] }),
    ]

    private static func served() throws -> ServedModel {
        let fields = [
            Field("a"), Field("b"), Field("c", .category(CategoryLevels(["NL", "DE"]))), Field("d", .boolean),
        ]
        let signature = Signature(inputs: fields, outputs: [OutputColumn("prediction")], roles: Roles(score: 0..<1))
        return try serve(
            "m",
            FakeModel(signature) { rows, scores in
                for row in 0..<rows.count {
                    if rows[row, 0] == 13 {
                        scores.fail(row: row, .engineFailure("unlucky"))
                        continue
                    }
                    scores[row, 0] = (0..<4).reduce(0) { $0 + (rows[row, $1].isNaN ? 1000 : rows[row, $1]) }
                }
            })
    }

    @Test(arguments: all, examples) func anExampleHasItsAnswer(_ api: API, _ example: Example) throws {
        let answer = try Counter([try Self.served()]).post(api.path, api.body(example))
        switch example.answer {
        case .score(let score):
            #expect(answer.status.code == 200)
            #expect(api.score(answer) == .number(score))
        case .error(let status, let part):
            let text: String?
            if let error = api.rowError(answer) {
                text = error["message"]?.text
            } else {
                #expect(answer.status.code == status)
                text = answer.message
            }
            #expect(text?.contains(part) == true, "\(String(decoding: answer.bytes, as: UTF8.self))")
        }
    }

    /// The same from a model that answers later.
    @Test(arguments: all, examples) func anExampleHasTheSameAnswerLater(_ api: API, _ example: Example) throws {
        let model = try Self.served()
        let now = try Counter([model]).post(api.path, api.body(example))
        let later = try Counter(FakePredictor([model], answersLater: true)).post(api.path, api.body(example))
        #expect(later.status == now.status)
        #expect(api.score(later) == api.score(now) && api.rowError(later) == api.rowError(now) && later.message == now.message)
    }
}
