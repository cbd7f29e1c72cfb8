/// Operators that pick, cut and join parts of values.
extension RowRules {
    struct Cut {
        var axis: Int
        var start: Int
        var end: Int
        var step: Int

        /// The places that it leaves of so many, for steps of one.
        func places(of count: Int) -> Range<Int> {
            let first = min(max(0, start < 0 ? start + count : start), count)
            let last = min(max(first, end < 0 ? end + count : end), count)
            return first..<last
        }
    }

    @_optimize(none)
    func slice() throws(RowMixing) -> [Cut] {
        let isOld = version < 10
        let starts = isOld ? node.integers("starts") : input(1)?.integers
        let ends = isOld ? node.integers("ends") : input(2)?.integers
        guard let starts, let ends, starts.count == ends.count else { throw RowMixing("cuts at computed places") }
        let axes = isOld ? node.integers("axes") : input(3)?.integers
        let steps = isOld ? nil : input(4)?.integers
        if !isOld, input(3) != nil && axes == nil || input(4) != nil && steps == nil {
            throw RowMixing("cuts at computed places")
        }
        guard axes?.count ?? starts.count == starts.count, steps?.count ?? starts.count == starts.count else {
            throw RowMixing("cuts at places that do not fit")
        }
        return starts.indices.map { Cut(axis: axes?[$0] ?? $0, start: starts[$0], end: ends[$0], step: steps?[$0] ?? 1) }
    }

    @_optimize(none)
    func sliced() throws(RowMixing) -> RowTrace {
        let x = try needed(0)
        var shape = try shape(x)
        for cut in try slice() {
            let axis = try place(cut.axis, of: shape.count)
            if axis == x.axis {
                // Everything there is: what exporters write for x[:, ...].
                guard cut.start == 0, cut.step == 1, cut.end >= Int(Int32.max) else {
                    throw RowMixing("picks rows by their place")
                }
            } else if case .known(let count) = shape[axis], cut.step == 1 {
                shape[axis] = .known(cut.places(of: count).count)
            } else {
                shape[axis] = .unknown
            }
        }
        return x.reshaped(shape, axis: x.axis)
    }

    @_optimize(none)
    func split() throws(RowMixing) -> [RowTrace] {
        let x = try needed(0)
        var shape = try shape(x)
        let axis = try place(node.integer("axis") ?? 0, of: shape.count)
        guard axis != x.axis else { throw RowMixing("splits the rows") }
        let count = node.proto.output.count
        let sizes = version < 13 ? node.integers("split") : input(1)?.integers
        if let sizes, sizes.count == count {
            return sizes.map { size in
                shape[axis] = .known(size)
                return x.reshaped(shape, axis: x.axis)
            }
        }
        if case .known(let whole) = shape[axis], input(1) == nil, count > 0, whole % count == 0 {
            shape[axis] = .known(whole / count)
        } else {
            shape[axis] = .unknown
        }
        return repeated(x.reshaped(shape, axis: x.axis))
    }

    @_optimize(none)
    func concatenated() throws(RowMixing) -> RowTrace {
        guard let first = present.first(where: { $0.axis != nil }) ?? present.first else { throw RowMixing("has no inputs") }
        var shape = try shape(first)
        let axis = try place(node.integer("axis") ?? 1, of: shape.count)
        guard axis != first.axis else { throw RowMixing("puts rows below others") }
        let (rows, rank) = (first.axis, shape.count)
        guard present.allSatisfy({ $0.axis == rows && $0.rank == rank }) else {
            throw RowMixing("puts rows beside a value that has none")
        }
        let parts = present.compactMap { $0.shape?[axis] }
        let known = parts.reduce(Optional(0)) { sum, part in
            if let sum, case .known(let count) = part { sum + count } else { nil }
        }
        shape[axis] = known.map { .known($0) } ?? .unknown
        return first.reshaped(shape, axis: first.axis)
    }

    @_optimize(none)
    func padded() throws(RowMixing) -> RowTrace {
        let x = try needed(0)
        var shape = try shape(x)
        let pads = version < 11 ? node.integers("pads") ?? node.integers("paddings") : input(1)?.integers
        guard let pads, input(3) == nil, pads.count == 2 * shape.count else { throw RowMixing("pads by computed counts") }
        for index in shape.indices where pads[index] != 0 || pads[index + shape.count] != 0 {
            guard index != x.axis else { throw RowMixing("adds rows") }
            if case .known(let count) = shape[index] {
                shape[index] = .known(count &+ pads[index] &+ pads[index + shape.count])
            }
        }
        return x.reshaped(shape, axis: x.axis)
    }

    @_optimize(none)
    func gathered() throws(RowMixing) -> RowTrace {
        let (data, picks) = (try needed(0), try needed(1))
        let (shape, picked) = (try shape(data), try shape(picks))
        let axis = try place(node.integer("axis") ?? 0, of: shape.count)
        let result = Array(shape[..<axis]) + picked + Array(shape[(axis + 1)...])
        switch (data.axis, picks.axis) {
        case (let rows?, nil):
            guard rows != axis else { throw RowMixing("picks rows by their place") }
            return RowTrace(.rows(axis: rows < axis ? rows : rows - 1 + picked.count), result)
        case (nil, let rows?): return RowTrace(.rows(axis: axis + rows), result)
        case (nil, nil): return RowTrace(data.isFixed && picks.isFixed ? .fixed : .count, result)
        case (_?, _?): throw RowMixing("picks from rows for each row")
        }
    }

    @_optimize(none)
    func gatheredElements() throws(RowMixing) -> RowTrace {
        let (data, picks) = (try needed(0), try needed(1))
        let axis = try place(node.integer("axis") ?? 0, of: try shape(data).count)
        guard data.rank == picks.rank, let rows = picks.axis else { throw RowMixing("picks rows by their place") }
        guard data.axis == nil ? rows == axis : data.axis == rows && rows != axis else {
            throw RowMixing("picks from other rows")
        }
        return picks
    }

    @_optimize(none)
    func gatheredSlices() throws(RowMixing) -> RowTrace {
        let (data, picks) = (try needed(0), try needed(1))
        let batch = node.integer("batch_dims") ?? 0
        let rank = try shape(picks).count
        let isApart = data.axis == nil ? batch == 0 && picks.axis != rank - 1 : data.axis == picks.axis && batch > data.axis!
        guard isApart, let rows = picks.axis, case .known(let depth) = try shape(picks)[rank - 1],
            batch + depth <= (try shape(data)).count
        else { throw RowMixing("picks from other rows") }
        return RowTrace(.rows(axis: rows), try shape(picks).dropLast() + (try shape(data))[(batch + depth)...])
    }

    @_optimize(none)
    func oneHot() throws(RowMixing) -> RowTrace {
        let x = try needed(0)
        var shape = try shape(x)
        guard let rows = x.axis, try needed(1).isFixed, try needed(2).isFixed else { throw RowMixing("has a computed depth") }
        let axis = try place(node.integer("axis") ?? -1, of: shape.count + 1)
        shape.insert(input(1)?.integers?.first.map { .known($0) } ?? .unknown, at: axis)
        return RowTrace(.rows(axis: rows >= axis ? rows + 1 : rows), shape)
    }

    /// Picks along the last dimension; a constant's elements are laid out as one row.
    @_optimize(none)
    func extractedFeatures() throws(RowMixing) -> RowTrace {
        let (x, places) = (try needed(0), try needed(1))
        let (shape, picked) = (try shape(x), try shape(places))
        if let rows = x.axis {
            guard places.isFixed, rows < shape.count - 1 else { throw RowMixing("picks rows by their place") }
            return RowTrace(.rows(axis: rows), shape.dropLast() + [Extent.product(picked).map { .known($0) } ?? .unknown])
        }
        guard let rows = places.axis, Extent.product(picked[..<rows]) == 1, let each = Extent.product(picked[(rows + 1)...])
        else {
            throw RowMixing("picks an unknown number of elements for each row")
        }
        let front = shape.count <= 1 ? [.known(1)] : Array(shape.dropLast())
        return RowTrace(.rows(axis: front.count), front + [each == 1 ? .rows : .bundles(each)])
    }
}
