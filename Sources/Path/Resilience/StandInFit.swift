package import Scoring
internal import StrictYAML

/// How well another model can answer for the one that was asked: what of its inputs it gets, and whether its score is on the same scale.
package struct StandInFit {
    /// One of the two: its signature, and the columns of its score.
    package struct Side {
        package let signature: Signature
        package let score: Range<Int>
        package let hasPolicy: Bool

        package init(_ signature: Signature, score: Range<Int>, hasPolicy: Bool) {
            (self.signature, self.score, self.hasPolicy) = (signature, score, hasPolicy)
        }

        fileprivate var isProbability: Bool { signature.isProbability(score) }
    }

    private let asked: Side
    private let standIn: Side

    package init(asked: Side, standIn: Side) { (self.asked, self.standIn) = (asked, standIn) }

    /// Whether a value of the stand-in may be given in a column of the asked model's score: a number outside 0 to 1 is no probability, and
    /// a fraction no whole number.
    package static func allows(_ value: Double, in column: Int, of asked: Side) -> Bool {
        guard !value.isNaN else { return false }
        if asked.isProbability, !(0...1 ~= value) { return false }
        return asked.signature.outputs[column].kind != .integer || value == value.rounded()
    }

    /// What the owner of the asked model should know, as sentences.
    /// - Parameter name: The stand-in's, as messages call it.
    package func notes(on name: String) -> [String] {
        var notes: [String] = []
        if asked.score.count != standIn.score.count {
            notes.append(
                "the fallback '\(name)' gives \(standIn.score.count) scores, not \(asked.score.count): it never answers.")
        } else if asked.isProbability != standIn.isProbability {
            let (own, other) = asked.isProbability ? ("a probability", "is none") : ("no probability", "is one")
            let rule = asked.isProbability ? " What is outside 0 to 1 is not answered with." : ""
            let policy = asked.hasPolicy && !standIn.hasPolicy ? " This model's policy decides on it." : ""
            notes.append("the score is \(own), and that of the fallback '\(name)' \(other).\(rule)\(policy)")
        }
        let absent = standIn.signature.inputs.map(\.name).filter { asked.signature.inputNames.position(of: $0) == nil }
        if !absent.isEmpty {
            let all = absent.count == standIn.signature.inputs.count ? "any of its inputs" : "its inputs"
            notes.append(
                "the fallback '\(name)' gets no value for \(all) \(listed(absent.map { quoted($0) }, atMost: 5)): this model has no inputs of these names."
            )
        }
        return notes
    }
}
