package import Experiments
internal import Glibc
package import Logging
package import Scoring
internal import StrictYAML
internal import Synchronization

/// Settings of a registry.
package struct RegistrySettings: Sendable {
    /// The model repository's folder.
    package var root: String
    /// What answers requests that name no model; nil for the only model there is.
    package var defaultModel: ModelName?
    /// Larger model files are refused. Default 1 GiB.
    package var maxModelBytes = 1 << 30
    /// Models that are loaded at the same time. Default: a thread a processor, two to four.
    package var loadingThreads = min(4, max(2, sysconf(Int32(_SC_NPROCESSORS_ONLN))))

    package init(root: String) {
        self.root = root
    }
}

/// Owns the models of a server: keeps what the repository's folders hold loaded, verified and published, and
/// hands the version that answers to each request.
///
/// Locks: requests take `published` for the time of one retain. `state` guards the plan; `published` is
/// taken inside `state` to swap, never the other way round. Loads, log lines and observers run outside both. Nothing
/// is released inside a lock, because the last reference to a version reports back here.
package final class ModelRegistry: Sendable {
    private struct State {
        var plan = RepositoryPlan()
        var waiters: [(isDone: @Sendable (RepositoryPlan) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
        /// What the log was told of.
        var remarks: [String] = []
        var faults: [String] = []
        var gaps: [String] = []
        /// Whether the last look at the repository failed.
        var isUnreadable = false
    }

    private let settings: RegistrySettings
    private let loader: VersionLoader
    /// Makes what the path keeps beside a version, or says why the version must not serve.
    package typealias StageMaker =
        @Sendable (ModelName, ModelVersion, VersionLoader.Loaded, ServingRules) throws(ScoringError) -> (any RequestStages)?

    private let meter: @Sendable (ModelName, ModelVersion) -> any PredictionMeter
    private let stages: StageMaker
    private let observer: (any RegistryObserver)?
    private let logger: Logger

    private let state = Mutex(State())
    private let published = Mutex(PublishedModels.none)
    private let scanner: Mutex<RepositoryScanner>
    private let isStarted = Atomic(false)
    private let isShuttingDown = Atomic(false)

    /// Scans, orders and the freeing of drained models, one after the other; each is short.
    private let control = WorkThreads(name: "registry", count: 1, niceness: 0)
    private let loading: WorkThreads

    /// - Parameters:
    ///   - formats: The readers that model files are offered to.
    ///   - trial: Where versions are tried first that a native library compiles; nil for nowhere.
    ///   - meter: Makes the meter that requests to a version are counted with.
    package init(
        _ settings: RegistrySettings, formats: [any ModelFormat], trial: (any LoadTrial)? = nil,
        meter: @escaping @Sendable (ModelName, ModelVersion) -> any PredictionMeter,
        stages: @escaping StageMaker = { _, _, _, _ in nil },
        observer: (any RegistryObserver)? = nil, logger: Logger
    ) {
        var opener = ModelOpener(formats: formats)
        opener.maxBytes = settings.maxModelBytes
        self.settings = settings
        self.loader = VersionLoader(opener: opener, trial: trial)
        self.meter = meter
        self.stages = stages
        self.observer = observer
        self.logger = logger
        scanner = Mutex(RepositoryScanner(root: settings.root))
        // Loading steps back behind serving, which it shares the processors with.
        loading = WorkThreads(name: "model-loading", count: settings.loadingThreads, niceness: 10)
    }

    // MARK: - Requests

    /// The version that answers: the named one, or the default. `name` is nil for the default model or the only one.
    /// One lock and one or two retains; throws `.unknownModel`, `.unknownVersion`, `.notReady` with the reason, or
    /// `.invalidRequest` where a name is needed.
    package func resolve(_ name: ModelName?, version: VersionReference? = nil) throws(ScoringError) -> ResolvedModel {
        let models = published.withLock { $0 }
        if let found = Self.find(name, version, among: models) { return found }
        throw absence(of: name ?? settings.defaultModel, version: version, among: models)
    }

    /// The same without a reason, which takes longer to find than a version: for those who go on without an answer.
    package func find(_ name: ModelName, version: VersionReference? = nil) -> ServedModel? {
        Self.find(name, version, among: published.withLock { $0 })?.served
    }

    private static func find(_ name: ModelName?, _ version: VersionReference?, among models: PublishedModels) -> ResolvedModel? {
        let model = if let name { models[name] } else { models.unnamed }
        guard let model, let served = version.map({ model.version($0) }) ?? model.standard else { return nil }
        guard let experiment = model.experiment else { return ResolvedModel(served) }
        return ResolvedModel(served, division: version == nil && experiment.divides ? model : nil, observer: model)
    }

    /// The model of the repository that a request is for, whether it serves or not; nil if there is none of that name, or
    /// if no name is given and there is neither a default nor only one model.
    package func known(_ name: ModelName?) -> ModelName? {
        state.withLock { state in
            let models = state.plan.models
            let only = models.count == 1 ? models.first?.key : nil
            return (name ?? settings.defaultModel ?? only).flatMap { models[$0] == nil ? nil : $0 }
        }
    }

    private func absence(
        of name: ModelName?, version: VersionReference?, among models: PublishedModels
    ) -> ScoringError {
        if let name = name ?? models.unnamed?.name {
            let error = state.withLock { $0.plan.absence(of: name, version: version) }
            if case .unknownModel = error { return unknown(name) }
            return error
        }
        if models.count > 1 {
            return .invalidRequest(
                "this server has \(models.count) models and no default; name one in the path: /predict/{model}")
        }
        let (hasScanned, isEmpty) = state.withLock { ($0.plan.hasScanned, $0.plan.models.isEmpty) }
        if !hasScanned { return .notReady("the server is still looking for its models") }
        return .notReady(isEmpty ? "the model repository is empty" : "no model is ready")
    }

    /// Longer names are not compared with those that there are: callers wait for it, on a thread that answers others.
    private static let maxComparedName = 40

    /// `.unknownModel`, with the name that was probably meant.
    package func unknown(_ name: ModelName) -> ScoringError {
        guard name.text.utf8.count <= Self.maxComparedName else { return .unknownModel(name.text) }
        let candidates = state.withLock { $0.plan.candidates }
        let nearest = NearestName.to(name.text, among: candidates)
        return .unknownModel(name.text, hint: nearest.map { "did you mean \(quoted($0))?" } ?? "")
    }

    // MARK: - Lifecycle

    /// Loads what the repository holds and returns once every version serves or was refused, or once shutdown began. Does
    /// nothing the second time. Throws if the repository itself cannot be read.
    package func start() async throws(ScoringError) {
        guard !isStarted.load(ordering: .acquiring) else { return }
        try await scan()
        if state.withLock({ $0.plan.models.isEmpty }) {
            logger.warning("the model repository is empty", metadata: ["path": "\(settings.root)"])
        }
        await wait { [self] plan in !plan.isLoading() || isShuttingDown.load(ordering: .acquiring) }
        isStarted.store(true, ordering: .releasing)
    }

    /// Looks at the repository and starts what follows. Does not wait for loads. Throws if the repository cannot be
    /// read; what serves goes on serving, and the log says once that it cannot be read, and once that it can again.
    package func scan() async throws(ScoringError) {
        try await control.run { [self] in
            Result { () throws(ScoringError) in
                let result = Result { () throws(ScoringError) in
                    try scanner.withLock { scanner throws(ScoringError) in try scanner.scan() }
                }
                report(result)
                let listing = try result.get()
                advance { $0.observe(listing) }
                report(listing)
            }
        }.get()
    }

    /// Says when the repository begins and ends to be unreadable. Whoever starts the registry says it of the first scan.
    private func report(_ scan: Result<RepositoryListing, ScoringError>) {
        var failure: ScoringError?
        if case .failure(let error) = scan { failure = error }
        let wasUnreadable = state.withLock { state in
            defer { state.isUnreadable = failure != nil }
            return state.isUnreadable
        }
        guard isStarted.load(ordering: .acquiring), wasUnreadable != (failure != nil) else { return }
        if let failure {
            logger.error("model repository scan failed", metadata: ["reason": "\(failure)"])
        } else {
            logger.notice("the model repository can be read again", metadata: ["path": "\(settings.root)"])
        }
    }

    /// Returns once no version is being loaded.
    package func waitForLoads() async {
        await wait { !$0.isLoading() }
    }

    /// Makes `isReady` false for good; requests are still answered.
    package func beginShutdown() {
        isShuttingDown.store(true, ordering: .releasing)
        // Who waits for the first loads need not wait for them any more.
        advance { _ in [] }
    }

    /// Says what lies in the repository that is no model, which models have a fault outside their versions and which have
    /// nothing to serve: each once, and once when a model's fault is over.
    private func report(_ listing: RepositoryListing) {
        let (remarks, faults, gaps, over) = state.withLock { state in
            let (faults, gaps) = (listing.problems + state.plan.brokenReferences, state.plan.gaps)
            defer { (state.remarks, state.faults, state.gaps) = (listing.remarks, faults, gaps) }
            let faulty = Set((faults + gaps).map(Self.subject))
            return (
                Self.news(listing.remarks, since: state.remarks), Self.news(faults, since: state.faults),
                Self.news(gaps, since: state.gaps), (state.faults + state.gaps).filter { !faulty.contains(Self.subject($0)) }
            )
        }
        for remark in remarks { logger.warning("ignored in the model repository", metadata: ["reason": "\(remark)"]) }
        func metadata(_ sentence: String) -> Logger.Metadata { ["model": "\(Self.subject(sentence))", "reason": "\(sentence)"] }
        for fault in faults { logger.error("fault in the model repository", metadata: metadata(fault)) }
        for gap in gaps { logger.warning("not there in the model repository", metadata: metadata(gap)) }
        for fault in over { logger.notice("a fault in the model repository is over", metadata: metadata(fault)) }
    }

    private static func news(_ sentences: [String], since earlier: [String]) -> [String] {
        guard sentences != earlier else { return [] }
        let known = Set(earlier)
        return sentences.filter { !known.contains($0) }
    }

    /// The model that a sentence is about: it begins with its name and a colon.
    private static func subject(_ sentence: String) -> Substring { sentence.prefix { $0 != ":" } }

    // MARK: - Steps

    /// Changes the plan and takes the steps that follow: swaps the published models at once, then starts loads
    /// and tells those who want to know.
    private func advance(bringing served: ServedModel? = nil, _ change: (inout RepositoryPlan) -> [RepositoryPlan.Step]) {
        let (steps, former, done) = state.withLock { state in
            let steps = change(&state.plan)
            let former = swap(steps, bringing: served, state.plan)
            let done = state.waiters.filter { $0.isDone(state.plan) }
            if !done.isEmpty { state.waiters.removeAll { $0.isDone(state.plan) } }
            return (steps, former, done)
        }
        for step in steps {
            switch step {
            case .load(let order): loading.enqueue { [self] in load(order) }
            case .publish(let name, let version, _): observer?.published(name, version)
            case .divide: continue
            case .withdraw(let name, let version, _):
                logger.info("model version withdrawn", metadata: ["model": "\(name)", "version": "\(version)"])
                observer?.withdrawn(name, version)
            }
        }
        for waiter in done { waiter.continuation.resume() }
        withExtendedLifetime(former) {}
    }

    /// Publishes what the steps change and returns what was published before, for release outside the lock.
    private func swap(
        _ steps: [RepositoryPlan.Step], bringing served: ServedModel?, _ plan: RepositoryPlan
    ) -> PublishedModels? {
        var withdrawn: [(ModelName, ModelVersion)] = []
        var arrived: [ServedModel] = []
        var changed: [ModelName] = []
        for step in steps {
            switch step {
            case .load: continue
            case .withdraw(let name, let version, _): withdrawn.append((name, version))
            case .publish: if let served { arrived.append(served) }
            case .divide(let name): changed.append(name)
            }
        }
        guard !withdrawn.isEmpty || !arrived.isEmpty || !changed.isEmpty else { return nil }
        // Only this function writes it, under the lock of `state`; requests do not wait while threads of shadows start.
        let former = published.withLock { $0 }
        let next = former.replacing(
            withdrawn: withdrawn, published: arrived, changed: changed, defaultName: settings.defaultModel
        ) { name, versions, earlier in
            PublishedModel(name, versions: versions, rules: plan.rules(of: name), replacing: earlier, report: reportCanary)
        }
        published.withLock { $0 = next }
        return former
    }

    private var reportCanary: @Sendable (ModelName, CanaryTransition) -> Void {
        { [logger] name, transition in
            logger.notice("canary", metadata: ["model": "\(name)", "what": "\(transition.sentence)"])
        }
    }

    /// Runs on a loading thread.
    private func load(_ order: RepositoryPlan.LoadOrder) {
        let start = Moment.now
        let result = Result { () throws(ScoringError) in
            try loader.load(order.version, in: order.folder, manifest: order.manifest)
        }
        // Threads that are started for the version must not inherit this one's low priority.
        control.enqueue { [self] in finish(order, result, since: start) }
    }

    /// Runs on the control thread.
    private func finish(
        _ order: RepositoryPlan.LoadOrder, _ loaded: Result<VersionLoader.Loaded, ScoringError>, since start: Moment
    ) {
        let result = Result { () throws(ScoringError) in
            let loaded = try loaded.get()
            return (loaded, try stages(order.name, order.version, loaded, order.manifest.serving))
        }
        let outcome: LoadReport.Outcome =
            switch result {
            case .success((let loaded, _)):
                .loaded(format: loaded.format, byteCount: loaded.byteCount, goldenRows: loaded.goldenRows, notes: loaded.notes)
            case .failure(let error): .refused(error)
            }
        let report = LoadReport(
            name: order.name, version: order.version, nanoseconds: Moment.now.nanoseconds(since: start), outcome: outcome)
        log(report)
        observer?.loadEnded(report)
        switch result {
        case .success((let loaded, let stages)):
            advance(bringing: serve(loaded, stages, order)) { $0.finish(order, failure: nil) }
        case .failure(let error):
            advance { $0.finish(order, failure: error) }
        }
    }

    private func serve(_ loaded: VersionLoader.Loaded, _ stages: (any RequestStages)?, _ order: RepositoryPlan.LoadOrder)
        -> ServedModel
    {
        let model = loaded.model
        let ticket = order.ticket
        return ServedModel(
            name: order.name, version: order.version, model: model, answers: loaded.answers,
            meter: meter(order.name, order.version), stages: stages,
            // Whoever drops the last reference is answering requests. Holding the model here until the control
            // thread has been told leaves the work of freeing it to that thread.
            onDrained: { [weak self] in
                guard let self else { return }
                control.enqueue { [weak self] in
                    withExtendedLifetime(model) { self?.noteDrained(ticket) }
                }
            })
    }

    private func noteDrained(_ ticket: RepositoryPlan.Ticket) {
        var drained: (name: ModelName, version: ModelVersion)?
        advance {
            drained = $0.drained(ticket)
            return []
        }
        if let drained { observer?.drained(drained.name, drained.version) }
    }

    private func log(_ report: LoadReport) {
        var metadata: Logger.Metadata = [
            "model": "\(report.name)", "version": "\(report.version)",
            "duration_ms": .stringConvertible(Double(report.nanoseconds / 1_000) / 1_000),
        ]
        switch report.outcome {
        case .loaded(let format, let byteCount, let goldenRows, let notes):
            if !notes.isEmpty { metadata["notes"] = "\(notes.joined(separator: " "))" }
            metadata["format"] = "\(format)"
            metadata["bytes"] = .stringConvertible(byteCount)
            metadata["golden_rows"] = .stringConvertible(goldenRows)
            logger.info("model version loaded", metadata: metadata)
        case .refused(let error):
            metadata["reason"] = "\(error)"
            logger.error("model version refused", metadata: metadata)
        }
    }

    private func wait(until isDone: @escaping @Sendable (RepositoryPlan) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isDoneNow = state.withLock { state in
                if isDone(state.plan) { return true }
                state.waiters.append((isDone, continuation))
                return false
            }
            if isDoneNow { continuation.resume() }
        }
    }
}

// MARK: - What operators see and order

extension ModelRegistry: ModelRepository {
    package func index() -> [RepositoryEntry] {
        state.withLock { $0.plan.index() }
    }

    package func load(_ name: ModelName) async throws(ScoringError) {
        try await control.run { [self] in
            Result { () throws(ScoringError) in
                let found = try scanner.withLock { scanner throws(ScoringError) in try scanner.scan(name) }
                guard let found else { throw unknown(name) }
                advance { $0.orderLoad(name, found: found) }
            }
        }.get()
        await wait { !$0.isLoading(name) }
        if let problem = state.withLock({ $0.plan.loadProblem(of: name) }) { throw problem }
    }

    package func unload(_ name: ModelName) async throws(ScoringError) {
        try await control.run { [self] in
            Result { () throws(ScoringError) in
                var failure: ScoringError?
                advance { plan in
                    do throws(ScoringError) {
                        return try plan.orderUnload(name)
                    } catch {
                        failure = error
                        return []
                    }
                }
                if case .unknownModel = failure { throw unknown(name) }
                if let failure { throw failure }
            }
        }.get()
    }

    /// Without the path, which callers need not know; the log has it.
    package var problem: String? {
        state.withLock { $0.isUnreadable }
            ? "the model repository cannot be read now; what serves goes on serving, and the log says why" : nil
    }

    package var isReady: Bool {
        isStarted.load(ordering: .acquiring) && !isShuttingDown.load(ordering: .acquiring)
    }
}

// MARK: - Experiments

extension ModelRegistry {
    /// The models that something runs on, by name.
    package func experiments() -> [(name: ModelName, state: ExperimentState)] {
        let models = published.withLock { $0 }
        return models.all.compactMap { model in model.experiment.map { (model.name, $0.snapshot()) } }
            .sorted { $0.name.text < $1.name.text }
    }

    /// What runs on a model's versions, and the labels they have; nil where it is none of both.
    package func experiment(of name: ModelName) -> ExperimentState? {
        guard let model = published.withLock({ $0 })[name] else { return nil }
        if let experiment = model.experiment { return experiment.snapshot() }
        return model.rules.labels.isEmpty ? nil : ExperimentState(labels: model.rules.labels)
    }

    /// Applies the rules of all canaries to what was counted. To be called about once a second.
    package func judgeCanaries(at now: Moment = .now) {
        let models = published.withLock { $0 }
        for model in models.all { model.experiment?.look(at: now) }
    }

    /// Carries out a person's order about a model's canary. False where it changes nothing. Throws what look-ups of the
    /// model throw, and `.invalidRequest` for a model without a canary.
    package func carryOut(_ order: CanaryOrder, on name: ModelName, by person: String) throws(ScoringError) -> Bool {
        let models = published.withLock { $0 }
        guard let model = models[name] else { throw absence(of: name, version: nil, among: models) }
        guard let experiment = model.experiment else {
            throw .invalidRequest(
                "the model has no canary for the order '\(order.rawValue)': its model.yaml has no versions.canary")
        }
        return try experiment.order(order, by: person)
    }
}
