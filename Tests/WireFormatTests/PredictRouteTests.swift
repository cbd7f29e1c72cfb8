internal import Scoring
internal import Testing
internal import WireFormat

@Suite struct PredictRouteTests {
    private let fraud = ModelName("fraud")
    private let two = VersionReference("2")

    @Test func theRoutesOfTheContractAreKnown() throws {
        let fraud = try #require(fraud)
        #expect(route("/predict") == .predict(nil, nil))
        #expect(route("/predict/fraud") == .predict(fraud, nil))
        #expect(route("/predict/fraud/versions/2") == .predict(fraud, two))
        #expect(route("/predict/batch") == .batch(nil, nil))
        #expect(route("/predict/batch/fraud") == .batch(fraud, nil))
        #expect(route("/predict/batch/fraud/versions/2") == .batch(fraud, two))
        #expect(route("/v2/models/fraud/infer") == .infer(fraud, nil))
        #expect(route("/v2/models/fraud/versions/2/infer") == .infer(fraud, two))
    }

    @Test(arguments: [
        "", "/", "predict", "/predicts", "/Predict", "/predict/fraud/", "/predict/fraud/2", "/predict/fraud/versions",
        "/predict/fraud/versions/2/x", "/health", "/v2", "/v2/models", "/v2/models/fraud", "/v2/models/fraud/ready",
        "/v2/models/fraud/versions/2", "/v2/models/fraud/versions/2/ready", "/v2/models/fraud/infer/x", "/v2/models/fraud/inferx",
        "/v2/repository/index", "/v1/models/fraud:predict", "//predict",
    ])
    func otherPathsAreLeftToTheRouter(path: String) {
        #expect(route(path) == nil)
    }

    @Test func aVersionMayBeALabel() throws {
        let fraud = try #require(fraud)
        #expect(route("/predict/fraud/versions/stable") == .predict(fraud, .label("stable")))
        #expect(route("/v2/models/fraud/versions/v2.1-canary/infer") == .infer(fraud, .label("v2.1-canary")))
    }

    @Test func namesMayBePercentEncoded() throws {
        let fraud = try #require(fraud)
        #expect(route("/predict/%66raud") == .predict(fraud, nil))
        #expect(route("/v2/models/fr%61ud/versions/%32/infer") == .infer(fraud, two))
    }

    @Test(arguments: [
        "/predict/", "/predict/.hidden", "/predict/a%2Fb", "/predict/%c3%a9", "/predict/a%20b",
        "/predict/batch/", "/predict/..", "/predict/%00",
    ])
    func whatCannotBeAModelIsAnUnknownOne(path: String) {
        guard case .invalid(.unknownModel, .predict) = route(path) else {
            Issue.record("\(String(describing: route(path)))")
            return
        }
    }

    @Test(arguments: ["0", "01", ".x", "", "a b", "99999999999999999999", "caf%c3%a9"])
    func whatCannotBeAVersionIsAnUnknownOne(version: String) {
        guard
            case .invalid(.unknownVersion(model: "fraud", version: _, hint: _), .predict) = route(
                "/predict/fraud/versions/\(version)"),
            case .invalid(.unknownVersion, .inference) = route("/v2/models/fraud/versions/\(version)/infer")
        else {
            Issue.record("\(version)")
            return
        }
    }

    @Test(arguments: ["/predict/%", "/predict/%6", "/predict/%zz", "/predict/fraud/versions/%"])
    func brokenPercentEncodingIsABadRequest(path: String) {
        guard case .invalid(.invalidRequest, .predict) = route(path) else {
            Issue.record("\(String(describing: route(path)))")
            return
        }
    }

    @Test func longNamesAreQuotedInPart() {
        guard case .invalid(.unknownModel(let name, _), _) = route("/predict/" + String(repeating: "x", count: 5000)) else {
            Issue.record("not refused")
            return
        }
        #expect(name.utf8.count < 100)
    }
}
