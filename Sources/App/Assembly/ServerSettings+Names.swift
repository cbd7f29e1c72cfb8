internal import Glibc
internal import Registry
package import Scoring
internal import StrictYAML

extension ServerSettings {
    /// Finds settings that name what is not there, before a server runs that would miss it only when it is asked for. A repository
    /// without any model is no fault: models may come later.
    package func checkNames() throws(SettingError) {
        if let path = onnxRuntime, access(path, F_OK) != 0 {
            throw fault("onnxruntime", "there is no library or folder \(quoted(path, atMost: 300))")
        }
        guard let name = defaultModel, isFolder(models), !isFolder(models + "/" + name.text) else { return }
        var scanner = RepositoryScanner(root: models)
        guard let found = try? scanner.scan().models.keys.map(\.text).sorted(), !found.isEmpty else { return }
        let hint =
            NearestName.to(name.text, among: found).map { "did you mean \(quoted($0))?" }
            ?? "it has \(found.prefix(20).joined(separator: ", "))"
        throw fault("defaultModel", "the repository \(quoted(models, atMost: 300)) has no model \(quoted(name.text)); \(hint)")
    }

    /// Looks at the model repository as a server does first. Throws where a server could not start: there is no such folder, or it
    /// cannot be read. Returns what else its owner should know, nil for nothing.
    package func checkRepository() throws(ScoringError) -> String? {
        let shown = quoted(models, atMost: 300)
        let origin = origins["models"].map { " (\($0))" } ?? ""
        guard isFolder(models) else {
            let problem = access(models, F_OK) == 0 ? "is no folder" : "is no folder: nothing is there"
            throw .invalidRequest(
                "the model repository \(shown)\(origin) \(problem); create it, or name another one with --models")
        }
        var scanner = RepositoryScanner(root: models)
        guard try scanner.scan().models.isEmpty else { return nil }
        return "the model repository \(shown)\(origin) is empty; a server starts, and answers once there is "
            + "<model>/<version>/<file>"
    }

    private func fault(_ key: String, _ problem: String) -> SettingError {
        let origin = origins[key].map { " (\($0))" } ?? ""
        return SettingError(description: "\(key)\(origin): \(problem)")
    }
}
