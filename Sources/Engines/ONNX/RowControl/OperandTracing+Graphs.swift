internal import Scoring
internal import SwiftProtobuf

/// Operators with graphs inside.
extension OperandTracing {
    /// Walks over a loop's graph until its values are known; then they are taken as unknown.
    private static let maxPasses = 4

    /// Reads the graphs of a node, walks over them, and puts them back where a division in them was guarded.
    mutating func outputs(
        ofInner proto: inout ProtoNodeProto, _ node: OperatorNode, _ inputs: [OperandTrace?]
    ) throws(ScoringError) -> [OperandTrace] {
        switch (node.isStandard, node.operation) {
        case (true, "If"): return try branches(&proto, inputs)
        case (true, "Loop"): return try loop(&proto, node, inputs)
        case (true, "Scan"): return try scan(&proto, node, inputs)
        default:
            try each(&proto) { (tracing, graph) throws(ScoringError) in
                _ = try tracing.outputs(of: &graph, given: graph.input.map { _ in OperandTrace(isFromRow: true) })
            }
            return proto.output.map { _ in .unknown }
        }
    }

    private typealias Visit = (inout OperandTracing, inout ProtoGraphProto) throws(ScoringError) -> Void

    private mutating func each(_ proto: inout ProtoNodeProto, _ visit: Visit) throws(ScoringError) {
        for index in proto.attribute.indices {
            if proto.attribute[index].hasG { try rewrite(&proto.attribute[index].g, visit) }
            for part in proto.attribute[index].graphs.indices { try rewrite(&proto.attribute[index].graphs[part], visit) }
        }
    }

    private mutating func rewrite(_ message: inout ProtoEmptyProto, _ visit: Visit) throws(ScoringError) {
        let bytes = [UInt8](message.unknownFields.data)
        try WireLimits.check(graph: bytes[...])
        guard var graph = try? ProtoGraphProto(serializedBytes: bytes) else {
            throw .invalidModel(reason: "a graph inside a node cannot be read", place: "attribute")
        }
        let before = guards
        try visit(&self, &graph)
        guard guards > before else { return }
        do {
            message = try ProtoEmptyProto(serializedBytes: try graph.serializedBytes() as [UInt8])
        } catch {
            throw .invalidModel(reason: "a graph inside a node cannot be written again", place: "attribute")
        }
    }

    private mutating func branches(
        _ proto: inout ProtoNodeProto, _ inputs: [OperandTrace?]
    ) throws(ScoringError) -> [OperandTrace] {
        var joined: [OperandTrace]?
        try each(&proto) { (tracing, graph) throws(ScoringError) in
            let outputs = try tracing.outputs(of: &graph)
            joined = joined.map { zip($0, outputs).map { $0.joined($1) } } ?? outputs
        }
        return Self.decided(by: inputs.first ?? nil, joined ?? [])
    }

    /// Values of which a row chooses depend on it.
    private static func decided(by condition: OperandTrace?, _ traces: [OperandTrace]) -> [OperandTrace] {
        guard condition?.isFromRow == true else { return traces }
        return traces.map { OperandTrace(isFromRow: true, mayBeEmpty: true, element: $0.element, range: $0.range) }
    }

    private mutating func loop(
        _ proto: inout ProtoNodeProto, _ node: OperatorNode, _ inputs: [OperandTrace?]
    ) throws(ScoringError) -> [OperandTrace] {
        let turns = inputs.first ?? nil
        let condition = inputs.count > 1 ? inputs[1] : nil
        if let turns, turns.isFromRow, turns.range.map({ $0.upperBound > ControlOperand.maxTurns }) ?? true {
            try refuse(node, ControlOperand(position: 0, name: "number of turns", most: ControlOperand.maxTurns))
        }
        let carried = inputs.dropFirst(2).map { $0 ?? .unknown }
        var results: [OperandTrace] = []
        try each(&proto) { (tracing, graph) throws(ScoringError) in
            let lead = [OperandTrace.extents, OperandTrace(isFromRow: condition?.isFromRow == true, element: 9)]
            results = try tracing.settled(&graph, lead: lead, carried: carried, skipping: 1)
        }
        let isDecided = condition?.isFromRow == true || results.first?.isFromRow == true
        // A bound that is a constant beyond reason is none; one that comes from shapes is.
        if isDecided, turns == nil || turns?.range.map({ $0.lowerBound > ControlOperand.maxTurns }) == true {
            try refuse(node, ControlOperand(position: 1, name: "condition", most: ControlOperand.maxTurns))
        }
        let decisive = OperandTrace(isFromRow: isDecided || turns?.isFromRow == true)
        return Self.decided(by: decisive, Array(results.dropFirst()))
    }

    private mutating func scan(
        _ proto: inout ProtoNodeProto, _ node: OperatorNode, _ inputs: [OperandTrace?]
    ) throws(ScoringError) -> [OperandTrace] {
        // At first the lengths of the sequences came before the values.
        let given = (version < 9 ? Array(inputs.dropFirst()) : inputs).map { $0 ?? .unknown }
        guard let scanned = node.integer("num_scan_inputs"), (0...given.count).contains(scanned) else {
            throw .invalidModel(reason: "the number of scanned inputs is missing or wrong", place: node.place)
        }
        let count = given.count - scanned
        var results: [OperandTrace] = []
        try each(&proto) { (tracing, graph) throws(ScoringError) in
            results = try tracing.settled(
                &graph, carried: Array(given.prefix(count)), scanned: Array(given.dropFirst(count)))
        }
        return results
    }

    /// Walks over a graph that is repeated, until what it hands on from turn to turn brings nothing new. Divisions are
    /// guarded in the last walk alone.
    private mutating func settled(
        _ graph: inout ProtoGraphProto, lead: [OperandTrace] = [], carried first: [OperandTrace], scanned: [OperandTrace] = [],
        skipping skipped: Int = 0
    ) throws(ScoringError) -> [OperandTrace] {
        var carried = first
        var pass = 0
        while true {
            var written = graph
            let before = guards
            let outputs = try outputs(of: &written, given: lead + carried + scanned)
            guard outputs.count >= skipped + carried.count else {
                throw .invalidModel(reason: "a graph that is repeated has too few outputs", place: "graph.output")
            }
            let next = zip(carried, outputs.dropFirst(skipped)).map { $0.joined($1) }
            if next == carried {
                graph = written
                return outputs
            }
            guards = before
            pass += 1
            carried =
                pass < Self.maxPasses ? next : next.map { OperandTrace(isFromRow: true, mayBeEmpty: true, element: $0.element) }
        }
    }
}
