internal import ArgumentParser
internal import Assembly
internal import Scoring

/// `verdict inspect MODEL`: shows what a model is.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show a model's format, inputs, outputs, size and engine.")

    @Argument(help: "A model file, or a model's or version's folder in a repository.")
    var model: String

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "Print the body of a request that the model takes: a row of its golden.csv, or made-up values.")
    var request = false

    func validate() throws {
        if json, request { throw ValidationError("--json and --request exclude each other") }
    }

    func run() throws {
        do throws(ScoringError) {
            if request { return print(try ExampleRequest(ModelReference(model)).json) }
            let inspection = try Inspection(ModelReference(model))
            print(json ? inspection.json : inspection.text, terminator: "")
        } catch {
            Console.complain("Error: \(model): \(error)")
            throw ExitCode(1)
        }
    }
}
