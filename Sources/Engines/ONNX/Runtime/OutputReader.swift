internal import COnnxRuntime
internal import Scoring
internal import TensorRuntime

/// Finds one tensor, or one part of a sequence, in what a run gave, and has its columns read.
struct OutputReader {
    /// Its position among the session's outputs.
    let output: Int
    /// Which tensor of a sequence of tensors.
    let part: Int?
    let reader: TensorReader

    /// - Parameter range: Of the slot's rows.
    func read(
        _ slot: RunSlot, _ range: Range<Int>, into scores: ScoreBatch, _ plan: RunPlan, _ library: RuntimeLibrary
    ) throws(ScoringError) {
        let output = plan.outputs[output]
        if output.isPlaced {
            let data = UnsafeRawPointer(slot.memory.outputs[self.output])
            return try reader.read(data, of: output.tensor, slot.memory, range, into: scores)
        }
        guard let value = slot.outputs[self.output] else { throw .engineFailure("ONNX Runtime gave no '\(output.name)'") }
        switch output.form {
        case .tensor: try read(value, output.tensor, slot.memory, range, into: scores, library)
        case .tensors(let count):
            try library.checkSequence(value, count: count, output)
            let tensor = try library.part(value, part ?? 0)
            defer { ort_release_value(library.api, tensor) }
            try read(tensor, output.tensor, slot.memory, range, into: scores, library)
        case .maps(let keys):
            try library.checkSequence(value, count: range.count, output)
            for position in 0..<range.count {
                let entries = try library.map(try library.part(value, position))
                let row = slot.memory.rows[range.lowerBound + position]
                guard entries.count == keys.count else { throw Self.unexpected(output) }
                for column in reader.columns {
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
        _ value: OpaquePointer, _ tensor: TensorOutput, _ memory: RunMemory, _ range: Range<Int>, into scores: ScoreBatch,
        _ library: RuntimeLibrary
    ) throws(ScoringError) {
        let (element, dims) = try library.shape(of: value)
        try tensor.check(TensorElement(onnx: element), dims, rows: range.count)
        guard tensor.element == .string else {
            let data = try library.data(of: value)
            return try reader.read(UnsafeRawPointer(data), of: tensor, memory, range, into: scores)
        }
        try library.copyTexts(value, range.count * tensor.width, to: memory)
        try reader.readTexts(of: tensor, memory, range, into: scores)
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

    /// Copies the strings of a tensor, and where each begins and the last ends.
    func copyTexts(_ tensor: OpaquePointer, _ count: Int, to memory: RunMemory) throws(ScoringError) {
        var size = 0
        try check(ort_strings_size(api, tensor, &size))
        memory.reserveTexts(count, byteCount: size)
        try check(ort_strings(api, tensor, &memory.textBytes, size, &memory.textStarts, count))
        memory.textStarts.append(size)
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
        guard let keyElement = TensorElement(onnx: keyType), let valueElement = TensorElement(onnx: valueType),
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
