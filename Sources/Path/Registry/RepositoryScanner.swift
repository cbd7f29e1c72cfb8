package import Scoring
internal import StrictYAML

/// Looks at a model repository's folders:
///
///     models/<name>/[model.yaml]/<version>/<one model file or folder>[/golden.csv]
///
/// A scan lists names, sizes and times; the only files it reads are model.yaml files that changed since the
/// last one. Dot files are passed over.
///
/// Links are followed where they lead to a place inside the repository's root, so that `3 -> .staged/abc` and the
/// links of mounted volumes work; a link that leads elsewhere makes its version refused. The root itself may
/// be a link. This keeps a mistaken or planted link from serving files of the rest of the machine; it is no
/// defence against somebody who can exchange folders while they are read.
package struct RepositoryScanner: Sendable {
    package static let maxModels = 10_000
    package static let maxVersions = 1_000
    package static let maxFilesPerVersion = 10_000
    package static let deepestFolder = 16

    package let root: String
    private var manifests: [ModelName: ManifestListing] = [:]
    /// The folders that models, and versions of each model, were last seen in.
    private var home: FolderIdentity?
    private var homes: [ModelName: FolderIdentity] = [:]

    package init(root: String) {
        var root = root[...]
        while root.count > 1, root.hasSuffix("/") { root = root.dropLast() }
        self.root = String(root)
    }

    /// Lists the whole repository. Throws `.refusedModel` if the root cannot be read, or if it is empty and another folder
    /// than models were seen in: what is left of a disk that was unmounted is no order to withdraw everything.
    package mutating func scan() throws(ScoringError) -> RepositoryListing {
        do throws(DiskError) {
            let scope = try Scope(root: root)
            var listing = RepositoryListing()
            for name in try DiskEntry.names(in: root, atMost: Self.maxModels) {
                let path = root + "/" + name
                guard let model = ModelName(name) else {
                    if (try? DiskEntry(path))?.kind == .folder { listing.remarks.append(Self.misnamed(name)) }
                    continue
                }
                do throws(DiskError) {
                    guard try DiskEntry(path).kind == .folder else {
                        guard !Self.isBesidesTheModel(name), !Self.looksLikeSettings(name) else { continue }
                        if listing.looseFile == nil { listing.looseFile = name }
                        if Self.looksLikeModel(name) { listing.remarks.append(Self.loose(name)) }
                        continue
                    }
                    listing.models[model] = try self.model(model, in: path, scope: scope)
                } catch {
                    listing.models[model] = unreadable(error)
                }
            }
            manifests = manifests.filter { listing.models[$0.key] != nil }
            homes = homes.filter { listing.models[$0.key] != nil }
            home = try Self.home(home, root, isEmpty: listing.models.isEmpty)
            return listing
        } catch {
            throw .refusedModel("the model repository \(error.message(within: root))")
        }
    }

    /// Lists one model, reading its model.yaml again, or returns nil if the repository has none of that name.
    package mutating func scan(_ name: ModelName) throws(ScoringError) -> ModelListing? {
        do throws(DiskError) {
            let scope = try Scope(root: root)
            manifests[name] = nil
            guard try DiskEntry.names(in: root, atMost: Self.maxModels).contains(name.text) else { return nil }
            let path = root + "/" + name.text
            guard try DiskEntry(path).kind == .folder else { return nil }
            do throws(DiskError) {
                return try model(name, in: path, scope: scope)
            } catch {
                return unreadable(error)
            }
        } catch {
            throw .refusedModel("the model repository \(error.message(within: root))")
        }
    }

    /// The folder as it is to be remembered. Throws if it is empty and not the one in which something was seen before.
    private static func home(_ known: FolderIdentity?, _ path: String, isEmpty: Bool) throws(DiskError) -> FolderIdentity? {
        let identity = try FolderIdentity(path)
        guard isEmpty else { return identity }
        guard let known, known != identity else { return known }
        throw DiskError(path, "is empty, and not the folder that it was: its disk may have been unmounted")
    }

    private static func loose(_ name: String) -> String {
        "the file \(quoted(name)) is in no version's folder: a model lies in <name>/<version>/"
    }

    /// Whether a name ends as those of model files do.
    private static func looksLikeModel(_ name: String) -> Bool {
        let name = name.lowercased()
        return [".ubj", ".onnx", ".pmml", ".bst", ".model", ".pkl", ".pickle", ".joblib", ".cbm"].contains { name.hasSuffix($0) }
    }

    private static func misnamed(_ name: String) -> String {
        "the folder \(quoted(name)) is no model: a name is 1 to 128 of A-Z a-z 0-9 _ - ."
    }

    private func unreadable(_ error: DiskError) -> ModelListing {
        var listing = ModelListing()
        listing.problem = error.message(within: root)
        return listing
    }

    private mutating func model(_ name: ModelName, in folder: String, scope: Scope) throws(DiskError) -> ModelListing {
        try scope.admit(folder)
        var listing = ModelListing()
        var (strays, others): ([String], [String]) = ([], [])
        for entry in try DiskEntry.names(in: folder, atMost: Self.maxVersions) {
            let path = folder + "/" + entry
            if entry == "model.yaml" {
                listing.manifest = try manifest(name, path: path, scope: scope)
            } else if ["model.yml", "model.yaml"].contains(entry.lowercased()) {
                // Passing it over would serve the model without the policy that its owner wrote down.
                listing.manifest.file = FileStamp(path: entry)
                listing.manifest.content = .failure(.refusedModel("\(quoted(entry)) must be named model.yaml"))
            } else if let version = ModelVersion(entry) {
                if let found = self.version(path, scope: scope) { listing.versions[version] = found }
            } else if MisnamedVersion.isOne(entry), (try? DiskEntry(path))?.kind == .folder {
                listing.misnamedVersions.append(entry)
            } else if Self.looksLikeSettings(entry) {
                strays.append(entry)
            } else {
                others.append(entry)
            }
        }
        if listing.versions.isEmpty {
            listing.misplaced =
                listing.misnamedVersions.first.map { MisnamedVersion.sentence(about: $0, beside: [:]) }
                ?? MisplacedModel.sentence(about: others, in: folder, of: name)
        }
        if let stray = strays.first, listing.manifest.file == nil {
            // The same: beside a model.yaml it may be an old one.
            listing.manifest.file = FileStamp(path: stray)
            listing.manifest.content = .failure(
                .refusedModel(
                    "\(quoted(stray)) is not read: settings are in model.yaml, golden rows in golden.csv within a version"))
        }
        homes[name] = try Self.home(homes[name], folder, isEmpty: listing.versions.isEmpty)
        return listing
    }

    private mutating func manifest(_ name: ModelName, path: String, scope: Scope) throws(DiskError) -> ManifestListing {
        try scope.admit(path)
        let entry = try DiskEntry(path)
        let stamp = FileStamp(
            path: "model.yaml", isFolder: entry.kind != .file, byteCount: entry.byteCount, modified: entry.modified)
        if let known = manifests[name], known.file == stamp { return known }
        var listing = ManifestListing()
        listing.file = stamp
        do throws(DiskError) {
            let bytes = try DiskFile.read(path, atMost: YAMLNode.maxBytes)
            do throws(ScoringError) {
                listing.content = .success(try ModelManifest(parsing: bytes))
            } catch {
                listing.content = .failure(error)
            }
        } catch {
            listing.content = .failure(.refusedModel(error.message(within: root)))
            // Not remembered: what failed to be read may be readable next time, with the same stamp.
            manifests[name] = nil
            return listing
        }
        manifests[name] = listing
        return listing
    }

    /// nil for a file that merely has a version's name.
    private func version(_ folder: String, scope: Scope) -> VersionListing? {
        var listing = VersionListing(path: folder)
        do throws(DiskError) {
            guard try DiskEntry(folder).kind == .folder else { return nil }
            try scope.admit(folder)
            try Self.list(folder, prefix: "", depth: 0, scope: scope, into: &listing.files)
            let top = listing.files.filter { !$0.path.contains("/") }
            if let other = top.first(where: { $0.path != "golden.csv" && $0.path.lowercased() == "golden.csv" }) {
                throw DiskError(folder + "/" + other.path, "must be named golden.csv")
            }
            if let settings = top.first(where: { !$0.isFolder && ["model.yaml", "model.yml"].contains($0.path.lowercased()) }) {
                throw DiskError(folder + "/" + settings.path, Self.settingsOfVersion)
            }
            listing.hasGolden = top.contains { $0.path == "golden.csv" && !$0.isFolder }
            listing.candidates = top.map(\.path).filter { !Self.isBesidesTheModel($0) }
        } catch {
            listing.problem = error.message(within: root)
        }
        return listing
    }

    private static let settingsOfVersion =
        "is in a version's folder and is not read there: settings are for all versions; move it into the model's folder, as model.yaml"

    /// Whether a file beside the versions was probably meant to be read.
    private static func looksLikeSettings(_ name: String) -> Bool {
        let name = name.lowercased()
        return name == "golden.csv" || [".yaml", ".yml", ".yaml.txt"].contains { name.hasSuffix($0) } && !name.hasPrefix(".")
    }

    static func isBesidesTheModel(_ name: String) -> Bool {
        let name = name.lowercased()
        return name == "golden.csv" || name.hasPrefix("readme") || name.hasPrefix("license") || name.hasPrefix("licence")
            || name.hasSuffix(".md")
    }

    private static func list(
        _ folder: String, prefix: String, depth: Int, scope: Scope, into files: inout [FileStamp]
    ) throws(DiskError) {
        guard depth <= deepestFolder else {
            throw DiskError(folder, "is nested more than \(deepestFolder) levels deep")
        }
        for name in try DiskEntry.names(in: folder, atMost: maxFilesPerVersion) {
            let path = folder + "/" + name
            let entry = try DiskEntry(path)
            if entry.isLink { try scope.admit(path) }
            guard files.count < maxFilesPerVersion else {
                throw DiskError(folder, "and what is above it hold more than \(maxFilesPerVersion) files")
            }
            switch entry.kind {
            case .file:
                files.append(FileStamp(path: prefix + name, byteCount: entry.byteCount, modified: entry.modified))
            case .folder:
                files.append(FileStamp(path: prefix + name, isFolder: true))
                try list(path, prefix: prefix + name + "/", depth: depth + 1, scope: scope, into: &files)
            case .other:
                throw DiskError(path, "is neither a file nor a folder")
            }
        }
    }
}

/// The place that links must not leave.
private struct Scope {
    private let root: String

    init(root: String) throws(DiskError) {
        self.root = try DiskEntry.resolved(root)
    }

    /// Throws unless the path, with every link resolved, is inside the root.
    func admit(_ path: String) throws(DiskError) {
        let resolved = try DiskEntry.resolved(path)
        guard resolved == root || resolved.hasPrefix(root == "/" ? "/" : root + "/") else {
            throw DiskError(path, "links to a place outside the model repository; copy or mount it inside")
        }
    }
}
