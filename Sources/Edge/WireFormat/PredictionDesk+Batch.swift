internal import Scoring
internal import TextFormats

/// `POST /predict/batch`: many requests in one body, each with a result of its own.
extension PredictionDesk {
    /// A request of a batch.
    struct BatchRow {
        /// Its row among those that are scored; nil if it was wrong.
        var row: Int?
        var error: ScoringError?
        var requestID: UnsafeBufferPointer<UInt8>?
    }

    func predictBatch(
        _ request: WireRequest, _ name: ModelName?, _ version: ModelVersion?, _ progress: inout Progress,
        into response: inout ByteSink
    ) throws(ScoringError) -> PendingAnswer? {
        let served = try begin(request, name, version, &progress)
        batchRows.removeAll(keepingCapacity: true)
        rowPositions.removeAll(keepingCapacity: true)
        var reader = RequestReader(request.body, memory: memory)
        try readBatch(&reader, RowDecoder(served, exchange.features))
        try reader.end()
        if exchange.features.count > 0 {
            if case .pending = try score(with: served, &progress) {
                let rows = batchRows.map { entry in
                    PendingAnswer.Row(row: entry.row, error: entry.error, requestID: entry.requestID.map { Array($0) })
                }
                return PendingAnswer(exchange, served, request, .batch(rows))
            }
            for failure in exchange.scores.failures where rowPositions.indices.contains(failure.row) {
                batchRows[rowPositions[failure.row]].error = failure.error
            }
        } else {
            exchange.scores.reset(rows: 0, width: 0)
        }
        let encoder = AnswerEncoder(served, exchange, latency: Moment.now.nanoseconds(since: request.arrival))
        encoder.writeBatch(count: batchRows.count, into: &response) { position, response in
            let entry = batchRows[position]
            if let error = entry.error {
                AnswerEncoder.write(error, requestID: entry.requestID, into: &response)
            } else if let row = entry.row {
                encoder.write(row: row, requestID: entry.requestID, into: &response)
            }
        }
        batchRows.removeAll(keepingCapacity: true)
        return nil
    }

    private func readBatch(_ reader: inout RequestReader, _ decoder: RowDecoder) throws(ScoringError) {
        switch try reader.peek() {
        case .array: try readRows(&reader, decoder)
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
                try readRows(&reader, decoder)
            }
            guard hasRequests else { throw .invalidRequest("'requests' is missing: send an array of requests") }
        case .string, .number, .boolean, .null:
            throw .invalidRequest("expected an array of requests, found \(try reader.peek().phrase)")
        }
    }

    private func readRows(_ reader: inout RequestReader, _ decoder: RowDecoder) throws(ScoringError) {
        let maxRows = min(limits.maxRows, limits.maxCells / max(1, exchange.features.width))
        try reader.beginArray()
        while try reader.nextElement() {
            guard batchRows.count < maxRows else {
                throw .tooLarge(limit: "a batch for this model has at most \(maxRows) rows")
            }
            let place = reader.mark()
            do throws(ScoringError) {
                let requestID = try decoder.readRow(&reader)
                rowPositions.append(batchRows.count)
                batchRows.append(BatchRow(row: exchange.features.count - 1, requestID: requestID?.bytes))
            } catch {
                exchange.features.removeLastRow()
                reader.rewind(to: place)
                var requestID: JSONString?
                try RowDecoder.salvageRequestID(&reader, into: &requestID)
                batchRows.append(BatchRow(error: error, requestID: requestID?.bytes))
            }
        }
    }
}

extension AnswerEncoder {
    /// Appends the answer to a batch; `write` appends the result of each position.
    func writeBatch(count: Int, into response: inout ByteSink, _ write: (_ position: Int, _ response: inout ByteSink) -> Void) {
        response.append(#"{"success":true,"results":["#)
        for position in 0..<count {
            if position > 0 { response.append(",") }
            write(position, &response)
        }
        response.append(#"],"count":"#)
        response.append(integer: count)
        response.append(#","total_latency_ms":"#)
        response.append(millisecondsOf: latency)
        response.append("}")
    }
}
