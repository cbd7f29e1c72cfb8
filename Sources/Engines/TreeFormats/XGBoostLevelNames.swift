internal import Scoring

/// Turns the levels that XGBoost keeps of a pandas or Arrow column into those of a field, so that requests can
/// say "NL" instead of a code. Like the library, the field refuses levels that were not seen in training.
enum XGBoostLevelNames {
    static func kind(of levels: XGBoostLevels, document: XGBoostDocument, place: String) throws(ScoringError) -> Field.Kind {
        if !levels.numbers.isEmpty {
            try checkDistinct(levels.numbers, place)
            return .category(CategoryLevels(levels.numbers.map(String.init), numbers: levels.numbers.map(Double.init)))
        }
        guard levels.offsets.count > 1 else { return .number }
        try checkEncoding(levels, document)
        let offsets = levels.offsets.map(Int.init)
        guard offsets.first == 0, offsets.last == levels.bytes.count else {
            throw .invalidModel(
                reason: "the offsets do not divide the \(levels.bytes.count) bytes of levels", place: "\(place).offsets")
        }
        var labels: [String] = []
        for (start, end) in zip(offsets, offsets.dropFirst()) {
            guard start <= end, end <= levels.bytes.count else {
                throw .invalidModel(reason: "the offsets are not in order", place: "\(place).offsets[\(labels.count)]")
            }
            guard let label = String(validating: levels.bytes[start..<end], as: UTF8.self) else {
                throw .invalidModel(reason: "the level is not valid UTF-8", place: "\(place).values[\(start)]")
            }
            labels.append(label)
        }
        try checkDistinct(labels.map(ExactText.init), place)
        return .category(CategoryLevels(labels))
    }

    /// XGBoost 3.1 to 3.3 cut the levels of pandas columns at their length in characters instead of bytes, so
    /// that a level beyond ASCII spoils all behind it. What they were cannot be told from the file.
    private static func checkEncoding(_ levels: XGBoostLevels, _ document: XGBoostDocument) throws(ScoringError) {
        guard !document.isSince(3, 4), levels.bytes.contains(where: { $0 >= 0x80 }) else { return }
        throw .unsupportedModel(
            "the model has category levels beyond ASCII, which XGBoost before 3.4 writes damaged; train it with XGBoost 3.4 or "
                + "later, or on category codes")
    }

    private static func checkDistinct<Level: Hashable>(_ levels: [Level], _ place: String) throws(ScoringError) {
        guard Set(levels).count == levels.count else { throw .invalidModel(reason: "a level is listed twice", place: place) }
    }
}
