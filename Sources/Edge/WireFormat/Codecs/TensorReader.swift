internal import Scoring
internal import TextFormats

/// Where the elements of one tensor go: a rectangle of the batch.
struct TensorTarget {
    let rows: Int
    /// The batch's columns that the tensor's elements fill, row by row.
    let columns: Range<Int>
    /// Whether data may be nested, one array a row.
    let mayBeNested: Bool
}

/// Reads the JSON data of one tensor into a batch of features.
struct TensorReader {
    let name: String
    let type: TensorType
    let signature: Signature
    let batch: FeatureBatch

    /// Reads a flat array, or one array a row where the shape has two dimensions.
    func readData(_ reader: inout RequestReader, into target: TensorTarget) throws(ScoringError) {
        guard try reader.peek() == .array else { throw .invalidRequest("the data of tensor '\(name)' must be an array") }
        let width = target.columns.count
        let total = target.rows * width
        var count = 0
        var isNested: Bool?
        try reader.beginArray()
        while try reader.nextElement() {
            if isNested == nil {
                isNested = try reader.peek() == .array
                guard isNested == false || target.mayBeNested else {
                    throw .invalidRequest("the data of tensor '\(name)' is nested deeper than its shape")
                }
            }
            if isNested == true {
                try readRow(&reader, count, target)
                count += width
            } else {
                if count < total {
                    try readElement(&reader, row: count / width, column: target.columns.lowerBound + count % width)
                } else {
                    try reader.skip()
                }
                count += 1
            }
        }
        guard count == total else {
            throw .invalidRequest("the shape of tensor '\(name)' asks for \(total) elements, its data has \(count)")
        }
    }

    private func readRow(_ reader: inout RequestReader, _ start: Int, _ target: TensorTarget) throws(ScoringError) {
        let width = target.columns.count
        let row = start / width
        guard row < target.rows else { return try reader.skip() }
        guard try reader.peek() == .array else { throw .invalidRequest("the data of tensor '\(name)' is nested unevenly") }
        var count = 0
        try reader.beginArray()
        while try reader.nextElement() {
            if count < width {
                try readElement(&reader, row: row, column: target.columns.lowerBound + count)
            } else {
                try reader.skip()
            }
            count += 1
        }
        guard count == width else {
            throw .invalidRequest("row \(row) of tensor '\(name)' has \(count) elements, its shape asks for \(width)")
        }
    }

    /// Reads one element as its type says and puts it where its field takes it; null is missing.
    private func readElement(_ reader: inout RequestReader, row: Int, column: Int) throws(ScoringError) {
        let kind = try reader.peek()
        if case .number = kind, case .fp64 = type, signature.numberInputs[column] {
            return batch.set(try reader.number(), row: row, column: column)
        }
        if case .null = kind { return try reader.null() }
        switch type {
        case .bytes:
            guard case .string = kind else { throw mismatch(kind, row) }
            try batch.set(text: try reader.text().bytes, of: signature.inputs[column], row: row, column: column)
        case .bool:
            guard case .boolean = kind else { throw mismatch(kind, row) }
            try batch.set(boolean: try reader.boolean(), of: signature.inputs[column], row: row, column: column)
        case .fp64, .fp32, .uint64, .uint8, .uint16, .uint32, .int8, .int16, .int32, .int64, .fp16, .bf16:
            guard case .number = kind else { throw mismatch(kind, row) }
            let field = signature.inputs[column]
            if let whole = try readWhole(&reader, row) {
                try batch.set(whole: whole, of: field, row: row, column: column)
            } else {
                // A tensor of floats holds floats, also where they are written in decimal.
                let number = type == .fp32 ? Double(try reader.float()) : try reader.number()
                if case .integer = field.kind, field.integers != .doubles { try checkIsExact(number, field) }
                try batch.set(number: number, of: field, row: row, column: column)
            }
        }
    }

    /// Larger floats stand for several whole numbers each.
    private func checkIsExact(_ number: Double, _ field: Field) throws(ScoringError) {
        let bits = type == .fp32 ? 24 : 53
        guard number.magnitude >= Double(1 << bits) else { return }
        throw .invalidFeature(
            name: field.name, reason: "a tensor of \(type.rawValue) has whole numbers below 2^\(bits) only; send INT64 or UINT64")
    }

    /// nil, and nothing is read, where the type is not one of integers.
    private func readWhole(_ reader: inout RequestReader, _ row: Int) throws(ScoringError) -> WholeNumber? {
        if type == .uint64 { return WholeNumber(magnitude: try reader.unsigned()) }
        guard let integers = type.integers else { return nil }
        let value = try reader.integer()
        guard integers.contains(value) else {
            throw .invalidRequest("row \(row) of tensor '\(name)' has a number outside \(type.rawValue)")
        }
        return WholeNumber(value)
    }

    private func mismatch(_ found: JSONKind, _ row: Int) -> ScoringError {
        .invalidRequest("row \(row) of tensor '\(name)' has \(found.phrase) where its datatype is \(type.rawValue)")
    }
}
