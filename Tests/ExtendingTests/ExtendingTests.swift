internal import Scoring
internal import ScoringTestKit
internal import Testing
internal import TextFormats
internal import WireFormat

/// What docs/extending.md says works: a format and a wire API of a file each.
@Suite struct ExtendingTests {
    private static let file = "toy 1\nstart 3\nweight amount 0.25\nweight age -0.5\n"

    private func load(_ text: String) throws(ScoringError) -> any ScoringModel {
        try ToyFormat().load(.file(name: "model.toy", bytes: Array(text.utf8)), options: LoadOptions())
    }

    private func error(_ text: String) -> ScoringError? {
        do throws(ScoringError) {
            _ = try load(text)
            return nil
        } catch {
            return error
        }
    }

    @Test func theFormatIsRecognisedByItsContent() {
        #expect(ToyFormat().recognises(.file(name: "x", bytes: Array(Self.file.utf8))))
        for text in ["", "toy 1", "toy 12\n", "{\"toy\":1}"] {
            #expect(!ToyFormat().recognises(.file(name: "model.toy", bytes: Array(text.utf8))))
        }
    }

    @Test func itsModelsKeepWhatEveryEnginePromises() throws {
        #expect(EngineConformance.faults(of: try load(Self.file), seed: 1).isEmpty)
    }

    @Test func damagedFilesAreRefusedWithTheirPlace() {
        #expect(
            error("toy 1\nstart 3\nweight amount x\n")
                == .invalidModel(reason: "a line ends with a finite number", place: "line 3"))
        #expect(error("toy 1\nscale 3\n") != nil)
        #expect(error("toy 1\nstart 3\n") == .invalidModel(reason: "there are no weights", place: ""))
        #expect(error("toy 1\nweight a 1\nweight a 2\n") == .invalidModel(reason: "two features have one name", place: ""))
    }

    private func ask(_ body: String) throws -> (status: Int, text: String) {
        let routes = RouteTable([RouteTable.Route("/toy/{model}", ToyCodec())])
        var path = "/toy/m"
        let route = try #require(path.withUTF8 { routes.route(path: $0) })
        let driver = PredictionDriver(predictor: try OneModel(try load(Self.file)), limits: WireLimits(), resume: { $0() })
        var sink = ByteSink()
        let reply = Array(body.utf8).withUnsafeBufferPointer {
            driver.answer(WireRequest(route: route, body: $0, arrival: .now), into: &sink)
        }
        guard case .written(.done(let status)) = reply else {
            Issue.record("the answer is not whole")
            return (0, "")
        }
        return (status.code, sink.string)
    }

    @Test func rowsGoInAndScoresComeOut() throws {
        #expect(try ask("4,2\n8,-1\n,2\n") == (200, "3.0\n5.5\n2.0\n"))
    }

    @Test func errorsAreWrittenByTheTableOfTheAPI() throws {
        let wrong = try ask("4\n")
        #expect(wrong.status == 400 && wrong.text.contains("row 1 has 1 cells; the model takes 2"), "\(wrong)")
        let feature = try ask("4,2\n4,old\n")
        #expect(feature.status == 400 && feature.text.contains("INVALID_FEATURE") && feature.text.contains("age"), "\(feature)")
    }
}

/// Has one model answer every request; a server has a registry and a pipeline in this place.
private struct OneModel: Predictor {
    private final class Meter: PredictionMeter {
        func recordRequest(_ error: ScoringError?) {}
        func recordRows(_ group: RowGroup) {}
        func recordStandIn(rows: Int) {}
    }

    private let served: ServedModel

    init(_ model: any ScoringModel) throws {
        served = ServedModel(
            name: try #require(ModelName("m")), version: try #require(ModelVersion(1)), model: model, answers: AnswerRules(),
            meter: Meter())
    }

    func begin() {}
    func resolve(_ info: RequestInfo) throws(ScoringError) -> ResolvedModel { ResolvedModel(served) }
    func admit(_ info: RequestInfo, to served: ServedModel) throws(ScoringError) {}

    func run(_ group: RowGroup) -> PredictionProgress {
        let call = ScoreCall(deadline: group.info.deadline, workspace: group.workspace)
        do throws(ScoringError) {
            try served.model.score(group.features, into: group.scores, call)
        } catch {
            group.outcome.error = error
        }
        return .answered
    }

    func finish(_ info: RequestInfo, _ error: ScoringError?, by served: ServedModel?) {}
}
