/// Operators with graphs inside.
extension RowRules {
    /// A Scan over constants that carries rows along, as converters write distances to training points; its graph
    /// must hand on the values that it carries with their rows where they were. Scans over rows are not looked into.
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
        for (index, info) in body.input.enumerated() {
            let value = try needed(index)
            if index < carried {
                inner.set(info.name, value)
            } else {
                guard value.isFixed else { throw RowMixing("takes the rows one after another") }
                inner.set(info.name, RowTrace(.fixed, value.shape.map { Array($0.dropFirst()) }))
            }
        }
        inner.walk(body.node)
        var results: [RowTrace] = []
        for (index, info) in body.output.enumerated() {
            let value = inner.value(info.name)
            if case .mixed(let reason) = value.origin { throw RowMixing("mixes rows in its graph: \(reason)") }
            if index < carried {
                guard value.origin == inputs[index]?.origin, value.shape == inputs[index]?.shape else {
                    throw RowMixing("hands on its values in another shape")
                }
                results.append(value)
            } else {
                let count = try needed(carried).shape?.first ?? .unknown
                results.append(value.reshaped(value.shape.map { [count] + $0 }, axis: value.axis.map { $0 + 1 }))
            }
        }
        return results
    }
}
