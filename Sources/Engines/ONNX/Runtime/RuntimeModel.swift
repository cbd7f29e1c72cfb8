internal import COnnxRuntime
internal import Scoring
internal import Synchronization

/// A graph that ONNX Runtime evaluates. Any number of threads may score at once; each run takes a slot of its own.
final class RuntimeModel: ScoringModel {
    /// Most rows of one run: a run can only be ended between nodes, so none may take long.
    static let mostRows = 1024
    /// Most rows of a call where each is a run: others wait for as many runs at most.
    static let mostRowRuns = 8

    let signature: Signature
    let description: ModelDescription
    let calls: CallProfile
    private let plan: RunPlan
    private let library: RuntimeLibrary
    private let runs: PlannedRuns
    private let readers: [OutputReader]
    private let checks: [InputCheck]
    private let grouping: RowGrouping
    private let slots = Mutex<[RunSlot]>([])

    /// Which rows a run may hold.
    enum RowGrouping {
        /// Any: a row's scores do not depend on the others.
        case any
        /// One: its scores might depend on others beside it.
        case alone
        /// All of a request: model.yaml wants them to depend on one another.
        case together
    }

    /// What must be true of a cell that is no plain number.
    private struct InputCheck {
        var column: Int
        var name: String
        var element: RuntimeElement
    }

    init(
        _ runs: PlannedRuns, _ signature: Signature, _ readers: [OutputReader], _ description: ModelDescription,
        _ grouping: RowGrouping
    ) {
        (self.runs, plan, library, self.signature, self.readers) = (runs, runs.plan, runs.session.library, signature, readers)
        self.description = description
        self.grouping = grouping
        let mostRows =
            switch grouping {
            case .together: nil as Int?
            case .alone: Self.mostRowRuns
            case .any: plan.isFixed ? Self.mostRowRuns : Self.mostRows
            }
        calls = CallProfile(
            isBlocking: true, mayShareCalls: grouping == .any, mostRows: mostRows, keepsRowsApart: grouping != .together)
        checks = plan.inputs.filter { !$0.element.isReal }.flatMap { input in
            (input.first..<input.first + input.width).map {
                InputCheck(column: $0, name: signature.inputs[$0].name, element: input.element)
            }
        }
    }

    func score(_ rows: FeatureBatch, into scores: ScoreBatch, _ call: ScoreCall) throws(ScoringError) {
        precondition(rows.width == signature.inputs.count)
        scores.reset(rows: rows.count, width: signature.outputs.count)
        guard grouping != .together || rows.count <= Self.mostRows else {
            throw .invalidRequest(
                "the model computes the rows of a request together, at most \(Self.mostRows) of them; this one has \(rows.count)")
        }
        let slot = try takeSlot()
        defer { slots.withLock { $0.append(slot) } }
        slot.rows.removeAll(keepingCapacity: true)
        for row in 0..<rows.count {
            if let error = problem(rows, row) { scores.fail(row: row, error) } else { slot.rows.append(row) }
        }
        let most = plan.isFixed || grouping == .alone ? 1 : Self.mostRows
        var (first, failed) = (0, 0)
        while first < slot.rows.count {
            let end = min(first + most, slot.rows.count)
            failed += try score(first..<end, rows, into: scores, slot, call)
            first = end
        }
        // Nothing could be scored: whether the rows are to blame is for others to judge.
        if failed > 0, failed == slot.rows.count, let error = scores.failure(row: slot.rows[0]) { throw error }
    }

    private func takeSlot() throws(ScoringError) -> RunSlot {
        if let slot = slots.withLock({ $0.popLast() }) { return slot }
        return try RunSlot(library, plan)
    }

    /// Scores the rows at these positions in the slot's list. Where the engine fails, halves are tried, so that one row does
    /// not fail the others, unless the caller does that. Returns how many rows failed.
    private func score(
        _ range: Range<Int>, _ rows: FeatureBatch, into scores: ScoreBatch, _ slot: RunSlot, _ call: ScoreCall
    ) throws(ScoringError) -> Int {
        do throws(ScoringError) {
            try run(range, rows, into: scores, slot, until: call.deadline)
            return 0
        } catch {
            guard Self.mayBeOfOneRow(error), grouping != .together || range.count == 1 else { throw error }
            guard range.count > 1 else {
                scores.fail(row: slot.rows[range.lowerBound], error)
                return 1
            }
            guard call.retriesRows else { throw error }
            let middle = range.lowerBound + range.count / 2
            return try score(range.lowerBound..<middle, rows, into: scores, slot, call)
                + score(middle..<range.upperBound, rows, into: scores, slot, call)
        }
    }

    private static func mayBeOfOneRow(_ error: ScoringError) -> Bool {
        switch error {
        case .engineFailure, .rowRefused: true
        default: false
        }
    }

    private func run(
        _ range: Range<Int>, _ rows: FeatureBatch, into scores: ScoreBatch, _ slot: RunSlot, until deadline: Moment?
    ) throws(ScoringError) {
        try slot.prepare(rows: range.count)
        for (index, input) in plan.inputs.enumerated() {
            if input.element == .string {
                try fillTexts(input, index, range, rows, slot)
            } else {
                fill(input, slot.inputMemory[index], range, rows, slot)
            }
        }
        try runs.run(slot, until: deadline)
        defer { slot.endRun() }
        for reader in readers { try reader.read(slot, range, into: scores, plan, library) }
    }

    // MARK: Inputs

    /// Why a row cannot be scored: a missing or impossible integer, truth value or string.
    private func problem(_ rows: FeatureBatch, _ row: Int) -> ScoringError? {
        for check in checks {
            let value = rows[row, check.column]
            guard !value.isNaN else {
                return .invalidFeature(name: check.name, reason: "the model has no missing value for it")
            }
            if check.element == .string {
                guard rows.text(row: row, column: check.column)?.utf8.contains(0) == false else {
                    return .invalidFeature(name: check.name, reason: "the character NUL cannot be handed on")
                }
            } else if check.element.isWide, rows.wideInteger(row: row, column: check.column) != nil {
                continue
            } else if !check.element.range.contains(value) || value != value.rounded(.towardZero) {
                return .invalidFeature(name: check.name, reason: "must be a whole number that fits into \(check.element)")
            }
        }
        return nil
    }

    private func fill(
        _ input: RunPlan.Input, _ memory: UnsafeMutableRawPointer, _ range: Range<Int>, _ rows: FeatureBatch, _ slot: RunSlot
    ) {
        let (values, width, columns) = (rows.values, input.width, rows.width)
        let wideIntegers = rows.wideIntegers
        for position in range {
            let cells = values + slot.rows[position] * columns + input.first
            let start = (position - range.lowerBound) * width
            if input.element == .float {
                let target = memory.assumingMemoryBound(to: Float.self) + start
                for index in 0..<width { target[index] = Float(cells[index]) }
            } else if input.element.isWide {
                let target = memory.assumingMemoryBound(to: UInt64.self) + start
                for index in 0..<width {
                    let wide = FeatureBatch.wideInteger(of: cells[index], among: wideIntegers)
                    target[index] = wide ?? UInt64(bitPattern: Int64(cells[index]))
                }
            } else {
                for index in 0..<width { input.element.store(cells[index], start + index, in: memory) }
            }
        }
    }

    private func fillTexts(
        _ input: RunPlan.Input, _ index: Int, _ range: Range<Int>, _ rows: FeatureBatch, _ slot: RunSlot
    ) throws(ScoringError) {
        slot.textBytes.removeAll(keepingCapacity: true)
        slot.textStarts.removeAll(keepingCapacity: true)
        for position in range {
            for column in input.first..<input.first + input.width {
                slot.textStarts.append(slot.textBytes.count)
                var text = rows.text(row: slot.rows[position], column: column) ?? ""
                text.withUTF8 { slot.textBytes.append(contentsOf: $0) }
                slot.textBytes.append(0)
            }
        }
        let (count, api) = (slot.textStarts.count, library.api)
        let status = slot.textBytes.withUnsafeBufferPointer { bytes in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: count) { pointers in
                for (position, start) in slot.textStarts.enumerated() {
                    let text = UnsafeRawPointer(bytes.baseAddress! + start).assumingMemoryBound(to: CChar.self)
                    pointers.initializeElement(at: position, to: text)
                }
                return ort_fill_strings(api, slot.inputs[index], pointers.baseAddress, count)
            }
        }
        try library.check(status)
    }
}
