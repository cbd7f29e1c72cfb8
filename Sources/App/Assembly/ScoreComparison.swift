internal import Scoring
internal import TextFormats

/// How far the scores of two models of the same inputs lie apart on the rows of a CSV document.
struct ScoreComparison {
    private static let batchRows = 1024

    let rows: Int
    /// Over all scores of all rows.
    let largestChange: Double
    let meanChange: Double
    /// The area under the ROC curve; nil without labels.
    let auc: (before: Double, after: Double)?

    /// The document's header names the inputs. `label` names its column of outcomes: 0, 1, false or true.
    init(_ before: any ScoringModel, _ after: any ScoringModel, csv: [UInt8], label: String?) throws(ScoringError) {
        let sample = try Self.sample(csv, of: before, label: label)
        if let labels = sample.labels, !labels.isEmpty, !labels.contains(true) || !labels.contains(false) {
            throw .invalidRequest("an AUC needs rows of both outcomes")
        }
        let first = try Self.scores(of: before, sample.batches)
        let second = try Self.scores(of: after, sample.batches)
        guard !first.isEmpty, first.count == second.count else {
            throw .invalidRequest(
                first.isEmpty ? "the sample has no rows, or the model no score" : "the models differ in their outputs")
        }
        let changes = zip(first, second).map { abs($0 - $1) }
        guard changes.allSatisfy(\.isFinite) else {
            throw .invalidRequest("the model has no finite score for a row of the sample")
        }
        rows = sample.batches.reduce(0) { $0 + $1.count }
        largestChange = changes.max() ?? 0
        meanChange = changes.reduce(0, +) / Double(changes.count)
        if let labels = sample.labels {
            guard first.count == labels.count else { throw .invalidRequest("an AUC needs a model with one score a row") }
            auc = (Self.auc(first, labels), Self.auc(second, labels))
        } else {
            auc = nil
        }
    }

    private static func sample(_ csv: [UInt8], of model: any ScoringModel, label: String?) throws(ScoringError)
        -> (batches: [FeatureBatch], labels: [Bool]?)
    {
        let outcome = csv.withUnsafeBufferPointer {
            bytes -> Result<(batches: [FeatureBatch], labels: [Bool]?), CSVReader.Failure> in
            Result { () throws(CSVReader.Failure) in try read(bytes, of: model, label: label) }
        }
        do throws(CSVReader.Failure) {
            return try outcome.get()
        } catch {
            throw .invalidRequest(error.description)
        }
    }

    private static func read(_ bytes: UnsafeBufferPointer<UInt8>, of model: any ScoringModel, label: String?)
        throws(CSVReader.Failure) -> (batches: [FeatureBatch], labels: [Bool]?)
    {
        if let refusal = TableText.refusal(of: bytes) { throw CSVReader.Failure(line: 1, reason: refusal) }
        var reader = CSVReader(bytes)
        guard try reader.nextRow() else { throw CSVReader.Failure(line: 1, reason: "the sample is empty") }
        let table = try FeatureTable(header: reader, inputs: model.signature.inputs)
        try OfflineScoring.refuseSlips(in: table)
        let labelColumn = table.others.first { $0.name == label }?.column
        if let label, labelColumn == nil {
            throw CSVReader.Failure(line: 1, reason: "the sample has no column '\(label)' beside the model's inputs")
        }
        // A row's company changes the scores of some models; those are called with one row, as a server calls them.
        let most = model.calls.mayShareCalls ? min(batchRows, model.calls.maxRows ?? batchRows) : 1
        var batches: [FeatureBatch] = []
        var labels: [Bool] = []
        while try reader.nextRow() {
            if batches.last.map({ $0.count >= most }) ?? true {
                batches.append(FeatureBatch())
                batches[batches.count - 1].reset(width: model.signature.inputs.count)
            }
            try table.addRow(of: reader, to: batches[batches.count - 1])
            if let labelColumn { labels.append(try outcome(reader[labelColumn], line: reader.line)) }
        }
        return (batches, labelColumn == nil ? nil : labels)
    }

    private static func outcome(_ cell: String, line: Int) throws(CSVReader.Failure) -> Bool {
        switch cell {
        case "1", "1.0", "true", "True": return true
        case "0", "0.0", "false", "False": return false
        default: throw CSVReader.Failure(line: line, reason: "a label is 0, 1, false or true")
        }
    }

    private static func scores(of model: any ScoringModel, _ batches: [FeatureBatch]) throws(ScoringError) -> [Double] {
        let scores = ScoreBatch()
        let workspace = Workspace()
        var all: [Double] = []
        for batch in batches {
            let step = model.calls.mayShareCalls ? batch.count : 1
            for start in stride(from: 0, to: batch.count, by: step) {
                try model.score(
                    step == batch.count ? batch : single(start, of: batch, model.signature.inputs), into: scores,
                    ScoreCall(deadline: nil, workspace: workspace)
                )
                if let failure = scores.failures.first { throw failure.error }
                for row in 0..<scores.count { all += model.signature.roles.score.map { scores[row, $0] } }
            }
        }
        return all
    }

    private static func single(_ row: Int, of batch: FeatureBatch, _ inputs: [Field]) -> FeatureBatch {
        let one = FeatureBatch()
        one.reset(width: batch.width)
        one.addRow()
        for (column, input) in inputs.enumerated() {
            if input.kind == .text, let text = batch.text(row: row, column: column) {
                one.setText(text, row: 0, column: column)
            } else if input.integers.areWide, let bits = batch.wideInteger(row: row, column: column) {
                one.setInteger(bits, row: 0, column: column)
            } else {
                one.set(batch[row, column], row: 0, column: column)
            }
        }
        return one
    }

    /// The share of pairs of one outcome each whose scores are in the right order, ties counting half. O(n log n).
    static func auc(_ scores: [Double], _ labels: [Bool]) -> Double {
        let order = scores.indices.sorted { scores[$0] < scores[$1] }
        var (rankSum, positives, start) = (0.0, 0, 0)
        while start < order.count {
            var end = start
            while end < order.count, scores[order[end]] == scores[order[start]] { end += 1 }
            let rank = Double(start + end + 1) / 2
            for place in order[start..<end] where labels[place] {
                rankSum += rank
                positives += 1
            }
            start = end
        }
        let negatives = scores.count - positives
        return (rankSum - Double(positives) * Double(positives + 1) / 2) / (Double(positives) * Double(negatives))
    }
}
