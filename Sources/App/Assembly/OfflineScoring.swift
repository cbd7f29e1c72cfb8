package import Scoring
internal import StrictYAML
package import TextFormats

/// How the rows of a table are read and what of them goes into the result.
package struct TableOptions: Sendable {
    /// What ends a cell; nil for the comma, semicolon or tab that the first line shows.
    package var separator: UInt8?
    /// Words for missing values beside the usual ones.
    package var missing = MissingWords.standard
    /// Columns of the table that begin each row of the result: one name, or several with commas between them.
    package var keep: [String] = []
    /// Whether the margins before the link function are written as well.
    package var withRaw = false

    package init() {}
}

/// Scores the rows of a CSV file with exactly the code that the server scores with.
package struct OfflineScoring {
    /// A row that could not be read or scored; its cells are empty in the result.
    package struct Failure: Sendable {
        /// Counted from 1, without the header.
        package let row: Int
        /// The file's line in which the row starts.
        package let line: Int
        package let reason: String
    }

    /// What came of a file, beside the result's cells.
    package struct Report: Sendable {
        package var rows = 0
        /// In the order of the rows; the first ones where there are very many.
        package var failures: [Failure] = []
        package var failureCount = 0
        /// Inputs that the file has no column for; they were missing in every row.
        package var absentInputs: [String] = []

        mutating func add(_ failure: Failure) {
            failureCount += 1
            if failures.count < OfflineScoring.shownFailures { failures.append(failure) }
        }
    }

    /// A row between its reading and its writing.
    private struct Row {
        let line: Int
        var kept: [String]
        /// Why it could not be read; it has no place in the batch then.
        let problem: String?
    }

    private static let shownFailures = 20
    private static let batchRows = 4096
    /// The file is one request where a row's scores depend on its company.
    private var rowsPerCall: Int { model.calls.keepsRowsApart ? min(Self.batchRows, model.calls.maxRows ?? .max) : .max }
    private let model: any ScoringModel
    private let options: TableOptions
    /// The result's columns: their names and the model's outputs that fill them.
    private let columns: [(name: String, output: Int)]
    private let rule: (any DecisionRule)?
    private let score: Range<Int>

    package init(
        _ model: any ScoringModel, answers: AnswerRules = AnswerRules(), options: TableOptions = TableOptions()
    ) throws(ScoringError) {
        let roles = model.signature.roles
        if options.withRaw && roles.raw.isEmpty {
            throw .invalidRequest("this model has no margins; leave --raw out")
        }
        self.model = model
        self.options = options
        rule = answers.rule
        score = answers.score ?? roles.score
        columns = AnswerColumns(of: model.signature, score: answers.score, withRaw: options.withRaw).all
    }

    /// Scores every row of `csv`, whose header names the inputs. Other columns are ignored, absent inputs are missing.
    /// Appends the result's CSV to `result`.
    /// Throws `.invalidRequest` with the line where rows cannot be told apart, and where no column is an input.
    package func run(_ csv: [UInt8], into result: inout CSVWriter) throws(ScoringError) -> Report {
        let outcome = csv.withUnsafeBufferPointer { bytes -> Result<Report, ScoringError> in
            Result { () throws(ScoringError) in try score(bytes, into: &result) }
        }
        return try outcome.get()
    }

    private func score(_ bytes: UnsafeBufferPointer<UInt8>, into result: inout CSVWriter) throws(ScoringError) -> Report {
        if let refusal = TableText.refusal(of: bytes) { throw .invalidRequest(refusal) }
        var report = Report()
        do throws(CSVReader.Failure) {
            var reader = CSVReader(bytes, separator: options.separator)
            guard try reader.nextRow() else {
                throw CSVReader.Failure(line: 1, reason: "the file is empty; its first line names the inputs")
            }
            let table = try FeatureTable(header: reader, inputs: model.signature.inputs, missing: options.missing)
            let kept = try keptColumns(of: table)
            try Self.refuseSlips(in: table, except: Set(kept))
            try refuseStrangers(table)
            report.absentInputs = table.absentInputs
            for column in kept { result.cell(table.header[column]) }
            for column in columns { result.cell(column.name) }
            if rule != nil { result.cell("decision") }
            result.endRow()
            let (features, scores, workspace) = (FeatureBatch(), ScoreBatch(), Workspace())
            var hasMore = true
            while hasMore {
                features.reset(width: model.signature.inputs.count)
                var rows: [Row] = []
                while rows.count < rowsPerCall {
                    guard let row = try nextRow(of: &reader, table, kept, into: features) else {
                        hasMore = false
                        break
                    }
                    rows.append(row)
                }
                var problem: String?
                if features.count > 0 {
                    do throws(ScoringError) {
                        try model.score(features, into: scores, ScoreCall(deadline: nil, workspace: workspace))
                    } catch {
                        problem = error.description
                    }
                }
                write(rows, scores, problem, into: &result, &report)
            }
        } catch {
            throw .invalidRequest(error.description)
        }
        return report
    }

    /// Reads one row; nil at the document's end. Throws where the rows behind it cannot be told from it.
    private func nextRow(
        of reader: inout CSVReader, _ table: FeatureTable, _ kept: [Int], into features: FeatureBatch
    ) throws(CSVReader.Failure) -> Row? {
        do throws(CSVReader.Failure) {
            guard try reader.nextRow() else { return nil }
        } catch {
            guard reader.canGoOn else { throw error }
            return Row(line: reader.line, kept: kept.map { _ in "" }, problem: error.reason)
        }
        let cells = kept.map { $0 < reader.count ? reader[$0] : "" }
        do throws(CSVReader.Failure) {
            try table.addRow(of: reader, to: features)
            return Row(line: reader.line, kept: cells, problem: nil)
        } catch {
            return Row(line: reader.line, kept: cells, problem: error.reason)
        }
    }

    /// - Parameter problem: Why the rows that were read could not be scored as a whole.
    private func write(
        _ rows: [Row], _ scores: ScoreBatch, _ problem: String?, into result: inout CSVWriter, _ report: inout Report
    ) {
        var place = 0
        for row in rows {
            report.rows += 1
            for cell in row.kept { result.cell(cell) }
            var reason = row.problem
            if row.problem == nil {
                reason = problem ?? scores.failure(row: place)?.description
                if reason == nil { write(place, of: scores, into: &result) }
                place += 1
            }
            if let reason {
                // The cells of a row that failed may hold what was computed before it failed.
                for _ in columns { result.emptyCell() }
                if rule != nil { result.emptyCell() }
                report.add(Failure(row: report.rows, line: row.line, reason: reason))
            }
            result.endRow()
        }
    }

    private func keptColumns(of table: FeatureTable) throws(CSVReader.Failure) -> [Int] {
        var kept: [Int] = []
        for text in options.keep {
            let names = table.header.firstIndex(ofExactly: text) != nil ? [text] : text.split(separator: ",").map(String.init)
            for name in names {
                guard let column = table.header.firstIndex(ofExactly: name) else {
                    let hint = NearestName.to(name, among: table.header).map { "did you mean \(quoted($0))?" }
                    throw CSVReader.Failure(
                        line: 1,
                        reason: "the file has no column \(quoted(name)) to keep; " + (hint ?? "it has \(list(table.header))"))
                }
                guard !columns.contains(where: { $0.name.isExactly(name) }), rule == nil || name != "decision" else {
                    throw CSVReader.Failure(
                        line: 1, reason: "column \(quoted(name)) cannot be kept: the result has one of that name")
                }
                if !kept.contains(column) { kept.append(column) }
            }
        }
        return kept
    }

    /// A table without any of the model's inputs would be scored as if every value were missing.
    private func refuseStrangers(_ table: FeatureTable) throws(CSVReader.Failure) {
        let inputs = model.signature.inputs
        guard !inputs.isEmpty, table.absentInputs.count == inputs.count else { return }
        throw CSVReader.Failure(
            line: 1,
            reason: "no column of the file is an input of the model; its columns are \(list(table.header)), "
                + "the model's inputs are \(list(inputs.map(\.name)))\(Self.hint(on: table.header))")
    }

    /// Another separator, where the one column's name holds it.
    private static func hint(on header: [String]) -> String {
        header.count == 1 && header[0].utf8.contains(UInt8(ascii: "|")) ? "; give the separator with --sep pipe" : ""
    }

    private func list(_ names: [String]) -> String { listed(names.map { quoted($0) }, atMost: 10) }

    /// A column that is no input is passed over, as labels and identifiers are; but one that looks like a slip of an
    /// input that is absent is refused, or every row would be scored without it.
    ///
    /// - Parameter kept: Columns of which the caller has said what they are for.
    static func refuseSlips(in table: FeatureTable, except kept: Set<Int> = []) throws(CSVReader.Failure) {
        for column in table.others where !kept.contains(column.column) {
            guard let meant = NearestName.to(column.name, among: table.absentInputs) else { continue }
            throw CSVReader.Failure(
                line: 1, reason: "column \(quoted(column.name)) is no input of the model; did you mean '\(meant)'?")
        }
    }

    private func write(_ row: Int, of scores: ScoreBatch, into result: inout CSVWriter) {
        for (_, column) in columns {
            let value = scores[row, column]
            switch model.signature.outputs[column].kind {
            case _ where value.isNaN: result.emptyCell()
            case .number: result.cell(value)
            case .integer:
                let output = model.signature.outputs[column]
                if let remainder = output.remainder {
                    result.cell(output.whole(value, remainder: scores[row, remainder])?.text ?? "")
                } else if let whole = Int(exactly: value) {
                    result.cell(whole)
                } else {
                    result.cell(value)
                }
            case .boolean: result.cell(value == 0 ? "false" : "true")
            case .category(let labels): result.cell(labels[Int(value)])
            case .text: result.cell(scores.text(row: row, column: column) ?? "")
            }
        }
        guard let rule else { return }
        let decision = score.count == 1 ? rule.decision(for: scores[row, score.lowerBound]) : nil
        if let decision { result.cell(decision.rawValue) } else { result.emptyCell() }
    }
}
