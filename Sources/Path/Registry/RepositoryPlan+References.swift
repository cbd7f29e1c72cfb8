internal import Resilience
internal import Scoring
internal import StrictYAML

// What a model.yaml names outside of itself: models and versions that stand in for its own. A name that is not in the repository
// keeps versions from being loaded, as any other fault of a model.yaml does; what serves goes on serving. It is looked at anew with
// every scan, since the model that is named may come later.
extension RepositoryPlan {
    static let maxCandidates = 200

    /// The faults of all models, as sentences, sorted by model.
    package var brokenReferences: [String] {
        models.keys.sorted { $0.text < $1.text }.compactMap { name in brokenReference(of: name).map { "\(name): \($0)" } }
    }

    /// What the model's model.yaml names that is not there; nil where everything is.
    func brokenReference(of name: ModelName) -> ScoringError? {
        guard let record = models[name], case .success(let manifest) = record.manifest.content,
            let rule = manifest.serving.fallback?.rule
        else { return nil }
        let problem: String? =
            switch rule {
            case .constant: nil
            case .version(let version), .model(name, let version?): absence(ofOwn: version, in: record, manifest)
            case .model(let other, let version): absence(of: other, version)
            }
        if let problem { return .refusedModel("model.yaml: fallback\(problem)") }
        // All models of a circle are refused, whichever is looked at first.
        do throws(ScoringError) {
            _ = try FallbackChain.chain(from: name) { fallback(of: $0) }
            return nil
        } catch {
            return error
        }
    }

    private func fallback(of name: ModelName) -> FallbackRule? {
        guard case .success(let manifest)? = models[name]?.manifest.content else { return nil }
        return manifest.serving.fallback?.rule
    }

    private func absence(ofOwn version: ModelVersion, in record: ModelRecord, _ manifest: ModelManifest) -> String? {
        guard Self.has(version, record) else {
            return ".version: the model has no version \(version); \(Self.versions(of: record))"
        }
        guard manifest.servedVersions?.contains(version) ?? true else {
            return ".version: version \(version) is not among the versions that model.yaml serves"
        }
        return nil
    }

    private func absence(of other: ModelName, _ version: ModelVersion?) -> String? {
        guard let record = models[other], record.isThere else {
            return ".model: the repository has no model \(quoted(other.text))\(hint(insteadOf: other))"
        }
        // Of a folder that cannot be read nothing is known.
        guard let version, record.problem == nil, !Self.has(version, record) else { return nil }
        return ".version: model \(quoted(other.text)) has no version \(version); \(Self.versions(of: record))"
    }

    /// Asked for at every look at the repository and its index: of thousands of models nobody wants a list.
    private func hint(insteadOf name: ModelName) -> String {
        guard models.count <= Self.maxCandidates else { return "" }
        let names = models.filter { $0.value.isThere }.keys.map(\.text).sorted()
        return NearestName.to(name.text, among: names).map { "; did you mean \(quoted($0))?" }
            ?? "; it has \(listed(names))"
    }

    private static func has(_ version: ModelVersion, _ record: ModelRecord) -> Bool {
        record.versions[version].map { $0.folder != nil || $0.serving != nil } ?? false
    }

    static func versions(of record: ModelRecord) -> String {
        let numbers = record.versions.keys.filter { has($0, record) }.sorted().map(\.description)
        return numbers.isEmpty ? "it has none" : "it has \(listed(numbers))"
    }
}

extension RepositoryPlan.ModelRecord {
    /// Whether the repository holds the model, in whatever state.
    fileprivate var isThere: Bool { seen != nil || problem != nil || versions.values.contains { $0.serving != nil } }
}
