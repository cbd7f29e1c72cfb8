internal import Scoring

/// Which version answers, at one moment. Immutable: a change makes a new one, so that a request sees all of a
/// swap or nothing of it.
final class PublishedModels: Sendable {
    private struct Model: Sendable {
        let versions: [ModelVersion: ServedModel]
        /// The highest version.
        let newest: ServedModel
    }

    private let models: [ModelName: Model]
    /// What answers requests that name no model.
    private let unnamed: ServedModel?

    static let none = PublishedModels(models: [:], defaultName: nil)

    private init(models: [ModelName: Model], defaultName: ModelName?) {
        self.models = models
        let only = models.count == 1 ? models.first?.key : nil
        unnamed = (defaultName ?? only).flatMap { models[$0]?.newest }
    }

    var count: Int { models.count }

    /// O(1).
    func served(_ name: ModelName?, version: ModelVersion?) -> ServedModel? {
        guard let name else {
            guard let version else { return unnamed }
            return unnamed.flatMap { models[$0.name]?.versions[version] }
        }
        guard let model = models[name] else { return nil }
        guard let version else { return model.newest }
        return model.versions[version]
    }

    /// These models with some versions taken out and others put in.
    func replacing(
        withdrawn: [(ModelName, ModelVersion)], published: [ServedModel], defaultName: ModelName?
    ) -> PublishedModels {
        var versions = models.mapValues(\.versions)
        for (name, version) in withdrawn { versions[name]?[version] = nil }
        for served in published { versions[served.name, default: [:]][served.version] = served }
        let models = versions.compactMapValues { versions in
            versions.max { $0.key < $1.key }.map { Model(versions: versions, newest: $0.value) }
        }
        return PublishedModels(models: models, defaultName: defaultName)
    }
}
