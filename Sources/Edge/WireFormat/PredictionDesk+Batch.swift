internal import Scoring
internal import TextFormats

/// `POST /predict/batch`: many requests in one body, each with a result of its own, and each answered by the version that
/// would answer it alone.
extension PredictionDesk {
    /// The first so many rows of a batch get errors that say which feature was probably meant.
    private static let rowsWithHints = 10

    /// A request of a batch.
    struct BatchRow {
        /// Which of the batch's parts it belongs to.
        var part = 0
        /// Its row among those of its part; nil if it was wrong.
        var row: Int?
        var error: ScoringError?
        var requestID: UnsafeBufferPointer<UInt8>?
    }

    func predictBatch(
        _ request: WireRequest, _ name: ModelName?, _ version: VersionReference?, _ progress: inout Progress,
        into response: inout ByteSink
    ) throws(ScoringError) -> Unfinished? {
        let inquiry = try lookUp(request, name, version, &progress)
        var parts = BatchParts(inquiry, body: request.body, limits)
        if !inquiry.isDivided { parts.add(Inquiry.Choice(served: inquiry.serving.model, isChosen: false), exchange) }
        var reader = RequestReader(request.body, memory: memory)
        try readBatch(&reader, &parts)
        try reader.end()
        let all = parts.all
        progress.reachedPredictor = all.contains { $0.exchange.features.count > 0 }
        for part in all {
            do throws(ScoringError) {
                if part.exchange.features.count == 0 {
                    part.exchange.experiment = nil
                    part.exchange.scores.reset(rows: 0, width: part.served.signature.outputs.count)
                    part.isReady = true
                } else if case .answered = try score(part.exchange, with: part.served) {
                    part.isReady = true
                }
            } catch {
                part.error = error
                part.isReady = true
            }
        }
        if all.contains(where: { !$0.isReady }) {
            return .pending(PendingAnswer(all, request, .batch(BatchEntries(batchRows))))
        }
        defer { for part in all where part.exchange !== exchange { reuse(part.exchange) } }
        if let error = all.first?.error, all.allSatisfy({ $0.error != nil }) { throw error }
        let batch = BatchEncoder(all, latency: Moment.now.nanoseconds(since: request.arrival))
        var position = BatchPosition()
        let isComplete = batch.writePiece(from: &position, of: batchRows.count, into: &response) { position, response in
            batch.write(batchRows[position], position, into: &response)
        }
        return isComplete ? nil : .begun(AnswerStream(batch.takingResults(), BatchEntries(batchRows), position))
    }

    private func readBatch(_ reader: inout RequestReader, _ parts: inout BatchParts) throws(ScoringError) {
        switch try reader.peek() {
        case .array: try readRows(&reader, &parts)
        case .object:
            var hasRequests = false
            try reader.beginObject()
            while let key = try reader.nextKey() {
                guard key == "requests" else {
                    throw .invalidRequest("unknown member '\(Quoted.name(key))': a batch has requests only")
                }
                guard try reader.peek() == .array else {
                    throw .invalidRequest("'requests' must be an array, found \(try reader.peek().phrase)")
                }
                hasRequests = true
                try readRows(&reader, &parts)
            }
            guard hasRequests else { throw .invalidRequest("'requests' is missing: send an array of requests") }
        case .string, .number, .boolean, .null:
            throw .invalidRequest("expected an array of requests, found \(try reader.peek().phrase)")
        }
    }

    private func readRows(_ reader: inout RequestReader, _ parts: inout BatchParts) throws(ScoringError) {
        try reader.beginArray()
        while try reader.nextElement() {
            guard batchRows.count < parts.allowance.rows else { throw parts.allowance.error("batch") }
            let place = reader.mark()
            var current: Int?
            do throws(ScoringError) {
                let index = try part(of: &reader, &parts)
                current = index
                let part = parts.all[index]
                // A batch of thousands of slips is answered as quickly as one without.
                let givesHints = batchRows.count < Self.rowsWithHints
                let requestID = try RowDecoder(part.served, part.exchange.features, givesHints: givesHints).readRow(&reader)
                part.positions.append(batchRows.count)
                batchRows.append(
                    BatchRow(part: index, row: part.exchange.features.count - 1, requestID: requestID?.bytes))
            } catch {
                if let current { parts.all[current].exchange.features.removeLastRow() }
                reader.rewind(to: place)
                var requestID: JSONString?
                try RowDecoder.salvageRequestID(&reader, into: &requestID)
                batchRows.append(BatchRow(error: error, requestID: requestID?.bytes))
            }
        }
    }

    /// The part that the next request belongs to; the reader stays before it.
    private func part(of reader: inout RequestReader, _ parts: inout BatchParts) throws(ScoringError) -> Int {
        guard parts.inquiry.isDivided else { return 0 }
        var value = StickyKey.Value.none
        let place = reader.mark()
        if let key = parts.key { value = try key.find(inRow: &reader) }
        let choice = parts.inquiry.choice(for: value)
        reader.rewind(to: place)
        if let known = parts.index(of: choice) { return known }
        return parts.add(choice, parts.all.isEmpty ? exchange : spareExchange())
    }
}

/// The parts of a batch while it is read.
struct BatchParts {
    let inquiry: Inquiry
    let key: StickyKey?
    private let limits: WireLimits
    private(set) var all: [AnswerPart] = []
    private var choices: [Inquiry.Choice] = []
    /// Requests that the limits leave room for, with the largest of the versions found so far.
    private(set) var allowance: RowAllowance

    init(_ inquiry: Inquiry, body: UnsafeBufferPointer<UInt8>, _ limits: WireLimits) {
        self.inquiry = inquiry
        self.limits = limits
        allowance = RowAllowance(limits)
        key = inquiry.isDivided ? inquiry.stickyKey(in: body) : nil
    }

    func index(of choice: Inquiry.Choice) -> Int? {
        choices.firstIndex { $0.served === choice.served && $0.isChosen == choice.isChosen }
    }

    @discardableResult
    mutating func add(_ choice: Inquiry.Choice, _ exchange: PredictionExchange) -> Int {
        inquiry.begin(exchange, choice)
        all.append(AnswerPart(choice.served, exchange))
        choices.append(choice)
        allowance.limitCells(of: choice.served, limits)
        allowance.limitBytes(AnswerSize.ofResult(choice.served), limits)
        return all.count - 1
    }
}

/// How far the answer to a batch is written.
struct BatchPosition {
    var next = 0
    /// Results so far that are errors.
    var failed = 0
}

/// Writes the answer to a batch.
struct BatchEncoder {
    private let parts: [AnswerPart]
    private let encoders: [AnswerEncoder]
    private let latency: UInt64
    /// By position, of the rows that failed singly.
    private var failures: [Int: ScoringError] = [:]

    init(_ parts: [AnswerPart], latency: UInt64) {
        self.parts = parts
        self.latency = latency
        encoders = parts.map { AnswerEncoder($0.served, $0.exchange, latency: latency) }
        for part in parts where part.error == nil {
            for failure in part.exchange.scores.failures where part.positions.indices.contains(failure.row) {
                let position = part.positions[failure.row]
                failures[position] = failures[position] ?? failure.error
            }
        }
    }

    /// The same with results of its own, so that the exchanges can be used again.
    func takingResults() -> BatchEncoder {
        BatchEncoder(parts.map { $0.takingResults() }, latency: latency)
    }

    /// Memory that the results take, nearly.
    var heldBytes: Int {
        parts.reduce(0) { $0 + $1.exchange.heldBytes + $1.positions.count * MemoryLayout<Int>.stride }
    }

    /// Appends the answer from `position` on, until a piece is full; true if the answer is complete. `write` appends the result
    /// of each position and says whether it has one.
    func writePiece(
        from position: inout BatchPosition, of count: Int, into response: inout ByteSink,
        _ write: (_ position: Int, _ response: inout ByteSink) -> Bool
    ) -> Bool {
        let full = response.count + AnswerStream.pieceBytes
        if position.next == 0 { response.append(#"{"success":true,"results":["#) }
        while position.next < count {
            if response.count >= full { return false }
            if position.next > 0 { response.append(",") }
            if !write(position.next, &response) { position.failed += 1 }
            position.next += 1
        }
        response.append(#"],"count":"#)
        response.append(integer: count)
        response.append(#","failed":"#)
        response.append(integer: position.failed)
        response.append(#","total_latency_ms":"#)
        response.append(millisecondsOf: latency)
        response.append("}")
        return true
    }

    func writePiece(from position: inout BatchPosition, _ entries: BatchEntries, into response: inout ByteSink) -> Bool {
        writePiece(from: &position, of: entries.count, into: &response) { position, response in
            entries.withRow(position) { write($0, position, into: &response) }
        }
    }

    /// Appends the result of a request; false where that is an error.
    func write(_ entry: PredictionDesk.BatchRow, _ position: Int, into response: inout ByteSink) -> Bool {
        let unread = entry.row == nil ? ScoringError.engineFailure("the request was not scored") : nil
        if let error = entry.error ?? unread ?? parts[entry.part].error ?? failures[position] {
            AnswerEncoder.write(error, requestID: entry.requestID, into: &response)
            return false
        }
        encoders[entry.part].write(row: entry.row ?? 0, requestID: entry.requestID, into: &response)
        return true
    }
}
