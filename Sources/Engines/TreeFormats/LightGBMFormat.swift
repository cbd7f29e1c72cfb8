package import Scoring

/// Reads LightGBM models as `save_model` writes them: text of versions v2 to v4 (the library's 2.1 to 4.7).
package struct LightGBMFormat: ModelFormat {
    package let name = "LightGBM"
    /// The files number their classes, which `classes` names.
    package let keys: Set<LoadOptions.Key> = [.inputs, .classes, .iterations]

    package init() {}

    package func recognises(_ artifact: ModelArtifact) -> Bool {
        artifact.head.starts(with: "tree\n".utf8) || artifact.head.starts(with: "tree\r\n".utf8)
    }

    package func load(_ artifact: ModelArtifact, options: LoadOptions) throws(ScoringError) -> any ScoringModel {
        try lower(artifact, options: options).compiled()
    }

    /// Reads and checks the model without making kernels for it.
    package func lower(_ artifact: ModelArtifact, options: LoadOptions) throws(ScoringError) -> LoweredTreeModel {
        let bytes = try artifact.bytes()
        let result: Result<LightGBMDocument, ScoringError> = bytes.withUnsafeBufferPointer { bytes in
            var reader = LightGBMReader(bytes)
            do throws(LightGBMFailure) {
                try reader.read()
                return .success(reader.document)
            } catch {
                return .failure(.invalidModel(reason: error.reason, place: error.description))
            }
        }
        return try LightGBMModel.lower(try result.get(), options: options)
    }
}
