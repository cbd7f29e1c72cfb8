package import Scoring

/// A read-only array at a fixed, 64-byte aligned address, for kernels that follow raw pointers.
///
/// `@unchecked Sendable` is safe: the memory is written in `init` only, and lives as long as the table.
package final class ConstantTable<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
    package let base: UnsafePointer<Element>
    package let count: Int
    private let memory: UnsafeMutableRawPointer

    package init(_ elements: [Element]) {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: max(1, elements.count * MemoryLayout<Element>.stride), alignment: 64)
        let typed = memory.bindMemory(to: Element.self, capacity: elements.count)
        elements.withUnsafeBufferPointer { source in
            if let start = source.baseAddress { typed.initialize(from: start, count: elements.count) }
        }
        self.count = elements.count
        self.memory = memory
        self.base = UnsafePointer(typed)
    }

    deinit { memory.deallocate() }

    package var byteCount: Int { count * MemoryLayout<Element>.stride }
}

/// Executes one step of a program over a block of frames. Immutable and shared by all threads; what it
/// needs to write lies in the frames and their scratch memory.
package protocol Kernel: Sendable {
    /// Scratch memory for a block of `rows` rows.
    func scratchBytes(rows: Int) -> Int
    /// Bytes of compiled data, for `inspect`.
    var memoryBytes: Int { get }
    func run(_ frames: borrowing Frames)
}

/// A block of rows under evaluation.
package struct Frames: ~Copyable {
    /// The most rows of one block: enough to amortise the walk over a forest's memory, few enough for the
    /// rows to stay in the first-level cache.
    package static let maxRows = 256

    /// Row-major slots; row r begins at `slots + r * stride`.
    package let slots: UnsafeMutablePointer<Double>
    package let stride: Int
    package let rows: Int
    /// 64-byte aligned, as large as the largest `scratchBytes` of the program's kernels.
    package let scratch: UnsafeMutableRawPointer
    /// Where single rows fail and texts lie.
    package let features: FeatureBatch
    package let scores: ScoreBatch
    /// The batch's row that is row 0 of this block.
    package let firstRow: Int

    /// Fails a row of this block; the other rows go on.
    package func fail(row: Int, _ error: ScoringError) {
        scores.fail(row: firstRow + row, error)
    }
}
