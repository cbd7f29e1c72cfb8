import Glibc
import PMML
import Scoring
import Testing

/// The models of ten producers with inputs and expected results. They are no part of the project; the test
/// looks for them where `VERDICT_PMML_CONFORMANCE` says, or beside the project in `shared/conformance/pmml`.
@Suite struct ConformanceTests {
    struct Entry {
        var id: String
        var model: String
        var input: String
        var expected: String
    }

    struct Verdict {
        var id: String
        /// Why it does not load or agree; nil if every row agrees.
        var problem: String?
        var loads = false
        /// Whether all numbers agree to 1e-9.
        var isExact = true
    }

    static let folder: String? = {
        let here = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        for path in [getenv("VERDICT_PMML_CONFORMANCE").map { String(cString: $0) }, "/\(here)/shared/conformance/pmml"] {
            if let path, access("\(path)/manifest.json", R_OK) == 0 { return path }
        }
        return nil
    }()

    /// The manifest is JSON with one member a line.
    static func entries(_ folder: String) -> [Entry] {
        let text = String(decoding: contents(of: "\(folder)/manifest.json") ?? [], as: UTF8.self)
        return text.split(separator: "{").dropFirst().map { object in
            var members: [String: String] = [:]
            for line in object.split(separator: "\n") {
                let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
                if parts.count >= 5 { members[String(parts[1])] = String(parts[3]) }
            }
            return Entry(
                id: members["id"] ?? "", model: "\(folder)/\(members["model"] ?? "")",
                input: "\(folder)/\(members["input"] ?? "")",
                expected: "\(folder)/\(members["expected"] ?? "")")
        }
    }

    static func judge(_ entry: Entry) -> Verdict {
        var verdict = Verdict(id: entry.id)
        do {
            guard let bytes = contents(of: entry.model), let inputs = contents(of: entry.input),
                let results = contents(of: entry.expected)
            else {
                verdict.problem = "the files are not there"
                return verdict
            }
            let model = try PMMLFormat().load(.file(name: entry.id, bytes: bytes), options: LoadOptions())
            verdict.loads = true
            try model.verify()
            let input = Table(String(decoding: inputs, as: UTF8.self))
            let expected = Table(String(decoding: results, as: UTF8.self))
            try compare(model, input, expected, &verdict)
        } catch {
            verdict.problem = "\(error)"
        }
        return verdict
    }

    static func compare(_ model: any ScoringModel, _ input: Table, _ expected: Table, _ verdict: inout Verdict) throws {
        let rows = input.rows.map { row in
            var cells: [String: String] = [:]
            for (name, cell) in zip(input.header, row) where cell != "N/A" && cell != "NA" && !cell.isEmpty { cells[name] = cell }
            return cells
        }
        let scores = try score(model, rows)
        var compared = 0
        for (row, cells) in expected.rows.enumerated() where row < rows.count {
            if let failure = scores.failure(row: row) {
                verdict.problem = "row \(row + 1) fails: \(failure)"
                return
            }
            for (name, cell) in zip(expected.header, cells) {
                // Some producers put the truth under the target's name and the prediction beside it.
                let target = model.signature.outputs[0].name
                let isBeside = expected.header.contains("prediction") && model.signature.outputColumn(named: "prediction") == nil
                if isBeside && name == target { continue }
                guard let actual = text(scores, model, row: row, isBeside && name == "prediction" ? target : name) else {
                    continue
                }
                compared += 1
                let wanted = cell == "N/A" || cell == "NA" ? "" : cell
                if actual == wanted { continue }
                guard let a = Double(actual.lowercased() == "true" ? "1" : actual.lowercased() == "false" ? "0" : actual),
                    let b = Double(wanted.lowercased() == "true" ? "1" : wanted.lowercased() == "false" ? "0" : wanted)
                else {
                    verdict.problem = "row \(row + 1), \(name): '\(actual)' instead of '\(wanted)'"
                    return
                }
                let difference = abs(a - b)
                if difference > max(1e-9 * abs(b), 1e-13) { verdict.isExact = false }
                if difference > max(2e-6 * abs(b), 1e-13) {
                    verdict.problem = "row \(row + 1), \(name): \(actual) instead of \(wanted)"
                    return
                }
            }
        }
        if compared == 0 {
            verdict.problem = "nothing to compare: expected \(expected.header), outputs \(model.signature.outputs.map(\.name))"
        }
    }

    /// `VERDICT_PMML_ONLY` picks the models whose names contain it and prints how they fare, for work on a few.
    @Test(.enabled(if: folder != nil, "the conformance data is not here; set VERDICT_PMML_CONFORMANCE"))
    func modelsOfManyProducersAgreeOnEveryRow() throws {
        if let only = getenv("VERDICT_PMML_ONLY").map({ String(cString: $0) }) {
            for entry in Self.entries(Self.folder!) where entry.id.contains(only) {
                let verdict = Self.judge(entry)
                print(
                    verdict.problem == nil ? (verdict.isExact ? "  exact" : "  close") : "  ------", entry.id,
                    verdict.problem ?? "")
            }
            return
        }
        let verdicts = Self.entries(Self.folder!).map(Self.judge)
        let loaded = verdicts.count(where: \.loads)
        let agreeing = verdicts.count { $0.problem == nil }
        let exact = verdicts.count { $0.problem == nil && $0.isExact }
        print("PMML conformance: \(verdicts.count) models, \(loaded) load, \(agreeing) agree, \(exact) of them to 1e-9")
        if getenv("VERDICT_PMML_VERBOSE") != nil {
            for verdict in verdicts {
                print(
                    verdict.problem == nil ? (verdict.isExact ? "  exact" : "  close") : "  ------", verdict.id,
                    verdict.problem ?? "")
            }
        }
        // What has been reached; to be raised with every step, never lowered.
        #expect(loaded >= 250)
        #expect(agreeing >= 248)
        #expect(exact >= 237)
    }
}
