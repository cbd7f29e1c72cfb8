internal import Scoring

/// What of the requests of a batch is needed to answer them later: which row each is, its error, and a copy of its
/// identifier. 16 bytes a request and those of the identifiers.
struct BatchEntries {
    private struct Entry {
        var part: Int32
        /// -1 for a request that was wrong.
        var row: Int32
        var idStart: Int32
        /// -1 for none.
        var idCount: Int32
    }

    private var entries: [Entry] = []
    private var ids: [UInt8] = []
    private var errors: [Int: ScoringError] = [:]

    init(_ rows: [PredictionDesk.BatchRow]) {
        entries.reserveCapacity(rows.count)
        for (position, row) in rows.enumerated() {
            let start = ids.count
            if let id = row.requestID { ids.append(contentsOf: id) }
            entries.append(
                Entry(
                    part: Int32(row.part), row: Int32(row.row ?? -1), idStart: Int32(start),
                    idCount: row.requestID.map { Int32($0.count) } ?? -1))
            errors[position] = row.error
        }
    }

    var count: Int { entries.count }

    /// Memory that it takes, nearly.
    var heldBytes: Int { entries.count * MemoryLayout<Entry>.stride + ids.count + errors.count * 256 }

    /// Calls `body` with a request as it was before it was copied.
    func withRow<Result>(_ position: Int, _ body: (PredictionDesk.BatchRow) -> Result) -> Result {
        let entry = entries[position]
        var row = PredictionDesk.BatchRow()
        row.part = Int(entry.part)
        row.row = entry.row < 0 ? nil : Int(entry.row)
        row.error = errors.isEmpty ? nil : errors[position]
        guard entry.idCount >= 0 else { return body(row) }
        return ids.withUnsafeBufferPointer { ids in
            row.requestID = UnsafeBufferPointer(rebasing: ids[Int(entry.idStart)..<Int(entry.idStart + entry.idCount)])
            return body(row)
        }
    }
}
