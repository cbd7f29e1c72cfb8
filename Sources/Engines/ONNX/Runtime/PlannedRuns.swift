internal import COnnxRuntime
internal import Scoring
internal import TensorRuntime

/// A session with what its runs take and give. Runs may be made on any number of threads, each with a slot of its own.
///
/// Unchecked: the C strings are never changed after they are made.
final class PlannedRuns: @unchecked Sendable {
    let session: RuntimeSession
    let plan: RunPlan
    private let inputNames: UnsafeMutablePointer<UnsafePointer<CChar>?>
    private let outputNames: UnsafeMutablePointer<UnsafePointer<CChar>?>

    init(_ session: RuntimeSession, _ plan: RunPlan) {
        (self.session, self.plan) = (session, plan)
        inputNames = Self.strings(plan.inputs.map(\.name))
        outputNames = Self.strings(plan.outputs.map(\.name))
    }

    deinit {
        for index in plan.inputs.indices { inputNames[index]?.deallocate() }
        for index in plan.outputs.indices { outputNames[index]?.deallocate() }
        inputNames.deallocate()
        outputNames.deallocate()
    }

    /// Runs the session over what lies in the slot's inputs. Throws `.deadlineExceeded` where it was ended, and `.rowRefused` where a node
    /// does not compute with these values.
    func run(_ slot: RunSlot, until deadline: Moment?) throws(ScoringError) {
        let (library, api) = (session.library, session.library.api)
        var watch: Int?
        if let deadline {
            guard deadline > .now else { throw .deadlineExceeded }
            watch = RunWatchdog.shared.enter(slot, until: deadline)
        }
        let status = ort_run(
            api, session.pointer, slot.options, inputNames, slot.inputs, plan.inputs.count, outputNames, plan.outputs.count,
            slot.outputs)
        if let watch, RunWatchdog.shared.leave(watch) {
            if let status { ort_release_status(api, status) } else { slot.endRun() }
            try library.check(ort_unterminate(api, slot.options))
            throw .deadlineExceeded
        }
        try library.checkRun(status)
    }

    private static func strings(_ names: [String]) -> UnsafeMutablePointer<UnsafePointer<CChar>?> {
        let strings = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: max(names.count, 1))
        for (index, name) in names.enumerated() {
            let bytes = name.utf8CString
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
            for (place, byte) in bytes.enumerated() { (copy + place).initialize(to: byte) }
            (strings + index).initialize(to: UnsafePointer(copy))
        }
        return strings
    }
}
