internal import Scoring

/// The files of a model folder. They are listed once; a file is read only as long as it is the one that was listed, so that what was checked
/// is what is parsed.
struct DiskFolder: MemberSource {
    private struct File {
        let path: String
        /// Where it is, every link resolved.
        let target: String
        let state: FileState
    }

    /// Every link resolved.
    private let root: String
    private let files: [File]
    /// The first link that leads out of the folder. Nothing is read of a folder with such a link.
    let problem: DiskError?

    /// Lists the folder and those within it, without dot files. Throws if it cannot be listed, or holds more or deeper than
    /// `RepositoryScanner` takes.
    init(_ path: String) throws(DiskError) {
        var listing = try Listing(path)
        try listing.add(path, prefix: "", depth: 0)
        root = listing.root
        files = listing.files.sorted { ModelArtifact.Member.precedes($0.path, $1.path) }
        problem = listing.problem
    }

    func artifact(name: String) -> ModelArtifact {
        ModelArtifact(name: name, members: files.map { .init(path: $0.path, size: $0.state.byteCount) }, source: self)
    }

    func read(_ position: Int, _ range: Range<Int>) throws(ScoringError) -> [UInt8] {
        let file = files[position]
        do throws(DiskError) {
            if let problem { throw problem }
            return try DiskFile.read(file.target, range, seen: file.state)
        } catch {
            throw error.loadFailure(within: root)
        }
    }

    private struct Listing {
        let root: String
        var files: [File] = []
        var entries = 0
        var problem: DiskError?

        init(_ path: String) throws(DiskError) {
            root = try DiskEntry.resolved(path)
        }

        mutating func add(_ folder: String, prefix: String, depth: Int) throws(DiskError) {
            guard depth <= RepositoryScanner.deepestFolder else {
                throw DiskError(folder, "is nested more than \(RepositoryScanner.deepestFolder) levels deep")
            }
            let limit = RepositoryScanner.maxFilesPerVersion
            for name in try DiskEntry.names(in: folder, atMost: limit) {
                entries += 1
                let path = folder + "/" + name
                guard entries <= limit else {
                    throw DiskError(folder, "and what is above it hold more than \(limit) files")
                }
                let entry = try DiskEntry(path)
                let target = try DiskEntry.resolved(path)
                let leaves = root != "/" && !target.utf8.starts(with: "\(root)/".utf8)
                if leaves, problem == nil {
                    problem = DiskError(
                        path, "links to a place outside the model's folder; copy what it leads to into the folder")
                }
                switch entry.kind {
                case .file:
                    let state = try FileState(at: target, calledBy: path)
                    files.append(File(path: prefix + name, target: target, state: state))
                case .folder where leaves: break
                case .folder: try add(path, prefix: prefix + name + "/", depth: depth + 1)
                case .other: throw DiskError(path, "is neither a file nor a folder")
                }
            }
        }
    }
}
