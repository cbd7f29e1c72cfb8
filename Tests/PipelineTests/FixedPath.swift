internal import Pipeline
internal import Scoring
internal import Synchronization

/// A pipeline over fixed versions, which are not in a repository. The first is the default; fallbacks are found by name.
final class FixedPath: PredictionPath {
    private let pipeline: PredictionPipeline
    private let versions: [ServedModel]
    private let division: (any VersionDivision)?
    /// Groups that have ended.
    let finished = Mutex<[ObjectIdentifier: Int]>([:])

    init(_ pipeline: PredictionPipeline, _ versions: [ServedModel], division: (any VersionDivision)? = nil) {
        (self.pipeline, self.versions, self.division) = (pipeline, versions, division)
    }

    func begin() { pipeline.begin() }

    func resolve(_ info: RequestInfo) throws(ScoringError) -> ResolvedModel {
        guard let served = substitute(info.model ?? versions[0].name, version: info.version) else {
            throw .unknownModel(info.model?.text ?? "")
        }
        return ResolvedModel(served, division: info.version == nil && info.model == versions[0].name ? division : nil)
    }

    func admit(_ info: RequestInfo, to served: ServedModel) throws(ScoringError) { try pipeline.admit(info, to: served) }

    func run(_ group: RowGroup) -> PredictionProgress {
        group.served.stages?.run(group, on: self) ?? pipeline.run(group)
    }

    func finish(_ group: RowGroup) {
        finished.withLock { $0[ObjectIdentifier(group), default: 0] += 1 }
        pipeline.finish(group)
    }

    func finish(_ info: RequestInfo, _ error: ScoringError?, by served: ServedModel?) {
        pipeline.finish(info, error, by: served)
    }

    func substitute(_ name: ModelName, version: VersionReference?) -> ServedModel? {
        versions.first { served in served.name == name && (version.map { $0 == .number(served.version) } ?? true) }
    }
}
