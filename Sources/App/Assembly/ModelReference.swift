internal import Glibc
internal import Registry
package import Scoring
internal import StrictYAML

/// A model as the command line names it: a model file, a version's folder, or a model's folder in a repository, of
/// which the highest version is meant.
package struct ModelReference: Sendable {
    /// The model file or folder itself.
    package let path: String
    /// What the repository's model.yaml says about reading it; the defaults for a file on its own.
    package let options: LoadOptions
    private let manifest: ModelManifest

    /// Throws if nothing is there or what is there is ambiguous.
    package init(_ text: String) throws(ScoringError) {
        let path = absolutePath(text)
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        if let version = ModelVersion(name), let found = try Self.find(version, inModel: Self.parent(of: path)) {
            self = found
        } else if let found = try Self.find(nil, inModel: path) {
            self = found
        } else {
            if let problem = Self.problem(of: path, called: text) { throw .invalidRequest(problem) }
            self.path = path
            self.options = LoadOptions()
            self.manifest = ModelManifest()
        }
    }

    /// Why what is at `path` can be no model: nothing is there, or it is a folder with models instead of one.
    private static func problem(of path: String, called text: String) -> String? {
        let shown = quoted(text, atMost: 300)
        if access(path, R_OK) != 0 { return "\(shown) cannot be read: \(String(cString: strerror(errno)))" }
        guard isFolder(path), !ModelOpener(formats: ModelFormats.all).recognisesFolder(path) else { return nil }
        var scanner = RepositoryScanner(root: path)
        if let models = try? scanner.scan().models.filter({ !$0.value.versions.isEmpty }), !models.isEmpty {
            let names = models.keys.map(\.text).sorted()
            let prefix = text.hasSuffix("/") ? text : text + "/"
            let paths = listed(names.map { quoted(prefix + $0, atMost: 300) }, atMost: 10)
            return "\(shown) is a model repository, and a model is needed: name one of its models: \(paths)"
        }
        return "\(shown) is a folder without a model: name a model file, or a folder of a repository "
            + "(<repository>/<model>, or <repository>/<model>/<version>)"
    }

    private init(path: String, manifest: ModelManifest) {
        self.path = path
        self.options = manifest.loadOptions
        self.manifest = manifest
    }

    /// Opens it with the format that its content shows.
    /// - Parameter describesOnly: Whether it need not score: models are then opened without the library that evaluates them.
    package func open(
        describesOnly: Bool = false
    ) throws(ScoringError) -> (model: any ScoringModel, format: String, byteCount: Int) {
        var options = options
        options.describesWithoutLibrary = describesOnly
        let opened = try ModelOpener(formats: ModelFormats.all).open(path, options: options)
        return (opened.model, opened.format, opened.byteCount)
    }

    /// What the repository's model.yaml decides about the answers of the model whose signature this is.
    package func answers(for signature: Signature) throws(ScoringError) -> AnswerRules {
        try VersionLoader.answers(of: manifest, for: signature)
    }

    /// The named version of the model, or the one that answers where none is named, whose folder is `folder`; nil if that is no model's folder.
    private static func find(_ version: ModelVersion?, inModel folder: String) throws(ScoringError) -> ModelReference? {
        guard let name = folder.split(separator: "/").last.flatMap({ ModelName($0) }), isFolder(folder) else { return nil }
        var scanner = RepositoryScanner(root: parent(of: folder))
        guard let model = try scanner.scan().models[name] else { return nil }
        let manifest = try model.manifest.content.get()
        let chosen = version ?? manifest.defaultVersion(of: model.versions.keys) ?? model.versions.keys.max()
        guard let version = chosen, let found = model.versions[version] else { return nil }
        if let problem = found.problem { throw .refusedModel(problem) }
        guard let file = found.candidates.first, found.candidates.count == 1 else {
            let names = listed(found.candidates.map { quoted($0) }, atMost: 10)
            throw .refusedModel(
                "version \(version) of \(name) must hold one model, but holds " + (names.isEmpty ? "none" : names))
        }
        return ModelReference(path: found.path + "/" + file, manifest: manifest)
    }

    private static func parent(of path: String) -> String {
        let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
        return parent.isEmpty ? "/" : parent
    }
}
