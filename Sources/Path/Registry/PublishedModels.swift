internal import Scoring

/// Which version answers, at one moment. Immutable: a change makes a new one, so that a request sees all of a
/// swap or nothing of it.
final class PublishedModels: Sendable {
    private let models: [ModelName: PublishedModel]
    /// What answers requests that name no model.
    let unnamed: PublishedModel?

    static let none = PublishedModels(models: [:], defaultName: nil)

    private init(models: [ModelName: PublishedModel], defaultName: ModelName?) {
        self.models = models
        let only = models.count == 1 ? models.first?.key : nil
        unnamed = (defaultName ?? only).flatMap { models[$0] }
    }

    var count: Int { models.count }
    var all: some Collection<PublishedModel> & Sendable { models.values }

    /// O(1).
    subscript(name: ModelName) -> PublishedModel? { models[name] }

    /// These models with some versions taken out and others put in, and some made anew.
    /// - Parameters:
    ///   - changed: The models whose rules are others now.
    ///   - make: Makes a model of its versions; called for every model that changes and is left with a version.
    func replacing(
        withdrawn: [(ModelName, ModelVersion)], published: [ServedModel], changed: [ModelName], defaultName: ModelName?,
        make: (ModelName, [ModelVersion: ServedModel], PublishedModel?) -> PublishedModel
    ) -> PublishedModels {
        var versions: [ModelName: [ModelVersion: ServedModel]] = [:]
        for name in withdrawn.map(\.0) + published.map(\.name) + changed { versions[name] = models[name]?.versions ?? [:] }
        for (name, version) in withdrawn { versions[name]?[version] = nil }
        for served in published { versions[served.name]?[served.version] = served }
        var models = models
        for (name, versions) in versions {
            models[name] = versions.isEmpty ? nil : make(name, versions, models[name])
        }
        return PublishedModels(models: models, defaultName: defaultName)
    }
}
