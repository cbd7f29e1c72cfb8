package import Scoring

extension ModelArtifact {
    /// A folder as it is, a file as the ZIP archive that it has to be. Members are unpacked when they are read, and not before.
    ///
    /// Throws `.invalidModel` with the entry where the archive is truncated, damaged, contradictory or encrypted, where a path leaves the
    /// folder, comes twice or is a link, and where the members have more bytes than `maxUnpackedBytes`, or more than 200 times the archive's
    /// and 64 MiB. O(entries log entries) time, and memory of some five times the directory's bytes.
    package func unpacked() throws(ScoringError) -> ModelArtifact {
        guard isFile else { return self }
        let archive = try ZipArchive(try bytes(), maxBytes: maxUnpackedBytes)
        return ModelArtifact(name: name, members: archive.members, source: archive)
    }

    /// Whether a folder, or the ZIP archive that a file is, has a member with this path; for `ModelFormat.recognises`. Of a damaged archive
    /// this is said by the headers within its first bytes, so that the format which claims it can tell what is wrong.
    package func holds(_ path: String) -> Bool {
        guard isFile else { return findMember(path) != nil }
        guard ZipArchive.recognises(head) else { return false }
        if let archive = try? unpacked() { return archive.findMember(path) != nil }
        return ZipArchive.paths(inHeadersOf: head).contains { $0.elementsEqual(path.utf8) }
    }
}
