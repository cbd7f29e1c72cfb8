internal import Scoring
package import TextFormats

/// A large answer that is written in pieces, as fast as its client takes them. Until a piece is due its rows are kept as
/// scores, 8 bytes a number, and not as text. The first piece is written where the stream is made.
///
/// Belongs to the desk's thread. Nothing can fail any more: the scores have been checked.
package final class AnswerStream {
    /// Bytes of text that make a piece full. A piece is larger by one row at most.
    package static let pieceBytes = 64 << 10

    private enum Content {
        case batch(BatchEncoder, BatchEntries, BatchPosition)
        case inference(AnswerEncoder, id: [UInt8]?, outputs: [InferenceOutput], InferencePosition)
    }

    private var content: Content
    /// Memory that the answer takes until it is written, nearly.
    package let heldBytes: Int

    init(_ batch: BatchEncoder, _ entries: BatchEntries, _ position: BatchPosition) {
        content = .batch(batch, entries, position)
        heldBytes = batch.heldBytes + entries.heldBytes
    }

    init(_ encoder: AnswerEncoder, id: [UInt8]?, outputs: [InferenceOutput], _ position: InferencePosition) {
        content = .inference(encoder, id: id, outputs: outputs, position)
        heldBytes = encoder.exchange.heldBytes
    }

    /// Appends the next piece; true if it was the last one.
    package func writePiece(into response: inout ByteSink) -> Bool {
        switch content {
        case .batch(let batch, let entries, var position):
            let isComplete = batch.writePiece(from: &position, entries, into: &response)
            content = .batch(batch, entries, position)
            return isComplete
        case .inference(let encoder, let id, let outputs, var position):
            let isComplete = id.withBytes { id in
                encoder.writeInference(id: id, outputs, from: &position, into: &response)
            }
            content = .inference(encoder, id: id, outputs: outputs, position)
            return isComplete
        }
    }

    /// Goes back to the answer's beginning, for one who has only counted so far. The bytes are the same each time.
    package func rewind() {
        switch content {
        case .batch(let batch, let entries, _): content = .batch(batch, entries, BatchPosition())
        case .inference(let encoder, let id, let outputs, _):
            content = .inference(encoder, id: id, outputs: outputs, InferencePosition())
        }
    }
}

extension PredictionExchange {
    /// Moves the results to an exchange of their own, so that this one can be used again while they are written.
    func takeResults() -> PredictionExchange {
        let taken = PredictionExchange()
        taken.scores.swapContents(with: scores)
        swap(&taken.decisions, &decisions)
        taken.isCached = isCached
        swap(&taken.degradations, &degradations)
        return taken
    }

    /// Memory that the results take, nearly.
    var heldBytes: Int {
        let text = 48
        let failure = 128
        return scores.count * scores.width * MemoryLayout<Double>.stride + scores.texts.count * text
            + scores.failures.count * failure + decisions.count
    }
}

extension Optional<[UInt8]> {
    func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>?) -> Result) -> Result {
        guard let self else { return body(nil) }
        return self.withUnsafeBufferPointer { body($0) }
    }
}
