internal import Scoring
internal import TensorRuntime

/// Finds out where the numbers of outputs come from.
struct OriginSearch {
    private let graph: ProtoGraphProto
    private let producers: TextMap<Int>

    init(_ graph: ProtoGraphProto) {
        var producers: TextMap<Int> = [:]
        for (index, node) in graph.node.enumerated() {
            for output in node.output where !output.isEmpty { producers[output] = index }
        }
        (self.graph, self.producers) = (graph, producers)
    }

    /// - Parameter output: An output of the graph, or any other name in it.
    func origin(of output: String) throws(ScoringError) -> ScoreOrigin? {
        var name = output
        var elements: [Int]?
        // More nodes on the way than there are would be a cycle.
        for _ in 0...graph.node.count {
            guard let index = producers[name] else { return nil }
            let proto = graph.node[index]
            guard let input = proto.input.first else { return nil }
            switch proto.opType {
            case "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "ZipMap": name = input
            case "Cast":
                guard [1, 10, 11].contains(integer(proto, "to") ?? 0) else { return nil }
                name = input
            case "Slice", "ArrayFeatureExtractor", "Gather":
                guard let picked = try picked(by: proto) else { return try origin(name, proto, elements) }
                guard let before = elements else {
                    (name, elements) = (input, picked)
                    continue
                }
                guard before.allSatisfy(picked.indices.contains) else { return nil }
                (name, elements) = (input, before.map { picked[$0] })
            default: return try origin(name, proto, elements)
            }
        }
        return nil
    }

    /// The tensors that a sequence is made of.
    func parts(of output: String) -> [String]? {
        guard let index = producers[output], graph.node[index].opType == "SequenceConstruct" else { return nil }
        return graph.node[index].input
    }

    private func origin(_ tensor: String, _ proto: ProtoNodeProto, _ elements: [Int]?) throws(ScoringError) -> ScoreOrigin {
        var origin = ScoreOrigin(tensor: tensor, elements: elements)
        switch proto.opType {
        case "LinearClassifier", "TreeEnsembleClassifier", "SVMClassifier":
            guard proto.output.count > 1, proto.output[1] == tensor else { return origin }
            origin.classes = try classes(proto)
            let isPlain = text(proto, "post_transform") ?? "NONE" == "NONE"
            switch proto.opType {
            case "LinearClassifier": origin.isMargin = isPlain
            case "SVMClassifier":
                origin.isMargin = isPlain && floats(proto, "prob_a").isEmpty
                // A pair's value is positive for its first class.
                (origin.decision, origin.isByClass) = (0, !origin.isMargin || origin.classes?.count == 2)
            default:
                // Votes and shares are not negative.
                origin.isMargin = isPlain && floats(proto, "class_weights").contains { $0 < 0 }
            }
        case "Add", "Gemm", "MatMul": origin.isMargin = try isLinear(proto)
        case "Concat": origin.isMargin = try isPairOfMargins(proto)
        default: break
        }
        if !origin.isMargin, origin.classes == nil { origin.isMargin = try isMadeOfMargins(tensor) }
        return origin
    }

    /// Whether a classifier's margins come in by nothing but sums, scales and moves, as in one-versus-rest models.
    private func isMadeOfMargins(_ tensor: String) throws(ScoringError) -> Bool {
        var (open, seen): ([String], TextSet) = ([tensor], [tensor])
        while let name = open.popLast() {
            guard let index = producers[name] else { continue }
            let proto = graph.node[index]
            switch proto.opType {
            case "LinearClassifier", "TreeEnsembleClassifier", "SVMClassifier":
                if try origin(name, proto, nil).isMargin { return true }
            case "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Cast", "Slice", "ArrayFeatureExtractor", "Gather",
                "Neg", "Div":
                if let input = proto.input.first, seen.insert(input) { open.append(input) }
            case "Concat", "Add", "Sub", "Sum", "Mul":
                for input in proto.input where seen.insert(input) { open.append(input) }
            default: break
            }
        }
        return false
    }

    /// A product with a constant matrix, with or without something constant added to it.
    private func isLinear(_ proto: ProtoNodeProto) throws(ScoringError) -> Bool {
        guard proto.input.count >= 2 else { return false }
        if proto.opType != "Add" { return isConstant(proto.input[1]) }
        for (term, other) in [(0, 1), (1, 0)] where isConstant(proto.input[other]) {
            guard let index = producers[proto.input[term]] else { continue }
            let product = graph.node[index]
            if ["MatMul", "Gemm"].contains(product.opType) { return try isLinear(product) }
        }
        return false
    }

    /// -x and x, as they are made of one decision value.
    private func isPairOfMargins(_ proto: ProtoNodeProto) throws(ScoringError) -> Bool {
        guard proto.input.count == 2, let index = producers[proto.input[0]] else { return false }
        let negative = graph.node[index]
        guard let source = negative.input.first, source == proto.input[1] else { return false }
        if negative.opType == "Neg" { return true }
        guard negative.opType == "Mul", negative.input.count == 2 else { return false }
        return try constant(negative.input[1])?.numbers == [-1]
    }

    /// Which elements of a row a node picks by constants; nil where it does not, or does more.
    private func picked(by proto: ProtoNodeProto) throws(ScoringError) -> [Int]? {
        switch proto.opType {
        case "ArrayFeatureExtractor", "Gather":
            guard proto.input.count == 2, proto.opType != "Gather" || [1, -1].contains(integer(proto, "axis") ?? 0),
                let indices = try constant(proto.input[1]), indices.type.isInteger,
                indices.numbers.allSatisfy({ $0 >= 0 && $0 < 10_000 })
            else { return nil }
            return indices.numbers.map { Int($0) }
        default:
            guard proto.input.count >= 4, let starts = try constant(proto.input[1]), let ends = try constant(proto.input[2]),
                let axes = try constant(proto.input[3]), starts.numbers.count == 1, ends.numbers.count == 1,
                axes.numbers == [1] || axes.numbers == [-1], let first = starts.numbers.first, let end = ends.numbers.first,
                first >= 0, end > first, end <= 10_000
            else { return nil }
            if proto.input.count > 4, try constant(proto.input[4])?.numbers != [1] { return nil }
            return Array(Int(first)..<Int(end))
        }
    }

    private func isConstant(_ name: String) -> Bool {
        if graph.initializer.contains(where: { $0.name.isExactly(name) }) { return true }
        return producers[name].map { graph.node[$0].opType == "Constant" } ?? false
    }

    private func constant(_ name: String) throws(ScoringError) -> Tensor? {
        if let proto = graph.initializer.first(where: { $0.name.isExactly(name) }) {
            guard ElementType(rawValue: proto.dataType) != nil else { return nil }
            return try LoweringFailure.known { () throws(LoweringFailure) in
                try Tensor(proto, place: "initializer '\(name)'")
            }
        }
        guard let index = producers[name], graph.node[index].opType == "Constant" else { return nil }
        return try LoweringFailure.known { () throws(LoweringFailure) in
            try Node(graph.node[index], index: index).constantValue()
        }
    }

    private func classes(_ proto: ProtoNodeProto) throws(ScoringError) -> [String]? {
        var classes: [String] = []
        for attribute in proto.attribute where attribute.name.hasPrefix("classlabels_") {
            for bytes in attribute.strings { classes.append(try self.text(bytes)) }
            classes += attribute.ints.map { String($0) }
        }
        return classes.isEmpty || TextSet(classes).count != classes.count ? nil : classes
    }

    private func text(_ bytes: some Sequence<UInt8>) throws(ScoringError) -> String {
        try ONNX.text([UInt8](bytes), "classlabels_strings")
    }

    private func integer(_ proto: ProtoNodeProto, _ name: String) -> Int? {
        proto.attribute.first { $0.name == name }.map { Int($0.i) }
    }

    private func text(_ proto: ProtoNodeProto, _ name: String) -> String? {
        proto.attribute.first { $0.name == name }.map { String(decoding: $0.s, as: UTF8.self) }
    }

    private func floats(_ proto: ProtoNodeProto, _ name: String) -> [Float] {
        proto.attribute.first { $0.name == name }?.floats ?? []
    }
}
