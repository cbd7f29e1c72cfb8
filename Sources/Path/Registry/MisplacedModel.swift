internal import Scoring
internal import StrictYAML

/// Finds what was probably meant as a version in the folder of a model that has none: versions one folder too deep, as an
/// archive leaves them that was unpacked with its own folder, and model files that lie in the model's folder itself.
enum MisplacedModel {
    private static let deepestFolder = 3
    /// Most folders that are looked into: this happens at every look at the repository.
    private static let maxFolders = 20

    /// What is where and where it belongs, as a sentence's second half; nil where nothing suggests itself.
    ///
    /// - Parameter entries: The names in the model's folder that have no meaning there.
    static func sentence(about entries: [String], in folder: String, of model: ModelName) -> String? {
        var folders = maxFolders
        if let place = versionFolder(below: folder, entries, depth: 1, &folders) {
            return "its versions are too deep, in \(quoted("\(model)/\(place)")): move them up into \(quoted(model.text))"
        }
        let file = entries.first { name in
            !RepositoryScanner.isBesidesTheModel(name) && (try? DiskEntry(folder + "/" + name))?.kind == .file
        }
        return file.map { "the file \(quoted("\(model)/\($0)")) is in no version's folder: move it into \(quoted("\(model)/1"))" }
    }

    /// The first folder, relative to `folder`, that holds a version's.
    private static func versionFolder(below folder: String, _ entries: [String], depth: Int, _ folders: inout Int) -> String? {
        for entry in entries where folders > 0 {
            let path = folder + "/" + entry
            // A link may lead anywhere; what it leads to is not looked at.
            guard let found = try? DiskEntry(path), found.kind == .folder, !found.isLink else { continue }
            folders -= 1
            guard let names = try? DiskEntry.names(in: path, atMost: RepositoryScanner.maxVersions) else { continue }
            if names.contains(where: { ModelVersion($0) != nil && (try? DiskEntry(path + "/" + $0))?.kind == .folder }) {
                return entry
            }
            guard depth < deepestFolder, let deeper = versionFolder(below: path, names, depth: depth + 1, &folders) else {
                continue
            }
            return entry + "/" + deeper
        }
        return nil
    }
}
