internal import Scoring
internal import TextFormats
internal import WireFormat

/// Rows as lines of numbers, scores as lines, as docs/extending.md describes it. A cell without a number is missing; a row that fails
/// makes the answer an error.
struct ToyCodec: PredictionCodec {
    var errorStyle: ErrorStyle { .predict }

    func read(_ request: WireRequest, into prediction: Prediction, _ tools: CodecTools) throws(ScoringError) -> AnswerForm {
        // Where an experiment divides a model's requests, this API has no key to choose by: the lot does.
        let place = prediction.group()
        let group = prediction.groups[place]
        let inputs = group.served.signature.inputs
        var lines = request.body[...]
        while !lines.isEmpty {
            let line = lines.prefix { $0 != UInt8(ascii: "\n") }
            lines = lines[line.endIndex...].dropFirst()
            guard group.features.count < tools.limits.maxRows else {
                throw .tooLarge(limit: "at most \(tools.limits.maxRows) rows in one request")
            }
            let cells = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            guard cells.count == inputs.count else {
                throw .invalidRequest("row \(group.features.count + 1) has \(cells.count) cells; the model takes \(inputs.count)")
            }
            let row = group.features.addRow()
            for (column, cell) in cells.enumerated() where !cell.isEmpty {
                guard let value = DecimalParser.double(UnsafeBufferPointer(rebasing: cell)) else {
                    throw .invalidFeature(name: inputs[column].name, reason: "expected a number")
                }
                try group.features.set(number: value, of: inputs[column], row: row, column: column)
            }
        }
        return AnswerForm()
    }

    func failure(of prediction: Prediction) -> ScoringError? {
        prediction.groups.lazy.flatMap { group in group.scores.failures.map(\.error) }.first { _ in true }
    }

    func write(
        _ prediction: Prediction, _ form: AnswerForm, from position: inout AnswerPosition, into sink: inout ByteSink
    ) -> Bool {
        let group = prediction.groups[0]
        let begin = sink.count
        while position.row < group.scores.count {
            guard sink.count - begin < AnswerStream.pieceBytes else { return false }
            let score = group.scores[position.row, group.served.score.lowerBound]
            if !score.isNaN { sink.append(double: score) }
            sink.append(UInt8(ascii: "\n"))
            position.row += 1
        }
        return true
    }
}
