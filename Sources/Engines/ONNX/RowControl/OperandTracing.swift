internal import Scoring
internal import SwiftProtobuf

/// Carries traces through the nodes of a graph, in the order in which they stand. Refuses nodes that rows must not control,
/// and guards divisions.
struct OperandTracing {
    /// Nodes that are looked at, each as often as loops and calls need it.
    private static let maxSteps = 2_000_000

    let sizesFromRows: Bool
    /// Whether many rows share a run although they may depend on one another.
    let rowsTogether: Bool
    private let functions: [OwnFunction.Name: OwnFunction]
    /// The version of the standard operators where the walk is.
    private(set) var version: Int
    private var values: [String: OperandTrace] = [:]
    /// What the values of the graphs around were before an inner graph took their names.
    private var hidden: [(name: String, trace: OperandTrace?)] = []
    private var declared: [String: Int32] = [:]
    /// The function whose nodes are walked over, and the attributes of its call.
    private var function: (own: OwnFunction, given: [ProtoAttributeProto])?
    private var answers: [Call: [OperandTrace]] = [:]
    private var steps = 0
    private let file: [UInt8]
    private var prefix: String?
    /// How many divisions were guarded.
    var guards = 0
    private(set) var zeroDivision: String?

    private struct Call: Hashable {
        var name: OwnFunction.Name
        var inputs: [OperandTrace?]
    }

    /// - Parameter file: The bytes of the model.
    init(_ model: ProtoModelProto, file: [UInt8], sizesFromRows: Bool, rowsTogether: Bool) {
        (self.file, self.sizesFromRows, self.rowsTogether) = (file, sizesFromRows, rowsTogether)
        functions = Dictionary(
            model.functions.compactMap { OwnFunction.read([UInt8]($0.unknownFields.data)).map { ($0.name, $0.function) } },
            uniquingKeysWith: { first, _ in first })
        version = model.opsetImport.filter { OperatorNode.isStandard($0.domain) }.map { Int(clamping: $0.version) }.max() ?? 1
    }

    func value(_ name: String) -> OperandTrace { values[name] ?? .unknown }

    mutating func set(_ name: String, _ trace: OperandTrace) {
        guard !name.isEmpty else { return }
        var trace = trace
        if trace.element == 0 { trace.element = declared[name] ?? 0 }
        hidden.append((name, values[name]))
        values[name] = trace
    }

    /// Walks over a graph, whose inputs and outer values are known, and returns the traces of its outputs. Puts guarded
    /// divisions in their places.
    mutating func outputs(of graph: inout ProtoGraphProto, given inputs: [OperandTrace] = []) throws(ScoringError)
        -> [OperandTrace]
    {
        let (outside, mark) = (declared, hidden.count)
        declared = ProtoFields.declared(by: graph)
        for constant in graph.initializer { set(constant.name, OperandTrace(constant)) }
        for sparse in graph.sparseInitializer { setSparse([UInt8](sparse.unknownFields.data)) }
        for (info, trace) in zip(graph.input, inputs) { set(info.name, trace) }
        let before = guards
        var guarded = DivisionGuards()
        let nodes = try walk(graph.node, &guarded)
        if guards > before { graph.node = nodes }
        let outputs = graph.output.map { value($0.name) }
        restore(mark)
        declared = outside
        return outputs
    }

    private mutating func restore(_ mark: Int) {
        while hidden.count > mark {
            let (name, trace) = hidden.removeLast()
            values[name] = trace
        }
    }

    /// The values of a sparse constant carry its name.
    private mutating func setSparse(_ bytes: [UInt8]) {
        var walk = WireWalk(bytes[...])
        while let field = walk.next() {
            guard field.number == 1, field.wireType == 2,
                let tensor = try? ProtoTensorProto(serializedBytes: Array(bytes[field.content]))
            else { continue }
            set(tensor.name, OperandTrace(isFromRow: false, element: tensor.dataType))
        }
    }

    private mutating func walk(_ nodes: [ProtoNodeProto], _ guarded: inout DivisionGuards) throws(ScoringError)
        -> [ProtoNodeProto]
    {
        var written: [ProtoNodeProto] = []
        written.reserveCapacity(nodes.count)
        for (index, original) in nodes.enumerated() {
            steps += 1
            guard steps <= Self.maxSteps else {
                throw .unsupportedModel("the graph is too large to be followed: its loops and functions hold too many nodes")
            }
            var proto = function.map { $0.own.node(original, with: $0.given) } ?? original
            let node = OperatorNode(proto, index: index)
            var inputs: [OperandTrace?] = []
            for name in proto.input { inputs.append(name.isEmpty ? nil : value(name)) }
            if let own = functions[OwnFunction.Name(calledBy: proto)] {
                set(proto, try call(own, node, inputs))
                written.append(proto)
                continue
            }
            try check(node, inputs)
            if proto.attribute.contains(where: { $0.hasG || !$0.graphs.isEmpty }) {
                set(proto, try outputs(ofInner: &proto, node, inputs))
            } else {
                set(proto, plain(node, inputs))
            }
            if let element = try guardedType(node, inputs) {
                written += guarded.nodes(for: proto, element, names())
                guards += 1
            } else {
                written.append(proto)
            }
        }
        return written
    }

    private mutating func set(_ proto: ProtoNodeProto, _ traces: [OperandTrace]) {
        for (position, name) in proto.output.enumerated() { set(name, position < traces.count ? traces[position] : .unknown) }
    }

    /// Outputs of a node without graphs inside.
    private func plain(_ node: OperatorNode, _ inputs: [OperandTrace?]) -> [OperandTrace] {
        let rules = ElementRules(node, inputs)
        let isExtent = node.isStandard && ["Shape", "Size", "SequenceLength"].contains(node.operation)
        let isFromRow = !isExtent && inputs.contains { $0?.isFromRow == true }
        let mayBeEmpty = EmptyValues.mayResult(from: node, inputs, version: version)
        return rules.elements.enumerated().map { position, element in
            OperandTrace(
                isFromRow: isFromRow, mayBeEmpty: mayBeEmpty, element: element,
                range: position == 0 || node.operation == "Split" ? rules.bounds(element) : nil)
        }
    }

    private mutating func check(_ node: OperatorNode, _ inputs: [OperandTrace?]) throws(ScoringError) {
        if let position = EmptyValues.fatal(to: node).first(where: { $0 < inputs.count && inputs[$0]?.mayBeEmpty == true }) {
            throw .unsupportedModel(
                "a row decides whether '\(node.proto.input[position])' has elements, and without any \(node.place) ends ONNX Runtime "
                    + "and the process with it; keep the extents constant, with Where instead of NonZero, Compress or Slice")
        }
        for operand in ControlOperand.all(of: node, version: version, rowsTogether: rowsTogether) {
            guard operand.position < inputs.count, let trace = inputs[operand.position], trace.isFromRow else { continue }
            if let most = operand.most, let range = trace.range, range.lowerBound >= -most, range.upperBound <= most { continue }
            try refuse(node, operand)
        }
    }

    func refuse(_ node: OperatorNode, _ operand: ControlOperand) throws(ScoringError) {
        let what = "\(node.place) takes its \(operand.name) from the values of a row"
        switch operand.consequence {
        case .endsProcess:
            throw .unsupportedModel("\(what), some of which end ONNX Runtime and the process with it; \(operand.remedy)")
        case .unbounded:
            guard !sizesFromRows else { return }
            throw .unsupportedModel(
                "\(what), so that one row could take all memory or never end; \(operand.remedy), or set sizesFromRows under onnxruntime in "
                    + "model.yaml if all callers are trusted")
        }
    }

    // MARK: Divisions

    /// ONNX's number for the type of what a node divides, where it may divide the least integer by -1, which ends the process;
    /// nil for others. Throws where that cannot be mended.
    private mutating func guardedType(_ node: OperatorNode, _ inputs: [OperandTrace?]) throws(ScoringError) -> Int32? {
        guard node.isStandard, node.operation == "Div" || node.operation == "Mod" && node.integer("fmod") ?? 0 == 0,
            inputs.count == 2, let dividend = inputs[0], let divisor = inputs[1], dividend.isFromRow || divisor.isFromRow
        else { return nil }
        let element = dividend.element == 0 ? divisor.element : dividend.element
        let isWide = element == 6 || element == 7
        let mayBeMinusOne = divisor.range?.contains(-1) != false
        let mayBeLeast = dividend.range?.contains(element == 6 ? Int(Int32.min) : Int.min) != false
        let isInteger = isWide || [2, 3, 4, 5, 12, 13].contains(element)
        if isInteger || element == 0, divisor.isFromRow, divisor.range?.contains(0) != false {
            zeroDivision = zeroDivision ?? node.place
        }
        guard isWide || element == 0, mayBeMinusOne, mayBeLeast else { return nil }
        let what = "\(node.place) may divide the least integer by -1, which ends ONNX Runtime and the process with it"
        guard element != 0 else {
            throw .unsupportedModel(
                "the type of what \(node.place) divides is unknown; add it to the graph with onnx.shape_inference.infer_shapes")
        }
        guard function == nil else {
            throw .unsupportedModel(
                "\(what); put the functions in the place of their calls with onnx.inliner.inline_local_functions")
        }
        guard version >= 9 else { throw .unsupportedModel("\(what); write the model with operator set 9 or later") }
        return element
    }

    /// The start of names that nothing in the file has.
    private mutating func names() -> String {
        if let prefix { return "\(prefix)\(guards)_" }
        var candidate = "guarded_division_"
        while Self.contains(file, Array(candidate.utf8)) { candidate = "_" + candidate }
        prefix = candidate
        return "\(candidate)\(guards)_"
    }

    private static func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
        guard bytes.count >= part.count else { return false }
        return (0...bytes.count - part.count).contains { start in
            bytes[start] == part[0] && bytes[start..<start + part.count].elementsEqual(part)
        }
    }

    // MARK: Functions

    private mutating func call(
        _ own: OwnFunction, _ node: OperatorNode, _ inputs: [OperandTrace?]
    ) throws(ScoringError) -> [OperandTrace] {
        let call = Call(name: OwnFunction.Name(calledBy: node.proto), inputs: inputs)
        if node.proto.attribute.isEmpty, let known = answers[call] { return known }
        let around = (values, hidden, declared, version, function)
        (values, hidden, declared, version) = ([:], [], own.declared, own.version ?? version)
        function = (own, node.proto.attribute)
        // What a call leaves out is not there.
        for (name, trace) in zip(own.inputs, inputs) { if let trace { set(name, trace) } }
        var guarded = DivisionGuards()
        _ = try walk(own.nodes, &guarded)
        let outputs = own.outputs.map { value($0) }
        (values, hidden, declared, version, function) = around
        if node.proto.attribute.isEmpty { answers[call] = outputs }
        return outputs
    }
}
