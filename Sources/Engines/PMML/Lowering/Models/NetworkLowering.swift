internal import Scoring
internal import Tabular

/// Neural networks: inputs as derived fields, layers as one step, outputs by the inverse of what normalised
/// the target (PMML 4.4, Neural Network).
struct NetworkLowering: PartLowering {
    let context: LoweringContext

    /// A result of the network and what it stands for.
    private struct NetworkOutput {
        var operand: Formula.Operand
        var neuron: String
        var expression: Expression
        var place: Place
    }

    func lower(_ model: NeuralNetwork, in scope: Scope) throws(ScoringError) -> Outcome {
        let inputs = try model.inputs.map { (field) throws(ScoringError) in
            let value = try derived(field, in: scope)
            guard value.type != .string else { throw invalid("a neural input is no number", field.place) }
            return builder.slot(of: value.operand)
        }
        let network = LayeredNetwork(
            inputCount: inputs.count, layers: try model.layers.map { (layer) throws(ScoringError) in try self.layer(layer) },
            outputs: model.outputs.map(\.unit))
        let first = builder.addSlots(model.outputs.count)
        builder.add(.network(network, inputs: inputs, into: first))

        var (fields, outputs): ([String], TextMap<[NetworkOutput]>) = ([], [:])
        for (index, output) in model.outputs.enumerated() {
            let expression = denormalization(output.field.expression, in: scope)
            let name: String
            switch expression {
            case .field(let reference): name = reference.field
            case .normContinuous(let norm): name = norm.field
            case .normDiscrete(let norm): name = norm.field
            default: throw unsupported("this expression of a <NeuralOutput>", output.field.place)
            }
            if outputs[name] == nil { fields.append(name) }
            outputs[name, default: []].append(
                NetworkOutput(
                    operand: .slot(first + index), neuron: output.id, expression: expression, place: output.field.place))
        }
        let targets = model.head.miningSchema.filter(\.usage.isTarget).map(\.name)
        guard targets.count > 1 else {
            // A file with one target can name it as it likes.
            guard let name = targets.first.flatMap({ outputs[$0] == nil ? nil : $0 }) ?? fields.first,
                fields.count == 1 || targets.first == name
            else { throw invalid("the neural outputs are of several fields, none of which is the target", model.head.place) }
            return try outcome(of: outputs[name]!, names.dataFields[name], model.head)
        }
        var parts: [Outcome] = []
        for name in targets {
            guard let own = outputs[name] else { throw invalid("the target '\(name)' has no neural output", model.head.place) }
            var head = model.head
            head.miningSchema.removeAll { $0.usage.isTarget && !$0.name.isExactly(name) }
            var part = try outcome(of: own, names.dataFields[name], head)
            (part.target, part.targetField) = (name, names.dataFields[name])
            parts.append(part)
        }
        var whole = parts[0]
        (whole.parts, whole.isOfAllParts) = (parts, true)
        return whole
    }

    private func layer(_ layer: NeuralNetwork.Layer) throws(ScoringError) -> LayeredNetwork.Layer {
        let isRadial = layer.activation == .radialBasis
        let neurons = try layer.neurons.map { (neuron) throws(ScoringError) in
            let (width, altitude) = (neuron.width ?? layer.width, neuron.altitude ?? layer.altitude)
            if isRadial {
                guard let width, width != 0 else { throw invalid("a radial basis function needs a width", neuron.place) }
                guard altitude > 0 else { throw invalid("the altitude must be positive", neuron.place) }
            }
            return LayeredNetwork.Neuron(
                sources: neuron.sources, weights: neuron.weights, bias: neuron.bias, width: width ?? 1, altitude: altitude)
        }
        let activation: LayeredNetwork.Activation =
            switch layer.activation {
            case .threshold: .threshold(layer.threshold)
            case .logistic: .logistic
            case .tanh: .tanh
            case .identity: .identity
            case .exponential: .exponential
            case .reciprocal: .reciprocal
            case .square: .square
            case .gauss: .gauss
            case .sine: .sine
            case .cosine: .cosine
            case .elliott: .elliott
            case .arctan: .arctan
            case .rectifier: .rectifier(leakage: layer.leakage)
            case .radialBasis: .radialBasis
            }
        let normalization: LayeredNetwork.Normalization =
            switch layer.normalization {
            case .none: .none
            case .simplemax: .share
            case .softmax: .softmax
            }
        return LayeredNetwork.Layer(activation: activation, normalization: normalization, neurons: neurons)
    }

    /// A reference to a derived field stands for that field's expression.
    private func denormalization(_ expression: Expression, in scope: Scope) -> Expression {
        guard case .field(let reference) = expression, names.dataFields[reference.field] == nil else { return expression }
        if case .derived(let field)? = scope[reference.field] { return field.expression }
        return names.derivedFields[reference.field]?.expression ?? expression
    }

    private func outcome(of outputs: [NetworkOutput], _ target: DataField?, _ head: ModelHeader) throws(ScoringError) -> Outcome {
        if case .normDiscrete = outputs[0].expression { return try classification(outputs, target) }
        guard head.function != .classification else {
            throw invalid("the <NeuralOutput> of a classification needs a NormDiscrete", outputs[0].place)
        }
        guard outputs.count == 1 else { throw invalid("a regression has two neural outputs", outputs[1].place) }
        let output = outputs[0]
        guard case .normContinuous(let norm) = output.expression else { return regressionOutcome(output.operand, head) }
        return regressionOutcome(try denormalized(output.operand, norm), head)
    }

    private func classification(_ outputs: [NetworkOutput], _ target: DataField?) throws(ScoringError) -> Outcome {
        var outcome = Outcome()
        var classes = classes(of: target)
        var (positions, known): ([Int], Set<Int>) = ([], [])
        for output in outputs {
            guard case .normDiscrete(let norm) = output.expression else {
                throw invalid("the <NeuralOutput> of a classification needs a NormDiscrete", output.place)
            }
            let position = classes.position(of: norm.value)
            guard known.insert(position).inserted else { throw invalid("two neural outputs are of one category", output.place) }
            positions.append(position)
        }
        outcome.classes = classes
        outcome.probabilities = [Formula.Operand](repeating: constant(0), count: classes.count)
        outcome.entities = [String](repeating: "", count: classes.count)
        for (position, output) in zip(positions, outputs) {
            outcome.probabilities[position] = output.operand
            outcome.entities[position] = output.neuron
        }
        outcome.label = mostProbable(outputs.map(\.operand), at: positions)
        outcome.entity = outcome.label
        return outcome
    }

    /// The inverse of a piecewise linear normalisation.
    private func denormalized(_ operand: Formula.Operand, _ norm: NormContinuous) throws(ScoringError) -> Formula.Operand {
        var points = norm.points
        guard points.count >= 2 else { throw invalid("<NormContinuous> needs two LinearNorm elements", norm.place) }
        if points[0].normed > points[1].normed { points.reverse() }
        for (point, next) in zip(points, points.dropFirst()) where !(point.normed < next.normed) {
            throw invalid("the norm values of a target must all ascend or all descend", norm.place)
        }
        let ends: Formula.PolylineEnds =
            switch norm.outliers {
            case .asIs: .extended
            case .asMissingValues: .missing
            case .asExtremeValues: .held
            }
        return builder.look(
            up: operand,
            in: .polyline(x: points.map(\.normed), y: points.map(\.original), ends: ends, missing: .nan))
    }
}
