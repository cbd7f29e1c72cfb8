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
            ?? "it has \(listed(found))"
        throw fault("defaultModel", "the repository \(quoted(models, atMost: 300)) has no model \(quoted(name.text)); \(hint)")
    }

    /// Looks at the model repository as a server does first. Throws where a server could not start: there is no such folder, it
    /// cannot be read, or it is no repository but something in one. Returns what else its owner should know, nil for nothing.
    package func checkRepository() throws(ScoringError) -> String? {
        let shown = "the model repository \(quoted(models, atMost: 300))" + (origins["models"].map { " (\($0))" } ?? "")
        if let mistake = RepositoryPath.mistake(models) { throw .invalidRequest("\(shown) \(mistake)") }
        guard isFolder(models) else {
            throw .invalidRequest("\(shown) is no folder: nothing is there; create it, or name another one with --models")
        }
        var scanner = RepositoryScanner(root: models)
        let listing = try scanner.scan()
        guard listing.models.isEmpty else { return nil }
        let loose = listing.looseFile.map { ", but for the file \(quoted($0)), which belongs into a version's folder" } ?? ""
        return "\(shown) is empty\(loose); a server starts, and answers once there is <model>/<version>/<file>"
    }

    private func fault(_ key: String, _ problem: String) -> SettingError {
        let origin = origins[key].map { " (\($0))" } ?? ""
        return SettingError(description: "\(key)\(origin): \(problem)")
    }
}
