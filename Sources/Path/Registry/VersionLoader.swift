internal import Decisions
package import Scoring
internal import Resilience
internal import StrictYAML

/// Brings one version from its folder to the point where it may answer: reads it, checks it against its own
/// examples and its golden.csv, and warms it up. Keeps nothing of the file's bytes.
package struct VersionLoader: Sendable {
    /// A version that passed every check.
    package struct Loaded: Sendable {
        package let model: any ScoringModel
        package let answers: AnswerRules
        package let format: String
        package let byteCount: Int
        /// Rows of golden.csv that were checked; 0 if there is no such file.
        package let goldenRows: Int
        /// What a call for one row takes, if that is known.
        package let rowNanoseconds: UInt64?
        /// A row that it has answered, of golden.csv or made up; nil if it answered none.
        package let answeredRow: AnsweredRow?
        /// What its owner should know, as sentences.
        package let notes: [String]
        /// Equal for files and settings that give equal scores; empty where nothing is cached, and for folders.
        package let content: [UInt8]
    }

    package let opener: ModelOpener
    /// Where versions are tried that a native library compiles; nil for nowhere.
    private let trial: (any LoadTrial)?

    package init(opener: ModelOpener, trial: (any LoadTrial)? = nil) {
        self.opener = opener
        self.trial = trial
    }

    /// Throws the reason for which the version must not serve; `.notReady` where its files could not be read.
    package func load(_ version: ModelVersion, in folder: VersionListing, manifest: ModelManifest) throws(ScoringError) -> Loaded
    {
        if let problem = folder.problem { throw .refusedModel(problem) }
        let opened = try opener.open(
            try modelPath(in: folder), options: manifest.loadOptions, hashes: manifest.serving.cacheLife != nil,
            trial: { () throws(ScoringError) in try trial?.run(folder) })
        let answers = try Self.answers(of: manifest, for: opened.model.signature)
        try opened.model.verify()
        var (goldenRows, sample): (Int, FeatureBatch?) = (0, nil)
        if folder.hasGolden {
            let golden = GoldenFile(model: opened.model, answers: answers, tolerance: manifest.goldenTolerance)
            goldenRows = try golden.check(try readGolden(folder.path))
            sample = golden.sample
        }
        let warmUp = try WarmUp.run(opened.model, rows: sample)
        return Loaded(
            model: opened.model, answers: answers, format: opened.format, byteCount: opened.byteCount, goldenRows: goldenRows,
            rowNanoseconds: warmUp.rowNanoseconds, answeredRow: warmUp.answeredRow,
            notes: warmUp.notes + Self.notes(on: manifest.serving, of: version, opened.model),
            content: LoadContent.bytes(digest: opened.digest, options: manifest.loadOptions))
    }

    /// What model.yaml says without effect on this version.
    private static func notes(on serving: ServingRules, of version: ModelVersion, _ model: any ScoringModel) -> [String] {
        var notes: [String] = []
        if serving.batching != nil, !model.calls.isBlocking {
            notes.append("model.yaml: batching has no effect: the native engine computes each request at once, without a queue.")
        }
        if serving.fallback?.rule == .version(version) {
            notes.append("model.yaml: fallback.version names this version itself: what it cannot answer has no fallback.")
        }
        return notes
    }

    /// The one file or folder that is the model, or the version's folder itself where a format says so.
    private func modelPath(in folder: VersionListing) throws(ScoringError) -> String {
        if opener.recognisesFolder(folder.path) {
            try checkSize(folder.totalBytes, "the version")
            return folder.path
        }
        guard let name = folder.candidates.first else { throw .refusedModel("the version's folder holds no model") }
        guard folder.candidates.count == 1 else {
            let names = listed(folder.candidates.map { quoted($0) }, atMost: 10)
            throw .refusedModel(
                "the version's folder holds \(folder.candidates.count) things that could be the model (\(names)); "
                    + "keep one, and let the names of others begin with a dot")
        }
        let size = folder.files.filter { $0.path == name || $0.path.hasPrefix(name + "/") }
            .reduce(0) { $0.addingReportingOverflow($1.byteCount).partialValue }
        try checkSize(size, quoted(name))
        return folder.path + "/" + name
    }

    private func checkSize(_ byteCount: Int, _ what: String) throws(ScoringError) {
        guard byteCount <= opener.maxBytes else {
            throw .refusedModel("\(what) has \(byteCount) bytes, more than the limit of \(opener.maxBytes)")
        }
    }

    private func readGolden(_ folder: String) throws(ScoringError) -> [UInt8] {
        do throws(DiskError) {
            return try DiskFile.read(folder + "/" + GoldenFile.name, atMost: GoldenFile.maxBytes)
        } catch {
            throw error.loadFailure(within: folder)
        }
    }

    /// What the manifest decides about this model's answers, or why it does not fit the model.
    package static func answers(of manifest: ModelManifest, for signature: Signature) throws(ScoringError) -> AnswerRules {
        var answers = AnswerRules()
        answers.rule = manifest.policy
        answers.ignoresUnknownFeatures = manifest.ignoresUnknownFeatures
        if let name = manifest.score {
            guard let column = signature.outputColumn(named: name) else {
                let names = signature.shownOutputs.map(\.name)
                // Of classes by number, another's name would be a guess that turns decisions round.
                let isByNumber = name.hasPrefix("probability(") && Int(name.dropFirst(12).dropLast()) != nil
                let hint =
                    NearestName.to(name, among: isByNumber ? [] : names).map { "did you mean \(quoted($0))?" }
                    ?? "the outputs are \(listed(names))"
                throw .refusedModel("model.yaml: score: the model has no output \(quoted(name)); \(hint)")
            }
            switch signature.outputs[column].kind {
            case .number, .integer, .boolean: answers.score = column..<column + 1
            case .category, .text: throw .refusedModel("model.yaml: score: the output \(quoted(name)) is not a number")
            }
        }
        let score = answers.score ?? signature.roles.score
        if manifest.policy != nil, score.count != 1 {
            let names = listed(signature.shownOutputs.filter(\.isNumeric).map(\.name))
            throw .refusedModel(
                "model.yaml: policy needs one score, and this model's has \(score.count) columns; name one with 'score' (\(names))"
            )
        }
        if case .constant(let value, _)? = manifest.serving.fallback?.rule {
            if signature.isProbability(score), !(0...1 ~= value) {
                throw .refusedModel(
                    "model.yaml: fallback: score: \(value) is outside 0 to 1, where the score, a probability, lies")
            }
            if score.contains(where: { signature.outputs[$0].kind == .integer }), value != value.rounded() {
                throw .refusedModel("model.yaml: fallback: score: \(value) is no whole number, as the model's score is")
            }
        }
        if let policy = manifest.policy, signature.isProbability(score) {
            for (name, threshold) in [("block", policy.block), ("review", policy.review)] {
                guard let threshold, !(0...1 ~= threshold) else { continue }
                throw .refusedModel(
                    "model.yaml: policy: \(name): \(threshold) is outside 0 to 1, where the score, a probability, lies")
            }
        }
        if manifest.policy != nil, manifest.score == nil, signature.classesAreWords {
            let names = (signature.roles.probabilities.isEmpty ? signature.roles.score : signature.roles.probabilities)
                .map { "'score: \(signature.outputs[$0].name)'" }
            throw .refusedModel(
                "model.yaml: policy needs 'score', which says which class it is about: without it the score is "
                    + "\(listed(signature.scoreNames())); write " + listed(names, separator: " or "))
        }
        return answers
    }
}
