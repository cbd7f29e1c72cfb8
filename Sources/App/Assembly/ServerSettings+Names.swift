internal import Glibc
internal import Registry
internal import Scoring
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

    private func fault(_ key: String, _ problem: String) -> SettingError {
        let origin = origins[key].map { " (\($0))" } ?? ""
        return SettingError(description: "\(key)\(origin): \(problem)")
    }
}
