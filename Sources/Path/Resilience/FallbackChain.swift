package import Scoring

/// What is tried, in order, when a model cannot answer. Never leads back to where it has been, and ends after
/// `maxSteps` steps.
package struct FallbackChain: Sendable, Equatable {
    package enum Step: Sendable, Equatable {
        case constant(score: Double, decision: Decision?)
        /// A model's version; nil for the one that answers by default. One that is not there, or is the one that has just
        /// failed, is passed over.
        case model(ModelName, ModelVersion?)
    }

    /// More than this takes longer than any caller waits, and nobody can foresee who answers.
    package static let maxSteps = 3

    package let steps: [Step]

    /// The chains of all models that have a rule, or what is wrong with them: rules that lead in a circle, chains that are
    /// too long, scores that are not finite. Models outside of a circle are not affected by it. O(models).
    package static func resolve(_ rules: [ModelName: FallbackRule]) -> [ModelName: Result<FallbackChain, ScoringError>] {
        var chains: [ModelName: Result<FallbackChain, ScoringError>] = [:]
        for name in rules.keys {
            do throws(ScoringError) {
                chains[name] = .success(try chain(from: name) { rules[$0] })
            } catch {
                chains[name] = .failure(error)
            }
        }
        return chains
    }

    /// The chain of one model, or what is wrong with it.
    /// - Parameter ruleOf: The rule of a model; nil where it has none.
    package static func chain(
        from start: ModelName, _ ruleOf: (ModelName) -> FallbackRule?
    ) throws(ScoringError) -> FallbackChain {
        var steps: [Step] = []
        var way = [start]
        var next = ruleOf(start)
        while let rule = next {
            let current = way[way.count - 1]
            let step: Step
            switch rule {
            case .constant(let score, let decision):
                guard score.isFinite else {
                    throw .refusedModel("model.yaml: fallback.score of '\(current)' must be a finite number")
                }
                (step, next) = (.constant(score: score, decision: decision), nil)
            case .version(let version), .model(current, let version?):
                // The rule has been used; the version that it names has no other.
                (step, next) = (.model(current, version), nil)
            case .model(let target, let version):
                guard !way.contains(target) else {
                    let circle = (way + [target]).map(\.text).joined(separator: " -> ")
                    throw .refusedModel("model.yaml: fallback leads in a circle: \(circle)")
                }
                way.append(target)
                (step, next) = (.model(target, version), ruleOf(target))
            }
            // "B, then B's version 1" where version 1 was tried already.
            if step != steps.last { steps.append(step) }
            guard steps.count <= maxSteps else {
                throw .refusedModel("model.yaml: fallback: '\(start)' has more than \(maxSteps) fallbacks in a row")
            }
        }
        return FallbackChain(steps: steps)
    }
}
