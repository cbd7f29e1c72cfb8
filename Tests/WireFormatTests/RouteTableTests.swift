internal import Scoring
internal import Testing
internal import WireFormat

@Suite struct RouteTableTests {
    private func meaning(_ path: String) -> String? {
        route(path).map { "\(type(of: $0.codec)) \($0.model?.text ?? "-") \($0.version?.description ?? "-")" }
    }

    private func error(_ path: String, _ style: ErrorStyle = .predict) -> ScoringError? {
        guard let route = route(path), route.codec.errorStyle == style else { return nil }
        return route.error
    }

    @Test(arguments: [
        ("/predict", "RowCodec - -"), ("/predict/fraud", "RowCodec fraud -"), ("/predict/fraud/versions/2", "RowCodec fraud 2"),
        ("/predict/batch", "BatchCodec - -"), ("/predict/batch/fraud", "BatchCodec fraud -"),
        ("/predict/batch/fraud/versions/2", "BatchCodec fraud 2"), ("/v2/models/fraud/infer", "InferenceCodec fraud -"),
        ("/v2/models/fraud/versions/2/infer", "InferenceCodec fraud 2"),
        // A version may be a label.
        ("/predict/fraud/versions/stable", "RowCodec fraud stable"),
        ("/v2/models/fraud/versions/v2.1-canary/infer", "InferenceCodec fraud v2.1-canary"),
        // Names may be percent-encoded.
        ("/predict/%66raud", "RowCodec fraud -"), ("/v2/models/fr%61ud/versions/%32/infer", "InferenceCodec fraud 2"),
        // Models may be called as words of other patterns are.
        ("/predict/versions", "RowCodec versions -"), ("/v2/models/batch/infer", "InferenceCodec batch -"),
        ("/predict/batch/versions", "BatchCodec versions -"),
    ])
    func theRoutesOfTheContractAreKnown(path: String, expected: String) {
        #expect(meaning(path) == expected)
        #expect(route(path)?.error == nil && route(path)?.scope == .predict)
    }

    @Test(arguments: [
        "", "/", "predict", "/predicts", "/Predict", "/predict/fraud/", "/predict/fraud/2", "/predict/fraud/versions",
        "/predict/fraud/versions/2/x", "/health", "/v2", "/v2/models", "/v2/models/fraud", "/v2/models/fraud/ready",
        "/v2/models/fraud/versions/2", "/v2/models/fraud/versions/2/ready", "/v2/models/fraud/infer/x", "/v2/models/fraud/inferx",
        "/v2/repository/index", "/v1/models/fraud:predict", "//predict", "/predict/batch/versions/2",
    ])
    func otherPathsAreLeftToTheRouter(path: String) {
        #expect(route(path) == nil)
    }

    @Test(arguments: [
        "/predict/", "/predict/.hidden", "/predict/a%2Fb", "/predict/%c3%a9", "/predict/a%20b",
        "/predict/batch/", "/predict/..", "/predict/%00",
    ])
    func whatCannotBeAModelIsAnUnknownOne(path: String) {
        guard case .unknownModel? = error(path) else {
            Issue.record("\(String(describing: route(path)))")
            return
        }
    }

    @Test(arguments: ["0", "01", ".x", "", "a b", "99999999999999999999", "caf%c3%a9"])
    func whatCannotBeAVersionIsAnUnknownOne(version: String) {
        guard case .unknownVersion(model: "fraud", version: _, hint: _)? = error("/predict/fraud/versions/\(version)"),
            case .unknownVersion? = error("/v2/models/fraud/versions/\(version)/infer", .inference)
        else {
            Issue.record("\(version)")
            return
        }
    }

    @Test(arguments: ["/predict/%", "/predict/%6", "/predict/%zz", "/predict/fraud/versions/%"])
    func brokenPercentEncodingIsABadRequest(path: String) {
        guard case .invalidRequest? = error(path) else {
            Issue.record("\(String(describing: route(path)))")
            return
        }
    }

    @Test func longNamesAreQuotedInPart() {
        guard case .unknownModel(let name, _)? = error("/predict/" + String(repeating: "x", count: 5000)) else {
            Issue.record("not refused")
            return
        }
        #expect(name.utf8.count < 100)
    }
}
