package import Scoring

/// The memory of one run's tensors, kept from run to run, and the rows that the run is for. A library's tensors lie over it.
///
/// Unchecked: it belongs to one run at a time; a model's pool hands it on under a lock.
package final class RunMemory: @unchecked Sendable {
    private let inputBytes: [Int]
    private let outputBytes: [Int]
    private var capacity = 0
    package private(set) var inputs: [UnsafeMutableRawPointer]
    /// Of outputs that are computed into memory that is there before the run.
    package private(set) var outputs: [UnsafeMutableRawPointer]

    /// The positions in the batch of the rows that are to be scored.
    package var rows: [Int] = []
    /// Strings of an input or output, one after another.
    package var textBytes: [UInt8] = []
    package var textStarts: [Int] = []

    /// - Parameter inputBytes: Bytes of a row, for each input.
    /// - Parameter outputBytes: Bytes of a row, for each output; 0 for those that the library makes memory for.
    package init(inputBytes: [Int], outputBytes: [Int]) {
        (self.inputBytes, self.outputBytes) = (inputBytes, outputBytes)
        inputs = inputBytes.map { _ in Self.memory(8) }
        outputs = outputBytes.map { _ in Self.memory(8) }
    }

    deinit { release() }

    /// Makes room for so many rows. What was made over the memory before must be gone: the memory may move.
    package func reserve(rows count: Int) {
        guard count > capacity else { return }
        release()
        capacity = max(count, min(capacity * 2, RunDivision.maxRows))
        inputs = inputBytes.map { Self.memory(max(8, $0 * capacity)) }
        outputs = outputBytes.map { Self.memory(max(8, $0 * capacity)) }
    }

    private static func memory(_ byteCount: Int) -> UnsafeMutableRawPointer {
        .allocate(byteCount: byteCount, alignment: 64)
    }

    private func release() {
        for memory in inputs + outputs { memory.deallocate() }
    }

    /// Writes the numbers of an input.
    /// - Parameter range: Of `rows`.
    package func fill(_ input: TensorInput, at index: Int, _ range: Range<Int>, of batch: FeatureBatch) {
        let memory = inputs[index]
        let (values, width, columns) = (batch.values, input.width, batch.width)
        let wideIntegers = batch.wideIntegers
        for position in range {
            let cells = values + rows[position] * columns + input.first
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

    /// Collects the strings of an input in `textBytes`, each with a NUL behind it, and where each begins in `textStarts`.
    /// - Parameter range: Of `rows`.
    package func collectTexts(_ input: TensorInput, _ range: Range<Int>, of batch: FeatureBatch) {
        textBytes.removeAll(keepingCapacity: true)
        textStarts.removeAll(keepingCapacity: true)
        for position in range {
            for column in input.columns {
                textStarts.append(textBytes.count)
                var text = batch.text(row: rows[position], column: column) ?? ""
                text.withUTF8 { textBytes.append(contentsOf: $0) }
                textBytes.append(0)
            }
        }
    }

    /// Makes room in `textBytes` and `textStarts` for `count` strings of so many bytes together.
    package func reserveTexts(_ count: Int, byteCount: Int) {
        textBytes.removeAll(keepingCapacity: true)
        textBytes.append(contentsOf: repeatElement(0, count: byteCount + 1))
        textStarts.removeAll(keepingCapacity: true)
        textStarts.append(contentsOf: repeatElement(0, count: count))
    }
}
