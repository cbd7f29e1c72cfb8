internal import Scoring
internal import TextFormats

/// Writes the results of rows as the REST contract has them.
@safe struct RowEncoder {
    let served: ServedModel
    let group: RowGroup
    let outcome: Outcome
    let latency: UInt64
    /// The scores, as a pointer: reading a class's property costs a check each time.
    private let scores: UnsafePointer<Double>
    private let width: Int

    /// - Parameter latency: Nanoseconds from the request's last byte to its scores.
    init(_ group: RowGroup, latency: UInt64) {
        self.group = group
        self.latency = latency
        served = group.served
        outcome = group.outcome
        unsafe scores = unsafe UnsafePointer(group.scores.values)
        width = group.scores.width
    }

    /// Appends the result object of a row.
    func write(row: Int, requestID: UnsafeBufferPointer<UInt8>?, into sink: inout ByteSink) {
        let roles = served.signature.roles
        if served.score.isEmpty {
            // Clusters and neighbours are labels without a score: the answer begins with the model instead.
            writeModel(row, #"{"model":""#, into: &sink)
        } else {
            sink.append(#"{"prediction":["#)
            for column in served.score {
                if column > served.score.lowerBound { sink.append(",") }
                writeValue(row, column, into: &sink)
            }
            sink.append("]")
        }
        if let label = roles.label, !score(row, label).isNaN {
            sink.append(#","label":"#)
            writeValue(row, label, into: &sink)
        }
        if !roles.probabilities.isEmpty { writeProbabilities(row, into: &sink) }
        if row < outcome.decisions.count, let decision = outcome.decisions[row] {
            sink.append(#","decision":""#)
            sink.append(text: decision.rawValue)
            sink.append("\"")
        }
        if !roles.reasons.isEmpty { writeReasons(row, into: &sink) }
        if !roles.named.isEmpty { writeNamed(row, into: &sink) }
        if !served.score.isEmpty { writeModel(row, #","model":""#, into: &sink) }
        if let requestID = unsafe requestID {
            sink.append(#","request_id":"#)
            unsafe sink.append(json: requestID)
        }
        sink.append(#","latency_ms":"#)
        sink.append(millisecondsOf: latency)
        if outcome.isCached { sink.append(#","cached":true"#) } else { sink.append(#","cached":false"#) }
        if let degradation = outcome.degradation(row: row) {
            sink.append(#","degraded":true,"degraded_reason":"#)
            sink.append(json: degradation.reason.rawValue)
            sink.append("}")
        } else {
            sink.append(#","degraded":false}"#)
        }
    }

    /// Appends what answered a row: the asked model, unless another one stepped in. Names and versions are of characters
    /// that need no escapes.
    private func writeModel(_ row: Int, _ start: StaticString, into sink: inout ByteSink) {
        let substitute = outcome.degradation(row: row)?.answeredBy
        sink.append(start)
        sink.append(text: substitute?.name ?? served.name.text)
        sink.append(#"","model_version":""#)
        sink.append(text: substitute?.version ?? served.versionText)
        sink.append("\"")
    }

    /// Appends the result of a row that failed.
    static func write(_ error: ScoringError, requestID: UnsafeBufferPointer<UInt8>?, into sink: inout ByteSink) {
        sink.append(#"{"error":"#)
        unsafe ErrorDocument(error).writeMembers(utf8ID: requestID, into: &sink)
        sink.append("}")
    }

    @inline(__always)
    private func score(_ row: Int, _ column: Int) -> Double {
        precondition(column < width)
        return unsafe scores[row * width + column]
    }

    private func writeProbabilities(_ row: Int, into sink: inout ByteSink) {
        let roles = served.signature.roles
        sink.append(#","probabilities":{"#)
        for (index, column) in roles.probabilities.enumerated() where index < roles.classes.count {
            if index > 0 { sink.append(",") }
            sink.append(json: roles.classes[index])
            sink.append(":")
            sink.append(json: score(row, column))
        }
        sink.append("}")
    }

    /// Codes in their order, most important first. Features and contributions follow where engines know them.
    private func writeReasons(_ row: Int, into sink: inout ByteSink) {
        sink.append(#","reasons":["#)
        var isFirst = true
        for column in served.signature.roles.reasons where !score(row, column).isNaN {
            if !isFirst { sink.append(",") }
            isFirst = false
            sink.append(#"{"code":"#)
            writeValue(row, column, into: &sink)
            sink.append("}")
        }
        sink.append("]")
    }

    private func writeNamed(_ row: Int, into sink: inout ByteSink) {
        sink.append(#","outputs":{"#)
        for column in served.signature.roles.named {
            if column > served.signature.roles.named.lowerBound { sink.append(",") }
            sink.append(json: served.signature.outputs[column].name)
            sink.append(":")
            writeValue(row, column, into: &sink)
        }
        sink.append("}")
    }

    /// Appends a cell of the scores as its column's kind has it; `null` where it is missing.
    func writeValue(_ row: Int, _ column: Int, into sink: inout ByteSink) {
        let value = score(row, column)
        guard value.isFinite else { return sink.append("null") }
        switch served.signature.outputs[column].kind {
        case .number:
            sink.append(double: value)
        case .integer:
            let output = served.signature.outputs[column]
            guard let remainder = output.remainder else {
                if let integer = Int(exactly: value) { sink.append(integer: integer) } else { sink.append(double: value) }
                return
            }
            guard let whole = output.whole(value, remainder: score(row, remainder)) else { return sink.append("null") }
            sink.append(text: whole.text)
        case .boolean:
            sink.append(json: value != 0)
        case .category(let labels):
            guard let position = Int(exactly: value), 0..<labels.count ~= position else { return sink.append("null") }
            sink.append(json: labels[position])
        case .text:
            guard let text = group.scores.text(row: row, column: column) else { return sink.append("null") }
            sink.append(json: text)
        }
    }
}
