package import Registry
package import Scoring
internal import Synchronization

/// A model behind an engine that may refuse rows, and that tells a row's fault from its own. A call in which every row fails is followed by
/// one with another row, alone:
///
/// - One that the engine has answered before, if there is one: of golden.csv, of the warm-up, or of a request. If it is answered again the
///   rows of the call are at fault, and fail with `.rowRefused`, each by itself; else the engine is.
/// - Where no row was ever answered, rows of zeros and of ones, with empty texts. If one is answered the rows of the call are at fault. If none
///   is, nothing can be compared with, and what the engine itself says decides: rows that it refuses (`.rowRefused`) are at fault, and
///   any other failure is its own. Where it has refused many different rows and answered none, a request is told so as a whole (`refusesAllRows`).
package final class JudgingModel: ScoringModel {
    package let signature: Signature
    package let description: ModelDescription
    package let calls: CallProfile
    private let model: any ScoringModel
    private let answeredRow: Mutex<AnsweredRow?>
    private let hasAnsweredRow: Atomic<Bool>
    /// Whether the row that is kept needs no smaller one in its place.
    private let keepsSmallRow: Atomic<Bool>
    /// Bytes of texts. A row with more may take long to compute.
    private static let smallRowBytes = 4096

    /// When it last answered a row, in nanoseconds; 0 for never.
    private let lastAnswer = Atomic<UInt64>(0)
    /// An engine that has answered within this time is taken for one that works, where there is no time to find out, or finding out
    /// is dear.
    private static let freshness: UInt64 = 1_000_000_000
    /// Hashes of rows that were refused, while none was answered.
    private let refusedRows = Mutex<Set<Int>>([])
    /// Callers do not all err: what refuses more different rows and answers none is at fault itself.
    package static let maxRefusedRows = 200

    private enum Finding {
        /// It answers another row.
        case works
        /// It fails for a row that it answered before.
        case fails
        /// It has answered no row so far.
        case neverAnswered
        /// There was no time to find out.
        case unknown
    }

    /// - Parameter answeredRow: A row that the model has answered, if there is one.
    package init(_ model: any ScoringModel, answeredRow: AnsweredRow? = nil) {
        self.model = model
        self.answeredRow = Mutex(answeredRow)
        hasAnsweredRow = Atomic(answeredRow != nil)
        keepsSmallRow = Atomic(answeredRow.map { $0.textBytes <= Self.smallRowBytes } ?? false)
        (signature, description, calls) = (model.signature, model.description, model.calls)
    }

    package func verify() throws(ScoringError) { try model.verify() }

    package func score(_ rows: FeatureBatch, into scores: ScoreBatch, _ call: ScoreCall) throws(ScoringError) {
        let begin = Moment.now
        do throws(ScoringError) {
            try model.score(rows, into: scores, call)
        } catch {
            guard rows.count > 0, Self.words(of: error) != nil else { throw error }
            // Some may have failed for reasons of their own before.
            let known = scores.count == rows.count ? scores.failures : []
            // Which of the rows it was is found out by the caller.
            guard call.retriesRows || rows.count == 1 || scores.failedCount == rows.count else { throw error }
            let reasons = Dictionary(known.map { ($0.row, $0.error) }, uniquingKeysWith: { first, _ in first })
            let errors = (0..<rows.count).map { reasons[$0] ?? error }
            let finding = find(since: begin, rows: rows.count, until: call.deadline)
            if finding == .neverAnswered { noteRefused(rows) }
            if let own = errors.lazy.compactMap({ Self.enginesOwn($0, finding) }).first { throw own }
            scores.reset(rows: rows.count, width: signature.outputs.count)
            for (row, error) in errors.enumerated() { scores.fail(row: row, Self.blame(error, takesOthers: finding == .works)) }
            return
        }
        guard scores.count == rows.count, scores.failedCount < scores.count else { return }
        // Others passed in the same call.
        if !scores.failures.isEmpty { Self.blameRows(of: scores) }
        keepAnsweredRow(rows, scores)
        lastAnswer.store(Moment.now.nanoseconds, ordering: .relaxed)
    }

    // MARK: Blame

    /// What an engine says of a failure that a row may have brought about; nil for other errors.
    private static func words(of error: ScoringError) -> String? {
        switch error {
        case .engineFailure(let message), .rowRefused(let message): message
        case .invalidRequest, .invalidFeature, .unknownModel, .unknownVersion, .notReady, .tooLarge, .overloaded, .circuitOpen,
            .deadlineExceeded, .cancelled, .invalidModel, .unsupportedModel, .refusedModel:
            nil
        }
    }

    /// The failure that an error is if the engine is at fault; nil if the row is.
    private static func enginesOwn(_ error: ScoringError, _ finding: Finding) -> ScoringError? {
        guard let words = words(of: error) else { return nil }
        switch finding {
        case .works: return nil
        case .fails: return .engineFailure(words)
        case .neverAnswered, .unknown:
            if case .rowRefused = error { return nil }
            return error
        }
    }

    private static func blame(_ error: ScoringError, takesOthers: Bool) -> ScoringError {
        guard let words = words(of: error) else { return error }
        return .rowRefused("the model's engine refuses this row\(takesOthers ? ", and takes others" : ""): \(words)")
    }

    private static func blameRows(of scores: ScoreBatch) {
        let found = ScoreBatch()
        found.swapContents(with: scores)
        scores.reset(rows: found.count, width: found.width)
        unsafe scores.values.update(from: found.values, count: found.count * found.width)
        // In the same order, so that the cells go on naming the same ones.
        for text in found.texts { _ = scores.addText(text) }
        for (row, error) in found.failures { scores.fail(row: row, blame(error, takesOthers: true)) }
    }

    // MARK: Rows to compare with

    private func keepAnsweredRow(_ rows: FeatureBatch, _ scores: ScoreBatch) {
        guard !keepsSmallRow.load(ordering: .relaxed) else { return }
        guard let row = (0..<rows.count).first(where: { scores.failure(row: $0) == nil }) else { return }
        let answered = AnsweredRow(rows, row: row, of: signature.inputs)
        let isSmall = answeredRow.withLock { kept in
            if kept.map({ $0.textBytes > answered.textBytes }) ?? true { kept = answered }
            return (kept?.textBytes ?? 0) <= Self.smallRowBytes
        }
        hasAnsweredRow.store(true, ordering: .relaxed)
        keepsSmallRow.store(isSmall, ordering: .relaxed)
        refusedRows.withLock { $0 = [] }
    }

    /// Whether it has refused many different rows, and answered none since it was loaded: a request of which it refuses every row is no fault
    /// of its caller then.
    package var refusesAllRows: Bool {
        !hasAnsweredRow.load(ordering: .relaxed) && refusedRows.withLock { $0.count > Self.maxRefusedRows }
    }

    /// Rows that are computed together are one refusal: which of them it was for nobody knows.
    private func noteRefused(_ rows: FeatureBatch) {
        var hasher = Hasher()
        var hashes: [Int] = []
        for row in 0..<rows.count {
            if calls.keepsRowsApart { hasher = Hasher() }
            for (column, input) in signature.inputs.enumerated() {
                if input.kind == .text {
                    for byte in (rows.text(row: row, column: column) ?? "").utf8 { hasher.combine(byte) }
                    hasher.combine(column)
                } else if input.integers.areWide, let bits = rows.wideInteger(row: row, column: column) {
                    hasher.combine(bits)
                } else {
                    hasher.combine(rows[row, column].bitPattern)
                }
            }
            if calls.keepsRowsApart || row == rows.count - 1 { hashes.append(hasher.finalize()) }
        }
        refusedRows.withLock { refused in
            for hash in hashes where refused.count <= Self.maxRefusedRows { refused.insert(hash) }
        }
    }

    /// Whether the engine works, by a row that it should answer. Where the time that is left is not enough for one, none is asked
    /// for (the caller would get no answer at all, and the engine the blame for its lateness): then it works if it has just answered.
    ///
    /// - Parameter begin: When the call that failed began, with so many rows.
    private func find(since begin: Moment, rows count: Int, until deadline: Moment?) -> Finding {
        let (rows, scores) = (FeatureBatch(), ScoreBatch())
        let now = Moment.now
        // The rows were asked for one by one, or together.
        let expected = now.nanoseconds(since: begin) / UInt64(max(1, count))
        let last = lastAnswer.load(ordering: .relaxed)
        let hasJustAnswered = last > 0 && now.nanoseconds &- last < Self.freshness
        if let deadline, now.advanced(byNanoseconds: 2 * expected) > deadline { return hasJustAnswered ? .works : .unknown }
        if let known = answeredRow.withLock({ $0 }) {
            // What a large row costs was one caller's choice, and others would pay for it with each of their rows.
            if hasJustAnswered, known.textBytes > Self.smallRowBytes { return .works }
            rows.reset(width: signature.inputs.count)
            known.add(to: rows, of: signature.inputs)
            return isAnswered(rows, scores, until: deadline).map { $0 ? .works : .fails } ?? .unknown
        }
        for value in [0.0, 1] {
            rows.reset(width: signature.inputs.count)
            let row = rows.addRow()
            for (column, input) in signature.inputs.enumerated() {
                if input.kind == .text {
                    rows.setText("", row: row, column: column)
                } else {
                    rows.set(Self.cell(value, of: input), row: row, column: column)
                }
            }
            guard let isAnswered = isAnswered(rows, scores, until: deadline) else { return .unknown }
            guard isAnswered else { continue }
            keepAnsweredRow(rows, scores)
            return .works
        }
        return .neverAnswered
    }

    /// The value, or the last category where there are not so many.
    private static func cell(_ value: Double, of input: Field) -> Double {
        guard case .category(let levels) = input.kind else { return value }
        return min(value, Double(max(0, levels.count - 1)))
    }

    /// nil where the time was over before it was known.
    private func isAnswered(_ rows: FeatureBatch, _ scores: ScoreBatch, until deadline: Moment?) -> Bool? {
        do throws(ScoringError) {
            try model.score(rows, into: scores, ScoreCall(deadline: deadline, workspace: Workspace()))
            guard scores.count == rows.count, scores.failures.isEmpty else { return false }
            lastAnswer.store(Moment.now.nanoseconds, ordering: .relaxed)
            return true
        } catch {
            return error == .deadlineExceeded ? nil : false
        }
    }
}
