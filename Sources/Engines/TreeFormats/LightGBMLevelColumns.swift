internal import Scoring

/// Assigns the levels that LightGBM's Python package keeps of pandas columns to features. The file lists the
/// columns' levels in order, but not which features they belong to: those are the categorical ones.
enum LightGBMLevelColumns {
    /// Levels by feature; nil where they cannot be assigned with certainty.
    static func match(_ document: LightGBMDocument, features: Int) -> [Int: CategoryLevels]? {
        let columns = document.pandasLevels
        guard !columns.isEmpty else { return [:] }
        let candidates = [document.categoricalFeatures?.sorted(), categoricalFeatures(document)].compactMap { $0 }
        for categorical in candidates where categorical.count == columns.count {
            guard categorical.allSatisfy({ (0..<features).contains($0) }), Set(categorical).count == columns.count,
                zip(categorical, columns).allSatisfy({ fits($1, codes: codes(of: $0, document)) })
            else { continue }
            return Dictionary(uniqueKeysWithValues: zip(categorical, columns.map(levels)))
        }
        return nil
    }

    /// Features whose info lists codes instead of a range.
    private static func categoricalFeatures(_ document: LightGBMDocument) -> [Int] {
        document.featureInfos.indices.filter { codes(of: $0, document) != nil }
    }

    /// The codes seen in training: "-1:1:2:0"; nil for a numeric feature or one that was never used.
    private static func codes(of feature: Int, _ document: LightGBMDocument) -> [Int]? {
        guard document.featureInfos.indices.contains(feature) else { return nil }
        let codes = document.featureInfos[feature].split(separator: ":").map { Int($0) }
        return codes.contains(nil) ? nil : codes.compactMap { $0 }
    }

    private static func fits(_ levels: [LightGBMLevel], codes: [Int]?) -> Bool {
        codes?.allSatisfy { $0 < levels.count } ?? true
    }

    private static func levels(_ column: [LightGBMLevel]) -> CategoryLevels {
        let labels = column.map { level in
            switch level {
            case .text(let text): text
            case .number(_, let label): label
            case .boolean(let value): value ? "true" : "false"
            }
        }
        let numbers = column.map { level in
            switch level {
            case .text: Double.nan
            case .number(let number, _): number
            case .boolean(let value): value ? 1.0 : 0
            }
        }
        return numbers.allSatisfy(\.isNaN) ? CategoryLevels(labels) : CategoryLevels(labels, numbers: numbers)
    }
}
