internal import ArgumentParser
internal import Glibc
internal import StrictYAML

/// The command line. Exit status: 0, 1 (the answer is no), 2 (used wrongly).
@main
struct Verdict: AsyncParsableCommand {
    static let release = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "verdict",
        abstract: "An online model server for risk control.",
        discussion: "Serves XGBoost, LightGBM, PMML and ONNX models over HTTP, and scores, inspects and checks them offline.",
        version: release,
        subcommands: [
            ServeCommand.self, ScoreCommand.self, InspectCommand.self, CheckCommand.self, QuantizeCommand.self, BenchCommand.self,
            TryVersionCommand.self,
        ])

    static func main() async {
        // A reader that goes away is seen as a failed write.
        signal(SIGPIPE, SIG_IGN)
        if let complaint = unknownCommand(CommandLine.arguments.dropFirst().first) {
            Console.complain(complaint)
            Glibc.exit(2)
        }
        if let complaint = unknownFlag(CommandLine.arguments.dropFirst()) {
            Console.complain(complaint)
            Glibc.exit(2)
        }
        var chosen: String?
        do {
            var command = try parseAsRoot()
            chosen = type(of: command).configuration.commandName
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            // Help and version end with 0, misuse with 2 instead of the library's 64.
            guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
            // What a command itself finds wrong is explained by that command's help.
            if let chosen {
                Console.complain("Error: \(message(for: error))\n  See 'verdict \(chosen) --help' for more information.")
            } else {
                Console.complain(fullMessage(for: error))
            }
            Glibc.exit(2)
        }
    }

    /// What to say of a flag that the command does not have; nil where there is none. Looked for first: the library complains of what is missing
    /// before, which a mistyped flag is the reason of. `serve` reads its flags itself.
    private static func unknownFlag(_ arguments: ArraySlice<String>) -> String? {
        guard let word = arguments.first, word != "serve",
            let command = configuration.subcommands.first(where: { $0.configuration.commandName == word })
        else { return nil }
        let known = Set(
            command.helpMessage(includeHidden: true).matches(of: /--[a-z][a-z-]*/).map { String($0.output) } + [
                "--help", "--version",
            ])
        var isValue = false
        for argument in arguments.dropFirst() {
            // The one value that may look like a flag.
            if isValue { isValue = false; continue }
            if argument == "--" { return nil }
            guard argument.hasPrefix("--") else { continue }
            let flag = String(argument.prefix { $0 != "=" })
            isValue = argument == "--na"
            guard !known.contains(flag) else { continue }
            let hint = NearestName.to(flag, among: known.sorted()).map { ". Did you mean '\($0)'?" } ?? ""
            return "Error: Unknown option '\(flag)'\(hint)\n  See 'verdict \(word) --help' for more information."
        }
        return nil
    }

    /// What to say of a first word that is no command; nil where it is one, or an option.
    private static func unknownCommand(_ word: String?) -> String? {
        let commands = configuration.subcommands.map { $0.configuration }
        guard let word, !word.hasPrefix("-"), word != "help", !commands.contains(where: { $0.commandName == word })
        else { return nil }
        let names = commands.filter(\.shouldDisplay).compactMap(\.commandName) + ["help"]
        let hint =
            NearestName.to(word, among: names).map { "did you mean '\($0)'?" }
            ?? "the commands are \(names.joined(separator: ", "))"
        return "Error: unknown command \(quoted(word)); \(hint)"
    }
}
