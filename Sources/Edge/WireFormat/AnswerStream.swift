internal import Scoring
package import TextFormats

/// A large answer that is written in pieces, as fast as its client takes them. Until a piece is due its rows are kept as
/// scores, 8 bytes a number, and not as text. The first piece is written where the stream is made.
///
/// Belongs to the driver's thread. Nothing can fail any more: the scores have been checked.
package final class AnswerStream {
    /// Bytes of text that make a piece full. A piece is larger by one row at most.
    package static let pieceBytes = 64 << 10

    private let codec: any PredictionCodec
    private let prediction: Prediction
    private let form: AnswerForm
    private var position: AnswerPosition
    /// Memory that the answer takes until it is written, nearly.
    package let heldBytes: Int

    init(_ codec: any PredictionCodec, _ prediction: Prediction, _ form: AnswerForm, at position: AnswerPosition) {
        self.codec = codec
        self.prediction = prediction
        self.form = form
        self.position = position
        heldBytes = prediction.heldBytes
    }

    /// Appends the next piece; true if it was the last one.
    package func writePiece(into response: inout ByteSink) -> Bool {
        codec.write(prediction, form, from: &position, into: &response)
    }

    /// Goes back to the answer's beginning, for one who has only counted so far. The bytes are the same each time.
    package func rewind() { position = AnswerPosition() }
}
