internal import Texts

/// Executes a text program over a block of frames.
struct TextKernel: Kernel {
    private let execution: TextExecution

    init(_ program: TextProgram) { execution = TextExecution(program) }

    func scratchBytes(rows: Int) -> Int { execution.scratchBytes }
    var memoryBytes: Int { execution.memoryBytes }

    func run(_ frames: borrowing Frames) {
        execution.run(
            frames.slots, stride: frames.stride, rows: frames.rows, scratch: frames.scratch, features: frames.features,
            scores: frames.scores, firstRow: frames.firstRow)
    }
}
