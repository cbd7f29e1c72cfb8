internal import COnnxRuntime
internal import Scoring
internal import Synchronization
internal import TensorRuntime

/// A graph that ONNX Runtime evaluates. Any number of threads may score at once; each run takes a slot of its own.
final class RuntimeModel: ScoringModel {
    let signature: Signature
    let description: ModelDescription
    let calls: CallProfile
    private let plan: RunPlan
    private let library: RuntimeLibrary
    private let runs: PlannedRuns
    private let readers: [OutputReader]
    private let division: RunDivision
    private let slots = Mutex<[RunSlot]>([])

    init(
        _ runs: PlannedRuns, _ signature: Signature, _ readers: [OutputReader], _ description: ModelDescription,
        _ grouping: RowGrouping
    ) {
        (self.runs, plan, library, self.signature, self.readers) = (runs, runs.plan, runs.session.library, signature, readers)
        self.description = description
        division = RunDivision(plan.inputs, signature.inputs, isFixed: plan.isFixed, grouping)
        calls = division.calls
    }

    func score(_ rows: FeatureBatch, into scores: ScoreBatch, _ call: ScoreCall) throws(ScoringError) {
        precondition(rows.width == signature.inputs.count)
        scores.reset(rows: rows.count, width: signature.outputs.count)
        let slot = try takeSlot()
        defer { slots.withLock { $0.append(slot) } }
        try division.score(rows, into: scores, slot.memory, retriesRows: call.retriesRows) { (range) throws(ScoringError) in
            try run(range, rows, into: scores, slot, until: call.deadline)
        }
    }

    private func takeSlot() throws(ScoringError) -> RunSlot {
        if let slot = slots.withLock({ $0.popLast() }) { return slot }
        return try RunSlot(library, plan)
    }

    private func run(
        _ range: Range<Int>, _ rows: FeatureBatch, into scores: ScoreBatch, _ slot: RunSlot, until deadline: Moment?
    ) throws(ScoringError) {
        try slot.prepare(rows: range.count)
        for (index, input) in plan.inputs.enumerated() {
            if input.element == .string {
                slot.memory.collectTexts(input, range, of: rows)
                try fillTexts(slot.inputs[index], slot.memory)
            } else {
                slot.memory.fill(input, at: index, range, of: rows)
            }
        }
        try runs.run(slot, until: deadline)
        defer { slot.endRun() }
        for reader in readers { try reader.read(slot, range, into: scores, plan, library) }
    }

    /// Copies the strings in the memory into a tensor.
    private func fillTexts(_ tensor: OpaquePointer?, _ memory: RunMemory) throws(ScoringError) {
        let (count, api) = (memory.textStarts.count, library.api)
        let status = memory.textBytes.withUnsafeBufferPointer { bytes in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: count) { pointers in
                for (position, start) in memory.textStarts.enumerated() {
                    let text = UnsafeRawPointer(bytes.baseAddress! + start).assumingMemoryBound(to: CChar.self)
                    pointers.initializeElement(at: position, to: text)
                }
                return ort_fill_strings(api, tensor, pointers.baseAddress, count)
            }
        }
        try library.check(status)
    }
}
