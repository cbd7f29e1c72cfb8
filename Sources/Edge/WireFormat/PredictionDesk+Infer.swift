internal import Scoring
internal import TextFormats

/// `POST /v2/models/{model}/infer`: Open Inference with JSON tensors.
extension PredictionDesk {
    func infer(
        _ request: WireRequest, _ name: ModelName, _ version: VersionReference?, _ progress: inout Progress,
        into response: inout ByteSink
    ) throws(ScoringError) -> PendingAnswer? {
        let served = try begin(request, name, version, &progress) { key, reader throws(ScoringError) in
            try key.find(inInference: &reader)
        }
        var decoder = InferenceDecoder(
            served, exchange.features, limits: limits, body: request.body, memory: secondMemory)
        var reader = RequestReader(request.body, memory: memory)
        let order = try decoder.read(&reader)
        try reader.end()
        if let timeout = order.timeoutMicroseconds {
            let (nanoseconds, overflow) = timeout.multipliedReportingOverflow(by: 1000)
            let (end, carry) = request.arrival.nanoseconds.addingReportingOverflow(nanoseconds)
            let limit = Moment(nanoseconds: overflow || carry ? .max : end)
            exchange.deadline = min(exchange.deadline ?? limit, limit)
            guard Moment.now < limit else { throw .deadlineExceeded }
        }
        if let experiment = exchange.experiment, experiment.keepsAnswers {
            exchange.requestID = order.id?.string ?? Self.usable(request.requestID)
        }
        if case .pending = try score(with: served, &progress) {
            let id = order.id.map { Array($0.bytes) }
            return PendingAnswer([AnswerPart(served, exchange)], request, .inference(id: id, outputs: order.outputs))
        }
        if let failure = exchange.scores.failures.min(by: { $0.row < $1.row }) { throw failure.error }
        let encoder = AnswerEncoder(served, exchange, latency: Moment.now.nanoseconds(since: request.arrival))
        encoder.writeInference(id: order.id?.bytes, order.outputs, into: &response)
        return nil
    }
}

extension AnswerEncoder {
    /// Appends the answer to an Open Inference request. What the specification has no place for stands in the
    /// response's own parameters, never in an output's: some clients take those for binary tensors.
    ///
    /// - Parameter outputs: Empty for the model's usual ones.
    func writeInference(id: UnsafeBufferPointer<UInt8>?, _ outputs: [InferenceOutput], into sink: inout ByteSink) {
        sink.append(#"{"model_name":""#)
        // Another model that answered for some of the rows only is named in the parameters.
        let substitute = exchange.degradation?.rows == nil ? exchange.degradation?.answeredBy : nil
        sink.append(text: substitute?.name ?? served.name.text)
        sink.append(#"","model_version":""#)
        sink.append(text: substitute?.version ?? served.versionText)
        sink.append("\"")
        if let id {
            sink.append(#","id":"#)
            sink.append(json: id)
        }
        if exchange.isCached || exchange.degradation != nil { writeParameters(into: &sink) }
        sink.append(#","outputs":["#)
        var isFirst = true
        for output in outputs.isEmpty ? InferenceOutput.usual(of: served) : outputs {
            if !isFirst { sink.append(",") }
            isFirst = false
            write(output, into: &sink)
        }
        sink.append("]}")
    }

    private func writeParameters(into sink: inout ByteSink) {
        sink.append(#","parameters":{"cached":"#)
        sink.append(json: exchange.isCached)
        if let degradation = exchange.degradation {
            sink.append(#","degraded":true,"degraded_reason":"#)
            sink.append(json: degradation.reason)
            if let rows = degradation.rows {
                // The specification has no lists in parameters.
                sink.append(#","degraded_rows":""#)
                for (position, row) in rows.enumerated() {
                    if position > 0 { sink.append(",") }
                    sink.append(integer: row)
                }
                sink.append("\"")
                if let substitute = degradation.answeredBy {
                    sink.append(#","degraded_model_name":""#)
                    sink.append(text: substitute.name)
                    sink.append(#"","degraded_model_version":""#)
                    sink.append(text: substitute.version)
                    sink.append("\"")
                }
            }
        }
        sink.append("}")
    }

    private func write(_ output: InferenceOutput, into sink: inout ByteSink) {
        let rows = exchange.scores.count
        sink.append(#"{"name":"#)
        sink.append(json: output.name(in: served))
        sink.append(#","datatype":""#)
        sink.append(text: output.type(in: served).rawValue)
        sink.append(#"","shape":["#)
        sink.append(integer: rows)
        if let width = output.width(in: served) {
            sink.append(",")
            sink.append(integer: width)
        }
        sink.append(#"],"data":["#)
        if output == .decision {
            for row in 0..<rows {
                if row > 0 { sink.append(",") }
                if row < exchange.decisions.count, let decision = exchange.decisions[row] {
                    sink.append(json: decision.rawValue)
                } else {
                    sink.append("null")
                }
            }
        } else {
            let columns = output.columns(in: served)
            for row in 0..<rows {
                for column in columns {
                    if row > 0 || column > columns.lowerBound { sink.append(",") }
                    writeValue(row, column, into: &sink)
                }
            }
        }
        sink.append("]}")
    }
}
