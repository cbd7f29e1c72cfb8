internal import ArgumentParser
internal import Assembly
internal import Scoring
internal import StrictYAML
internal import TextFormats

/// `verdict score MODEL --input rows.csv`: scores a file offline.
struct ScoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score",
        abstract: "Score the rows of a CSV file with exactly the server's code.",
        discussion: """
            The first line of the input names the model's inputs; empty cells, NA, None and the like are missing. The \
            result has a line for each row: the columns of --keep, prediction, label and probability(<class>) where the \
            model has them, the outputs that the file names, then the decision where model.yaml has a policy. Numbers read back to the same \
            double. Rows that could not be scored have empty cells; the exit status is then 1.
            """)

    @Argument(help: "A model file, or a model's or version's folder in a repository.")
    var model: String

    @Option(help: ArgumentHelp("The rows; - for standard input.", valueName: "file"))
    var input: String

    @Option(help: ArgumentHelp("Where to write the scores; - for standard output.", valueName: "file"))
    var output = "-"

    @Flag(help: "Write the margins before the link function as well: raw or raw(<class>).")
    var raw = false

    @Option(
        help: ArgumentHelp(
            "What separates cells: comma, semicolon, tab or pipe. Default: what the first line shows.", valueName: "character"))
    var sep: String?

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A further word for missing values; can be given several times.", valueName: "word"))
    var na: [String] = []

    @Option(
        help: ArgumentHelp("Columns of the input to begin each row of the result with: id,day.", valueName: "columns"))
    var keep: [String] = []

    func validate() throws {
        if areSameFile(input, output) { throw ValidationError("--output is the file of --input; name another one") }
        guard sep == nil || separator != nil else {
            throw ValidationError("--sep takes comma, semicolon, tab or pipe, or the character itself")
        }
    }

    private var separator: UInt8? {
        switch sep {
        case ",", "comma": UInt8(ascii: ",")
        case ";", "semicolon": UInt8(ascii: ";")
        case "\t", "\\t", "tab": UInt8(ascii: "\t")
        case "|", "pipe": UInt8(ascii: "|")
        default: nil
        }
    }

    /// Names the model in an error about it: the input may be what is wrong as well.
    private static func explained<Result>(
        _ model: String, _ body: () throws(ScoringError) -> Result
    ) throws(ScoringError) -> Result {
        do throws(ScoringError) {
            return try body()
        } catch {
            throw .refusedModel("\(model): \(error)")
        }
    }

    func run() throws {
        do throws(ScoringError) {
            let reference = try ModelReference(model)
            let opened = try Self.explained(model) { () throws(ScoringError) in try reference.open() }
            var options = TableOptions()
            options.separator = separator
            options.missing = MissingWords(adding: na)
            options.keep = keep
            options.withRaw = raw
            let scoring = try OfflineScoring(
                opened.model, answers: try reference.answers(for: opened.model.signature), options: options)
            var result = CSVWriter()
            let report = try scoring.run(try readFile(input, atMost: 4 << 30), into: &result)
            try writeFile(output, result.sink.bytes)
            let absent = report.absentInputs
            if !absent.isEmpty {
                Console.complain("Note: inputs without a column, missing in every row: \(listed(absent))")
            }
            if report.failureCount == 0 { return }
            for failure in report.failures { Console.complain("row \(failure.row) (line \(failure.line)): \(failure.reason)") }
            let more = report.failureCount - report.failures.count
            if more > 0 { Console.complain("... and \(more) more rows") }
            Console.complain("\(report.failureCount) of \(report.rows) rows could not be scored")
        } catch {
            Console.complain("Error: \(error)")
        }
        throw ExitCode(1)
    }
}
