package import Experiments
package import Scoring
internal import StrictYAML

// What the plan tells operators and callers: the repository's index, and why a model does not answer.
extension RepositoryPlan {
    /// Whether a version of the model (or of any model) is being loaded.
    package func isLoading(_ name: ModelName? = nil) -> Bool {
        if let name { return models[name]?.versions.values.contains { $0.loading != nil } ?? false }
        return models.values.contains { $0.versions.values.contains { $0.loading != nil } }
    }

    /// Every version of every model, sorted by name, then version. A model that has none, or that has folders
    /// which are no versions, has an entry that says so.
    package func index() -> [RepositoryEntry] {
        models.sorted { $0.key.text < $1.key.text }.flatMap { entries(of: $0.key, $0.value) }
    }

    /// Why the last ordered load of the model did not bring every version into service; nil if it did.
    package func loadProblem(of name: ModelName) -> ScoringError? {
        guard let record = models[name] else { return .unknownModel(name.text) }
        if let problem = record.problem { return .refusedModel(problem) }
        if record.isUnloaded { return .notReady("model '\(name)' was unloaded meanwhile") }
        if case .failure(let error) = record.manifest.content { return error }
        if let problem = brokenReference(of: name) { return problem }
        let wanted = record.wanted
        guard !wanted.isEmpty else { return .refusedModel(absenceOfVersions(of: name, record)) }
        var failures = wanted.sorted().compactMap { version in
            record.versions[version]?.failure.map { "version \(version): \($0)" }
        }
        failures += absentVersions(record).map { "version \($0): \(absence(ofNamed: $0, name, record))" }
        return failures.isEmpty ? nil : .refusedModel(failures.joined(separator: "; "))
    }

    /// Models that have no version to serve, and versions that a model.yaml names and that are not there, as sentences, sorted by
    /// model. A folder that may still be written to is not among them.
    package var gaps: [String] {
        models.sorted { $0.key.text < $1.key.text }.flatMap { name, record -> [String] in
            guard record.isSettled, record.problem == nil, !record.isUnloaded, case .success = record.manifest.content else {
                return []
            }
            if record.versions.isEmpty, record.seen?.misnamedVersions.isEmpty == true, absentVersions(record).isEmpty {
                return ["\(name): \(absenceOfVersions(of: name, record))"]
            }
            return absentVersions(record).map { "\(name): version \($0): \(absence(ofNamed: $0, name, record))" }
        }
    }

    /// Names that a mistyped one is compared with; none where there are so many models that comparing would take long.
    package var candidates: [String] {
        models.count <= Self.maxCandidates ? models.keys.map(\.text).sorted() : []
    }

    /// What the last model.yaml that could be read says about a model's versions.
    package func rules(of name: ModelName) -> ExperimentRules { models[name]?.rules ?? .none }

    /// Why a model, or one version of it, does not answer.
    package func absence(of name: ModelName, version reference: VersionReference?) -> ScoringError {
        guard let record = models[name] else {
            return hasScanned ? .unknownModel(name.text) : .notReady("the server is still looking for its models")
        }
        if record.isUnloaded { return .notReady("model '\(name)' is unloaded") }
        if let reference {
            let version: ModelVersion? =
                switch reference {
                case .number(let version): version
                case .label(let label): record.rules.labels[label]
                }
            guard let version, let state = record.versions[version] else {
                return .unknownVersion(model: name.text, version: reference.description, hint: hint(insteadOf: reference, record))
            }
            let entry = entry(of: name, version, state, in: record)
            return .notReady("version \(version) of model '\(name)' is \(words(for: entry))")
        }
        if isLoading(name) { return .notReady("model '\(name)' is loading") }
        guard let newest = record.wanted.filter(record.mayAnswer).max(), let state = record.versions[newest] else {
            return .notReady("model '\(name)' is not ready: \(absenceOfVersions(of: name, record))")
        }
        let entry = entry(of: name, newest, state, in: record)
        return .notReady("model '\(name)' is not ready: version \(newest) is \(words(for: entry))")
    }

    private func words(for entry: RepositoryEntry) -> String {
        switch entry.state {
        case .loading: "loading"
        case .unloading: "unloading"
        case .ready: "ready"
        case .unavailable, .unknown: "unavailable: \(entry.reason)"
        }
    }

    private func entries(of name: ModelName, _ record: ModelRecord) -> [RepositoryEntry] {
        var entries = record.versions.sorted { $0.key < $1.key }.map { entry(of: name, $0.key, $0.value, in: record) }
        func add(_ version: String, _ reason: String) {
            entries.append(RepositoryEntry(name: name.text, version: version, state: .unavailable, reason: reason))
        }
        for folder in record.seen?.misnamedVersions ?? [] {
            add(folder, MisnamedVersion.sentence(about: folder, beside: record.seen?.versions ?? [:]))
        }
        for version in absentVersions(record) { add(version.description, absence(ofNamed: version, name, record)) }
        if entries.isEmpty { add("", record.problem ?? absenceOfVersions(of: name, record)) }
        return entries
    }

    /// The versions that model.yaml names and that have no folder.
    private func absentVersions(_ record: ModelRecord) -> [ModelVersion] {
        guard case .success(let manifest) = record.manifest.content else { return [] }
        return (manifest.versions.loaded ?? manifest.versions.named).sorted().filter { record.versions[$0] == nil }
    }

    private func absence(ofNamed version: ModelVersion, _ name: ModelName, _ record: ModelRecord) -> String {
        "model.yaml names this version, but its folder \(quoted("\(name)/\(version)")) is not there; "
            + "add it, or name another version (\(Self.versions(of: record)))"
    }

    /// What was meant by a version or label that the model does not have.
    private func hint(insteadOf reference: VersionReference, _ record: ModelRecord) -> String {
        let labels = record.rules.labels.all.map(\.label)
        guard case .label(let label) = reference, !labels.isEmpty else { return Self.versions(of: record) }
        return NearestName.to(label, among: labels.prefix(Self.maxCandidates)).map { "did you mean \(quoted($0))?" }
            ?? "its labels are \(listed(labels))"
    }

    private func entry(
        of name: ModelName, _ version: ModelVersion, _ state: VersionRecord, in record: ModelRecord
    ) -> RepositoryEntry {
        var entry = RepositoryEntry(name: name.text, version: version.description, state: .unavailable)
        if state.serving != nil {
            entry.state = .ready
            entry.reason = remark(on: version, state, in: record, of: name)
        } else if state.loading != nil {
            entry.state = .loading
        } else if !state.draining.isEmpty {
            entry.state = .unloading
            entry.reason = "requests still hold it"
        } else {
            entry.reason = reason(for: version, state, in: record, of: name)
        }
        return entry
    }

    /// What an operator should know about a version that serves.
    private func remark(
        on version: ModelVersion, _ state: VersionRecord, in record: ModelRecord, of name: ModelName
    ) -> String {
        if let failure = state.failure { return "still serves what it held before; what it holds now was refused: \(failure)" }
        if let problem = record.problem { return "still serves; the folder cannot be read now: \(problem)" }
        if case .failure(let error) = record.manifest.content { return "still serves as before; \(error)" }
        if let problem = brokenReference(of: name) { return "still serves as before; \(problem)" }
        if state.folder == nil { return "still serves although its folder is gone, until another version is ready" }
        if !record.wanted.contains(version) {
            return "still serves until a version that model.yaml serves is ready"
        }
        return ""
    }

    /// Why a version that neither serves nor loads nor drains does not serve.
    private func reason(
        for version: ModelVersion, _ state: VersionRecord, in record: ModelRecord, of name: ModelName
    ) -> String {
        if record.isUnloaded { return "unloaded" }
        if let problem = record.problem { return problem }
        if case .failure(let error) = record.manifest.content { return error.description }
        if let problem = brokenReference(of: name), record.wanted.contains(version) { return problem.description }
        if state.folder == nil { return state.failure?.description ?? "its folder is gone" }
        // What it was refused for before says nothing of a version that is not to be served.
        if !record.wanted.contains(version) { return "not among the versions that model.yaml serves" }
        if let failure = state.failure { return failure.description }
        return "waiting until its files stop changing"
    }

    private func absenceOfVersions(of name: ModelName, _ record: ModelRecord) -> String {
        guard !record.versions.isEmpty, case .success(let manifest) = record.manifest.content else {
            return "it has no version: no folder named by a positive whole number; "
                + (record.seen?.misplaced ?? "put the model's file into \(quoted("\(name)/1"))")
        }
        guard record.wanted.isEmpty, let served = manifest.servedVersions else {
            return "all of its versions are on trial, as shadow or canary, and none may answer by default"
        }
        let numbers = listed(served.sorted().map(\.description))
        return "none of the versions that model.yaml serves (\(numbers)) is there"
    }
}
