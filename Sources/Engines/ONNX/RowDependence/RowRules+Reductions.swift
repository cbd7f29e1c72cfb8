/// Operators that compute over the elements along some axes.
extension RowRules {
    func reduced() throws(RowMixing) -> RowTrace {
        let since = node.operation == "ReduceSum" ? 13 : 18
        let axes = try axes(inputSince: since, 1) ?? []
        if axes.isEmpty, node.integer("noop_with_empty_axes") ?? 0 != 0 { return try needed(0) }
        let all = Array(try shape(try needed(0)).indices)
        return try reduced(along: axes.isEmpty ? all : axes, keeping: node.integer("keepdims") ?? 1 != 0)
    }

    /// The value without its extent along some axes; `shapeStays` where the result has an element for each.
    func reduced(along axes: [Int], keeping: Bool, shapeStays: Bool = false) throws(RowMixing) -> RowTrace {
        let x = try needed(0)
        var shape = try shape(x)
        var places: Set<Int> = []
        for axis in axes { places.insert(try place(axis, of: shape.count)) }
        guard let rows = x.axis, !places.contains(rows) else { throw RowMixing("joins the rows") }
        if shapeStays { return x }
        for place in places { shape[place] = .known(1) }
        if keeping { return x.reshaped(shape, axis: rows) }
        let kept = shape.indices.filter { !places.contains($0) }
        return x.reshaped(kept.map { shape[$0] }, axis: kept.firstIndex(of: rows))
    }

    /// One result an element, computed over the elements along an axis.
    func along(_ axis: Int) throws(RowMixing) -> RowTrace { try reduced(along: [axis], keeping: true, shapeStays: true) }

    func softmax() throws(RowMixing) -> RowTrace {
        if version >= 13 { return try along(node.integer("axis") ?? -1) }
        // Over all dimensions from the axis on, taken as one.
        return try from(node.integer("axis") ?? 1)
    }

    /// Computed over all dimensions from an axis on.
    private func from(_ axis: Int) throws(RowMixing) -> RowTrace {
        let rank = try shape(try needed(0)).count
        return try reduced(along: Array(try place(axis, of: rank)..<rank), keeping: true, shapeStays: true)
    }

    func layerNormalization() throws(RowMixing) -> [RowTrace] {
        for other in inputs.dropFirst().compactMap({ $0 }) where !other.isFixed { throw RowMixing("has computed weights") }
        let axis = node.integer("axis") ?? -1
        let x = try from(axis)
        let rank = try shape(x).count
        let statistics = try reduced(along: Array(try place(axis, of: rank)..<rank), keeping: true)
        return [x, statistics, statistics]
    }

    func topK() throws(RowMixing) -> [RowTrace] {
        let x = try along(node.integer("axis") ?? -1)
        var shape = try shape(x)
        let count = version < 10 ? node.integer("k") : input(1)?.integers?.first
        guard version < 10 || input(1)?.isFixed == true else { throw RowMixing("has a computed count") }
        shape[try place(node.integer("axis") ?? -1, of: shape.count)] = count.map { .known($0) } ?? .unknown
        return repeated(x.reshaped(shape, axis: x.axis))
    }

    func dropout() throws(RowMixing) -> [RowTrace] {
        let trains =
            version < 7 ? node.integer("is_test") ?? 0 == 0 : version >= 12 && input(2).map { $0.integers != [0] } ?? false
        guard !trains else { throw RowMixing("draws random numbers") }
        return repeated(try needed(0))
    }

    func batchNormalization() throws(RowMixing) -> [RowTrace] {
        let trains =
            version >= 14
            ? node.integer("training_mode") ?? 0 != 0
            : version >= 7 ? node.proto.output.filter({ !$0.isEmpty }).count > 1 : node.integer("is_test") ?? 0 == 0
        guard !trains else { throw RowMixing("is in training mode: it normalizes by the batch") }
        return repeated(try channels()[0])
    }

    /// Operators whose first dimension is the batch, with constant weights.
    func channels() throws(RowMixing) -> [RowTrace] {
        let x = try needed(0)
        for other in inputs.dropFirst().compactMap({ $0 }) where !other.isFixed { throw RowMixing("has computed weights") }
        let shape = try shape(x)
        guard x.axis == 0, shape.count >= 2 else { throw RowMixing("does not have the rows as its first dimension") }
        let keepsShape = ["BatchNormalization", "GroupNormalization", "InstanceNormalization", "LRN"].contains(node.operation)
        let result = keepsShape ? x : x.reshaped([.rows] + shape.dropFirst().map { _ in .unknown }, axis: 0)
        // MaxPool's indices count through the whole batch.
        return [result, .mixed("\(node.place) counts places through the batch")]
    }

    func recurrent() throws(RowMixing) -> [RowTrace] {
        let x = try needed(0)
        let isBatchFirst = node.integer("layout") ?? 0 == 1
        guard x.axis == (isBatchFirst ? 0 : 1), x.rank == 3 else { throw RowMixing("does not have the rows as its batch") }
        for (index, other) in inputs.enumerated() where index > 0 {
            guard let other else { continue }
            // Lengths, and the states from which the rows start.
            let isState = [4, 5, 6].contains(index)
            let isApart = isState ? other.axis == (index == 4 || isBatchFirst ? 0 : 1) : other.isFixed
            guard isApart else { throw RowMixing("joins the rows' states") }
        }
        let last =
            isBatchFirst
            ? RowTrace(.rows(axis: 0), [.rows, .unknown, .unknown]) : RowTrace(.rows(axis: 1), [.unknown, .rows, .unknown])
        let whole =
            isBatchFirst
            ? RowTrace(.rows(axis: 0), [.rows, .unknown, .unknown, .unknown])
            : RowTrace(.rows(axis: 2), [.unknown, .unknown, .rows, .unknown])
        return [whole, last, last]
    }

    func quantization() throws(RowMixing) -> RowTrace {
        let x = try needed(0)
        for other in inputs.dropFirst().compactMap({ $0 }) {
            guard other.isFixed else { throw RowMixing("has a scale that depends on the rows") }
            let shape = try shape(other)
            if Extent.product(shape) == 1 { continue }
            let axis = try place(node.integer("axis") ?? 1, of: try self.shape(x).count)
            guard shape.count == 1, axis != x.axis else { throw RowMixing("has a scale for each row") }
        }
        guard x.axis != nil else { throw RowMixing("has a scale that depends on the rows") }
        return x
    }
}
