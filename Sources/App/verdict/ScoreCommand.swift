internal import ArgumentParser
internal import Assembly
internal import Scoring
internal import TextFormats

/// `verdict score MODEL --input rows.csv`: scores a file offline.
struct ScoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score",
        abstract: "Score the rows of a CSV file with exactly the server's code.",
        discussion: """
            The first line of the input names the model's inputs; empty cells are missing. The result has a line for \
            each row: the model's own output fields, or prediction and probability(<class>). Numbers read back to \
            the same double. The exit status is 1 if a row could not be scored.
            """)

    @Argument(help: "A model file, or a model's or version's folder in a repository.")
    var model: String

    @Option(help: ArgumentHelp("The rows; - for standard input.", valueName: "file"))
    var input: String

    @Option(help: ArgumentHelp("Where to write the scores; - for standard output.", valueName: "file"))
    var output = "-"

    @Flag(help: "Write the margins before the link function as well: raw or raw(<class>).")
    var raw = false

    func run() throws {
        do throws(ScoringError) {
            let opened = try ModelReference(model).open()
            let scoring = try OfflineScoring(opened.model, withRaw: raw)
            var result = CSVWriter()
            let report = try scoring.run(try readFile(input, atMost: 4 << 30), into: &result)
            try writeFile(output, result.sink.bytes)
            let (failures, absent) = (report.failures, report.absentInputs)
            if !absent.isEmpty {
                let more = absent.count > 20 ? " and \(absent.count - 20) more" : ""
                let names = absent.prefix(20).joined(separator: ", ") + more
                Console.complain("Note: inputs without a column, missing in every row: \(names)")
            }
            for failure in failures.prefix(20) { Console.complain("row \(failure.row): \(failure.error)") }
            if failures.count > 20 { Console.complain("... and \(failures.count - 20) more rows") }
            if failures.isEmpty { return }
        } catch {
            Console.complain("Error: \(error)")
        }
        throw ExitCode(1)
    }
}
