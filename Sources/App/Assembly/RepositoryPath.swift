internal import Glibc
internal import Registry
internal import Scoring
internal import StrictYAML

/// What was named where a model repository is needed: `serve`, its `--check`, and `check`.
enum RepositoryPath {
    /// What `path` is instead of a repository and which path to give, to follow the path in a sentence: "is the folder of the
    /// model 'fraud'; name ...". nil for a repository, for a folder that may become one, and where nothing is there.
    static func mistake(_ path: String) -> String? {
        let path = absolutePath(path)
        if isFolder(path) {
            guard !isRepository(path), let model = Model(at: path) else { return nil }
            let what = model.version.map { "the folder of version \($0)" } ?? "the folder"
            return "is \(what) of the model \(quoted(model.name)), not a repository; \(nameInstead(model.repository))"
        }
        guard access(path, F_OK) == 0 else { return nil }
        let (folder, file) = (parent(of: path), lastName(of: path))
        if isRepository(folder) {
            return "is no folder but a file beside the models; \(nameInstead(folder))"
        }
        if let model = Model(at: folder) {
            return "is no folder but a file of the model \(quoted(model.name)); \(nameInstead(model.repository))"
        }
        return "is no folder but a file: a repository is a folder with <model>/<version>/<file>; for a model called 'my_model', "
            + "move it to \(quoted("\(folder == "/" ? "" : folder)/models/my_model/1/\(file)", atMost: 300)) and name "
            + quoted("\(folder == "/" ? "" : folder)/models", atMost: 300)
    }

    private static func nameInstead(_ repository: String) -> String {
        "name the repository that it is in: \(quoted(repository, atMost: 300))"
    }

    /// Whether some version of a model in the folder holds something that could be a model.
    private static func isRepository(_ path: String) -> Bool {
        var scanner = RepositoryScanner(root: path)
        return (try? scanner.scan())?.models.values.contains { holdsModel($0) } ?? false
    }

    private static func holdsModel(_ model: ModelListing) -> Bool {
        model.versions.values.contains { !$0.candidates.isEmpty || $0.problem != nil }
    }

    /// A model's folder, or a version's, and where its repository is.
    private struct Model {
        let repository: String
        let name: String
        let version: ModelVersion?

        init?(at path: String) {
            let version = ModelVersion(lastName(of: path))
            for (folder, version) in version == nil ? [(path, nil)] : [(path, nil), (parent(of: path), version)] {
                let repository = parent(of: folder)
                guard let name = ModelName(lastName(of: folder)) else { continue }
                var scanner = RepositoryScanner(root: repository)
                guard let found = try? scanner.scan(name), version.map({ found.versions[$0] != nil }) ?? true, holdsModel(found)
                else { continue }
                (self.repository, self.name, self.version) = (repository, name.text, version)
                return
            }
            return nil
        }
    }

    private static func lastName(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? "" }

    private static func parent(of path: String) -> String {
        let names = path.split(separator: "/")
        return "/" + names.dropLast().joined(separator: "/")
    }
}
