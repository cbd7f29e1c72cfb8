internal import COnnxRuntime
internal import Scoring

/// Takes the columns of one tensor, or of one part of a sequence, from what a run gave into a batch of scores.
struct OutputReader {
    struct Column {
        /// Of the signature's outputs.
        var column: Int
        /// Of the tensor's elements of a row.
        var element: Int
        /// Where goes what the nearest double leaves of a wide integer.
        var remainder: Int?
    }

    /// Its position among the session's outputs.
    var output: Int
    /// Which tensor of a sequence of tensors.
    var part: Int?
    /// The labels that its strings or integers are among; nil where they stand for themselves.
    var labels: SymbolTable?
    /// The positions of integer labels.
    var codes: [Int: Int] = [:]
    var columns: [Column]

    func read(
        _ slot: RunSlot, _ range: Range<Int>, into scores: ScoreBatch, _ plan: RunPlan, _ library: RuntimeLibrary
    ) throws(ScoringError) {
        let output = plan.outputs[output]
        if output.isPlaced { return try read(slot.placed(self.output), output, slot, range, into: scores) }
        guard let value = slot.outputs[self.output] else { throw .engineFailure("ONNX Runtime gave no '\(output.name)'") }
        switch output.form {
        case .tensor: try read(value, output, slot, range, into: scores, library)
        case .tensors(let count):
            try library.checkSequence(value, count: count, output)
            let tensor = try library.part(value, part ?? 0)
            defer { ort_release_value(library.api, tensor) }
            try read(tensor, output, slot, range, into: scores, library)
        case .maps(let keys):
            try library.checkSequence(value, count: range.count, output)
            for position in 0..<range.count {
                let entries = try library.map(try library.part(value, position))
                let row = slot.rows[range.lowerBound + position]
                guard entries.count == keys.count else { throw Self.unexpected(output) }
                for column in columns {
                    guard let number = entries[keys[column.element]] else { throw Self.unexpected(output) }
                    scores[row, column.column] = number
                }
            }
        }
    }

    private static func unexpected(_ output: RunPlan.Output) -> ScoringError {
        .engineFailure("the keys of the maps of '\(output.name)' differ from row to row")
    }

    /// A tensor that the library made.
    private func read(
        _ tensor: OpaquePointer, _ output: RunPlan.Output, _ slot: RunSlot, _ range: Range<Int>, into scores: ScoreBatch,
        _ library: RuntimeLibrary
    ) throws(ScoringError) {
        let (element, dims) = try library.shape(of: tensor)
        let isWhole = dims.first == range.count || (range.count == 1 && plan(dims, has: output.width))
        guard element == output.element.rawValue, isWhole, plan(dims, has: range.count * output.width) else {
            throw .engineFailure("'\(output.name)' has the dimensions \(dims) for \(range.count) rows of \(output.width) values")
        }
        if output.element == .string {
            try readTexts(tensor, range.count * output.width, output, slot, range, into: scores, library)
        } else {
            let data = try library.data(of: tensor)
            try read(UnsafeRawPointer(data), output, slot, range, into: scores)
        }
    }

    private func plan(_ dims: [Int], has count: Int) -> Bool {
        dims.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue } == count
    }

    private func read(
        _ memory: UnsafeRawPointer, _ output: RunPlan.Output, _ slot: RunSlot, _ range: Range<Int>, into scores: ScoreBatch
    ) throws(ScoringError) {
        for column in columns {
            var index = column.element
            for position in range {
                let row = slot.rows[position]
                if labels == nil {
                    scores[row, column.column] = output.element.load(index, from: memory)
                    if let remainder = column.remainder {
                        scores[row, remainder] = output.element.remainder(index, from: memory)
                    }
                } else {
                    guard let code = output.element.integer(index, from: memory).flatMap({ codes[$0] }) else {
                        throw unknownLabel(output)
                    }
                    scores[row, column.column] = Double(code)
                }
                index += output.width
            }
        }
    }

    private func readTexts(
        _ tensor: OpaquePointer, _ count: Int, _ output: RunPlan.Output, _ slot: RunSlot, _ range: Range<Int>,
        into scores: ScoreBatch, _ library: RuntimeLibrary
    ) throws(ScoringError) {
        var size = 0
        try library.check(ort_strings_size(library.api, tensor, &size))
        slot.textBytes.removeAll(keepingCapacity: true)
        slot.textBytes.append(contentsOf: repeatElement(0, count: size + 1))
        slot.textStarts.removeAll(keepingCapacity: true)
        slot.textStarts.append(contentsOf: repeatElement(0, count: count))
        try library.check(ort_strings(library.api, tensor, &slot.textBytes, size, &slot.textStarts, count))
        slot.textStarts.append(size)
        for column in columns {
            for position in range {
                let index = (position - range.lowerBound) * output.width + column.element
                let (start, end) = (slot.textStarts[index], slot.textStarts[index + 1])
                guard let labels else {
                    let text = String(decoding: slot.textBytes[start..<end], as: UTF8.self)
                    scores.setText(text, row: slot.rows[position], column: column.column)
                    continue
                }
                let code = slot.textBytes.withUnsafeBufferPointer { bytes in
                    labels.position(of: UnsafeBufferPointer(rebasing: bytes[start..<end]))
                }
                guard let code else { throw unknownLabel(output) }
                scores[slot.rows[position], column.column] = Double(code)
            }
        }
    }

    private func unknownLabel(_ output: RunPlan.Output) -> ScoringError {
        .engineFailure("'\(output.name)' is none of the labels that the graph shows")
    }
}

// MARK: - Values

extension RuntimeLibrary {
    func shape(of tensor: OpaquePointer) throws(ScoringError) -> (element: Int32, dims: [Int]) {
        let info = try made { ort_value_info(api, tensor, &$0) }
        defer { ort_release_tensor_info(api, info) }
        return try shape(info)
    }

    /// A tensor's memory, which lives as long as the tensor. Not for strings.
    func data(of tensor: OpaquePointer) throws(ScoringError) -> UnsafeMutableRawPointer {
        var data: UnsafeMutableRawPointer?
        try check(ort_tensor_data(api, tensor, &data))
        // An empty tensor has no memory.
        return data ?? UnsafeMutableRawPointer(bitPattern: 64)!
    }

    /// 1 for a tensor, 2 for a sequence, 3 for a map.
    func kind(of value: OpaquePointer) throws(ScoringError) -> Int32 {
        var kind: Int32 = 0
        try check(ort_value_kind(api, value, &kind))
        return kind
    }

    /// An element of a sequence, the keys (0) or the values (1) of a map. The caller releases it.
    func part(_ value: OpaquePointer, _ index: Int) throws(ScoringError) -> OpaquePointer {
        try made { ort_part(api, value, Int32(index), allocator, &$0) }
    }

    func partCount(_ value: OpaquePointer) throws(ScoringError) -> Int {
        var count = 0
        try check(ort_part_count(api, value, &count))
        return count
    }

    func checkSequence(_ value: OpaquePointer, count: Int, _ output: RunPlan.Output) throws(ScoringError) {
        let found = try partCount(value)
        guard found == count else { throw .engineFailure("'\(output.name)' has \(found) elements instead of \(count)") }
    }

    /// The strings of a tensor.
    func texts(_ tensor: OpaquePointer, _ count: Int) throws(ScoringError) -> [String] {
        var size = 0
        try check(ort_strings_size(api, tensor, &size))
        var bytes = [UInt8](repeating: 0, count: size + 1)
        var starts = [Int](repeating: 0, count: count)
        try check(ort_strings(api, tensor, &bytes, size, &starts, count))
        starts.append(size)
        return (0..<count).map { String(decoding: bytes[starts[$0]..<starts[$0 + 1]], as: UTF8.self) }
    }

    /// A map's entries, keys as they are printed. Releases the map.
    func map(_ value: OpaquePointer) throws(ScoringError) -> TextMap<Double> {
        defer { ort_release_value(api, value) }
        let keys = try part(value, 0)
        defer { ort_release_value(api, keys) }
        let values = try part(value, 1)
        defer { ort_release_value(api, values) }
        let (keyType, dims) = try shape(of: keys)
        let count = dims.first ?? 0
        let (valueType, valueDims) = try shape(of: values)
        guard let keyElement = RuntimeElement(rawValue: keyType), let valueElement = RuntimeElement(rawValue: valueType),
            valueElement != .string, valueDims.first == count, dims.count == 1, valueDims.count == 1
        else { throw .engineFailure("ONNX Runtime gave a map that is not of numbers") }
        var names: [String]
        if keyElement == .string {
            names = try texts(keys, count)
        } else {
            let data = try data(of: keys)
            names = (0..<count).map { keyElement.integer($0, from: data).map { String($0) } ?? "" }
        }
        let data = try data(of: values)
        var entries: TextMap<Double> = [:]
        for (index, name) in names.enumerated() { entries[name] = valueElement.load(index, from: data) }
        return entries
    }
}
