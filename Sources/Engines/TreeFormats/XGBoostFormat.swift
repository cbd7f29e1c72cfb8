package import Scoring

/// Reads XGBoost models as `save_model` writes them: JSON and UBJSON, of versions 1.0 to 3.4.
package struct XGBoostFormat: ModelFormat {
    package let name = "XGBoost"
    /// The files number their classes, which `classes` names.
    package let keys: Set<LoadOptions.Key> = [.inputs, .classes, .iterations]

    private enum Encoding { case json, ubjson, deprecatedBinary }

    package init() {}

    package func recognises(_ artifact: ModelArtifact) -> Bool {
        encoding(of: artifact.head) != nil
    }

    package func load(_ artifact: ModelArtifact, options: LoadOptions) throws(ScoringError) -> any ScoringModel {
        try lower(artifact, options: options).compiled()
    }

    /// Reads and checks the model without making kernels for it.
    package func lower(_ artifact: ModelArtifact, options: LoadOptions) throws(ScoringError) -> LoweredTreeModel {
        let bytes = try artifact.bytes()
        guard let encoding = encoding(of: artifact.head) else {
            throw .invalidModel(reason: "not an XGBoost model", place: "byte 0")
        }
        let document = try read(bytes, encoding)
        let name = encoding == .json ? "XGBoost JSON" : "XGBoost UBJSON"
        let version = document.version.map(String.init).joined(separator: ".")
        return try XGBoostModel.lower(document, format: version.isEmpty ? name : "\(name) \(version)", options: options)
    }

    private func read(_ bytes: [UInt8], _ encoding: Encoding) throws(ScoringError) -> XGBoostDocument {
        var result: Result<XGBoostDocument, ScoringError> = .failure(
            .unsupportedModel(
                "this is XGBoost's old binary format, which XGBoost itself dropped in 3.1: load it with an XGBoost before 3.1 and "
                    + "save it again with save_model(\"model.ubj\")"))
        bytes.withUnsafeBufferPointer { bytes in
            switch encoding {
            case .json: result = read(XGBoostReader(JSONCursor(bytes), size: bytes.count))
            case .ubjson: result = read(XGBoostReader(UBJSONCursor(bytes), size: bytes.count))
            case .deprecatedBinary: break
            }
        }
        return try result.get()
    }

    private func read<Cursor: ~Copyable>(_ reader: consuming XGBoostReader<Cursor>) -> Result<XGBoostDocument, ScoringError> {
        do throws(DocumentFailure) {
            try reader.read()
            return .success(reader.document)
        } catch {
            return .failure(.invalidModel(reason: error.reason, place: reader.place(of: error)))
        }
    }

    // MARK: Recognition

    /// Keys that a model or a snapshot of one begins with.
    private static let firstKeys = ["learner", "version", "Config", "Model"].map { Array($0.utf8) }

    private func encoding(of head: ArraySlice<UInt8>) -> Encoding? {
        if isDeprecatedBinary(Array(head)) { return .deprecatedBinary }
        guard head.first == UInt8(ascii: "{") || head.first.map(isSpace) == true else { return nil }
        guard contains(head, "learner") else { return nil }
        var rest = head.drop(while: isSpace).dropFirst()
        if let length = rest.first, "iUIlL".utf8.contains(length) {
            // One to eight bytes of length, the last of which is the whole of it for these keys.
            let size = ["i": 1, "U": 1, "I": 2, "l": 4, "L": 8][Character(Unicode.Scalar(length))] ?? 0
            rest = rest.dropFirst()
            guard rest.count > size, rest.prefix(size - 1).allSatisfy({ $0 == 0 }) else { return nil }
            let count = rest[rest.startIndex + size - 1]
            let key = rest.dropFirst(size)
            return Self.firstKeys.contains { $0.count == Int(count) && key.starts(with: $0) } ? .ubjson : nil
        }
        rest = rest.drop(while: isSpace)
        guard rest.first == UInt8(ascii: "\"") else { return nil }
        let key = rest.dropFirst()
        return Self.firstKeys.contains { key.starts(with: $0 + [UInt8(ascii: "\"")]) } ? .json : nil
    }

    private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

    private func contains(_ head: ArraySlice<UInt8>, _ word: String) -> Bool {
        let word = Array(word.utf8)
        guard head.count >= word.count else { return false }
        return head.indices.dropLast(word.count - 1).contains { head[$0] == word[0] && head[$0...].starts(with: word) }
    }

    /// The old format: "binf" (in files of its first years nothing), 136 bytes of parameters, then the
    /// objective's name with its length in eight bytes before it.
    private func isDeprecatedBinary(_ head: [UInt8]) -> Bool {
        for start in [140, 136] where head.count > start + 8 {
            if start == 140, !head.starts(with: Array("binf".utf8)) { continue }
            let length = Int(head[start])
            guard (4...64).contains(length), head[start + 1..<start + 8].allSatisfy({ $0 == 0 }), head.count >= start + 8 + length
            else { continue }
            let objective = head[start + 8..<start + 8 + length]
            if objective.contains(UInt8(ascii: ":")), objective.allSatisfy({ (0x21...0x7e).contains($0) }) { return true }
        }
        return false
    }
}
