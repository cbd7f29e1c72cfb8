/// Operators with graphs inside.
extension RowRules {
    /// A Scan over constants that carries rows along, as converters write distances to training points; its graph
    /// must hand on the values that it carries with their rows where they were. Scans over rows are not looked into.
    @_optimize(none)
    func scan() throws(RowMixing) -> [RowTrace] {
        guard let body = node.graph("body"), let scanned = node.integer("num_scan_inputs"), version >= 9,
            surroundings.depth < OperatorNode.deepestGraph, (0...inputs.count).contains(scanned),
            body.input.count == inputs.count
        else { throw RowMixing("has a graph inside that cannot be read") }
        guard (node.integers("scan_output_axes") ?? []).allSatisfy({ $0 == 0 }),
            (node.integers("scan_input_axes") ?? []).allSatisfy({ $0 == 0 })
        else { throw RowMixing("scans along an axis that is not the first") }
        let carried = inputs.count - scanned
        guard (carried...body.output.count).contains(carried) else { throw RowMixing("has a graph inside that does not fit") }
        var inner = RowTracing(inside: surroundings)
        inner.define(body.initializer)
        let given = present
        guard given.count == inputs.count, given.dropFirst(carried).allSatisfy(\.isFixed) else {
            throw RowMixing("takes the rows one after another")
        }
        for (info, value) in zip(body.input, given.prefix(carried)) { inner.set(info.name, value) }
        for (info, value) in zip(body.input.dropFirst(carried), given.dropFirst(carried)) {
            inner.set(info.name, RowTrace(.fixed, value.shape.map { Array($0.dropFirst()) }))
        }
        inner.walk(body.node)
        let values = body.output.map { inner.value($0.name) }
        if case .mixed(let reason)? = values.lazy.map(\.origin).first(where: { if case .mixed = $0 { true } else { false } }) {
            throw RowMixing("mixes rows in its graph: \(reason)")
        }
        guard values.prefix(carried).elementsEqual(given.prefix(carried), by: { $0.origin == $1.origin && $0.shape == $1.shape })
        else {
            throw RowMixing("hands on its values in another shape")
        }
        let count = given.dropFirst(carried).first?.shape?.first ?? .unknown
        return values.prefix(carried)
            + values.dropFirst(carried).map { value in
                value.reshaped(value.shape.map { [count] + $0 }, axis: value.axis.map { $0 + 1 })
            }
    }
}
