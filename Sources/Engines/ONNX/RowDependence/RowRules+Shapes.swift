/// Operators that change shapes, and the shapes that graphs compute.
extension RowRules {
    /// A place among `rank` dimensions; negative ones count from the end.
    @_optimize(none)
    func place(_ axis: Int, of rank: Int) throws(RowMixing) -> Int {
        let place = axis < 0 ? axis + rank : axis
        guard (0..<max(rank, 1)).contains(place) else { throw RowMixing("has an axis out of range") }
        return place
    }

    @_optimize(none)
    func shape(_ trace: RowTrace) throws(RowMixing) -> [Extent] {
        guard let shape = trace.shape else { throw RowMixing("takes a value of unknown shape") }
        return shape
    }

    /// The integers of a constant input.
    @_optimize(none)
    func axes(ofInput index: Int) throws(RowMixing) -> [Int] {
        guard let integers = input(index)?.integers, !integers.isEmpty else { throw RowMixing("has computed axes") }
        return integers
    }

    /// The axes of an operator that had them as an attribute before they became an input; nil where it has none.
    @_optimize(none)
    func axes(inputSince first: Int, _ index: Int) throws(RowMixing) -> [Int]? {
        if version < first { return node.integers("axes") }
        guard let input = input(index) else { return nil }
        guard let integers = input.integers else { throw RowMixing("has computed axes") }
        return integers
    }

    /// Operands of one shape, or stretched to one. Those without rows must have one element where the others have rows.
    @_optimize(none)
    func broadcast(_ operands: [RowTrace]) throws(RowMixing) -> RowTrace {
        let shapes = operands.compactMap(\.shape)
        guard shapes.count == operands.count else { throw RowMixing("takes a value of unknown shape") }
        let distances = zip(operands, shapes).map { operand, shape in operand.axis.map { shape.count - $0 } }
        let fromEnd = distances.lazy.compactMap { $0 }.first
        guard distances.allSatisfy({ $0 == nil || $0 == fromEnd }) else {
            throw RowMixing("joins rows with others than their own")
        }
        guard fromEnd == nil || !operands.contains(where: { $0.origin == .count }) else {
            throw RowMixing("uses the number of rows")
        }
        let rank = shapes.map(\.count).max() ?? 0
        var result = [Extent](repeating: .known(1), count: rank)
        for (distance, shape) in zip(distances, shapes) {
            if let fromEnd, distance == nil, shape.count >= fromEnd, shape[shape.count - fromEnd] != .known(1) {
                throw RowMixing("joins rows with a value that is not one for all of them")
            }
            for (index, extent) in shape.enumerated() where extent != .known(1) {
                let place = rank - shape.count + index
                if let fromEnd, place == rank - fromEnd, result[place] != .known(1), result[place] != extent {
                    throw RowMixing("joins rows with others than their own")
                }
                if result[place] == .known(1) || extent == .rows { result[place] = extent }
                if result[place] == .unknown { result[place] = extent }
            }
        }
        let origin = fromEnd.map { RowTrace.Origin.rows(axis: rank - $0) }
        return RowTrace(origin ?? (operands.allSatisfy(\.isFixed) ? .fixed : .count), result)
    }

    @_optimize(none)
    func transposed() throws(RowMixing) -> RowTrace {
        let x = try needed(0)
        let shape = try shape(x)
        let order = node.integers("perm") ?? Array(shape.indices.reversed())
        guard order.sorted() == Array(shape.indices) else { throw RowMixing("has an order that is none") }
        return x.reshaped(order.map { shape[$0] }, axis: x.axis.flatMap { order.firstIndex(of: $0) })
    }

    @_optimize(none)
    func flattened() throws(RowMixing) -> RowTrace {
        let x = try needed(0)
        let shape = try shape(x)
        let axis = node.integer("axis") ?? 1
        let cut = axis < 0 ? axis + shape.count : axis
        guard (0...shape.count).contains(cut) else { throw RowMixing("has an axis out of range") }
        return try reshape(x, to: [Self.joined(shape[..<cut]), Self.joined(shape[cut...])])
    }

    /// One extent for several dimensions in a row.
    private static func joined(_ extents: ArraySlice<Extent>) -> Extent {
        if let product = Extent.product(extents) { return .known(product) }
        let others = extents.filter { $0 != .rows }
        return others.count == extents.count - 1 && Extent.product(others) == 1 ? .rows : .unknown
    }

    @_optimize(none)
    func reshaped() throws(RowMixing) -> RowTrace {
        let x = try needed(0)
        let shape = try shape(x)
        guard let wanted = version < 5 ? node.integers("shape")?.map({ Extent.known($0) }) : input(1)?.content else {
            throw RowMixing("has a computed shape")
        }
        var target: [Extent] = []
        for (index, extent) in wanted.enumerated() {
            if extent == .known(0) {
                guard node.integer("allowzero") ?? 0 == 0, index < shape.count else { throw RowMixing("has a shape with zeros") }
                target.append(shape[index])
            } else {
                target.append(extent)
            }
        }
        if let free = target.firstIndex(of: .known(-1)) {
            var others = target
            others.remove(at: free)
            target[free] = Self.remaining(of: shape, besides: others)
        }
        return try reshape(x, to: target)
    }

    /// What is left for one dimension of a new shape.
    private static func remaining(of shape: [Extent], besides others: [Extent]) -> Extent {
        var left = shape.flatMap { extent -> [Extent] in
            if case .bundles(let count) = extent { [.rows, .known(count)] } else { [extent] }
        }
        var right = others
        for extent in others where extent != .unknown {
            if let index = left.firstIndex(of: extent) {
                left.remove(at: index)
                right.remove(at: right.firstIndex(of: extent)!)
            }
        }
        guard let divisor = Extent.product(right), divisor > 0 else { return .unknown }
        let known = left.filter { $0 != .rows }
        guard let product = Extent.product(known), product % divisor == 0 else { return .unknown }
        if known.count == left.count { return .known(product / divisor) }
        return known.count == left.count - 1 && product == divisor ? .rows : .unknown
    }

    /// Rows stay apart where a dimension of the new shape is theirs and as many elements stand before it as did.
    @_optimize(none)
    private func reshape(_ x: RowTrace, to target: [Extent]) throws(RowMixing) -> RowTrace {
        guard let axis = x.axis else { return RowTrace(x.origin, target, content: x.content) }
        // Bundles lie like rows with a dimension behind, so that what stands before them counts for both.
        let before = Extent.product(try shape(x)[..<axis])
        guard let place = target.firstIndex(of: .rows), let before, Extent.product(target[..<place]) == before,
            !target[(place + 1)...].contains(.rows)
        else {
            throw RowMixing("gives another shape to the rows")
        }
        return RowTrace(.rows(axis: place), target)
    }

    @_optimize(none)
    func squeezed() throws(RowMixing) -> RowTrace {
        let x = try needed(0)
        let shape = try shape(x)
        guard let axes = try axes(inputSince: 13, 1) else {
            // A call of one row would lose its dimension.
            if x.axis != nil { throw RowMixing("drops the dimension of the rows where there is one row") }
            return x.reshaped(shape.contains(.unknown) ? nil : shape.filter { $0 != .known(1) })
        }
        var dropped: Set<Int> = []
        for axis in axes { dropped.insert(try place(axis, of: shape.count)) }
        return try without(dropped, x)
    }

    /// The value without some dimensions of one element.
    @_optimize(none)
    private func without(_ dropped: Set<Int>, _ x: RowTrace) throws(RowMixing) -> RowTrace {
        if let axis = x.axis, dropped.contains(axis) { throw RowMixing("drops the dimension of the rows") }
        let kept = try shape(x).enumerated().filter { !dropped.contains($0.offset) }
        var result = x.reshaped(kept.map(\.element), axis: x.axis.flatMap { axis in kept.firstIndex { $0.offset == axis } })
        result.content = x.content
        return result
    }

    @_optimize(none)
    func unsqueezed() throws(RowMixing) -> RowTrace {
        let x = try needed(0)
        var shape = try shape(x)
        guard let axes = try axes(inputSince: 13, 1) else { throw RowMixing("lacks its axes") }
        var places: [Int] = []
        for axis in axes { places.append(try place(axis, of: shape.count + axes.count)) }
        var axis = x.axis
        for place in places.sorted() {
            guard place <= shape.count else { throw RowMixing("has an axis out of range") }
            shape.insert(.known(1), at: place)
            if let old = axis, old >= place { axis = old + 1 }
        }
        var result = x.reshaped(shape, axis: axis)
        result.content = x.content
        return result
    }

    @_optimize(none)
    func expanded() throws(RowMixing) -> RowTrace {
        let x = try needed(0)
        guard let target = input(1)?.content else { throw RowMixing("has a computed shape") }
        guard x.origin != .count else { throw RowMixing("uses the number of rows") }
        var result = try broadcast([RowTrace(x.axis == nil ? .fixed : x.origin, x.shape)] + [Self.stretching(target)])
        if result.axis == nil { result.origin = x.origin }
        return result
    }

    /// A value of this shape, whose rows, if it has some, are all the same.
    private static func stretching(_ shape: [Extent]) -> RowTrace {
        RowTrace(shape.firstIndex(of: .rows).map { .rows(axis: $0) } ?? .fixed, shape)
    }

    /// A constant repeated to a shape.
    func filled(_ shape: [Extent]) -> RowTrace {
        shape.filter { $0 == .rows }.count > 1 ? .mixed("\(node.place) has the rows twice") : Self.stretching(shape)
    }

    @_optimize(none)
    func tiled() throws(RowMixing) -> RowTrace {
        let x = try needed(0)
        var shape = try shape(x)
        guard let repeats = input(1)?.content, repeats.count == shape.count else {
            throw RowMixing("repeats a computed number of times")
        }
        var origin = x.origin
        for (index, count) in repeats.enumerated() where count != .known(1) {
            if index == x.axis { throw RowMixing("repeats the rows") }
            if count == .rows {
                guard shape[index] == .known(1), x.isFixed else { throw RowMixing("repeats a value for each row") }
                (shape[index], origin) = (.rows, .rows(axis: index))
            } else if case .known(let one) = shape[index], case .known(let times) = count {
                shape[index] = .known(one &* times)
            } else {
                shape[index] = .unknown
            }
        }
        return RowTrace(origin, shape)
    }

    func shapeOf() -> RowTrace {
        guard let shape = present.first?.shape else { return RowTrace(.count) }
        let start = min(max(0, Self.fromEnd(node.integer("start") ?? 0, shape.count)), shape.count)
        let end = min(max(start, Self.fromEnd(node.integer("end") ?? shape.count, shape.count)), shape.count)
        let content = Array(shape[start..<end])
        return RowTrace(
            content.contains { $0 != .known(0) && Self.isOpen($0) } ? .count : .fixed, [.known(content.count)], content: content)
    }

    private static func fromEnd(_ place: Int, _ count: Int) -> Int { place < 0 ? place + count : place }
    private static func isOpen(_ extent: Extent) -> Bool { if case .known = extent { false } else { true } }

    /// Short integers that shapes are made of, and shapes of constants.
    @_optimize(none)
    func evaluated(_ origin: RowTrace.Origin) throws(RowMixing) -> RowTrace {
        switch node.operation {
        case "Constant":
            if let tensor = node.tensor("value") { return RowTracing.trace(of: tensor) }
            if let one = node.integer("value_int") { return RowTrace(.fixed, [], content: [.known(one)]) }
            if let several = node.integers("value_ints") {
                return RowTrace(.fixed, [.known(several.count)], content: several.map { .known($0) })
            }
            return RowTrace(.fixed, node.has("value_float") || node.has("value_string") ? [] : nil)
        case "Shape": return shapeOf()
        case "Identity", "Cast": return try needed(0)
        case "Squeeze": return try squeezed()
        case "Unsqueeze": return try unsqueezed()
        case "Reshape": return try reshaped()
        case "Flatten": return try flattened()
        case "Transpose": return try transposed()
        case "Expand": return try expanded()
        case "Tile": return try tiled()
        case "DequantizeLinear", "QuantizeLinear": return RowTrace(origin, try needed(0).shape)
        case "MatMul": return try product()
        case "Concat":
            guard present.allSatisfy({ $0.rank == 1 }) else { return try concatenated() }
            let content = present.contains { $0.content == nil } ? nil : present.flatMap { $0.content ?? [] }
            return RowTrace(origin, [content.map { .known($0.count) } ?? .unknown], content: content)
        case "Gather": return try gatheredContent(origin)
        case "Slice":
            let x = try needed(0)
            guard let content = x.content, x.rank == 1, let range = try slice().first, range.step == 1 else {
                return RowTrace(origin)
            }
            let picked = Array(content[range.places(of: content.count)])
            return RowTrace(origin, [.known(picked.count)], content: picked)
        case "Add", "Sub", "Mul", "Div":
            var result = try broadcast(present.map { RowTrace(.fixed, $0.shape) })
            if let a = try needed(0).content, let b = try needed(1).content { result.content = computed(a, b) }
            return RowTrace(origin, result.shape, content: result.content)
        case _ where Self.elementwise.contains(node.operation):
            return RowTrace(origin, try broadcast(present.map { RowTrace(.fixed, $0.shape) }).shape)
        default: return RowTrace(origin)
        }
    }

    @_optimize(none)
    private func gatheredContent(_ origin: RowTrace.Origin) throws(RowMixing) -> RowTrace {
        let (data, picks) = (try needed(0), try needed(1))
        guard let content = data.content, data.rank == 1, let places = picks.integers else { return try gathered() }
        var picked: [Extent] = []
        for place in places { picked.append(content[try self.place(place, of: content.count)]) }
        return RowTrace(origin, picks.shape, content: picked)
    }

    private func computed(_ a: [Extent], _ b: [Extent]) -> [Extent]? {
        guard a.count == b.count || a.count == 1 || b.count == 1 else { return nil }
        return (0..<max(a.count, b.count)).map { index in
            switch (node.operation, a[a.count == 1 ? 0 : index], b[b.count == 1 ? 0 : index]) {
            case ("Mul", .rows, .known(1)), ("Mul", .known(1), .rows), ("Div", .rows, .known(1)): .rows
            case ("Add", .rows, .known(0)), ("Add", .known(0), .rows), ("Sub", .rows, .known(0)): .rows
            case ("Mul", .known(let a), .known(let b)): .known(a &* b)
            case ("Add", .known(let a), .known(let b)): .known(a &+ b)
            case ("Sub", .known(let a), .known(let b)): .known(a &- b)
            case ("Div", .known(let a), .known(let b)) where b > 0 && a >= 0: .known(a / b)
            default: .unknown
            }
        }
    }
}
