/// Adds up the leaves that a row ends in, in the order of the trees.
protocol LeafSum: Sendable {
    /// Bytes of sums for so many rows.
    func sumBytes(rows: Int) -> Int
    /// Sets the sums of a row to what they start from.
    func begin(_ sums: UnsafeMutableRawPointer, row: Int)
    /// Adds a tree's leaf at `position` to the sums of a row.
    func add(_ position: Int, ofTree tree: Int, to sums: UnsafeMutableRawPointer, row: Int, _ features: RowFeatures)
    /// Writes the finished sums of a row.
    func finish(_ sums: UnsafeMutableRawPointer, row: Int, into results: UnsafeMutablePointer<Double>)
    var memoryBytes: Int { get }
}

/// The frames of a block of rows, for leaves that compute with features.
struct RowFeatures {
    let frames: UnsafePointer<Double>
    let stride: Int
    let rows: Int

    /// The frame of a row; of the first for a row that only fills up the block.
    func frame(ofRow row: Int) -> UnsafePointer<Double> { row < rows ? frames + row * stride : frames }
}

/// One sum of scalar leaves: what binary classifiers, regressors and rankers have.
struct ScalarSum<Number: BinaryFloatingPoint & BitwiseCopyable & Sendable>: LeafSum {
    let values: ConstantTable<Number>
    let base: Number
    let baseIsAddedLast: Bool
    let divisor: Number

    var start: Number { baseIsAddedLast ? 0 : base }

    @inline(__always)
    func finished(_ sum: Number) -> Double {
        let mean = divisor == 1 ? sum : sum / divisor
        return Double(baseIsAddedLast ? mean + base : mean)
    }

    func sumBytes(rows: Int) -> Int { rows * MemoryLayout<Number>.stride }
    var memoryBytes: Int { values.byteCount }

    @inline(__always)
    func begin(_ sums: UnsafeMutableRawPointer, row: Int) {
        sums.assumingMemoryBound(to: Number.self)[row] = start
    }

    @inline(__always)
    func add(_ position: Int, ofTree tree: Int, to sums: UnsafeMutableRawPointer, row: Int, _ features: RowFeatures) {
        sums.assumingMemoryBound(to: Number.self)[row] += values.base[position]
    }

    @inline(__always)
    func finish(_ sums: UnsafeMutableRawPointer, row: Int, into results: UnsafeMutablePointer<Double>) {
        results[0] = finished(sums.assumingMemoryBound(to: Number.self)[row])
    }
}

/// Several sums: scalar leaves that each add to their tree's output, vector leaves that add to all, and linear leaves.
struct GeneralSum<Number: BinaryFloatingPoint & BitwiseCopyable & Sendable>: LeafSum {
    let outputCount: Int
    /// Per position: the start of its leaf's values.
    let valueStarts: ConstantTable<Int32>
    let values: ConstantTable<Number>
    /// Per tree: its output, or -1 for vector leaves.
    let outputs: ConstantTable<Int32>
    /// Per position; nil for constant leaves. `features` are frame slots.
    let linearLeaves: [Forest.LinearLeaf?]
    let inputPrecision: Forest.Precision
    let base: [Number]
    let baseIsAddedLast: Bool
    let divisor: Number

    func sumBytes(rows: Int) -> Int { rows * outputCount * MemoryLayout<Number>.stride }
    var memoryBytes: Int { valueStarts.byteCount + values.byteCount + outputs.byteCount }

    @inline(__always)
    private func sums(_ memory: UnsafeMutableRawPointer, _ row: Int) -> UnsafeMutablePointer<Number> {
        memory.assumingMemoryBound(to: Number.self) + row * outputCount
    }

    func begin(_ memory: UnsafeMutableRawPointer, row: Int) {
        let sums = sums(memory, row)
        for output in 0..<outputCount { sums[output] = baseIsAddedLast ? 0 : base[output] }
    }

    @inline(__always)
    func add(_ position: Int, ofTree tree: Int, to memory: UnsafeMutableRawPointer, row: Int, _ features: RowFeatures) {
        let sums = sums(memory, row)
        let leaf = values.base + Int(valueStarts.base[position])
        let output = Int(outputs.base[tree])
        if output < 0 {
            for output in 0..<outputCount { sums[output] += leaf[output] }
        } else if linearLeaves.isEmpty {
            sums[output] += leaf[0]
        } else {
            sums[output] += linearValue(position, constant: leaf[0], features.frame(ofRow: row))
        }
    }

    func finish(_ memory: UnsafeMutableRawPointer, row: Int, into results: UnsafeMutablePointer<Double>) {
        let sums = sums(memory, row)
        for output in 0..<outputCount {
            let mean = divisor == 1 ? sums[output] : sums[output] / divisor
            results[output] = Double(baseIsAddedLast ? mean + base[output] : mean)
        }
    }

    private func linearValue(_ position: Int, constant: Number, _ frame: UnsafePointer<Double>) -> Number {
        guard let leaf = linearLeaves[position] else { return constant }
        var sum = leaf.constant
        for index in 0..<leaf.features.count {
            let value = frame[leaf.features[index]]
            if value.isNaN { return constant }
            sum += leaf.coefficients[index] * (inputPrecision == .float32 ? Double(Float(value)) : value)
        }
        return Number(sum)
    }
}
