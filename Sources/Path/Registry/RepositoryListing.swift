package import Scoring

// What one scan saw of a model repository: names, sizes and times, and each model's parsed model.yaml. Plain
// values, so that the plan that decides what to load can be tested without files. Two equal listings in a
// row mean that nobody is writing there.

/// Everything a scan saw.
package struct RepositoryListing: Sendable, Equatable {
    package var models: [ModelName: ModelListing] = [:]
    /// What lies in the repository's root but is no model, as sentences.
    package var remarks: [String] = []
    /// The first file in the repository's root that may have been meant as a model.
    package var looseFile: String?

    package init() {}

    /// Why models cannot be served (as they are now) for reasons that no load will report: by model, as sentences.
    package var problems: [String] {
        models.sorted { $0.key.text < $1.key.text }.flatMap { name, model in
            var reasons = model.misnamedVersions.map {
                MisnamedVersion.sentence(about: $0, beside: model.versions)
            }
            if let problem = model.problem { reasons.append(problem) }
            if case .failure(let error) = model.manifest.content { reasons.append(error.description) }
            return reasons.map { "\(name): \($0)" }
        }
    }
}

/// One model's folder.
package struct ModelListing: Sendable, Equatable {
    package var manifest = ManifestListing()
    package var versions: [ModelVersion: VersionListing] = [:]
    /// Folders that were meant as versions and are none for their names ("01", "0", "v1").
    package var misnamedVersions: [String] = []
    /// Of a model without any version: what lies in its folder that was probably meant as one, and where it belongs.
    package var misplaced: String?
    /// Why the folder could not be read just now; what is known of it from before then stays in force.
    package var problem: String?

    package init() {}
}

/// A model's model.yaml. A missing file is a manifest with every default.
package struct ManifestListing: Sendable, Equatable {
    package var file: FileStamp?
    package var content: Result<ModelManifest, ScoringError> = .success(ModelManifest())

    package init() {}
}

/// One version's folder.
package struct VersionListing: Sendable, Equatable {
    package var path: String
    /// Everything inside, sorted by path.
    package var files: [FileStamp] = []
    /// Names in the folder that could be the model: all but dot files, golden.csv, READMEs and licences.
    package var candidates: [String] = []
    package var hasGolden = false
    /// Why the folder cannot be loaded, if the scan already knows.
    package var problem: String?

    package init(path: String) {
        self.path = path
    }

    package var totalBytes: Int {
        files.reduce(0) { $0.addingReportingOverflow($1.byteCount).partialValue }
    }
}

/// Tells whether a file changed without reading it.
package struct FileStamp: Sendable, Equatable {
    /// Relative to the version's folder.
    package var path: String
    package var isFolder: Bool
    /// 0 for folders.
    package var byteCount: Int
    /// Time of the last change of the content, in nanoseconds since 1970; 0 for folders, whose content is listed.
    package var modified: Int64

    package init(path: String, isFolder: Bool = false, byteCount: Int = 0, modified: Int64 = 0) {
        self.path = path
        self.isFolder = isFolder
        self.byteCount = byteCount
        self.modified = modified
    }
}
