internal import Scoring
internal import Tabular

/// Which operator is lowered by what, and the operators that only move columns.
extension GraphLowering {
    mutating func lower(_ node: Node) throws(LoweringFailure) {
        switch node.proto.domain {
        case "ai.onnx.ml": try lowerML(node)
        case "", "ai.onnx": try lowerStandard(node)
        default: throw node.needsRuntime()
        }
    }

    private mutating func lowerML(_ node: Node) throws(LoweringFailure) {
        switch node.operation {
        case "TreeEnsembleClassifier": try lowerTreeClassifier(node)
        case "TreeEnsembleRegressor": try lowerTreeRegressor(node)
        case "TreeEnsemble": try lowerTreeEnsemble(node)
        case "LinearClassifier": try lowerLinearClassifier(node)
        case "LinearRegressor": try lowerLinearRegressor(node)
        case "SVMClassifier": try lowerMachineClassifier(node)
        case "SVMRegressor": try lowerMachineRegressor(node)
        case "Scaler": try lowerScaler(node)
        case "Imputer": try lowerImputer(node)
        case "Normalizer": try lowerNormalizer(node)
        case "OneHotEncoder": try lowerOneHot(node)
        case "LabelEncoder": try lowerLabelEncoder(node)
        case "CategoryMapper": try lowerCategoryMapper(node)
        case "FeatureVectorizer": try lowerFeatureVectorizer(node)
        case "ZipMap": try lowerZipMap(node)
        case "Binarizer": try lowerBinarizer(node)
        case "ArrayFeatureExtractor": try lowerExtractor(node)
        default: throw node.needsRuntime()
        }
    }

    private mutating func lowerStandard(_ node: Node) throws(LoweringFailure) {
        let operation = node.operation
        if try lowerShapeArithmetic(node) { return }
        if Self.elementwise.contains(operation) {
            let isFolded = try foldConstants(node) { (lowering) throws(LoweringFailure) in try lowering.lowerElements(node) }
            if !isFolded { try lowerElements(node) }
            return
        }
        if Self.reductions.contains(operation) { return try lowerReduction(node) }
        switch operation {
        case "Constant":
            guard let tensor = try node.constantValue(), let name = node.proto.output.first else {
                throw node.needsRuntime(.otherForm)
            }
            try define(name, .constant(tensor), node.place)
        case "Identity", "Dropout":
            guard let name = node.proto.output.first, node.proto.output.count == 1, node.proto.input.count < 3 else {
                throw node.needsRuntime(.maskOrTraining)
            }
            try define(name, try value(node, 0), node.place)
        case "Cast":
            if !(try foldConstants(node, { (lowering) throws(LoweringFailure) in try lowering.lowerCast(node) })) {
                try lowerCast(node)
            }
        case "ArgMax", "ArgMin": try lowerPosition(node)
        case "TopK": try lowerTop(node)
        case "Softmax", "LogSoftmax": try lowerSoftmax(node)
        case "MatMul", "Gemm": try lowerProduct(node)
        case "LpNormalization": try lowerNorm(node)
        case "BatchNormalization": try lowerBatchNormalization(node)
        case "Shape": try lowerShape(node)
        case "ConstantOfShape": try lowerConstantOfShape(node)
        case "Expand": try lowerExpand(node)
        case "Slice": try lowerSlice(node)
        case "Split": try lowerSplit(node)
        case "Squeeze": try lowerSqueeze(node)
        case "Unsqueeze": try lowerUnsqueeze(node)
        case "Transpose": try lowerTranspose(node)
        case "Concat": try lowerConcat(node)
        case "Gather": try lowerGather(node)
        case "Reshape": try lowerReshape(node)
        case "Flatten":
            let columns = try columns(node)
            guard node.integer("axis", default: 1) == 1 else { throw node.needsRuntime(.mixedRows) }
            try set(node, reshaped(columns, [columns.operands.count]))
        default: throw node.needsRuntime()
        }
    }

    private func reshaped(_ columns: Columns, _ dims: [Int]) -> Columns {
        var columns = columns
        columns.dims = dims
        return columns
    }

    /// Columns of rows, or the element of a constant list that each row asks for: the label of a class.
    private mutating func lowerExtractor(_ node: Node) throws(LoweringFailure) {
        if case .constant(let list) = try value(node, 0) {
            let index = try columns(node, 1)
            guard list.dims.filter({ $0 != 1 }).count <= 1, index.operands.count == 1 else {
                throw node.needsRuntime(.otherInputs)
            }
            var found = try look(up: index, in: list, node)
            (found.dims, found.rowsAreLast) = ([1], true)
            try set(node, found)
            return
        }
        var columns = try columns(node)
        let indices = try constant(node, 1)
        guard columns.dims.count == 1, indices.type.isInteger else { throw node.needsRuntime(.otherInputs) }
        var operands: [Formula.Operand] = []
        for number in indices.numbers {
            guard number >= 0, Int(number) < columns.operands.count else {
                throw node.invalid("column \(Int(number)) of \(columns.operands.count)")
            }
            operands.append(columns.operands[Int(number)])
        }
        columns.operands = operands
        columns.dims = [operands.count]
        try set(node, columns)
    }

    private mutating func lowerCast(_ node: Node) throws(LoweringFailure) {
        var columns = try columns(node)
        let source = columns
        guard let type = ElementType(rawValue: Int32(truncatingIfNeeded: node.integer("to", default: 0))), type != .uint8 else {
            throw node.needsRuntime(.elementType)
        }
        // Small integers go through float32 and back; as text they are what they were.
        let isNumber = columns.type.isInteger || columns.type == .float
        let isSmall = columns.labels?.allSatisfy { label in Double(label).map { abs($0) < 16_777_216 } ?? false } ?? false
        if columns.type == type || columns.labels != nil && columns.type.isInteger && (type.isInteger || type == .string)
            || isSmall && isNumber && (type.isInteger || type == .float)
        {
            columns.type = type
            try set(node, columns)
            return
        }
        switch (columns.type, type) {
        case (.string, _), (_, .string): throw node.needsRuntime(.strings)
        case (.double, .float), (.int32, .float), (.int64, .float): columns.operands = try floats(node)
        case (.bool, _), (_, .double), (.int32, .int64): columns.operands = try numbers(node)
        case (_, .bool):
            let zero = builder.constant(0)
            columns.operands = try numbers(node).map { builder.apply(.not, isTrue(.equal, $0, zero)) }
        case (.float, _), (.double, _): columns.operands = try numbers(node).map { whole($0, type) }
        case (.int64, .int32): columns.operands = try numbers(node).map { settled($0, .int32) }
        default: throw node.needsRuntime(.conversion)
        }
        for (before, after) in zip(source.operands, columns.operands) where type != .bool {
            if let greatest = source.type == .bool ? 1 : positions[before] { positions[after] = greatest }
        }
        columns.labels = nil
        columns.type = type
        try set(node, columns)
    }

    /// The fraction is cut off; NaN and what no integer of the type holds become the least one, as the processor says.
    private mutating func whole(_ x: Formula.Operand, _ type: ElementType) -> Formula.Operand {
        let limit = type == .int32 ? 2_147_483_648.0 : 9_223_372_036_854_775_808
        let cut = builder.apply(.truncate, x)
        let fits = isTrue(.less, builder.apply(.absolute, cut), builder.constant(limit))
        return builder.apply(.choose, fits, cut, builder.constant(-limit))
    }

    /// A shape that leaves the rows alone: -1 or 0 first, and the rest as many elements as a row has.
    private mutating func lowerReshape(_ node: Node) throws(LoweringFailure) {
        let columns = try columns(node)
        let shape = node.proto.input.count > 1 ? try rowShape(node, input: 1) : node.integers("shape")
        let count = columns.operands.count
        guard let rows = shape.first, rows == -1 || rows == 0, node.integer("allowzero", default: 0) == 0 else {
            throw node.needsRuntime(.mixedRows)
        }
        var dims = Array(shape.dropFirst())
        if rows == 0, let open = dims.firstIndex(of: -1) {
            var product = 1
            for (index, dim) in dims.enumerated() where index != open {
                guard dim > 0, dim <= count else { throw node.needsRuntime(.mixedRows) }
                product *= dim
                guard product <= count else { throw node.needsRuntime(.mixedRows) }
            }
            dims[open] = count / product
        }
        var product = 1
        for dim in dims {
            guard dim > 0, dim <= count, product <= count else { throw node.needsRuntime(.mixedRows) }
            product *= dim
        }
        guard product == count else { throw node.needsRuntime(.mixedRows) }
        guard !columns.rowsAreLast || rows == -1 else { throw node.needsRuntime(.mixedRows) }
        var result = reshaped(columns, dims)
        result.rowsAreLast = false
        try set(node, result)
    }

    private mutating func lowerZipMap(_ node: Node) throws(LoweringFailure) {
        let strings = try node.strings("classlabels_strings")
        let classes = strings.isEmpty ? node.integers("classlabels_int64s").map(String.init) : strings
        let columns = try columns(node)
        guard classes.count == columns.operands.count, let name = node.proto.output.first else {
            throw node.invalid("\(classes.count) labels for \(columns.operands.count) probabilities")
        }
        try define(name, .probabilities(columns, classes: classes), node.place)
    }
}
