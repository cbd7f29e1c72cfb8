internal import Glibc
internal import Registry
package import Scoring
internal import StrictYAML
internal import TextFormats

/// What `verdict check` found out about a repository.
package struct RepositoryReport: Sendable {
    private let findings: [RepositoryCheck.Finding]

    /// Loads everything as a server would. Throws if the repository cannot be read.
    /// - Parameter progress: Called before each version.
    package init(
        checking root: String, progress: (_ model: String, _ version: String, _ share: Double) -> Void
    ) throws(ScoringError) {
        let shown = quoted(root, atMost: 300)
        if let mistake = RepositoryPath.mistake(root) { throw .refusedModel("\(shown) \(mistake)") }
        guard isFolder(root) else {
            _ = access(root, F_OK)
            throw .refusedModel(
                "\(shown) cannot be read: \(String(cString: strerror(errno))); name the folder that holds the models")
        }
        var check = RepositoryCheck(root: root, formats: ModelFormats.all, trial: TrialProcess())
        findings = try check.run(progress: progress)
        guard findings.contains(where: { !$0.version.isEmpty || $0.isRefused }) else {
            throw .refusedModel(
                "\(shown) has no model: name the folder that holds the models, "
                    + "as <folder>/<model>/<version>/<file>")
        }
    }

    /// Whether nothing was refused.
    package var isClean: Bool { !findings.contains(where: \.isRefused) }

    /// A line for each version.
    package var text: String {
        var lines: [String] = []
        for finding in findings {
            let name = finding.name.isEmpty ? "" : finding.version.isEmpty ? finding.name : "\(finding.name)/\(finding.version)"
            switch finding.outcome {
            case .passed(let format, let rows, let notes):
                let golden = rows == 0 ? "no golden.csv" : "\(rows) golden rows agree"
                let policy = finding.policy.map { ", decides against \($0)" } ?? ""
                lines.append("ok       \(name): \(format), \(golden)\(policy)")
                lines += notes.map { "note     \(name): \($0)" }
            case .refused(let reason): lines.append("refused  \(name): \(reason)")
            case .skipped(let reason): lines.append("skipped  " + (name.isEmpty ? reason : "\(name): \(reason)"))
            }
        }
        let refused = findings.count(where: \.isRefused)
        lines.append(refused == 0 ? "all versions can be served" : "\(refused) refused")
        return lines.joined(separator: "\n") + "\n"
    }

    /// One JSON object.
    package var json: String {
        var sink = ByteSink()
        sink.append("{\"ok\":")
        sink.append(json: isClean)
        sink.append(",\"versions\":[")
        for (index, finding) in findings.enumerated() {
            sink.append(index == 0 ? "{\"model\":" : ",{\"model\":")
            sink.append(json: finding.name)
            sink.append(",\"version\":")
            sink.append(json: finding.version)
            switch finding.outcome {
            case .passed(let format, let rows, let notes):
                sink.append(",\"result\":\"ok\",\"format\":")
                sink.append(json: format)
                sink.append(",\"golden_rows\":")
                sink.append(integer: rows)
                sink.append(",\"notes\":[")
                for (position, note) in notes.enumerated() {
                    if position > 0 { sink.append(",") }
                    sink.append(json: note)
                }
                sink.append("]")
                if let policy = finding.policy {
                    sink.append(",\"decides_against\":")
                    sink.append(json: policy)
                }
            case .refused(let reason):
                sink.append(",\"result\":\"refused\",\"reason\":")
                sink.append(json: reason)
            case .skipped(let reason):
                sink.append(",\"result\":\"skipped\",\"reason\":")
                sink.append(json: reason)
            }
            sink.append("}")
        }
        sink.append("]}\n")
        return sink.string
    }
}
