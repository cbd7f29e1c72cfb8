package import Scoring
package import TextFormats

/// A wire API for predictions: how the rows of a request are read, and how their results are written. Knows nothing of HTTP and keeps
/// nothing of a request; what it finds lies in the `Prediction`. See docs/extending.md.
package protocol PredictionCodec: Sendable {
    /// In which words the API tells errors.
    var errorStyle: ErrorStyle { get }

    /// Reads the rows of a request into the groups of `prediction`, choosing each row's version by its key where `prediction.isDivided`.
    /// - Returns: What the answer needs to know of the request beside its rows.
    func read(_ request: WireRequest, into prediction: Prediction, _ tools: CodecTools) throws(ScoringError) -> AnswerForm

    /// The error that the whole answer is, though some of its rows may have scores; nil where rows can fail singly.
    func failure(of prediction: Prediction) -> ScoringError?

    /// Appends the answer from `position` on, until a piece of `AnswerStream.pieceBytes` is full; true if the answer is complete. The same
    /// bytes each time. Nothing can fail any more.
    func write(
        _ prediction: Prediction, _ form: AnswerForm, from position: inout AnswerPosition, into sink: inout ByteSink
    ) -> Bool

    /// Calls `body` with the identifier by which errors name the request.
    /// - Parameters:
    ///   - prediction: Its first group may hold the identifier.
    ///   - requestBody: nil if nobody has looked into it.
    func withErrorID<Result>(
        of prediction: Prediction, _ request: RequestHead, requestBody: UnsafeBufferPointer<UInt8>?, _ tools: CodecTools,
        _ body: (UnsafeBufferPointer<UInt8>?) -> Result
    ) -> Result
}

extension PredictionCodec {
    package func withErrorID<Result>(
        of prediction: Prediction, _ request: RequestHead, requestBody: UnsafeBufferPointer<UInt8>?, _ tools: CodecTools,
        _ body: (UnsafeBufferPointer<UInt8>?) -> Result
    ) -> Result { unsafe request.withID(body) }
}

/// What of a request its answer repeats or follows.
package struct AnswerForm: Sendable {
    /// The tensors that are asked for, where the API has tensors.
    package var outputs: [InferenceOutput] = []
    /// Whether the identifier of the first row is the request's own.
    package var repeatsID = false
    /// When the request is late by its body, in nanoseconds after its arrival.
    package var timeout: UInt64?

    package init() {}
}

/// How far an answer is written; what each member counts is the codec's business.
package struct AnswerPosition: Equatable, Sendable {
    package var part = 0
    package var row = 0
    package var column = 0
    /// Results so far that are errors.
    package var failed = 0

    package init() {}
}

/// What codecs read with: limits, and memory that is used again. Belongs to a driver's thread.
package final class CodecTools {
    package let limits: WireLimits
    let memory = JSONMemory()
    /// For parts that are read while another reader is open.
    let secondMemory = JSONMemory()

    package init(limits: WireLimits = WireLimits()) { self.limits = limits }
}
