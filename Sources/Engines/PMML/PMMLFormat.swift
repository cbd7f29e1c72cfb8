package import Scoring

/// Reads PMML 3.x and 4.x: parses the file to typed elements, resolves its fields and lowers the model to
/// the native engine's program. What cannot be evaluated rightly is refused by its name.
package struct PMMLFormat: ModelFormat {
    package init() {}

    package let name = "PMML"
    /// The files name their inputs and classes.
    package let keys: Set<LoadOptions.Key> = []

    /// Whether the root element is `PMML`, by the first bytes: UTF-8 or UTF-16, with or without a declaration.
    package func recognises(_ artifact: ModelArtifact) -> Bool {
        // UTF-16 has a zero beside every character of the tag.
        let head = artifact.head.filter { $0 != 0 }
        guard let start = head.firstIndex(of: UInt8(ascii: "<")) else { return false }
        guard head[..<start].allSatisfy({ $0 <= 0x20 || $0 >= 0x80 }) else { return false }
        var rest = head[start...]
        while rest.starts(with: "<?".utf8) || rest.starts(with: "<!".utf8) {
            let end = rest.starts(with: "<?".utf8) ? "?>" : rest.starts(with: "<!--".utf8) ? "-->" : ">"
            guard let range = rest.dropFirst(2).firstRange(of: Array(end.utf8)) else { return false }
            rest = rest[range.upperBound...].drop { $0 <= 0x20 }
        }
        guard rest.first == UInt8(ascii: "<") else { return false }
        let name = rest.dropFirst().prefix { $0 > 0x20 && $0 != UInt8(ascii: ">") && $0 != UInt8(ascii: "/") }
        return name.elementsEqual("PMML".utf8) || name.suffix(5).elementsEqual(":PMML".utf8)
    }

    package func load(_ artifact: ModelArtifact, options: LoadOptions) throws(ScoringError) -> any ScoringModel {
        try ModelAssembly.model(of: Document.read(try artifact.bytes()))
    }
}
