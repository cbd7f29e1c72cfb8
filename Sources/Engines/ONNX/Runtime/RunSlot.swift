internal import COnnxRuntime
internal import Scoring
internal import TensorRuntime

/// What one run needs, kept from run to run: its options, its memory, and tensors over that memory, which are made anew only
/// when the number of rows changes.
///
/// Unchecked: a slot belongs to one run at a time; the model's pool hands it on under a lock. The watchdog's thread only
/// sets a flag of the library's, in the options, which are made once.
final class RunSlot: EndableRun, @unchecked Sendable {
    private let library: RuntimeLibrary
    private let plan: RunPlan
    let options: OpaquePointer
    let memory: RunMemory
    /// Rows that the tensors are made for.
    private(set) var rowCount = 0
    let inputs: UnsafeMutablePointer<OpaquePointer?>
    /// Before a run those that are placed, after it all.
    let outputs: UnsafeMutablePointer<OpaquePointer?>

    init(_ library: RuntimeLibrary, _ plan: RunPlan) throws(ScoringError) {
        self.library = library
        self.plan = plan
        options = try library.made { ort_create_run_options(library.api, &$0) }
        inputs = .allocate(capacity: plan.inputs.count)
        inputs.initialize(repeating: nil, count: plan.inputs.count)
        outputs = .allocate(capacity: max(plan.outputs.count, 1))
        outputs.initialize(repeating: nil, count: max(plan.outputs.count, 1))
        memory = RunMemory(
            inputBytes: plan.inputs.map(\.rowBytes), outputBytes: plan.outputs.map { $0.isPlaced ? $0.tensor.rowBytes : 0 })
    }

    deinit {
        releaseValues()
        inputs.deallocate()
        outputs.deallocate()
        ort_release_run_options(library.api, options)
    }

    /// Makes the tensors ready for so many rows. O(inputs + outputs) where their number changes, else nothing.
    func prepare(rows count: Int) throws(ScoringError) {
        guard count != rowCount else { return }
        releaseValues()
        memory.reserve(rows: count)
        let api = library.api
        for (index, input) in plan.inputs.enumerated() {
            let shape = [Int64(count)] + input.dims.map { Int64($0) }
            let element = input.element.onnxNumber
            inputs[index] = try library.made {
                input.element == .string
                    ? ort_create_tensor(api, library.allocator, shape, shape.count, element, &$0)
                    : ort_wrap_tensor(
                        api, library.memory, memory.inputs[index], count * input.rowBytes, shape, shape.count, element, &$0)
            }
        }
        for (index, output) in plan.outputs.enumerated() where output.isPlaced {
            let shape = (output.dims ?? []).map { $0 < 0 ? Int64(count) : Int64($0) }
            outputs[index] = try library.made {
                ort_wrap_tensor(
                    api, library.memory, memory.outputs[index], count * output.tensor.rowBytes, shape, shape.count,
                    output.tensor.element.onnxNumber, &$0)
            }
        }
        rowCount = count
    }

    /// The library ends the run before its next node. It is enough that it sees this soon.
    func terminate() {
        if let status = ort_terminate(library.api, options) { ort_release_status(library.api, status) }
    }

    /// Lets go of what the last run made.
    func endRun() {
        for (index, output) in plan.outputs.enumerated() where !output.isPlaced {
            if let value = outputs[index] { ort_release_value(library.api, value) }
            outputs[index] = nil
        }
    }

    private func releaseValues() {
        rowCount = 0
        for index in plan.inputs.indices {
            if let value = inputs[index] { ort_release_value(library.api, value) }
            inputs[index] = nil
        }
        for index in plan.outputs.indices {
            if let value = outputs[index] { ort_release_value(library.api, value) }
            outputs[index] = nil
        }
    }
}
