internal import Scoring

/// What the file says about a model's quality: facts to be shown, never used for scoring.
package struct ModelExplanation {
    /// The quality on one set of data.
    package struct Quality {
        package var dataUsage: String?
        package var dataName: String?
        package var target: String?
        package var facts: [(name: String, value: Double)] = []
    }

    package var qualities: [Quality] = []
    package var hasCorrelations = false

    /// More of it is not read.
    static let maxQualities = 32

    /// A sentence a quality: "Quality by the file: AUC 0.87, R squared 0.5 on validation data".
    package var notes: [String] {
        var notes = qualities.map { quality in
            let facts = quality.facts.map { "\($0.name) \(Self.text($0.value))" }.joined(separator: ", ")
            let usage = quality.dataUsage.map { " on \(Self.plain($0)) data" } ?? ""
            let name = quality.dataName.map { " '\(Self.plain($0))'" } ?? ""
            let target = quality.target.map { " of '\(Self.plain($0))'" } ?? ""
            return "Quality\(target) by the file: \(facts.isEmpty ? "nothing is said" : facts)\(usage)\(name)."
        }
        if hasCorrelations { notes.append("The file lists correlations of its fields.") }
        return notes
    }

    private static func text(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
    }

    /// Text of the file on one line and of bounded length.
    static func plain(_ text: String) -> String {
        let words = text.unicodeScalars.prefix(2_000).split { $0.value <= 0x20 || (0x7F...0xA0).contains($0.value) }
        let line = words.map { String(String.UnicodeScalarView($0)) }.joined(separator: " ")
        return line.count > 200 ? line.prefix(200) + "..." : line
    }
}

extension ElementReader {
    /// Nothing in it can make a file wrong: what cannot be read is passed over.
    mutating func modelExplanation() throws(ScoringError) -> ModelExplanation {
        var explanation = ModelExplanation()
        try children { (reader, tag) throws(ScoringError) in
            guard explanation.qualities.count < ModelExplanation.maxQualities else { return }
            switch tag {
            case .PredictiveModelQuality: explanation.qualities.append(try reader.predictiveQuality())
            case .ClusteringModelQuality:
                var quality = ModelExplanation.Quality(dataName: try reader.string("dataName"))
                try reader.readFacts(["SSE", "SSB"], into: &quality)
                explanation.qualities.append(quality)
            case .Correlations: explanation.hasCorrelations = true
            default: break
            }
        }
        return explanation
    }

    private mutating func predictiveQuality() throws(ScoringError) -> ModelExplanation.Quality {
        var quality = ModelExplanation.Quality(
            dataUsage: try string("dataUsage") ?? "training", dataName: try string("dataName"), target: try string("targetField"))
        try readFacts(
            [
                "numOfRecords", "numOfRecordsWeighted", "numOfPredictors", "degreesOfFreedom", "meanError", "meanAbsoluteError",
                "meanSquaredError", "rootMeanSquaredError", "r-squared", "adj-r-squared", "sumSquaredError",
                "sumSquaredRegression", "fStatistic", "AIC", "BIC", "AICc",
            ], into: &quality)
        var areas: [(name: String, value: Double)] = []
        try children { (reader, tag) throws(ScoringError) in
            guard tag == .ROC, areas.count < 32 else { return }
            let category = try reader.string("positiveTargetFieldValue").map { " for '\(ModelExplanation.plain($0))'" } ?? ""
            try reader.children { (reader, tag) throws(ScoringError) in
                guard tag == .ROCGraph, let area = try reader.areaUnderROC() else { return }
                areas.append(("AUC\(category)", area))
            }
        }
        quality.facts = areas + quality.facts
        return quality
    }

    private func readFacts(_ names: [StaticString], into quality: inout ModelExplanation.Quality) throws(ScoringError) {
        for name in names {
            guard let text = try string(name), let value = NumberText.double(text), value.isFinite else { continue }
            quality.facts.append(("\(name)", value))
        }
    }

    /// The area under the points of the current `ROCGraph`, by trapezoids; nil if they make no curve.
    private mutating func areaUnderROC() throws(ScoringError) -> Double? {
        var (x, y): ([Double], [Double]) = ([], [])
        try children { (reader, tag) throws(ScoringError) in
            guard tag == .XCoordinates || tag == .YCoordinates else { return }
            try reader.children { (reader, inner) throws(ScoringError) in
                guard inner == .Array || inner == .NUM_ARRAY else { return }
                let numbers = ArrayText.values(try reader.text()).compactMap { NumberText.double($0) }
                if tag == .XCoordinates { x = numbers } else { y = numbers }
            }
        }
        guard x.count == y.count, x.count >= 2, (x + y).allSatisfy({ (0...1).contains($0) }) else { return nil }
        var area = 0.0
        for index in 1..<x.count {
            guard x[index] >= x[index - 1] else { return nil }
            area += (x[index] - x[index - 1]) * (y[index] + y[index - 1]) / 2
        }
        return area
    }
}
