internal import Scoring
internal import TextFormats

/// `POST /v2/models/{model}/infer`: Open Inference with JSON tensors.
extension PredictionDesk {
    func infer(
        _ request: WireRequest, _ name: ModelName, _ version: VersionReference?, _ progress: inout Progress,
        into response: inout ByteSink
    ) throws(ScoringError) -> Unfinished? {
        let served = try begin(request, name, version, &progress) { key, reader throws(ScoringError) in
            try key.find(inInference: &reader)
        }
        var decoder = InferenceDecoder(
            served, exchange.features, limits: limits, body: request.body, memory: secondMemory)
        var reader = RequestReader(request.body, memory: memory)
        let order = try decoder.read(&reader)
        try reader.end()
        let outputs = order.outputs.isEmpty ? InferenceOutput.usual(of: served) : order.outputs
        if exchange.features.count > 1 {
            var allowance = RowAllowance(limits)
            allowance.limitBytes(AnswerSize.ofTensors(outputs, served), limits)
            guard exchange.features.count <= allowance.rows else { throw allowance.error("request") }
        }
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
            return .pending(PendingAnswer([AnswerPart(served, exchange)], request, .inference(id: id, outputs: outputs)))
        }
        if let failure = exchange.scores.failures.min(by: { $0.row < $1.row }) { throw failure.error }
        let encoder = AnswerEncoder(served, exchange, latency: Moment.now.nanoseconds(since: request.arrival))
        var position = InferencePosition()
        if encoder.writeInference(id: order.id?.bytes, outputs, from: &position, into: &response) { return nil }
        let id = order.id.map { Array($0.bytes) }
        return .begun(AnswerStream(encoder.takingResults(), id: id, outputs: outputs, position))
    }
}

/// How far the answer to an Open Inference request is written: the next value of the next tensor.
struct InferencePosition: Equatable {
    var output = 0
    var row = 0
    /// Among those of the tensor's columns.
    var column = 0
}

extension AnswerEncoder {
    /// Appends the answer to an Open Inference request from `position` on, until a piece is full; true if the answer is
    /// complete. What the specification has no place for stands in the response's own parameters, never in an output's: some
    /// clients take those for binary tensors.
    func writeInference(
        id: UnsafeBufferPointer<UInt8>?, _ outputs: [InferenceOutput], from position: inout InferencePosition,
        into sink: inout ByteSink
    ) -> Bool {
        let full = sink.count + AnswerStream.pieceBytes
        if position == InferencePosition() { writeStart(id: id, into: &sink) }
        while position.output < outputs.count {
            let output = outputs[position.output]
            if position.row == 0, position.column == 0 {
                if position.output > 0 { sink.append(",") }
                writeShape(of: output, into: &sink)
            }
            guard writeData(of: output, from: &position, until: full, into: &sink) else { return false }
            sink.append("]}")
            position = InferencePosition(output: position.output + 1)
        }
        sink.append("]}")
        return true
    }

    private func writeStart(id: UnsafeBufferPointer<UInt8>?, into sink: inout ByteSink) {
        sink.append(#"{"model_name":""#)
        // Other models that answered some of the rows are named in the parameters.
        let substitute = exchange.degradations.first { $0.rows == nil }?.answeredBy
        sink.append(text: substitute?.name ?? served.name.text)
        sink.append(#"","model_version":""#)
        sink.append(text: substitute?.version ?? served.versionText)
        sink.append("\"")
        if let id {
            sink.append(#","id":"#)
            sink.append(json: id)
        }
        if exchange.isCached || !exchange.degradations.isEmpty { writeParameters(into: &sink) }
        sink.append(#","outputs":["#)
    }

    private func writeParameters(into sink: inout ByteSink) {
        sink.append(#","parameters":{"cached":"#)
        sink.append(json: exchange.isCached)
        if let first = exchange.degradations.first {
            sink.append(#","degraded":true,"degraded_reason":"#)
            sink.append(json: first.reason)
        }
        // The specification has no lists in parameters: texts take their place, in which names need no escapes.
        if exchange.degradations.contains(where: { $0.rows != nil }) {
            sink.append(#","degraded_rows":""#)
            for (position, row) in exchange.degradations.flatMap({ $0.rows ?? [] }).sorted().enumerated() {
                if position > 0 { sink.append(",") }
                sink.append(integer: row)
            }
            sink.append("\"")
            let models = exchange.degradations.compactMap(\.answeredBy)
            if !models.isEmpty {
                sink.append(#","degraded_models":""#)
                sink.append(text: models.map { "\($0.name)/\($0.version)" }.joined(separator: ","))
                sink.append("\"")
            }
        }
        sink.append("}")
    }

    private func writeShape(of output: InferenceOutput, into sink: inout ByteSink) {
        sink.append(#"{"name":"#)
        sink.append(json: output.name(in: served))
        sink.append(#","datatype":""#)
        sink.append(text: output.type(in: served).rawValue)
        sink.append(#"","shape":["#)
        sink.append(integer: exchange.scores.count)
        if let width = output.width(in: served) {
            sink.append(",")
            sink.append(integer: width)
        }
        sink.append(#"],"data":["#)
    }

    /// False if the sink was full before the last value.
    private func writeData(
        of output: InferenceOutput, from position: inout InferencePosition, until full: Int, into sink: inout ByteSink
    ) -> Bool {
        let columns = output.columns(in: served)
        let width = output == .decision ? 1 : columns.count
        guard width > 0 else { return true }
        let rows = exchange.scores.count
        while position.row < rows {
            while position.column < width {
                if position.row > 0 || position.column > 0 {
                    if sink.count >= full { return false }
                    sink.append(",")
                }
                if output == .decision {
                    writeDecision(position.row, into: &sink)
                } else {
                    writeValue(position.row, columns.lowerBound + position.column, into: &sink)
                }
                position.column += 1
            }
            position.row += 1
            position.column = 0
        }
        return true
    }

    private func writeDecision(_ row: Int, into sink: inout ByteSink) {
        if row < exchange.decisions.count, let decision = exchange.decisions[row] {
            sink.append(json: decision.rawValue)
        } else {
            sink.append("null")
        }
    }
}
