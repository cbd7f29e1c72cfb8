internal import COnnxRuntime
internal import Glibc
internal import Scoring

/// What one run needs, kept from run to run: its options, memory for its inputs and outputs, and tensors over that memory,
/// which are made anew only when the number of rows changes.
///
/// Unchecked: a slot belongs to one run at a time; the model's pool hands it on under a lock.
final class RunSlot: @unchecked Sendable {
    private let library: RuntimeLibrary
    private let plan: RunPlan
    let options: OpaquePointer
    /// Rows that the tensors are made for.
    private(set) var rowCount = 0
    private var capacity = 0
    private(set) var inputMemory: [UnsafeMutableRawPointer]
    private var outputMemory: [UnsafeMutableRawPointer]
    let inputs: UnsafeMutablePointer<OpaquePointer?>
    /// Before a run those that are placed, after it all.
    let outputs: UnsafeMutablePointer<OpaquePointer?>

    /// The positions in the batch of the rows that are to be scored.
    var rows: [Int] = []
    var textBytes: [UInt8] = []
    var textStarts: [Int] = []

    init(_ library: RuntimeLibrary, _ plan: RunPlan) throws(ScoringError) {
        self.library = library
        self.plan = plan
        options = try library.made { ort_create_run_options(library.api, &$0) }
        inputs = .allocate(capacity: plan.inputs.count)
        inputs.initialize(repeating: nil, count: plan.inputs.count)
        outputs = .allocate(capacity: max(plan.outputs.count, 1))
        outputs.initialize(repeating: nil, count: max(plan.outputs.count, 1))
        inputMemory = plan.inputs.map { _ in .allocate(byteCount: 8, alignment: 64) }
        outputMemory = plan.outputs.map { _ in .allocate(byteCount: 8, alignment: 64) }
    }

    deinit {
        releaseValues()
        for memory in inputMemory + outputMemory { memory.deallocate() }
        inputs.deallocate()
        outputs.deallocate()
        ort_release_run_options(library.api, options)
    }

    /// Makes the tensors ready for so many rows. O(inputs + outputs) where their number changes, else nothing.
    func prepare(rows count: Int) throws(ScoringError) {
        guard count != rowCount else { return }
        releaseValues()
        if count > capacity {
            for memory in inputMemory + outputMemory { memory.deallocate() }
            capacity = max(count, min(capacity * 2, RuntimeModel.mostRows))
            inputMemory = plan.inputs.map { .allocate(byteCount: max(8, $0.width * $0.element.size * capacity), alignment: 64) }
            outputMemory = plan.outputs.map { output in
                .allocate(byteCount: output.isPlaced ? max(8, output.width * output.element.size * capacity) : 8, alignment: 64)
            }
        }
        let api = library.api
        for (index, input) in plan.inputs.enumerated() {
            let shape = [Int64(count)] + input.dims.map { Int64($0) }
            inputs[index] = try library.made {
                input.element == .string
                    ? ort_create_tensor(api, library.allocator, shape, shape.count, input.element.rawValue, &$0)
                    : ort_wrap_tensor(
                        api, library.memory, inputMemory[index], count * input.width * input.element.size, shape, shape.count,
                        input.element.rawValue, &$0)
            }
        }
        for (index, output) in plan.outputs.enumerated() where output.isPlaced {
            let shape = (output.dims ?? []).map { $0 < 0 ? Int64(count) : Int64($0) }
            outputs[index] = try library.made {
                ort_wrap_tensor(
                    api, library.memory, outputMemory[index], count * output.width * output.element.size, shape, shape.count,
                    output.element.rawValue, &$0)
            }
        }
        rowCount = count
    }

    /// The memory that a placed output was computed into.
    func placed(_ output: Int) -> UnsafeRawPointer { UnsafeRawPointer(outputMemory[output]) }

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
