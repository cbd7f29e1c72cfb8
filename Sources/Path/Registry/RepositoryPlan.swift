internal import Experiments
package import Scoring

/// Decides what to load and what to withdraw from what scans see, what loads make of it and what operators
/// order. Pure: no file, clock, lock or thread; it returns steps, and its owner takes them.
///
/// Its rules:
/// - What is there at the first scan is loaded at once. Later a folder is trusted once two scans in a row saw the same.
/// - What failed is tried again when its content or its model.yaml changed, or on an operator's order. What could not be read
///   (`.notReady`: the disk failed, or no file could be opened) says nothing about the content: it is tried again by itself.
/// - A model.yaml that names a model or version which is not there is as good as a broken one, until it is there.
/// - A version is withdrawn only when another one that is wanted serves, when no version is left, or on an order. So a
///   broken successor, a broken model.yaml or a typo in `versions` leaves the running version serving.
package struct RepositoryPlan: Sendable {
    /// Numbers the attempts to load a version, and what such an attempt brought into service.
    package typealias Ticket = Int

    package enum Step: Sendable, Equatable {
        case load(LoadOrder)
        /// What the ticket's load brought is to answer from now on, in place of any earlier content of that version.
        case publish(ModelName, ModelVersion, Ticket)
        /// The model's requests are divided between its versions by other rules from now on; see `rules(of:)`.
        case divide(ModelName)
        /// Take the version out of service and let it drain.
        case withdraw(ModelName, ModelVersion, Ticket)
    }

    /// One attempt to load one version.
    package struct LoadOrder: Sendable, Equatable {
        package let ticket: Ticket
        package let name: ModelName
        package let version: ModelVersion
        package let folder: VersionListing
        package let manifest: ModelManifest
    }

    /// What an attempt loads; the same content is not tried twice.
    struct Content: Sendable, Equatable {
        let folder: VersionListing
        let manifest: ModelManifest

        static func == (left: Self, right: Self) -> Bool {
            left.folder == right.folder && left.manifest.answersLike(right.manifest)
        }
    }

    struct VersionRecord: Sendable {
        /// As last seen; nil once the folder is known to be gone.
        var folder: VersionListing?
        /// Whether the folder and the model.yaml are known to be complete.
        var isSettled = false
        /// The content of the last attempt, whether it runs, failed or serves.
        var attempted: Content?
        var loading: Ticket?
        /// An operator wants the content loaded although it was tried.
        var isOrdered = false
        var serving: Ticket?
        var failure: ScoringError?
        /// Loads in a row that could not read the files, and the scans until the next one.
        var unreadable = 0
        var scansUntilRetry: Int?
        /// Contents that were published and still answer requests that hold them.
        var draining: Set<Ticket> = []

        var isForgettable: Bool { folder == nil && loading == nil && serving == nil && draining.isEmpty }
    }

    struct ModelRecord: Sendable {
        /// As last seen; nil if the last scan did not find the model.
        var seen: ModelListing?
        /// The manifest in force: the last one that was complete.
        var manifest = ManifestListing()
        /// Whether the folder is known to be complete.
        var isSettled = false
        /// Why the folder could not be read at the last scan.
        var problem: String?
        var isUnloaded = false
        /// What the last manifest that could be read says about the versions.
        var rules = ExperimentRules.none
        var versions: [ModelVersion: VersionRecord] = [:]

        var isForgettable: Bool { seen == nil && problem == nil && versions.isEmpty }

        /// The versions that are to serve. While model.yaml is broken these are all that are there, and none is loaded.
        var wanted: Set<ModelVersion> {
            guard !isUnloaded else { return [] }
            var wanted = Set(versions.filter { $0.value.folder != nil }.keys)
            if case .success(let manifest) = manifest.content, let served = manifest.servedVersions {
                wanted.formIntersection(served)
            }
            return wanted
        }

        /// Whether a version may answer requests that name none, by default or by a split.
        func mayAnswer(_ version: ModelVersion) -> Bool {
            rules.answersByDefault(version) || rules.split?.weights[version] != nil
        }
    }

    private(set) var models: [ModelName: ModelRecord] = [:]
    private var live: [Ticket: (name: ModelName, version: ModelVersion)] = [:]
    private var lastTicket = 0
    private(set) var hasScanned = false

    /// Scans between two attempts to read what cannot be read: doubled each time, up to this power of two.
    private static let maxRetry = 6

    package init() {}

    // MARK: - Events

    /// A scan of the whole repository.
    package mutating func observe(_ listing: RepositoryListing) -> [Step] {
        let isFirst = !hasScanned
        hasScanned = true
        var steps: [Step] = []
        let names = Set(models.keys).union(listing.models.keys).sorted { $0.text < $1.text }
        // All are seen before anything follows: a model.yaml may name other models.
        for name in names {
            if let found = listing.models[name] {
                notice(found, of: name, isComplete: isFirst)
                retryUnreadable(name)
            } else {
                noticeAbsence(of: name)
            }
        }
        for name in names { steps += reconcile(name) }
        return steps
    }

    /// An operator's order to load what the model's folder holds now. The outcome is `loadProblem(of:)` once
    /// `isLoading` is false.
    package mutating func orderLoad(_ name: ModelName, found: ModelListing) -> [Step] {
        notice(found, of: name, isComplete: true)
        guard found.problem == nil, var record = models[name] else { return [] }
        record.isUnloaded = false
        for version in record.wanted { record.versions[version]?.isOrdered = true }
        models[name] = record
        return reconcile(name)
    }

    /// An operator's order to stop serving the model, in force until the next `orderLoad` or until its folder is gone.
    package mutating func orderUnload(_ name: ModelName) throws(ScoringError) -> [Step] {
        guard var record = models[name] else { throw .unknownModel(name.text) }
        record.isUnloaded = true
        for version in record.versions.keys {
            // What a running load brings is not wanted any more.
            record.versions[version]?.loading = nil
            record.versions[version]?.isOrdered = false
            record.versions[version]?.attempted = nil
            record.versions[version]?.failure = nil
        }
        models[name] = record
        return reconcile(name)
    }

    /// A load ended; `failure` is nil if it brought a model that passed every check.
    package mutating func finish(_ order: LoadOrder, failure: ScoringError?) -> [Step] {
        guard var record = models[order.name], var version = record.versions[order.version], version.loading == order.ticket
        else { return [] }
        var steps: [Step] = []
        version.loading = nil
        if case .notReady = failure {
            version.scansUntilRetry = 1 << min(version.unreadable, Self.maxRetry)
            version.unreadable += 1
        } else {
            version.unreadable = 0
        }
        if let failure {
            version.failure = failure
        } else if record.wanted.contains(order.version) {
            if let old = version.serving { version.draining.insert(old) }
            version.serving = order.ticket
            version.failure = nil
            live[order.ticket] = (order.name, order.version)
            steps.append(.publish(order.name, order.version, order.ticket))
        } else {
            version.attempted = nil
        }
        record.versions[order.version] = version
        models[order.name] = record
        return steps + reconcile(order.name)
    }

    /// The last request that held what the ticket's load brought let go of it. Says what that was, or nil if
    /// it was never published.
    package mutating func drained(_ ticket: Ticket) -> (name: ModelName, version: ModelVersion)? {
        guard let (name, version) = live.removeValue(forKey: ticket) else { return nil }
        models[name]?.versions[version]?.draining.remove(ticket)
        forget(name)
        return (name, version)
    }

    // MARK: - What follows from them

    /// Takes a listing of one model in. `isComplete` says that it is to be trusted without a second look.
    private mutating func notice(_ found: ModelListing, of name: ModelName, isComplete: Bool) {
        var record = models[name] ?? ModelRecord()
        defer { models[name] = record }
        record.problem = found.problem
        guard found.problem == nil else { return }
        let before = record.seen
        record.seen = found
        record.isSettled = isComplete || before == found

        let isManifestSettled = isComplete || before?.manifest == found.manifest
        if isManifestSettled { record.manifest = found.manifest }
        // Of a model that appears, everything must have stopped changing: its model.yaml may be copied last.
        let isNew = record.versions.values.allSatisfy { $0.attempted == nil }
        let isSettled = isManifestSettled && (isComplete || !isNew || before == found)

        for (version, folder) in found.versions {
            record.versions[version, default: VersionRecord()].folder = folder
            record.versions[version]?.isSettled = isSettled && (isComplete || before?.versions[version] == folder)
        }
        for version in record.versions.keys where found.versions[version] == nil {
            record.versions[version]?.isSettled = false
            if isComplete || before?.versions[version] == nil { record.versions[version]?.folder = nil }
        }
    }

    /// Counts a scan, and has contents that could not be read tried again once it is time.
    private mutating func retryUnreadable(_ name: ModelName) {
        for (version, state) in models[name]?.versions ?? [:] {
            guard let scans = state.scansUntilRetry, state.loading == nil else { continue }
            models[name]?.versions[version]?.scansUntilRetry = scans > 1 ? scans - 1 : nil
            if scans <= 1 { models[name]?.versions[version]?.attempted = nil }
        }
    }

    private mutating func noticeAbsence(of name: ModelName) {
        guard var record = models[name] else { return }
        if record.seen == nil {
            for version in record.versions.keys { record.versions[version]?.folder = nil }
            record.isUnloaded = false
        }
        record.seen = nil
        record.isSettled = false
        record.problem = nil
        for version in record.versions.keys { record.versions[version]?.isSettled = false }
        models[name] = record
    }

    /// The steps from what is to what should be.
    private mutating func reconcile(_ name: ModelName) -> [Step] {
        guard var record = models[name] else { return [] }
        var steps: [Step] = []
        let wanted = record.wanted

        if case .success(let manifest) = record.manifest.content {
            if record.rules != manifest.versions {
                record.rules = manifest.versions
                steps.append(.divide(name))
            }
            let isSound = brokenReference(of: name) == nil
            for version in wanted.sorted(by: >) where isSound {
                guard let state = record.versions[version], let folder = state.folder, state.isSettled, state.loading == nil
                else { continue }
                let content = Content(folder: folder, manifest: manifest)
                guard state.isOrdered || state.attempted != content else { continue }
                lastTicket += 1
                record.versions[version]?.attempted = content
                record.versions[version]?.isOrdered = false
                record.versions[version]?.loading = lastTicket
                record.versions[version]?.failure = nil
                record.versions[version]?.scansUntilRetry = nil
                steps.append(
                    .load(
                        LoadOrder(
                            ticket: lastTicket, name: name, version: version, folder: folder, manifest: manifest)))
            }
        }

        // A version that is only on trial takes nobody's place.
        let isReplaced = wanted.contains { record.versions[$0]?.serving != nil && record.mayAnswer($0) }
        let isEmpty = record.versions.values.allSatisfy { $0.folder == nil }
        if isReplaced || isEmpty || record.isUnloaded {
            for version in record.versions.keys.sorted() where !wanted.contains(version) {
                guard let ticket = record.versions[version]?.serving else { continue }
                record.versions[version]?.serving = nil
                record.versions[version]?.attempted = nil
                record.versions[version]?.draining.insert(ticket)
                steps.append(.withdraw(name, version, ticket))
            }
        }
        models[name] = record
        forget(name)
        return steps
    }

    /// Drops what nothing is left of.
    private mutating func forget(_ name: ModelName) {
        guard var record = models[name] else { return }
        record.versions = record.versions.filter { !$0.value.isForgettable }
        models[name] = record.isForgettable ? nil : record
    }
}
