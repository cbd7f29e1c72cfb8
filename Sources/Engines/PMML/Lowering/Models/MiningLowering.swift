internal import Scoring
internal import Tabular
internal import Texts

/// Models made of models: ensembles, selections and chains (PMML 4.4, Multiple Models).
struct MiningLowering: PartLowering {
    let context: LoweringContext

    /// A segment that can be in use.
    struct Part {
        var id: String
        var weight: Double
        /// 1 where the segment's predicate is true, else 0.
        var isActive: Formula.Operand
        var outcome: Outcome
    }

    func lower(_ model: MiningModel, in scope: Scope) throws(ScoringError) -> Outcome {
        switch model.method {
        case .modelChain, .multiModelChain: return try lowerChain(model, in: scope)
        case .selectAll: throw unsupported("the multipleModelMethod selectAll", model.head.place)
        default: break
        }
        if let outcome = try lowerForest(model, in: scope) { return outcome }
        // Of a selection, 1 where an earlier segment was selected: later ones are not in use then.
        var isSelected = constant(0)
        var parts: [Part] = []
        for (index, segment) in model.segments.enumerated() {
            guard var part = try lower(segment, index, unless: isSelected, in: scope) else { continue }
            if model.method == .selectFirst, model.missingPrediction == .skipSegment, let result = result(of: part.outcome) {
                part.isActive = builder.apply(.and, part.isActive, builder.apply(.isPresent, result))
            }
            parts.append(part)
            if model.method == .selectFirst { isSelected = builder.apply(.or, isSelected, part.isActive) }
        }
        guard !parts.isEmpty else { throw invalid("<Segmentation>: no segment can ever be used", model.head.place) }
        var outcome: Outcome
        if model.method == .selectFirst {
            outcome = try selected(parts.reversed().map { ($0.isActive, $0.outcome) })
            if let value = outcome.value { outcome.value = applyTargets(value, model.head) }
        } else if model.head.function == .regression {
            outcome = regressionOutcome(try combined(parts, model), model.head)
        } else {
            outcome = try combinedClasses(parts, model)
        }
        if model.method != .selectFirst { outcome.outputs = [] }
        setSegments(parts, model, of: &outcome)
        return outcome
    }

    /// What output fields can ask of the segments: each one's outcome, missing where it is not in use, and the
    /// id of the one that decides.
    private func setSegments(_ parts: [Part], _ model: MiningModel, of outcome: inout Outcome) {
        outcome.segments = [:]
        let asked = TextSet((model.head.output ?? []).compactMap(\.segment))
        for part in parts where asked.contains(part.id) && outcome.segments[part.id] == nil {
            outcome.segments[part.id] = only(part.outcome, part.isActive)
        }
        (outcome.segment, outcome.segmentIds) = (nil, parts.map(\.id))
        guard (model.head.output ?? []).contains(where: { $0.feature == .entityId && $0.segment == nil }) else { return }
        switch model.method {
        case .selectFirst:
            outcome.segment = builder.combine(
                .first, parts.enumerated().map { builder.apply(.only, constant(Double($0.offset)), $0.element.isActive) })
        case .modelChain:
            outcome.segment = builder.combine(
                .first,
                parts.enumerated().reversed().map { builder.apply(.only, constant(Double($0.offset)), $0.element.isActive) })
        default: break
        }
    }

    /// The outcome where the condition is true, else a missing one.
    private func only(_ outcome: Outcome, _ condition: Formula.Operand) -> Outcome {
        guard builder.value(of: condition) != 1 else { return outcome }
        func only(_ operand: Formula.Operand) -> Formula.Operand { builder.apply(.only, operand, condition) }
        var result = outcome
        if let value = outcome.value { result.value!.operand = only(value.operand) }
        if let value = outcome.prediction { result.prediction!.operand = only(value.operand) }
        result.label = outcome.label.map(only)
        result.entity = outcome.entity.map(only)
        result.probabilities = outcome.probabilities.map(only)
        result.confidences = outcome.confidences.map(only)
        result.margins = outcome.margins.map(only)
        result.affinities = outcome.affinities.map(only)
        result.reasons = outcome.reasons.map(only)
        result.outputs = outcome.outputs.map { self.only($0, condition) }
        return result
    }

    /// A segment with its predicate; nil if the predicate is never true.
    private func lower(
        _ segment: MiningModel.Segment, _ index: Int, unless isSelected: Formula.Operand, in scope: Scope
    ) throws(ScoringError) -> Part? {
        if case .never = segment.predicate { return nil }
        let isActive = builder.apply(.coalesce, try truth(of: segment.predicate, in: scope), constant(0))
        let outer = context.gate
        defer { context.gate = outer }
        let isUsed = builder.apply(.and, isActive, builder.apply(.not, isSelected))
        if builder.value(of: isUsed) != 1 { context.gate = outer.map { builder.apply(.and, $0, isUsed) } ?? isUsed }
        let outcome = try lower(segment.model, in: scope)
        return Part(id: segment.id ?? String(index + 1), weight: segment.weight, isActive: isActive, outcome: outcome)
    }

    // MARK: Chains

    /// Every model sees the output fields of the models before it; the last one used gives the result.
    private func lowerChain(_ model: MiningModel, in scope: Scope) throws(ScoringError) -> Outcome {
        guard model.missingPrediction != .skipSegment else {
            throw unsupported("the missingPredictionTreatment skipSegment of a \(model.method.rawValue)", model.head.place)
        }
        var (parts, outputs): ([Part], LatestByName<OutputResult>) = ([], LatestByName())
        for (index, segment) in model.segments.enumerated() {
            if case .never = segment.predicate { continue }
            let isActive = builder.apply(.coalesce, try truth(of: segment.predicate, in: scope), constant(0))
            let outer = context.gate
            defer { context.gate = outer }
            if builder.value(of: isActive) != 1 { context.gate = outer.map { builder.apply(.and, $0, isActive) } ?? isActive }
            let outcome = try lower(segment.model, in: scope)
            parts.append(Part(id: segment.id ?? String(index + 1), weight: 1, isActive: isActive, outcome: outcome))
            for field in outcome.outputs {
                let field = only(field, isActive)
                outputs.append(field, named: field.name)
                scope[field.name] = .known(field.value)
            }
            if let name = outcome.target, let value = outcome.prediction, scope[name] == nil {
                scope[name] = .known(value)
            }
        }
        guard !parts.isEmpty else { throw invalid("<Segmentation>: no segment can ever be used", model.head.place) }
        // Models that come before the first one of the chain's target only prepare it: where that one is not used,
        // the target has no value.
        let predictor =
            target(of: .mining(model)).name.flatMap { name in parts.firstIndex { $0.outcome.target.isExactly(name) } } ?? 0
        var outcome = try selected(parts.enumerated().map { ($1.isActive, $0 < predictor ? Outcome() : $1.outcome) })
        if let value = outcome.value { outcome.value = applyTargets(value, model.head) }
        outcome.outputs = outputs.all
        // Before they are made missing below, as the outputs are.
        if scope.isOutermost { outcome.probabilities = shown(outcome.probabilities, outcome.outputs) }
        var isGiven = constant(1)
        if model.missingPrediction == .returnMissing {
            let results = parts.compactMap { part in
                result(of: part.outcome).map { builder.apply(.and, builder.apply(.isMissing, $0), part.isActive) }
            }
            let isMissing = results.isEmpty ? constant(0) : builder.combine(.maximum, results)
            isGiven = builder.apply(.equal, isMissing, constant(0))
            outcome = only(outcome, isGiven)
        }
        setSegments(parts, model, of: &outcome)
        outcome.parts = try byTarget(parts, of: model).map { only($0, isGiven) }
        outcome.isOfAllParts = model.method == .multiModelChain && !outcome.parts.isEmpty
        return outcome
    }

    /// What the chain says of each of its targets, where it has several.
    private func byTarget(_ parts: [Part], of model: MiningModel) throws(ScoringError) -> [Outcome] {
        var results: [Outcome] = []
        for part in parts {
            guard let name = part.outcome.target, model.showsTarget(name) else { continue }
            guard let index = results.firstIndex(where: { $0.target.isExactly(name) }) else {
                results.append(only(part.outcome, part.isActive))
                continue
            }
            var both = try merged(results[index], part.outcome, isActive: part.isActive)
            both.prediction = try labelValue(both) ?? both.value
            results[index] = both
        }
        return results
    }

    /// The output field where its model is in use, else missing.
    private func only(_ field: OutputResult, _ isActive: Formula.Operand) -> OutputResult {
        var result = field
        result.value.operand = builder.apply(.only, field.value.operand, isActive)
        result.position = field.position.map { builder.apply(.only, $0, isActive) }
        result.text = field.text.map { builder.apply(.only, $0, isActive) }
        return result
    }

    /// The last outcome that is in use.
    private func selected(_ candidates: [(isActive: Formula.Operand, outcome: Outcome)]) throws(ScoringError) -> Outcome {
        guard let first = candidates.firstIndex(where: { builder.value(of: $0.isActive) != 0 }) else {
            return candidates[0].outcome
        }
        // Whatever comes before a model that is always in use is never the last.
        let start = candidates.lastIndex { builder.value(of: $0.isActive) == 1 } ?? first
        var result = candidates[start].outcome
        if builder.value(of: candidates[start].isActive) != 1 {
            result = try merged(Outcome(), result, isActive: candidates[start].isActive)
        }
        for candidate in candidates[(start + 1)...] {
            let size = result.classes.count + result.entities.count + result.reasonCodes.count + result.outputs.count
            try spend(4 * size, document.model.head.place)
            result = try merged(result, candidate.outcome, isActive: candidate.isActive)
        }
        return result
    }

    /// The second outcome where it is in use, else the first.
    private func merged(_ first: Outcome, _ second: Outcome, isActive: Formula.Operand) throws(ScoringError) -> Outcome {
        var result = second
        let missing = constant(.nan)
        func pick(_ a: Formula.Operand?, _ b: Formula.Operand?) -> Formula.Operand? {
            a == nil && b == nil ? nil : choose(isActive, b ?? missing, a ?? missing)
        }
        if let operand = pick(first.value?.operand, second.value?.operand) {
            result.value = Value(operand, second.value?.type ?? first.value!.type)
        }
        var classes = first.classes.isEmpty ? Classes(type: second.classes.type) : first.classes
        let positions = second.classes.texts.map { classes.position(of: $0) }
        let places = Dictionary(positions.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
        result.classes = classes
        if let label = second.label {
            let entries = positions.enumerated().map { (Double($0.offset), Double($0.element)) }
            result.label = pick(first.label, builder.look(up: label, in: table(entries, other: .nan, missing: .nan)))
        } else {
            result.label = pick(first.label, nil)
        }
        func pickEach(_ a: [Formula.Operand], _ b: [Formula.Operand]) -> [Formula.Operand] {
            guard !a.isEmpty || !b.isEmpty else { return [] }
            return (0..<classes.count).map { position in
                let other = places[position].flatMap { b.indices.contains($0) ? b[$0] : nil }
                return pick(a.indices.contains(position) ? a[position] : nil, other ?? (b.isEmpty ? nil : constant(0))) ?? missing
            }
        }
        result.probabilities = pickEach(first.probabilities, second.probabilities)
        result.confidences = pickEach(first.confidences, second.confidences)
        result.margins = []
        (result.ranking, result.rankedAffinities, result.affinities, result.entityNames) = ([], [], [], [])
        var codes = first.reasonCodes
        var codePositions = TextMap(codes.enumerated().map { ($0.element, $0.offset) })
        var moved: [(Double, Double)] = []
        for (position, code) in second.reasonCodes.enumerated() {
            let place = codePositions[code] ?? codes.count
            if place == codes.count {
                codePositions[code] = place
                codes.append(code)
            }
            moved.append((Double(position), Double(place)))
        }
        result.reasons = (0..<max(first.reasons.count, second.reasons.count)).map { place in
            let other =
                second.reasons.indices.contains(place)
                ? builder.look(up: second.reasons[place], in: table(moved, other: .nan, missing: .nan)) : nil
            return pick(first.reasons.indices.contains(place) ? first.reasons[place] : nil, other) ?? missing
        }
        result.reasonCodes = codes
        var entities = first.entities
        var entityIndex = TextMap(entities.enumerated().map { ($0.element, $0.offset) })
        var movedEntities: [(Double, Double)] = []
        for (position, entity) in second.entities.enumerated() {
            if entityIndex[entity] == nil {
                entityIndex[entity] = entities.count
                entities.append(entity)
            }
            movedEntities.append((Double(position), Double(entityIndex[entity]!)))
        }
        result.entities = entities
        result.entity = pick(
            first.entity, second.entity.map { builder.look(up: $0, in: table(movedEntities, other: .nan, missing: .nan)) })
        result.outputs = first.outputs
        let outputIndex = TextMap(first.outputs.enumerated().map { ($0.element.name, $0.offset) })
        for field in second.outputs {
            guard let index = outputIndex[field.name] else {
                result.outputs.append(only(field, isActive))
                continue
            }
            result.outputs[index] = try merged(result.outputs[index], field, isActive)
        }
        return result
    }

    /// The second output field where its model is in use, else the first of that name.
    private func merged(_ first: OutputResult, _ second: OutputResult, _ isActive: Formula.Operand) throws(ScoringError)
        -> OutputResult
    {
        let (a, b, place) = (first.value, second.value, document.model.head.place)
        guard a.type == b.type || a.type.isNumeric && b.type.isNumeric else {
            throw unsupported("the output field '\(first.name)' of type \(a.type) in one segment and \(b.type) in another", place)
        }
        var result = first
        result.value = Value(
            choose(isActive, b.operand, a.operand), a.type == b.type ? a.type : DataType.common([a.type, b.type]), a.opType)
        if let some = a.domain, let others = b.domain { result.value.domain = distinct(some + others) }
        result.value.origins = Array(Set(a.origins + b.origins)).sorted()
        result.value.text = text(where: isActive, b, a)
        if first.text != nil || second.text != nil {
            var texts: [Formula.Operand] = []
            for field in [second, first] {
                if let text = field.text {
                    texts.append(text)
                } else {
                    texts.append(builder.measure(.output(try register(of: field.value, place))))
                }
            }
            result.text = choose(isActive, texts[0], texts[1])
        } else if var labels = first.labels, let position = first.position, let others = second.labels,
            let other = second.position
        {
            var known = TextMap(labels.enumerated().map { ($0.element, $0.offset) })
            var moved: [(Double, Double)] = []
            for (index, label) in others.enumerated() {
                if known.updateValue(known[label] ?? labels.count, forKey: label) == nil { labels.append(label) }
                moved.append((Double(index), Double(known[label]!)))
            }
            result.labels = labels
            result.position = choose(isActive, builder.look(up: other, in: table(moved, other: .nan, missing: .nan)), position)
        }
        return result
    }

    // MARK: Ensembles

    /// Each part's operand with missing in place of what is not in use, and whether a result is missing.
    private func members(_ parts: [Part], _ model: MiningModel, _ operand: (Part) -> Formula.Operand) -> [Formula.Operand] {
        parts.map { builder.apply(.only, operand($0), $0.isActive) }
    }

    /// The weight of a part under a method: 1 unless the method weighs its models.
    func weight(of part: Part, _ model: MiningModel) -> Double { model.method.isWeighted ? part.weight : 1 }

    /// Whether so many of the models in use have no result that the whole has none (missingPredictionTreatment).
    func isTooMuchMissing(_ parts: [Part], _ model: MiningModel, _ operand: (Part) -> Formula.Operand) -> Formula.Operand {
        var (missing, total) = (constant(0), constant(0))
        for part in parts {
            let weight = constant(weight(of: part, model))
            let isMissing = builder.apply(.multiply, builder.apply(.isMissing, operand(part)), part.isActive)
            missing = builder.apply(.add, missing, builder.apply(.multiply, isMissing, weight))
            total = builder.apply(.add, total, builder.apply(.multiply, part.isActive, weight))
        }
        // Votes go on with missing as one more candidate; other methods have nothing to go on with.
        guard model.missingPrediction == .skipSegment || model.missingPrediction == .continue && model.method.isVote else {
            return builder.apply(.greater, missing, constant(0))
        }
        return builder.apply(.greater, builder.apply(.divide, missing, total), constant(model.missingThreshold))
    }

    func treatingMissing(
        _ result: Formula.Operand, _ parts: [Part], _ model: MiningModel, _ operand: (Part) -> Formula.Operand
    ) -> Formula.Operand {
        choose(isTooMuchMissing(parts, model, operand), constant(.nan), result)
    }

    private func combined(_ parts: [Part], _ model: MiningModel) throws(ScoringError) -> Formula.Operand {
        for part in parts where part.outcome.value == nil {
            throw invalid("<Segmentation>: a segment of a regression is no regression", model.head.place)
        }
        let value = { (part: Part) in part.outcome.value!.operand }
        let members = members(parts, model, value)
        let weighted = { [self] in
            zip(members, parts).map { builder.apply(.multiply, $0, constant($1.weight)) }
        }
        let result: Formula.Operand
        switch model.method {
        case .sum: result = builder.combine(.sum, members)
        case .weightedSum, .xWeightedSum: result = builder.combine(.sum, weighted())
        case .average: result = builder.combine(.average, members)
        case .weightedAverage: result = try weightedAverage(members, parts)
        case .median: result = builder.combine(.median, members)
        case .max: result = builder.combine(.maximum, members)
        case .weightedMedian:
            result = builder.combine(.weightedMedian, zip(members, parts).flatMap { [$0, constant($1.weight)] })
        case .majorityVote, .weightedMajorityVote, .selectFirst, .selectAll, .modelChain, .multiModelChain:
            throw unsupported("the multipleModelMethod \(model.method.rawValue) of a regression", model.head.place)
        }
        return treatingMissing(model.head.isFloat ? builder.apply(.float32, result) : result, parts, model, value)
    }

    func weightedAverage(_ members: [Formula.Operand], _ parts: [Part]) throws(ScoringError) -> Formula.Operand {
        let sums = zip(members, parts).map { builder.apply(.multiply, $0, constant($1.weight)) }
        let weights = zip(members, parts).map { builder.apply(.multiply, builder.apply(.isPresent, $0), constant($1.weight)) }
        return builder.apply(.divide, builder.combine(.sum, sums), builder.combine(.sum, weights))
    }
}
