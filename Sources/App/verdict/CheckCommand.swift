internal import ArgumentParser
internal import Assembly
internal import Scoring

/// `verdict check REPOSITORY`: tries everything a repository holds without serving it.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Load everything in a model repository and run its golden files.",
        discussion: "The exit status is 1 if a version is refused.")

    @Argument(help: "The model repository's folder.")
    var repository: String

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        do throws(ScoringError) {
            let report = try RepositoryReport(checking: repository) { model, version, share in
                Console.progress("\(Int(share * 100))%  \(model)/\(version)")
            }
            Console.progress("")
            print(json ? report.json : report.text, terminator: "")
            if report.isClean { return }
        } catch {
            Console.progress("")
            Console.complain("Error: \(error)")
        }
        throw ExitCode(1)
    }
}
