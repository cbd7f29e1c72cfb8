internal import Scoring
internal import TextFormats

/// `POST /predict/batch`: many requests in one body, each with a result of its own, and each answered by the version that
/// would answer it alone.
struct BatchCodec: PredictionCodec {
    /// The first so many rows of a batch get errors that say which feature was probably meant.
    private static let rowsWithHints = 10

    var errorStyle: ErrorStyle { .predict }

    // MARK: Reading

    func read(_ request: WireRequest, into prediction: Prediction, _ tools: CodecTools) throws(ScoringError) -> AnswerForm {
        var reading = unsafe Reading(prediction, request.body, tools.limits)
        var reader = unsafe RequestReader(request.body, memory: tools.memory)
        switch try reader.peek() {
        case .array: try reading.readRows(&reader)
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
                try reading.readRows(&reader)
            }
            guard hasRequests else { throw .invalidRequest("'requests' is missing: send an array of requests") }
        case .string, .number, .boolean, .null:
            throw .invalidRequest("expected an array of requests, found \(try reader.peek().phrase)")
        }
        try reader.end()
        return AnswerForm()
    }

    private struct Reading {
        private let prediction: Prediction
        private let limits: WireLimits
        /// What finds the key of a request; nil where the lot or nothing decides.
        private let key: StickyKey?
        /// Requests that the limits leave room for, with the largest of the versions found so far.
        private var allowance: RowAllowance
        private var knownGroups = 0

        init(_ prediction: Prediction, _ body: UnsafeBufferPointer<UInt8>, _ limits: WireLimits) {
            self.prediction = prediction
            self.limits = limits
            key = unsafe prediction.stickyKey(in: body)
            allowance = RowAllowance(limits)
            if !prediction.isDivided {
                _ = unsafe prediction.group()
                noteGroups()
            }
        }

        private mutating func noteGroups() {
            while knownGroups < prediction.groups.count {
                let served = prediction.groups[knownGroups].served
                allowance.limitCells(of: served, limits)
                allowance.limitBytes(AnswerSize.ofResult(served), limits)
                knownGroups += 1
            }
        }

        mutating func readRows(_ reader: inout RequestReader) throws(ScoringError) {
            try reader.beginArray()
            while try reader.nextElement() {
                guard prediction.count < allowance.rows else { throw allowance.error("batch") }
                let start = reader.mark()
                var group: RowGroup?
                do throws(ScoringError) {
                    let place = try self.place(of: &reader)
                    let current = prediction.groups[place]
                    group = current
                    // A batch of thousands of slips is answered as quickly as one without.
                    let givesHints = prediction.count < BatchCodec.rowsWithHints
                    let requestID = try RowDecoder(current.served, current.features, givesHints: givesHints).readRow(&reader)
                    let row = current.features.count - 1
                    unsafe current.ids.set(requestID?.bytes, row: row)
                    prediction.append(row: row, ofGroup: place)
                } catch {
                    group?.features.removeLastRow()
                    reader.rewind(to: start)
                    var requestID: JSONString?
                    try RowDecoder.salvageRequestID(&reader, into: &requestID)
                    unsafe prediction.append(error, id: requestID?.bytes)
                }
            }
        }

        /// The group that the next request belongs to; the reader stays before it.
        private mutating func place(of reader: inout RequestReader) throws(ScoringError) -> Int {
            guard prediction.isDivided else { return 0 }
            var value = StickyKey.Value.none
            let start = reader.mark()
            if let key { value = try key.find(inRow: &reader) }
            let place = prediction.group(for: value)
            noteGroups()
            reader.rewind(to: start)
            return place
        }
    }

    // MARK: Writing

    func failure(of prediction: Prediction) -> ScoringError? { nil }

    /// `position.row` is the next request.
    func write(
        _ prediction: Prediction, _ form: AnswerForm, from position: inout AnswerPosition, into sink: inout ByteSink
    ) -> Bool {
        let full = sink.count + AnswerStream.pieceBytes
        let groups = prediction.groups.map { GroupEncoder($0, latency: prediction.nanoseconds) }
        if position.row == 0 { sink.append(#"{"success":true,"results":["#) }
        while position.row < prediction.count {
            if sink.count >= full { return false }
            if position.row > 0 { sink.append(",") }
            let isAnswered =
                switch prediction.place(position.row) {
                case .error(let error, let number): write(error, prediction.errorIDs, number, into: &sink)
                case .row(let row, let group): groups[group].write(row, into: &sink)
                }
            if !isAnswered { position.failed += 1 }
            position.row += 1
        }
        sink.append(#"],"count":"#)
        sink.append(integer: prediction.count)
        sink.append(#","failed":"#)
        sink.append(integer: position.failed)
        sink.append(#","total_latency_ms":"#)
        sink.append(millisecondsOf: prediction.nanoseconds)
        sink.append("}")
        return true
    }

    private func write(_ error: ScoringError, _ ids: RowIDs, _ number: Int, into sink: inout ByteSink) -> Bool {
        unsafe ids.withID(row: number) { unsafe RowEncoder.write(error, requestID: $0, into: &sink) }
        return false
    }

    /// Writes the rows of a group; a row that failed gets its error.
    private struct GroupEncoder {
        private let group: RowGroup
        private let encoder: RowEncoder
        private var failures: [Int: ScoringError] = [:]

        init(_ group: RowGroup, latency: UInt64) {
            self.group = group
            encoder = RowEncoder(group, latency: latency)
            guard group.outcome.error == nil else { return }
            for (row, error) in group.scores.failures { failures[row] = failures[row] ?? error }
        }

        func write(_ row: Int, into sink: inout ByteSink) -> Bool {
            let error = group.outcome.error ?? (failures.isEmpty ? nil : failures[row])
            unsafe group.ids.withID(row: row) { id in
                if let error {
                    unsafe RowEncoder.write(error, requestID: id, into: &sink)
                } else {
                    unsafe encoder.write(row: row, requestID: id, into: &sink)
                }
            }
            return error == nil
        }
    }
}
