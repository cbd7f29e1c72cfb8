internal import Decisions
internal import Resilience
package import Scoring

/// Tries everything a model repository holds without serving it, for `verdict check`.
package struct RepositoryCheck {
    /// What became of one version, or of a model or folder as a whole where there is no version to speak of.
    package struct Finding: Sendable {
        package enum Outcome: Sendable, Equatable {
            case passed(format: String, goldenRows: Int, notes: [String])
            case refused(reason: String)
            /// The version is there, but model.yaml does not serve it.
            case skipped(reason: String)

            fileprivate mutating func add(_ more: [String]) {
                guard case .passed(let format, let rows, let notes) = self else { return }
                self = .passed(format: format, goldenRows: rows, notes: notes + more)
            }
        }

        package let name: String
        /// As the folder is named; empty where the finding is about the model as a whole.
        package let version: String
        package fileprivate(set) var outcome: Outcome
        /// Which values of which output the policy acts on; nil without a policy.
        package var policy: String? = nil
        package let nanoseconds: UInt64

        package var isRefused: Bool {
            if case .refused = outcome { true } else { false }
        }
    }

    private let loader: VersionLoader
    private var scanner: RepositoryScanner

    /// - Parameter trial: Where versions are tried first that a native library compiles; nil for nowhere.
    package init(root: String, formats: [any ModelFormat], trial: (any LoadTrial)? = nil) {
        loader = VersionLoader(opener: ModelOpener(formats: formats), trial: trial)
        scanner = RepositoryScanner(root: root)
    }

    /// Loads every version that would be served, one at a time, sorted by name, then version. Throws if the repository
    /// cannot be read.
    /// - Parameter progress: Called before each load with the model, the version and the share of versions done (0...1).
    package mutating func run(
        progress: (_ name: String, _ version: String, _ share: Double) -> Void = { _, _, _ in }
    ) throws(ScoringError) -> [Finding] {
        // The plan of the server says what would be loaded and why the rest would not.
        let listing = try scanner.scan()
        var plan = RepositoryPlan()
        let orders = plan.observe(listing).compactMap { step -> RepositoryPlan.LoadOrder? in
            if case .load(let order) = step { order } else { nil }
        }.sorted { ($0.name.text, $0.version) < ($1.name.text, $1.version) }

        var findings: [Finding] = []
        var sides: [ModelName: [ModelVersion: StandInFit.Side]] = [:]
        for (done, order) in orders.enumerated() {
            progress(order.name.text, order.version.description, Double(done) / Double(orders.count))
            let (finding, side) = check(order)
            findings.append(finding)
            if let side { sides[order.name, default: [:]][order.version] = side }
        }
        for order in orders {
            let notes = Self.notes(on: order, sides)
            guard !notes.isEmpty else { continue }
            for index in findings.indices
            where findings[index].name == order.name.text && findings[index].version == order.version.description {
                findings[index].outcome.add(notes)
            }
        }
        for entry in plan.index() where entry.state == .unavailable {
            let isServed = ModelName(entry.name).map { isToBeServed(entry.version, of: $0, in: listing) } ?? true
            findings.append(
                Finding(
                    name: entry.name, version: entry.version,
                    outcome: isServed ? .refused(reason: entry.reason) : .skipped(reason: entry.reason), nanoseconds: 0))
        }
        for remark in listing.remarks {
            findings.append(Finding(name: "", version: "", outcome: .skipped(reason: remark), nanoseconds: 0))
        }
        return findings.sorted { left, right in
            if left.name != right.name { return left.name < right.name }
            return (ModelVersion(left.version)?.number ?? 0) < (ModelVersion(right.version)?.number ?? 0)
        }
    }

    /// How the model fits that model.yaml names to answer in this one's place, where both were loaded.
    private static func notes(
        on order: RepositoryPlan.LoadOrder, _ sides: [ModelName: [ModelVersion: StandInFit.Side]]
    ) -> [String] {
        guard let asked = sides[order.name]?[order.version], let rule = order.manifest.serving.fallback?.rule else { return [] }
        let standIn: (name: String, side: StandInFit.Side?)
        switch rule {
        case .constant: return []
        case .version(let version):
            guard version != order.version else { return [] }
            standIn = ("version \(version)", sides[order.name]?[version])
        case .model(let name, let version):
            let versions = sides[name] ?? [:]
            standIn = (name.text, (version ?? versions.keys.max()).flatMap { versions[$0] })
        }
        guard let side = standIn.side else { return [] }
        return StandInFit(asked: asked, standIn: side).notes(on: standIn.name)
    }

    private func check(_ order: RepositoryPlan.LoadOrder) -> (Finding, StandInFit.Side?) {
        let start = Moment.now
        let outcome: Finding.Outcome
        var policy: String?
        var side: StandInFit.Side?
        do throws(ScoringError) {
            let loaded = try loader.load(order.version, in: order.folder, manifest: order.manifest)
            let signature = loaded.model.signature
            side = StandInFit.Side(
                signature, score: loaded.answers.score ?? signature.roles.score, hasPolicy: loaded.answers.rule != nil)
            outcome = .passed(format: loaded.format, goldenRows: loaded.goldenRows, notes: loaded.notes)
            policy = order.manifest.policy.map { policy in
                let score = loaded.model.signature.scoreNames(loaded.answers.score).joined(separator: ", ")
                return "\(policy.risk == .above ? "high" : "low") \(score)"
            }
        } catch {
            outcome = .refused(reason: error.description)
        }
        let finding = Finding(
            name: order.name.text, version: order.version.description, outcome: outcome, policy: policy,
            nanoseconds: Moment.now.nanoseconds(since: start))
        return (finding, side)
    }

    /// False for a version that is there and sound, but left out by model.yaml on purpose.
    private func isToBeServed(_ version: String, of name: ModelName, in listing: RepositoryListing) -> Bool {
        guard let model = listing.models[name], let version = ModelVersion(version), model.versions[version] != nil,
            case .success(let manifest) = model.manifest.content, let served = manifest.servedVersions
        else { return true }
        return served.contains(version)
    }
}
