internal import Scoring
internal import Tabular

/// The operators that prepare features.
extension GraphLowering {
    /// (x - offset) * scale in float32.
    mutating func lowerScaler(_ node: Node) throws(LoweringFailure) {
        let x = try floats(node)
        let (offset, scale) = (node.floats("offset"), node.floats("scale"))
        guard [1, x.count].contains(offset.count), offset.count == scale.count else {
            throw node.invalid("\(offset.count) offsets and \(scale.count) scales for \(x.count) columns")
        }
        var result = try columns(node)
        (result.type, result.labels) = (.float, nil)
        for index in x.indices {
            let at = offset.count == 1 ? 0 : index
            let difference = float(.subtract, x[index], builder.constant(Double(offset[at])))
            result.operands[index] = float(.multiply, difference, builder.constant(Double(scale[at])))
        }
        try set(node, result)
    }

    mutating func lowerImputer(_ node: Node) throws(LoweringFailure) {
        var result = try columns(node)
        let x = try numbers(node)
        let imputed: [Double]
        let replaced: Double
        switch result.type {
        case .float:
            imputed = node.floats("imputed_value_floats").map(Double.init)
            replaced = Double(node.float("replaced_value_float", default: 0))
        case .int64:
            imputed = try node.exactIntegers("imputed_value_int64s")
            replaced = Double(node.integer("replaced_value_int64", default: 0))
        default: throw node.needsRuntime(.elementType)
        }
        guard let first = imputed.first else { throw node.invalid("no values to put in") }
        result.labels = nil
        for index in x.indices {
            // As ONNX Runtime does it: where there are more or fewer values than columns, the first is for all of them.
            let value = builder.constant(imputed.count == x.count ? imputed[index] : first)
            if replaced.isNaN {
                result.operands[index] = builder.apply(.coalesce, x[index], value)
            } else {
                let isReplaced = builder.apply(
                    .coalesce, builder.apply(.equal, x[index], builder.constant(replaced)), builder.constant(0))
                result.operands[index] = builder.apply(.choose, isReplaced, value, x[index])
            }
        }
        try set(node, result)
    }

    /// MAX, L1 and L2 over a row, in float32 and in column order; a norm of zero leaves the row as it is.
    mutating func lowerNormalizer(_ node: Node) throws(LoweringFailure) {
        var result = try columns(node)
        let norm = try node.string("norm", default: "MAX")
        guard result.dims.count == 1, result.type == .float, ["MAX", "L1", "L2"].contains(norm) else {
            throw node.needsRuntime(.normOrType)
        }
        let x = try floats(node)
        let zero = builder.constant(0)
        result.labels = nil
        if norm == "MAX" {
            // The greatest number, not the greatest magnitude; NaN is passed over.
            let highest = builder.combine(.maximum, x)
            let isZero = isTrue(.equal, highest, zero)
            result.operands = x.map { builder.apply(.choose, isZero, $0, float(.divide, $0, highest)) }
            return try set(node, result)
        }
        var sum = zero
        var parts: [Formula.Operand] = []
        for value in x {
            let part = norm == "L1" ? builder.apply(.absolute, value) : float(.multiply, value, value)
            parts.append(part)
            sum = float(.add, sum, part)
        }
        let isZero = builder.apply(.coalesce, builder.apply(.equal, sum, zero), zero)
        for index in x.indices {
            var share = float(.divide, norm == "L1" ? x[index] : parts[index], sum)
            if norm == "L2" {
                let root = float(.squareRoot, share)
                let isNegative = builder.apply(.coalesce, builder.apply(.less, x[index], zero), zero)
                share = builder.apply(.choose, isNegative, builder.apply(.subtract, zero, root), root)
            }
            result.operands[index] = builder.apply(.choose, isZero, x[index], share)
        }
        try set(node, result)
    }

    /// 1 where a column is greater than the threshold, else 0.
    mutating func lowerBinarizer(_ node: Node) throws(LoweringFailure) {
        var result = try columns(node)
        guard result.type == .float else { throw node.needsRuntime(.elementType) }
        let threshold = builder.constant(Double(node.float("threshold", default: 0)))
        result.operands = try numbers(node).map { isTrue(.greater, $0, threshold) }
        result.labels = nil
        try set(node, result)
    }

    mutating func lowerOneHot(_ node: Node) throws(LoweringFailure) {
        let source = try columns(node)
        let strings = try node.strings("cats_strings")
        let isText = source.type == .string
        let categories = isText ? strings.map { code(of: $0) } : try node.exactIntegers("cats_int64s")
        guard !categories.isEmpty, Set(categories).count == categories.count else {
            throw node.invalid("the categories are missing or one is there twice")
        }
        var operands: [Formula.Operand] = []
        for var value in isText ? codes(source) : try numbers(node) {
            guard operands.count + categories.count <= Self.maxColumns else { throw node.needsRuntime(.manyColumns) }
            // Fractions are cut off.
            if source.type == .float || source.type == .double { value = builder.apply(.truncate, value) }
            let first = operands.count
            for category in categories {
                let isSame = builder.apply(.equal, value, builder.constant(category))
                operands.append(builder.apply(.coalesce, isSame, builder.constant(0)))
            }
            if node.integer("zeros", default: 1) == 0 {
                let known = builder.combine(.maximum, Array(operands[first...]))
                builder.fail(
                    where: builder.apply(.equal, known, builder.constant(0)),
                    Formula.Failure(field: node.proto.input[0], reason: "the model does not know this category"))
            }
        }
        try set(node, Columns(type: .float, dims: source.dims + [categories.count], operands: operands))
    }
}
