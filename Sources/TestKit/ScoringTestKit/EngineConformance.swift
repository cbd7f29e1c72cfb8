internal import Glibc
package import Scoring
internal import Synchronization

/// What every engine promises of `ScoringModel`, checked over random rows: the path behind the fronts relies on it without looking. A row's
/// result is the same alone, among others, at any place, on used memory, on several threads, and where the deadline has passed; and it is of
/// the kind that the signature announces.
package struct EngineConformance {
    /// What a model made of one row.
    private enum Result {
        /// Where a column holds texts, the text. NaN is NaN whatever its bits.
        case cells([Cell])
        case failed

        enum Cell {
            case number(Double)
            case text(String)
            case missing

            func isSame(_ other: Cell, _ tolerance: Double) -> Bool {
                switch (self, other) {
                case (.number(let a), .number(let b)):
                    a.bitPattern == b.bitPattern || abs(a - b) <= tolerance * max(abs(a), abs(b), 1)
                case (.text(let a), .text(let b)): a.isExactly(b)
                case (.missing, .missing): true
                default: false
                }
            }
        }

        func isSame(_ other: Result, _ tolerance: Double) -> Bool {
            switch (self, other) {
            case (.cells(let a), .cells(let b)): a.count == b.count && zip(a, b).allSatisfy { $0.isSame($1, tolerance) }
            case (.failed, .failed): true
            default: false
            }
        }
    }

    /// A call of the model, with memory that may have been used.
    private final class Caller {
        let scores = ScoreBatch()
        let workspace = Workspace()
    }

    private let model: any ScoringModel
    private let rows: FeatureBatch
    private let tolerance: Double
    private var random: SeededRandom
    private var faults: [String] = []

    /// What is wrong with a model, as sentences that name the seed; empty for a model that conforms.
    ///
    /// - Parameter tolerance: By how much numbers may differ, relatively, of an engine whose library adds in another order where a call has
    ///   more rows. Default: not by a bit.
    package static func faults(
        of model: any ScoringModel, seed: UInt64, rows count: Int = 40, tolerance: Double = 0
    ) -> [String] {
        var check = EngineConformance(model, seed: seed, rows: count, tolerance: tolerance)
        check.run()
        return check.faults.map { "seed \(seed): \($0)" }
    }

    private init(_ model: any ScoringModel, seed: UInt64, rows count: Int, tolerance: Double) {
        self.model = model
        self.tolerance = tolerance
        random = SeededRandom(seed: seed)
        var rows = RandomRows(seed: seed &+ 1)
        self.rows = rows.batch(count, for: model.signature.inputs)
    }

    private mutating func run() {
        checkSignature()
        guard faults.isEmpty else { return }
        let alone = (0..<rows.count).map { result(of: [$0], Caller())[0] }
        let used = Caller()
        // No rows, before and after others.
        for _ in 0..<2 {
            expect(result(of: [], used).isEmpty, "no rows give a result")
            guard model.calls.keepsRowsApart else { break }
            compare(Array(0..<rows.count), alone, used, "all rows in one call")
            compare(Array(0..<rows.count).shuffled(using: &random), alone, used, "rows in another order")
            compare((0..<rows.count * 2).map { _ in random.below(rows.count) }, alone, used, "rows more than once")
            for size in [1, 2, 3, 7, 17] {
                compare((0..<size).map { _ in random.below(rows.count) }, alone, used, "\(size) rows")
            }
        }
        checkDeadline(alone, used)
        checkThreads(alone)
    }

    private mutating func expect(_ holds: Bool, _ fault: @autoclosure () -> String) {
        if !holds, faults.count < 10 { faults.append(fault()) }
    }

    // MARK: Signature

    private mutating func checkSignature() {
        let signature = model.signature
        let roles = signature.roles
        expect(TextSet(signature.inputs.map(\.name)).count == signature.inputs.count, "two inputs have one name")
        let shown = signature.shownOutputs
        expect(TextSet(shown.map(\.name)).count == shown.count, "two outputs have one name")
        for (name, range) in [
            ("score", roles.score), ("probabilities", roles.probabilities), ("raw", roles.raw), ("reasons", roles.reasons),
            ("named", roles.named),
        ] {
            expect(
                range.isEmpty || shown.indices.contains(range.lowerBound) && range.upperBound <= shown.endIndex,
                "\(name) is out of range")
        }
        expect(
            roles.probabilities.isEmpty || roles.probabilities.count == roles.classes.count, "a class has no probability, or two")
        guard let label = roles.label else { return }
        expect(shown.indices.contains(label), "the label is out of range")
        if shown.indices.contains(label), case .category(let labels) = shown[label].kind {
            expect(roles.classes.isEmpty || labels.symbols == roles.classes, "the label's classes are not those of the signature")
        } else {
            faults.append("the label is no category")
        }
    }

    // MARK: Rows

    private mutating func compare(_ order: [Int], _ alone: [Result], _ caller: Caller, _ what: String) {
        let most = max(1, model.calls.maxRows ?? order.count)
        var start = 0
        while start < order.count {
            let part = Array(order[start..<min(start + most, order.count)])
            for (row, found) in zip(part, result(of: part, caller)) {
                expect(found.isSame(alone[row], tolerance), "\(what): row \(row) is \(found), and \(alone[row]) alone")
            }
            start += part.count
        }
    }

    /// The results of these rows in one call.
    private mutating func result(of order: [Int], _ caller: Caller) -> [Result] {
        let batch = FeatureBatch()
        batch.reset(width: rows.width)
        for row in order { batch.addRow(row, of: rows, model.signature.inputs) }
        let (results, faults) = Self.results(of: model, batch, caller, until: nil)
        for fault in faults { expect(false, fault) }
        return results ?? Array(repeating: .failed, count: order.count)
    }

    /// nil where the deadline was over.
    private static func results(
        of model: any ScoringModel, _ batch: FeatureBatch, _ caller: Caller, until deadline: Moment?
    ) -> ([Result]?, faults: [String]) {
        let before = (0..<batch.count * batch.width).map { batch.values[$0].bitPattern }
        var faults: [String] = []
        var results: [Result]? = Array(repeating: .failed, count: batch.count)
        do throws(ScoringError) {
            try model.score(batch, into: caller.scores, ScoreCall(deadline: deadline, workspace: caller.workspace))
            let scores = caller.scores
            guard scores.count == batch.count, scores.width == model.signature.outputs.count else {
                return (results, ["\(batch.count) rows give \(scores.count) rows of \(scores.width) columns"])
            }
            results = (0..<batch.count).map { row in
                guard scores.failure(row: row) == nil else { return .failed }
                return .cells(
                    model.signature.outputs.indices.map { column in
                        if let fault = fault(in: scores, row, column, model.signature.outputs[column]) { faults.append(fault) }
                        guard !scores[row, column].isNaN else { return .missing }
                        guard model.signature.outputs[column].kind == .text, faults.isEmpty else {
                            return .number(scores[row, column])
                        }
                        return scores.text(row: row, column: column).map { .text($0) } ?? .missing
                    })
            }
        } catch {
            if error == .deadlineExceeded {
                results = nil
                if deadline == nil { faults.append("a call without a deadline is late") }
            } else if batch.count == 0 {
                faults.append("a call without rows fails: \(error)")
            }
        }
        if before != (0..<batch.count * batch.width).map({ batch.values[$0].bitPattern }) {
            faults.append("the rows were changed")
        }
        return (results, faults)
    }

    /// What is wrong with a cell.
    private static func fault(in scores: ScoreBatch, _ row: Int, _ column: Int, _ output: OutputColumn) -> String? {
        let cell = scores[row, column]
        guard !cell.isNaN else { return nil }
        let fits: Bool
        switch output.kind {
        case .number: fits = true
        case .integer: fits = output.isRemainder || cell == cell.rounded(.towardZero)
        case .boolean: fits = cell == 0 || cell == 1
        case .category(let labels): fits = Int(exactly: cell).map { labels.symbols.indices.contains($0) } ?? false
        case .text: fits = Int(exactly: cell).map { scores.texts.indices.contains($0) } ?? false
        }
        return fits ? nil : "output '\(output.name)' of kind \(output.kind) is \(cell)"
    }

    // MARK: Time and threads

    /// A call whose time is over is right or late, and the next one is right.
    private mutating func checkDeadline(_ alone: [Result], _ caller: Caller) {
        for row in 0..<min(3, rows.count) {
            let batch = FeatureBatch()
            batch.reset(width: rows.width)
            batch.addRow(row, of: rows, model.signature.inputs)
            let (late, faults) = Self.results(of: model, batch, caller, until: Moment(nanoseconds: 1))
            for fault in faults { expect(false, fault) }
            expect(
                late.map { $0.count == 1 && $0[0].isSame(alone[row], tolerance) } ?? true,
                "row \(row) is wrong where its time is over")
            compare([row], alone, caller, "after a call that was late")
        }
    }

    /// Several threads, each with memory of its own.
    private mutating func checkThreads(_ alone: [Result]) {
        let found = Mutex<[String]>([])
        let (model, inputs, tolerance) = (model, model.signature.inputs, tolerance)
        // The rows are read by several threads and changed by none.
        nonisolated(unsafe) let rows = rows
        let threads = 4
        let ended = Atomic(0)
        for thread in 0..<threads {
            let isStarted = NamedThread.start(name: "conformance") {
                let caller = Caller()
                for round in 0..<rows.count {
                    let row = (round + thread * 7) % rows.count
                    let batch = FeatureBatch()
                    batch.reset(width: rows.width)
                    batch.addRow(row, of: rows, inputs)
                    let (results, faults) = Self.results(of: model, batch, caller, until: nil)
                    found.withLock { found in
                        found += faults
                        if results?.first?.isSame(alone[row], tolerance) != true {
                            found.append("row \(row) is wrong beside other threads")
                        }
                    }
                }
                ended.add(1, ordering: .acquiringAndReleasing)
            }
            if !isStarted { ended.add(1, ordering: .acquiringAndReleasing) }
        }
        while ended.load(ordering: .acquiring) < threads { sched_yield() }
        for fault in found.withLock({ $0 }) { expect(false, fault) }
    }
}
