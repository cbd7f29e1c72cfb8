internal import Scoring
internal import TextFormats

/// `POST /predict`: one row of JSON, `{"features": ..., "request_id": ..., "context": ...}`.
struct RowCodec: PredictionCodec {
    var errorStyle: ErrorStyle { .predict }

    func read(_ request: WireRequest, into prediction: Prediction, _ tools: CodecTools) throws(ScoringError) -> AnswerForm {
        var place = 0
        if prediction.isDivided {
            var reader = RequestReader(request.body, memory: tools.memory)
            place = try prediction.group(of: request.body) { key throws(ScoringError) in try key.find(inRow: &reader) }
        } else {
            place = prediction.group()
        }
        let group = prediction.groups[place]
        let decoder = RowDecoder(group.served, group.features)
        var reader = RequestReader(request.body, memory: tools.memory)
        let requestID = try decoder.readRow(&reader)
        try reader.end()
        if let requestID {
            group.ids.set(requestID.bytes, row: 0)
        } else {
            request.head.withID { group.ids.set($0, row: 0) }
        }
        return AnswerForm()
    }

    func failure(of prediction: Prediction) -> ScoringError? { prediction.groups[0].scores.failure(row: 0) }

    func write(
        _ prediction: Prediction, _ form: AnswerForm, from position: inout AnswerPosition, into sink: inout ByteSink
    ) -> Bool {
        let group = prediction.groups[0]
        let encoder = RowEncoder(group, latency: prediction.nanoseconds)
        group.ids.withID(row: 0) { encoder.write(row: 0, requestID: $0, into: &sink) }
        return true
    }

    /// The `request_id` of the body, if there is one before the place where it stops being JSON.
    func withErrorID<Result>(
        of prediction: Prediction, _ request: RequestHead, requestBody: UnsafeBufferPointer<UInt8>?, _ tools: CodecTools,
        _ body: (UnsafeBufferPointer<UInt8>?) -> Result
    ) -> Result {
        if let requestBody {
            var reader = RequestReader(requestBody, memory: tools.memory)
            var found: JSONString?
            try? RowDecoder.salvageRequestID(&reader, into: &found)
            if let found { return body(found.bytes) }
        } else if let group = prediction.groups.first {
            return group.ids.withID(row: 0, body)
        }
        return request.withID(body)
    }
}
