internal import Digests
internal import Glibc
package import Scoring
internal import StrictYAML

/// Opens a model file or folder with whichever format recognises its content.
package struct ModelOpener: Sendable {
    package struct Opened: Sendable {
        package let model: any ScoringModel
        /// The name of the format that read it.
        package let format: String
        /// Bytes of the file, or of the folder's files together.
        package let byteCount: Int
        /// A hash of the file's bytes, if it was asked for; empty for folders.
        package let digest: [UInt8]
    }

    package let formats: [any ModelFormat]
    /// Larger files are refused before they are read. Default 1 GiB.
    package var maxBytes = 1 << 30

    package init(formats: [any ModelFormat]) {
        self.formats = formats
    }

    /// Reads and compiles the model at `path`. The file's bytes are gone when this returns.
    ///
    /// - Parameters:
    ///   - hashes: Whether the result has a digest of the bytes; costs some 3 ms a megabyte.
    ///   - trial: Called before a native library sees the file; what it throws is thrown.
    package func open(
        _ path: String, options: LoadOptions = LoadOptions(), hashes: Bool = false,
        trial: () throws(ScoringError) -> Void = {}
    ) throws(ScoringError) -> Opened {
        let (artifact, problem) = try read(path)
        let format = try format(of: artifact, name: Self.lastComponent(path))
        if let problem { throw problem }
        try check(options, for: format)
        let model: any ScoringModel
        switch try format.prepare(artifact, options: options) {
        case .loaded(let loaded): model = loaded
        case .uncompiled(let compile):
            try trial()
            model = try compile()
        }
        if options.rowsTogether, model.calls.keepsRowsApart {
            throw .refusedModel(
                "'rows: together' has no meaning here: rows of this model do not depend on one another; leave it out")
        }
        return Opened(
            model: model, format: format.name, byteCount: artifact.size,
            digest: hashes && artifact.isFile ? SHA256.digest(of: try artifact.bytes()) : [])
    }

    /// Refuses keys of model.yaml that mean nothing for files of the format.
    private func check(_ options: LoadOptions, for format: any ModelFormat) throws(ScoringError) {
        guard let key = options.keys.subtracting(format.keys).min(by: { $0.rawValue < $1.rawValue }) else { return }
        let others = formats.filter { $0.keys.contains(key) }.map(\.name)
        throw .refusedModel(
            "model.yaml: '\(key.rawValue)' means nothing for \(format.name) files"
                + (others.isEmpty ? "" : "; it is for \(others.joined(separator: " and "))"))
    }

    /// Whether the folder as a whole is a model of some format, so that its files are not candidates themselves. False for a folder that
    /// cannot be listed.
    package func recognisesFolder(_ path: String) -> Bool {
        guard let folder = try? DiskFolder(path) else { return false }
        let artifact = folder.artifact(name: Self.lastComponent(path))
        return formats.contains { $0.recognises(artifact) }
    }

    /// - Returns: With what is wrong with a folder, to be thrown if a format recognises it.
    private func read(_ path: String) throws(ScoringError) -> (artifact: ModelArtifact, problem: ScoringError?) {
        let name = Self.lastComponent(path)
        do throws(DiskError) {
            guard try DiskEntry(path).kind == .folder else {
                let bytes = try DiskFile.read(path, atMost: maxBytes)
                return (.file(name: name, bytes: bytes, maxUnpackedBytes: maxBytes), nil)
            }
            let folder = try DiskFolder(path)
            let artifact = folder.artifact(name: name)
            guard artifact.size <= maxBytes else { throw DiskError(path, "is larger than the limit of \(maxBytes) bytes") }
            return (artifact, folder.problem?.loadFailure(within: path))
        } catch {
            throw error.loadFailure(within: Self.folder(of: path))
        }
    }

    private func format(of artifact: ModelArtifact, name: String) throws(ScoringError) -> any ModelFormat {
        let matching = formats.filter { $0.recognises(artifact) }
        if let format = matching.first, matching.count == 1 { return format }
        if matching.isEmpty {
            if artifact.isFile, artifact.size == 0 {
                throw .invalidModel(reason: "\(quoted(name)) is empty", place: "")
            }
            let hint = Self.hint(of: artifact)
            throw .unsupportedModel(
                "\(quoted(name)) is of no format that this version reads (\(formats.map(\.name).joined(separator: ", ")))\(hint)")
        }
        throw .unsupportedModel(
            "\(quoted(name)) looks like several formats: \(matching.map(\.name).joined(separator: ", "))")
    }

    /// What a file is that is no model, and what to do, as the end of a message; empty where nothing is known.
    package static func hint(of artifact: ModelArtifact) -> String { ForeignFile(artifact.head).map { ": \($0.hint)" } ?? "" }

    private static func lastComponent(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }
}
