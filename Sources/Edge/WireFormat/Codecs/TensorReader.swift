internal import Scoring
internal import TextFormats

/// Reads the JSON data of one tensor.
struct TensorReader {
    let cells: TensorCells

    private var name: String { cells.name }
    private var type: TensorType { cells.type }

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
        if case .number = kind, cells.isPlain(column) {
            return cells.set(plain: try reader.number(), row: row, column: column)
        }
        if case .null = kind { return try reader.null() }
        switch type {
        case .bytes:
            guard case .string = kind else { throw mismatch(kind, row) }
            unsafe try cells.set(text: try reader.text().bytes, row: row, column: column)
        case .bool:
            guard case .boolean = kind else { throw mismatch(kind, row) }
            try cells.set(boolean: try reader.boolean(), row: row, column: column)
        case .uint64:
            guard case .number = kind else { throw mismatch(kind, row) }
            try cells.set(magnitude: try reader.unsigned(), row: row, column: column)
        case .uint8, .uint16, .uint32, .int8, .int16, .int32, .int64:
            guard case .number = kind else { throw mismatch(kind, row) }
            try cells.set(integer: try reader.integer(), row: row, column: column)
        case .fp64, .fp32, .fp16, .bf16:
            guard case .number = kind else { throw mismatch(kind, row) }
            // A tensor of floats holds floats, also where they are written in decimal.
            try cells.set(float: type == .fp32 ? Double(try reader.float()) : try reader.number(), row: row, column: column)
        }
    }

    private func mismatch(_ found: JSONKind, _ row: Int) -> ScoringError {
        .invalidRequest("row \(row) of tensor '\(name)' has \(found.phrase) where its datatype is \(type.rawValue)")
    }
}

extension TensorShape {
    /// Reads a JSON array of dimensions.
    init(_ reader: inout RequestReader, tensor name: String) throws(ScoringError) {
        guard try reader.peek() == .array else {
            throw .invalidRequest("the shape of tensor '\(name)' must be an array of integers")
        }
        var dimensions: [Int] = []
        try reader.beginArray()
        while try reader.nextElement() {
            let size = try reader.integer()
            // One too many is enough to be refused for.
            if dimensions.count <= Self.maxDimensions { dimensions.append(size) }
        }
        try self.init(dimensions, tensor: name)
    }
}
