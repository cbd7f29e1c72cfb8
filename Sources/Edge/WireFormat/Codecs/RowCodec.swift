internal import Scoring
internal import TextFormats

/// `POST /predict`: one row of JSON, `{"features": ..., "request_id": ..., "context": ...}`.
struct RowCodec: PredictionCodec {
    var errorStyle: ErrorStyle { .predict }

    func read(_ request: WireRequest, into prediction: Prediction, _ tools: CodecTools) throws(ScoringError) -> AnswerForm {
        var place = 0
        if prediction.isDivided {
            var reader = unsafe RequestReader(request.body, memory: tools.memory)
            place = unsafe try prediction.group(of: request.body) { key throws(ScoringError) in try key.find(inRow: &reader) }
        } else {
            place = unsafe prediction.group()
        }
        let group = prediction.groups[place]
        let decoder = RowDecoder(group.served, group.features)
        var reader = unsafe RequestReader(request.body, memory: tools.memory)
        let requestID = try decoder.readRow(&reader)
        try reader.end()
        if let requestID {
            unsafe group.ids.set(requestID.bytes, row: 0)
        } else {
            unsafe request.head.withID { unsafe group.ids.set($0, row: 0) }
        }
        return AnswerForm()
    }

    func failure(of prediction: Prediction) -> ScoringError? { prediction.groups[0].scores.failure(row: 0) }

    func write(
        _ prediction: Prediction, _ form: AnswerForm, from position: inout AnswerPosition, into sink: inout ByteSink
    ) -> Bool {
        let group = prediction.groups[0]
        let encoder = RowEncoder(group, latency: prediction.nanoseconds)
        unsafe group.ids.withID(row: 0) { unsafe encoder.write(row: 0, requestID: $0, into: &sink) }
        return true
    }

    /// The `request_id` of the body, if there is one before the place where it stops being JSON.
    func withErrorID<Result>(
        of prediction: Prediction, _ request: RequestHead, requestBody: UnsafeBufferPointer<UInt8>?, _ tools: CodecTools,
        _ body: (UnsafeBufferPointer<UInt8>?) -> Result
    ) -> Result {
        if let requestBody = unsafe requestBody {
            var reader = unsafe RequestReader(requestBody, memory: tools.memory)
            var found: JSONString?
            try? RowDecoder.salvageRequestID(&reader, into: &found)
            if let found { return unsafe body(found.bytes) }
        } else if let group = prediction.groups.first {
            return unsafe group.ids.withID(row: 0, body)
        }
        return unsafe request.withID(body)
    }
}
