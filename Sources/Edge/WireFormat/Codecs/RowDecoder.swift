internal import Scoring
internal import TextFormats

/// Reads prediction requests, `{"features": ..., "request_id": ..., "context": ...}`, into rows of a batch.
struct RowDecoder {
    /// Longest `request_id`, in bytes.
    static let maxRequestID = 256

    let served: ServedModel
    let batch: FeatureBatch
    /// Whether errors say which feature was probably meant.
    private let givesHints: Bool

    init(_ served: ServedModel, _ batch: FeatureBatch, givesHints: Bool = true) {
        self.served = served
        self.batch = batch
        self.givesHints = givesHints
    }

    /// Reads one request object as a new row and returns its `request_id`. After an error the row may be there.
    func readRow(_ reader: inout RequestReader) throws(ScoringError) -> JSONString? {
        let row = batch.addRow()
        var requestID: JSONString?
        var hasFeatures = false
        guard try reader.peek() == .object else {
            throw .invalidRequest("expected a JSON object with features, found \(try reader.peek().phrase)")
        }
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "features":
                hasFeatures = true
                try readFeatures(&reader, row)
            case "request_id":
                requestID = try Self.readRequestID(&reader)
            case "context":
                try Self.skipContext(&reader)
            default:
                throw .invalidRequest(
                    "unknown member '\(Quoted.name(key))': a request has features, request_id and context")
            }
        }
        guard hasFeatures else { throw .invalidRequest("'features' is missing: send them as an array or an object") }
        for column in served.signature.requiredInputs where batch[row, column].isNaN {
            throw .invalidFeature(name: served.signature.inputs[column].name, reason: "is required")
        }
        return requestID
    }

    private func readFeatures(_ reader: inout RequestReader, _ row: Int) throws(ScoringError) {
        switch try reader.peek() {
        case .object: try readByName(&reader, row)
        case .array: try readByPosition(&reader, row)
        case .string, .number, .boolean, .null:
            throw .invalidRequest("'features' must be an array or an object, found \(try reader.peek().phrase)")
        }
    }

    private func readByName(_ reader: inout RequestReader, _ row: Int) throws(ScoringError) {
        let signature = served.signature
        let cells = unsafe batch.cells(row: row)
        try reader.beginObject()
        while let key = try reader.nextKey() {
            if let column = unsafe signature.inputNames.position(of: key.bytes) {
                if case .number = try reader.peek(), signature.numberInputs[column] {
                    unsafe cells[column] = try reader.number()
                } else {
                    try readUnusualValue(&reader, row, column)
                }
            } else if served.ignoresUnknownFeatures {
                try reader.skip()
            } else {
                let hint = givesHints ? signature.hint(insteadOf: key.string) : ""
                throw .invalidFeature(name: Quoted.name(key), reason: "is not an input of the model\(hint)")
            }
        }
    }

    private func readByPosition(_ reader: inout RequestReader, _ row: Int) throws(ScoringError) {
        let signature = served.signature
        let cells = unsafe batch.cells(row: row)
        let width = signature.numberInputs.count
        var count = 0
        try reader.beginArray()
        while try reader.nextElement() {
            if count < width {
                if case .number = try reader.peek(), signature.numberInputs[count] {
                    unsafe cells[count] = try reader.number()
                } else {
                    try readUnusualValue(&reader, row, count)
                }
            } else {
                try reader.skip()
            }
            count += 1
        }
        guard count == width else { throw .invalidRequest("expected \(width) features, got \(count)") }
    }

    @inline(never)
    private func readUnusualValue(_ reader: inout RequestReader, _ row: Int, _ column: Int) throws(ScoringError) {
        let kind = try reader.peek()
        if case .null = kind { return try reader.null() }
        let field = served.signature.inputs[column]
        switch kind {
        case .number: try batch.set(numeral: try reader.numeral(), of: field, row: row, column: column)
        case .boolean: try batch.set(boolean: try reader.boolean(), of: field, row: row, column: column)
        case .string: unsafe try batch.set(text: try reader.text().bytes, of: field, row: row, column: column)
        case .null: try reader.null()
        case .object, .array:
            throw .invalidFeature(name: field.name, reason: "expected a single value, found \(kind.phrase)")
        }
    }

    // MARK: Members beside the features

    private static func readRequestID(_ reader: inout RequestReader) throws(ScoringError) -> JSONString? {
        switch try reader.peek() {
        case .null:
            try reader.null()
            return nil
        case .string:
            let text = try reader.text()
            guard text.count <= maxRequestID else { throw .invalidRequest("'request_id' is longer than \(maxRequestID) bytes") }
            return text
        case .object, .array, .number, .boolean:
            throw .invalidRequest("'request_id' must be a string, found \(try reader.peek().phrase)")
        }
    }

    private static func skipContext(_ reader: inout RequestReader) throws(ScoringError) {
        switch try reader.peek() {
        case .object, .null: try reader.skip()
        case .array, .string, .number, .boolean:
            throw .invalidRequest("'context' must be an object, found \(try reader.peek().phrase)")
        }
    }

    /// Reads over one request object that was found wrong, for the `request_id` to name in its error. Throws
    /// only where the JSON itself is malformed; `found` is what stood before that place.
    static func salvageRequestID(_ reader: inout RequestReader, into found: inout JSONString?) throws(ScoringError) {
        guard try reader.peek() == .object else { return try reader.skip() }
        try reader.beginObject()
        while let key = try reader.nextKey() {
            if key == "request_id", try reader.peek() == .string {
                let text = try reader.text()
                if text.count <= maxRequestID { found = text }
            } else {
                try reader.skip()
            }
        }
    }
}
