internal import NIOCore
internal import Scoring
internal import TextFormats
internal import WireFormat

/// An answer that is on its way in pieces; see `AnswerStream`.
struct LongAnswer {
    /// How the client finds its end.
    enum Framing {
        /// Chunks (RFC 9112 section 7.1).
        case chunks
        /// Its length, which is counted first: HTTP/1.0 knows no chunks, and an answer that only ends with its connection
        /// cannot be told from one that was cut off.
        case counting
        case length
    }

    let stream: AnswerStream
    let classification: RequestClassification
    let isLast: Bool
    let arrival: Moment
    var framing: Framing
    /// Bytes of the body so far: counted, or sent.
    var bodyBytes = 0
}

extension FastLane {
    /// Bytes of pieces after which other connections have their turn.
    static let pieceBytesPerTurn = 256 << 10
    /// Bytes of pieces that lie encoded in front of a client: one of them, a large row, and what was there before.
    private static let maxTextBytes = 256 << 10

    /// Sends the first piece of an answer, which lies in the sink, and the others as the client takes them.
    func begin(_ stream: AnswerStream, to classification: RequestClassification, isLast: Bool, since arrival: Moment) {
        // Nothing of it is out yet: better an error now than an answer that ends in the middle.
        guard reserve(stream.heldBytes + Self.maxTextBytes) else {
            return refuse(.tooManyUnreadAnswers, classification, isLast: isLast)
        }
        plan.answerPends()
        var answer = LongAnswer(
            stream: stream, classification: classification, isLast: isLast, arrival: arrival,
            framing: classification.isVersion10 ? .counting : .chunks)
        take(&answer, isComplete: false)
        long = answer
    }

    /// Goes on with the answer that is on its way.
    func continueLongAnswer() {
        guard var answer = long else { return }
        state.sink.removeAll()
        let isComplete = answer.stream.writePiece(into: &state.sink)
        let isSent = isComplete && answer.framing != .counting
        take(&answer, isComplete: isComplete)
        guard isSent else { return long = answer }
        long = nil
        log(answer.classification, status: 200, bytes: answer.bodyBytes, since: answer.arrival)
        plan.answered()
    }

    /// Counts or sends the piece in the sink.
    private func take(_ answer: inout LongAnswer, isComplete: Bool) {
        let bytes = unsafe UnsafeRawBufferPointer(state.sink.bytes)
        pieceBytesThisTurn += bytes.count
        switch answer.framing {
        case .chunks:
            if answer.bodyBytes == 0 { writeHead(of: answer, bodyBytes: nil) }
            answer.bodyBytes += bytes.count
            unsafe output.writeChunk(bytes)
            if isComplete { output.writeStaticString("0\r\n\r\n") }
        case .counting:
            answer.bodyBytes += bytes.count
            guard isComplete else { return }
            writeHead(of: answer, bodyBytes: answer.bodyBytes)
            answer.stream.rewind()
            answer.bodyBytes = 0
            answer.framing = .length
        case .length:
            answer.bodyBytes += bytes.count
            unsafe output.writeBytes(bytes)
        }
    }

    private func writeHead(of answer: LongAnswer, bodyBytes: Int?) {
        var head = AnswerHead(status: 200, bodyBytes: bodyBytes, isLast: answer.isLast)
        head.confirmsKeepAlive = answer.classification.isVersion10
        head.requestID = answer.classification.requestID
        state.date.refresh()
        head.write(into: &output, date: state.date)
    }
}

extension ByteBuffer {
    /// Appends a chunk of a body in HTTP's chunked coding. An empty one would end the body, so it is left out.
    mutating func writeChunk(_ bytes: UnsafeRawBufferPointer) {
        guard unsafe !bytes.isEmpty else { return }
        writeString(String(bytes.count, radix: 16))
        writeStaticString("\r\n")
        unsafe writeBytes(bytes)
        writeStaticString("\r\n")
    }
}
