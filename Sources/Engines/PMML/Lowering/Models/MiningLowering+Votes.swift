internal import Scoring
internal import Tabular

/// Ensembles of classifications and clusterings: votes, and combinations of probabilities (PMML 4.4, Multiple Models).
extension MiningLowering {
    /// One operand a class; as many tables as there are models.
    private typealias Probabilities = [[Formula.Operand]]

    func combinedClasses(_ parts: [Part], _ model: MiningModel) throws(ScoringError) -> Outcome {
        let isClustering = model.head.function == .clustering
        guard isClustering || model.head.function == .classification else {
            throw unsupported(
                "the multipleModelMethod \(model.method.rawValue) of a \(model.head.function.rawValue)", model.head.place)
        }
        var classes = isClustering ? Classes() : classes(of: target(of: .mining(model)).field)
        if classes.isEmpty, !isClustering { classes = Classes(type: parts[0].outcome.classes.type) }
        for part in parts {
            guard part.outcome.label != nil || isClustering && part.outcome.entity != nil else {
                throw invalid("<Segmentation>: a segment of a \(model.head.function.rawValue) is none", model.head.place)
            }
            for text in categories(of: part.outcome) { _ = classes.position(of: text) }
        }
        guard parts.count * classes.count <= 200_000 else {
            throw unsupported("an ensemble of so many models and categories", model.head.place)
        }
        let label = { [self] (part: Part) in result(of: part.outcome)! }
        let results: [Formula.Operand]
        switch model.method {
        case .majorityVote, .weightedMajorityVote: results = votes(parts, model, classes)
        case .average where !isClustering, .weightedAverage where !isClustering, .max where !isClustering,
            .median where !isClustering:
            results = try combinedProbabilities(probabilities(parts, classes), parts, model)
        default:
            throw unsupported(
                "the multipleModelMethod \(model.method.rawValue) of a \(model.head.function.rawValue)", model.head.place)
        }
        var outcome = Outcome()
        let treated = results.map { treatingMissing($0, parts, model, label) }
        guard isClustering else {
            outcome.classes = classes
            outcome.probabilities = treated
            outcome.label = mostProbable(treated)
            return outcome
        }
        (outcome.entity, outcome.entities) = (mostProbable(treated), classes.texts)
        return outcome
    }

    /// The texts that a model's result is a position among.
    private func categories(of outcome: Outcome) -> [String] {
        outcome.label == nil ? outcome.entities : outcome.classes.texts
    }

    /// Finds the position of a text among those that a model's result is a position among.
    private func positions(in outcome: Outcome) -> (String) -> Int? {
        guard outcome.label == nil else { return { outcome.classes.find($0) } }
        let index = TextMap(outcome.entities.enumerated().map { ($0.element, $0.offset) })
        return { index[$0] }
    }

    /// Each class's share of the votes that were cast. Where it is a candidate, missing wins with more votes
    /// than any class (missingPredictionTreatment `continue`).
    private func votes(_ parts: [Part], _ model: MiningModel, _ classes: Classes) -> [Formula.Operand] {
        let labels = parts.map { builder.apply(.only, result(of: $0.outcome)!, $0.isActive) }
        let weights = parts.map { constant(weight(of: $0, model)) }
        let cast = zip(labels, weights).map { builder.apply(.multiply, builder.apply(.isPresent, $0), $1) }
        let all = builder.combine(.sum, cast)
        let finders = parts.map { positions(in: $0.outcome) }
        let counts = classes.texts.map { text in
            let votes = parts.indices.map { index in
                guard let own = finders[index](text) else { return constant(0) }
                return builder.apply(.multiply, builder.apply(.equal, labels[index], constant(Double(own))), weights[index])
            }
            return builder.combine(.sum, votes)
        }
        let shares = counts.map { builder.apply(.divide, $0, all) }
        guard model.missingPrediction == .continue else { return shares }
        let absent = parts.indices.map { index in
            let isMissing = builder.apply(
                .and, builder.apply(.isMissing, labels[index]), builder.apply(.equal, parts[index].isActive, constant(1)))
            return builder.apply(.multiply, isMissing, weights[index])
        }
        let isMissing = builder.apply(.greater, builder.combine(.sum, absent), builder.combine(.maximum, counts))
        return shares.map { choose(isMissing, constant(.nan), $0) }
    }

    /// Each model's probabilities by class; missing where it is not in use or has no result.
    private func probabilities(_ parts: [Part], _ classes: Classes) -> Probabilities {
        parts.map { part in
            classes.texts.map { text in
                let own = part.outcome.classes.find(text)
                let hasProbability = own.map { part.outcome.probabilities.indices.contains($0) } ?? false
                let probability = hasProbability ? part.outcome.probabilities[own!] : constant(0)
                let present = choose(builder.apply(.isMissing, part.outcome.label!), constant(.nan), probability)
                return builder.apply(.only, present, part.isActive)
            }
        }
    }

    private func combinedProbabilities(_ probabilities: Probabilities, _ parts: [Part], _ model: MiningModel)
        throws(ScoringError) -> [Formula.Operand]
    {
        let byClass = probabilities[0].indices.map { position in probabilities.map { $0[position] } }
        switch model.method {
        case .average: return byClass.map { builder.combine(.average, $0) }
        case .weightedAverage: return try byClass.map { (own) throws(ScoringError) in try weightedAverage(own, parts) }
        case .max: return contributed(probabilities, byClass.map { builder.combine(.maximum, $0) })
        default: return contributed(probabilities, byClass.map { builder.combine(.median, $0) })
        }
    }

    /// The mean of the models that are closest to the greatest of the classes' combined probabilities: those
    /// that have it, or, for the median of an even number, those beside it.
    private func contributed(_ probabilities: Probabilities, _ combined: [Formula.Operand]) -> [Formula.Operand] {
        let winner = mostProbable(combined)
        func ofWinner(_ values: [Formula.Operand]) -> Formula.Operand {
            values.enumerated().reduce(constant(.nan)) { result, value in
                choose(builder.apply(.equal, winner, constant(Double(value.offset))), value.element, result)
            }
        }
        let goal = ofWinner(combined)
        let distances = probabilities.map { builder.apply(.absolute, builder.apply(.subtract, ofWinner($0), goal)) }
        let least = builder.combine(.minimum, distances)
        let isClosest = distances.map { builder.apply(.equal, $0, least) }
        return combined.indices.map { position in
            builder.combine(.average, zip(probabilities, isClosest).map { builder.apply(.only, $0[position], $1) })
        }
    }
}
