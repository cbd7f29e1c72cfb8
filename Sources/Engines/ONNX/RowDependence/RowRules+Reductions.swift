/// Operators that compute over the elements along some axes.
extension RowRules {
    @_optimize(none)
    func reduced() throws(RowMixing) -> RowTrace {
        let since = node.operation == "ReduceSum" ? 13 : 18
        let axes = try axes(inputSince: since, 1) ?? []
        if axes.isEmpty, node.integer("noop_with_empty_axes") ?? 0 != 0 { return try needed(0) }
        let all = Array(try shape(try needed(0)).indices)
        return try reduced(along: axes.isEmpty ? all : axes, keeping: node.integer("keepdims") ?? 1 != 0)
    }

    /// The value without its extent along some axes; `shapeStays` where the result has an element for each.
    @_optimize(none)
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
    @_optimize(none)
    func along(_ axis: Int) throws(RowMixing) -> RowTrace { try reduced(along: [axis], keeping: true, shapeStays: true) }

    @_optimize(none)
    func softmax() throws(RowMixing) -> RowTrace {
        if version >= 13 { return try along(node.integer("axis") ?? -1) }
        // Over all dimensions from the axis on, taken as one.
        return try from(node.integer("axis") ?? 1)
    }

    /// Computed over all dimensions from an axis on.
    @_optimize(none)
    private func from(_ axis: Int) throws(RowMixing) -> RowTrace {
        let rank = try shape(try needed(0)).count
        return try reduced(along: Array(try place(axis, of: rank)..<rank), keeping: true, shapeStays: true)
    }

    @_optimize(none)
    func layerNormalization() throws(RowMixing) -> [RowTrace] {
        guard areFixed(from: 1) else { throw RowMixing("has computed weights") }
        let axis = node.integer("axis") ?? -1
        let x = try from(axis)
        let rank = try shape(x).count
        let statistics = try reduced(along: Array(try place(axis, of: rank)..<rank), keeping: true)
        return [x, statistics, statistics]
    }

    @_optimize(none)
    func topK() throws(RowMixing) -> [RowTrace] {
        let axis = node.integer("axis") ?? -1
        let count = version < 10 ? node.integer("k") : input(1)?.integers?.first
        guard version < 10 || input(1)?.isFixed == true else { throw RowMixing("has a computed count") }
        return repeated(Self.resized(try along(axis), axis, count))
    }

    /// The value with so many elements along a dimension that is not the rows'.
    private static func resized(_ x: RowTrace, _ axis: Int, _ count: Int?) -> RowTrace {
        var result = x
        guard let rank = x.rank else { return result }
        result.shape?[axis < 0 ? axis + rank : axis] = count.map { .known($0) } ?? .unknown
        return result
    }

    @_optimize(none)
    func dropout() throws(RowMixing) -> [RowTrace] {
        let trains =
            version < 7 ? node.integer("is_test") ?? 0 == 0 : version >= 12 && input(2).map { $0.integers != [0] } ?? false
        guard !trains else { throw RowMixing("draws random numbers") }
        return repeated(try needed(0))
    }

    @_optimize(none)
    func batchNormalization() throws(RowMixing) -> [RowTrace] {
        let trains =
            version >= 14
            ? node.integer("training_mode") ?? 0 != 0
            : version >= 7 ? node.proto.output.filter({ !$0.isEmpty }).count > 1 : node.integer("is_test") ?? 0 == 0
        guard !trains else { throw RowMixing("is in training mode: it normalizes by the batch") }
        return repeated(try channels()[0])
    }

    /// Operators whose first dimension is the batch, with constant weights.
    @_optimize(none)
    func channels() throws(RowMixing) -> [RowTrace] {
        let x = try needed(0)
        guard areFixed(from: 1) else { throw RowMixing("has computed weights") }
        let shape = try shape(x)
        guard x.axis == 0, shape.count >= 2 else { throw RowMixing("does not have the rows as its first dimension") }
        let keepsShape = ["BatchNormalization", "GroupNormalization", "InstanceNormalization", "LRN"].contains(node.operation)
        let result = keepsShape ? x : x.reshaped([.rows] + shape.dropFirst().map { _ in .unknown }, axis: 0)
        // MaxPool's indices count through the whole batch.
        return [result, .mixed("\(node.place) counts places through the batch")]
    }

    @_optimize(none)
    func recurrent() throws(RowMixing) -> [RowTrace] {
        let isBatchFirst = node.integer("layout") ?? 0 == 1
        let batch = isBatchFirst ? 0 : 1
        // Lengths, and the states from which the rows start, have the rows; weights do not.
        let areApart = inputs.indices.allSatisfy { index in
            switch (index, inputs[index]) {
            case (_, nil): index > 0
            case (0, let x?): x.axis == batch && x.rank == 3
            case (4, let lengths?): lengths.axis == 0
            case (5, let state?), (6, let state?): state.axis == batch
            case (_, let weights?): weights.isFixed
            }
        }
        guard areApart else { throw RowMixing("does not have the rows as its batch, or joins their states") }
        return Self.states(isBatchFirst)
    }

    private static func states(_ isBatchFirst: Bool) -> [RowTrace] {
        let whole: [Extent] = isBatchFirst ? [.rows, .unknown, .unknown, .unknown] : [.unknown, .unknown, .rows, .unknown]
        let last: [Extent] = isBatchFirst ? [.rows, .unknown, .unknown] : [.unknown, .rows, .unknown]
        let end = RowTrace(.rows(axis: isBatchFirst ? 0 : 1), last)
        return [RowTrace(.rows(axis: isBatchFirst ? 0 : 2), whole), end, end]
    }

    @_optimize(none)
    func quantization() throws(RowMixing) -> RowTrace {
        guard let rows = input(0)?.axis, let rank = input(0)?.rank else {
            throw RowMixing("has a scale that depends on the rows")
        }
        let axis = try place(node.integer("axis") ?? 1, of: max(rank, 2))
        let isApart = inputs.dropFirst().allSatisfy { other in
            guard let other else { return true }
            guard other.isFixed, let shape = other.shape else { return false }
            return Extent.product(shape) == 1 || shape.count == 1 && axis != rows
        }
        guard isApart else { throw RowMixing("has a scale for each row, or one that depends on them") }
        return try needed(0)
    }
}
