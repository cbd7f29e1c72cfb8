/// Products of matrices.
extension RowRules {
    @_optimize(none)
    func product() throws(RowMixing) -> RowTrace {
        guard areFixed(from: 2) else { throw RowMixing("has a scale that depends on the rows") }
        return try product(try needed(0), try needed(1))
    }

    @_optimize(none)
    func quantizedProduct() throws(RowMixing) -> RowTrace {
        guard areFixed(from: 4), input(1)?.isFixed == true, input(2)?.isFixed == true else {
            throw RowMixing("has a scale that depends on the rows")
        }
        return try product(try needed(0), try needed(3))
    }

    /// NumPy's matmul: the last two dimensions are matrices, those before them are stretched to one shape.
    @_optimize(none)
    func product(_ a: RowTrace, _ b: RowTrace) throws(RowMixing) -> RowTrace {
        let (left, right) = (try shape(a), try shape(b))
        guard !left.isEmpty, !right.isEmpty else { throw RowMixing("takes a number for a matrix") }
        // Without the dimension along which is summed, every factor is stretched like an operand of a sum.
        let rowsOfLeft = left.count == 1 ? [] : [left[left.count - 2]]
        let columnsOfRight = right.count == 1 ? [] : [right[right.count - 1]]
        let tail = rowsOfLeft.count + columnsOfRight.count
        var result: Int?
        let frontRank = max(left.count - 2, right.count - 2, 0)
        for (axis, shape, summed) in [(a.axis, left, left.count - 1), (b.axis, right, max(right.count - 2, 0))] {
            guard let axis else { continue }
            guard axis != summed else { throw RowMixing("sums over the rows") }
            let place: Int
            if axis < shape.count - 2 {
                place = frontRank - (shape.count - 2) + axis
            } else {
                place = summed == shape.count - 1 ? frontRank : frontRank + tail - 1
            }
            guard result == nil || result == place && place < frontRank else { throw RowMixing("multiplies rows by others") }
            result = place
        }
        var front = [Extent](repeating: .known(1), count: frontRank)
        for (axis, shape) in [(a.axis, left.dropLast(2)), (b.axis, right.dropLast(2))] {
            for (index, extent) in shape.enumerated() where extent != .known(1) {
                let place = frontRank - shape.count + index
                if place == result, axis == nil { throw RowMixing("has a weight of its own for each row") }
                if front[place] != .rows { front[place] = extent }
            }
        }
        let origin: RowTrace.Origin = result.map { .rows(axis: $0) } ?? (a.isFixed && b.isFixed ? .fixed : .count)
        return RowTrace(origin, front + rowsOfLeft + columnsOfRight)
    }

    @_optimize(none)
    func gemm() throws(RowMixing) -> RowTrace {
        let a = try turned(try needed(0), node.integer("transA") ?? 0 != 0)
        let b = try turned(try needed(1), node.integer("transB") ?? 0 != 0)
        let product = try product(a, b)
        guard let c = input(2) else { return product }
        return try broadcast([product, c])
    }

    @_optimize(none)
    private func turned(_ x: RowTrace, _ isTurned: Bool) throws(RowMixing) -> RowTrace {
        guard isTurned else { return x }
        return x.reshaped(try shape(x).reversed(), axis: x.axis.map { 1 - $0 })
    }

    /// The distance of each row of one matrix to each of another.
    @_optimize(none)
    func distances() throws(RowMixing) -> RowTrace {
        let (a, b) = (try needed(0), try needed(1))
        switch (a.axis, b.axis) {
        case (0?, nil): return RowTrace(.rows(axis: 0), [.rows, try shape(b)[0]])
        case (nil, 0?): return RowTrace(.rows(axis: 1), [try shape(a)[0], .rows])
        default: throw RowMixing("compares rows with one another")
        }
    }

    @_optimize(none)
    func einsum() throws(RowMixing) -> RowTrace {
        let equation = (node.string("equation") ?? "").filter { $0 != " " }
        let sides = equation.components(separatedBy: "->")
        guard sides.count == 2, !equation.contains(".") else { throw RowMixing("has a formula that is not looked into") }
        let terms = sides[0].split(separator: ",", omittingEmptySubsequences: false).map(Array.init)
        guard terms.count == inputs.count else { throw RowMixing("has a formula that does not fit") }
        let axes = present.map(\.axis)
        let letters = zip(terms, axes).compactMap { term, axis in axis.map { $0 < term.count ? term[$0] : "?" } }
        let result = Array(sides[1])
        guard let letter = letters.first, let axis = result.firstIndex(of: letter) else { throw RowMixing("sums over the rows") }
        let isTheirs = zip(terms, axes).allSatisfy { term, axis in term.count { $0 == letter } == (axis == nil ? 0 : 1) }
        guard isTheirs, letters.allSatisfy({ $0 == letter }), axes.count == terms.count else {
            throw RowMixing("multiplies rows by others")
        }
        return RowTrace(.rows(axis: axis), result.map { $0 == letter ? .rows : .unknown })
    }
}

extension String {
    /// Foundation's, of which engines have none.
    fileprivate func components(separatedBy separator: String) -> [String] {
        var (parts, rest) = ([String](), self[...])
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}
