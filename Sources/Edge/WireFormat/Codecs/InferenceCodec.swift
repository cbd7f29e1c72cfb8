internal import Scoring
internal import TextFormats

/// `POST /v2/models/{model}/infer`: Open Inference with JSON tensors.
struct InferenceCodec: PredictionCodec {
    var errorStyle: ErrorStyle { .inference }

    func read(_ request: WireRequest, into prediction: Prediction, _ tools: CodecTools) throws(ScoringError) -> AnswerForm {
        var place = 0
        if prediction.isDivided {
            var reader = unsafe RequestReader(request.body, memory: tools.memory)
            place = unsafe try prediction.group(of: request.body) { key throws(ScoringError) in try key.find(inInference: &reader)
            }
        } else {
            place = unsafe prediction.group()
        }
        let group = prediction.groups[place]
        var decoder = unsafe InferenceDecoder(
            group.served, group.features, limits: tools.limits, body: request.body, memory: tools.secondMemory)
        var reader = unsafe RequestReader(request.body, memory: tools.memory)
        let order = try decoder.read(&reader)
        try reader.end()
        var form = AnswerForm()
        form.outputs = order.outputs.isEmpty ? InferenceOutput.standard(of: group.served) : order.outputs
        if group.features.count > 1 {
            var allowance = RowAllowance(tools.limits)
            allowance.limitBytes(AnswerSize.ofTensors(form.outputs, group.served), tools.limits)
            guard group.features.count <= allowance.rows else { throw allowance.error("request") }
        }
        if let microseconds = order.timeoutMicroseconds {
            let (nanoseconds, overflow) = microseconds.multipliedReportingOverflow(by: 1000)
            form.timeout = overflow ? .max : nanoseconds
        }
        if let id = order.id {
            form.repeatsID = true
            unsafe group.ids.set(id.bytes, row: 0)
        } else {
            unsafe request.head.withID { unsafe group.ids.set($0, row: 0) }
        }
        return form
    }

    /// A tensor has no place for a row without a value.
    func failure(of prediction: Prediction) -> ScoringError? {
        prediction.groups[0].scores.failures.min { $0.row < $1.row }?.error
    }

    /// `position.part` is the next tensor; row and column are in it.
    func write(
        _ prediction: Prediction, _ form: AnswerForm, from position: inout AnswerPosition, into sink: inout ByteSink
    ) -> Bool {
        let group = prediction.groups[0]
        let encoder = RowEncoder(group, latency: prediction.nanoseconds)
        return unsafe group.ids.withID(row: 0) { id in
            unsafe encoder.writeInference(id: form.repeatsID ? id : nil, form.outputs, from: &position, into: &sink)
        }
    }
}

extension RowEncoder {
    /// Appends the answer to an Open Inference request from `position` on, until a piece is full; true if the answer is
    /// complete. What the specification has no place for stands in the response's own parameters, never in an output's: some
    /// clients take those for binary tensors.
    func writeInference(
        id: UnsafeBufferPointer<UInt8>?, _ outputs: [InferenceOutput], from position: inout AnswerPosition,
        into sink: inout ByteSink
    ) -> Bool {
        let full = sink.count + AnswerStream.pieceBytes
        if position == AnswerPosition() { unsafe writeStart(id: id, into: &sink) }
        while position.part < outputs.count {
            let output = outputs[position.part]
            if position.row == 0, position.column == 0 {
                if position.part > 0 { sink.append(",") }
                writeShape(of: output, into: &sink)
            }
            guard writeData(of: output, from: &position, until: full, into: &sink) else { return false }
            sink.append("]}")
            let next = position.part + 1
            position = AnswerPosition()
            position.part = next
        }
        sink.append("]}")
        return true
    }

    private func writeStart(id: UnsafeBufferPointer<UInt8>?, into sink: inout ByteSink) {
        sink.append(#"{"model_name":""#)
        // Other models that answered some of the rows are named in the parameters.
        let substitute = outcome.degradations.first { $0.rows == nil }?.answeredBy
        sink.append(text: substitute?.name ?? served.name.text)
        sink.append(#"","model_version":""#)
        sink.append(text: substitute?.version ?? served.versionText)
        sink.append("\"")
        if let id = unsafe id {
            sink.append(#","id":"#)
            unsafe sink.append(json: id)
        }
        if outcome.isCached || !outcome.degradations.isEmpty { writeParameters(into: &sink) }
        sink.append(#","outputs":["#)
    }

    private func writeParameters(into sink: inout ByteSink) {
        sink.append(#","parameters":{"cached":"#)
        sink.append(json: outcome.isCached)
        if let first = outcome.degradations.first {
            sink.append(#","degraded":true,"degraded_reason":"#)
            sink.append(json: first.reason.rawValue)
        }
        // The specification has no lists in parameters: texts take their place, in which names need no escapes.
        if outcome.degradations.contains(where: { $0.rows != nil }) {
            sink.append(#","degraded_rows":""#)
            for (position, row) in outcome.degradations.flatMap({ $0.rows ?? [] }).sorted().enumerated() {
                if position > 0 { sink.append(",") }
                sink.append(integer: row)
            }
            sink.append("\"")
            let models = outcome.degradations.compactMap(\.answeredBy)
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
        sink.append(integer: group.scores.count)
        if let width = output.width(in: served) {
            sink.append(",")
            sink.append(integer: width)
        }
        sink.append(#"],"data":["#)
    }

    /// False if the sink was full before the last value.
    private func writeData(
        of output: InferenceOutput, from position: inout AnswerPosition, until full: Int, into sink: inout ByteSink
    ) -> Bool {
        let columns = output.columns(in: served)
        let width = output == .decision ? 1 : columns.count
        guard width > 0 else { return true }
        let rows = group.scores.count
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
        if row < outcome.decisions.count, let decision = outcome.decisions[row] {
            sink.append(json: decision.rawValue)
        } else {
            sink.append("null")
        }
    }
}
