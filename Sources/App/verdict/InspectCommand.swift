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

    func run() throws {
        do throws(ScoringError) {
            let inspection = try Inspection(ModelReference(model))
            print(json ? inspection.json : inspection.text, terminator: "")
        } catch {
            Console.complain("Error: \(model): \(error)")
            throw ExitCode(1)
        }
    }
}
