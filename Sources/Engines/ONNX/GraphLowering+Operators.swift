internal import Scoring
internal import Tabular

/// Which operator is lowered by what, and the operators that only move columns.
extension GraphLowering {
    mutating func lower(_ node: Node) throws(ScoringError) {
        switch (node.proto.domain, node.operation) {
        case ("ai.onnx.ml", "TreeEnsembleClassifier"): try lowerTreeClassifier(node)
        case ("ai.onnx.ml", "TreeEnsembleRegressor"): try lowerTreeRegressor(node)
        case ("ai.onnx.ml", "LinearClassifier"): try lowerLinearClassifier(node)
        case ("ai.onnx.ml", "LinearRegressor"): try lowerLinearRegressor(node)
        case ("ai.onnx.ml", "Scaler"): try lowerScaler(node)
        case ("ai.onnx.ml", "Imputer"): try lowerImputer(node)
        case ("ai.onnx.ml", "Normalizer"): try lowerNormalizer(node)
        case ("ai.onnx.ml", "OneHotEncoder"): try lowerOneHot(node)
        case ("ai.onnx.ml", "ZipMap"): try lowerZipMap(node)
        case ("ai.onnx.ml", "Binarizer"): try lowerBinarizer(node)
        case ("ai.onnx.ml", "ArrayFeatureExtractor"): try lowerExtractor(node)
        case ("", "Constant"), ("ai.onnx", "Constant"):
            guard let tensor = try node.tensor("value"), let name = node.proto.output.first else {
                throw node.needsRuntime("this form")
            }
            try define(name, .constant(tensor), node.place)
        case ("", "ArgMax"), ("ai.onnx", "ArgMax"): try lowerHighest(node)
        case ("", "Neg"), ("ai.onnx", "Neg"), ("", "Abs"), ("ai.onnx", "Abs"), ("", "Sqrt"), ("ai.onnx", "Sqrt"):
            try lowerFunction(node)
        case ("", "Identity"), ("ai.onnx", "Identity"):
            guard let name = node.proto.output.first else { throw node.invalid("there is no output") }
            try define(name, try value(node, 0), node.place)
        case ("", "Cast"), ("ai.onnx", "Cast"): try lowerCast(node)
        case ("", "Concat"), ("ai.onnx", "Concat"): try lowerConcat(node)
        case ("", "Gather"), ("ai.onnx", "Gather"): try lowerGather(node)
        case ("", "Reshape"), ("ai.onnx", "Reshape"): try lowerReshape(node)
        case ("", "Flatten"), ("ai.onnx", "Flatten"):
            let columns = try columns(node)
            guard node.integer("axis", default: 1) == 1 else { throw node.needsRuntime("rows that mix") }
            try set(node, reshaped(columns, [columns.operands.count]))
        case ("", let operation), ("ai.onnx", let operation):
            guard let arithmetic = Self.arithmetic[operation] else { throw node.needsRuntime() }
            try lowerArithmetic(node, arithmetic)
        default: throw node.needsRuntime()
        }
    }

    private static let arithmetic: [String: Formula.Operation] = [
        "Add": .add, "Sub": .subtract, "Mul": .multiply, "Div": .divide,
    ]

    private func reshaped(_ columns: Columns, _ dims: [Int]) -> Columns {
        var columns = columns
        columns.dims = dims
        return columns
    }

    /// Element by element, with constants that are the same for every row.
    private mutating func lowerArithmetic(_ node: Node, _ operation: Formula.Operation) throws(ScoringError) {
        let (left, right) = (try value(node, 0), try value(node, 1))
        var shape: Columns?
        for case .columns(let columns) in [left, right] where shape.map({ $0.operands.count < columns.operands.count }) ?? true {
            shape = columns
        }
        guard var result = shape, result.type == .float || result.type == .double else { throw node.needsRuntime("these types") }
        let a = try broadcast(node, left, result)
        let b = try broadcast(node, right, result)
        result.labels = nil
        for index in a.indices {
            result.operands[index] =
                result.type == .float ? float(operation, a[index], b[index]) : builder.apply(operation, a[index], b[index])
        }
        try set(node, result)
    }

    /// Neg, Abs and Sqrt.
    private mutating func lowerFunction(_ node: Node) throws(ScoringError) {
        var result = try columns(node)
        guard result.type == .float || result.type == .double else { throw node.needsRuntime("this type") }
        let isFloat = result.type == .float
        result.operands = try numbers(node).map { x in
            switch node.operation {
            case "Neg": builder.apply(.multiply, x, builder.constant(-1))
            case "Abs": builder.apply(.absolute, x)
            default: isFloat ? float(.squareRoot, x) : builder.apply(.squareRoot, x)
            }
        }
        try set(node, result)
    }

    /// The position of a row's greatest element, the first of equals.
    private mutating func lowerHighest(_ node: Node) throws(ScoringError) {
        let columns = try columns(node)
        let axis = node.integer("axis", default: 0)
        guard columns.dims.count == 1, axis == 1 || axis == -1, node.integer("select_last_index", default: 0) == 0,
            columns.type != .string
        else { throw node.needsRuntime("rows that mix") }
        let x = try numbers(node)
        // As in ONNX Runtime, nothing is greater than a NaN that comes first; any other is passed over.
        guard let first = x.first else { throw node.invalid("there are no columns") }
        let highest = builder.apply(
            .choose, builder.apply(.isMissing, first), builder.constant(0), builder.combine(.highest, x))
        let dims = node.integer("keepdims", default: 1) == 1 ? [1] : []
        try set(node, Columns(type: .int64, dims: dims, operands: [highest]))
    }

    /// Columns of rows, or the element of a constant list that each row asks for: the label of a class.
    private mutating func lowerExtractor(_ node: Node) throws(ScoringError) {
        if case .constant(let list) = try value(node, 0) {
            let index = try columns(node, 1)
            guard list.dims.filter({ $0 != 1 }).count <= 1, list.type == .string || list.type.isInteger, index.labels == nil,
                index.operands.count == 1, list.count > 0, list.count <= Self.mostColumns
            else { throw node.needsRuntime("such inputs") }
            let labels = list.type == .string ? list.strings : list.numbers.map { String(Int($0)) }
            guard Set(labels).count == labels.count else { throw node.needsRuntime("a label that is there twice") }
            try set(node, Columns(type: list.type, dims: [1], operands: index.operands, labels: labels))
            return
        }
        var columns = try columns(node)
        let indices = try constant(node, 1)
        guard columns.dims.count == 1, indices.type.isInteger else { throw node.needsRuntime("such inputs") }
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

    /// One operand an element of `shape`; only whole rows and single elements are repeated.
    private mutating func broadcast(_ node: Node, _ value: Value, _ shape: Columns) throws(ScoringError) -> [Formula.Operand] {
        let count = shape.operands.count
        switch value {
        case .constant(let tensor):
            let isRow = tensor.dims == shape.dims || tensor.dims == [1] + shape.dims || tensor.count == 1
            guard tensor.type == shape.type, isRow, tensor.dims.count <= shape.dims.count + 1 else {
                throw node.needsRuntime("a constant of this shape")
            }
            return (0..<count).map { builder.constant(tensor.numbers[tensor.count == 1 ? 0 : $0]) }
        case .columns(let columns):
            guard columns.type == shape.type, columns.dims.count == shape.dims.count,
                columns.dims == shape.dims || columns.operands.count == 1
            else { throw node.needsRuntime("inputs of these shapes") }
            return (0..<count).map { number(columns, columns.operands.count == 1 ? 0 : $0) }
        case .probabilities: throw node.needsRuntime("a map")
        }
    }

    private mutating func lowerCast(_ node: Node) throws(ScoringError) {
        var columns = try columns(node)
        guard let type = ElementType(rawValue: Int32(truncatingIfNeeded: node.integer("to", default: 0))) else {
            throw node.needsRuntime("this type")
        }
        if columns.type == type || (columns.labels != nil && columns.type.isInteger && (type.isInteger || type == .string)) {
            columns.type = type
            try set(node, columns)
            return
        }
        switch (columns.type, type) {
        case (.string, _), (_, .string): throw node.needsRuntime("strings")
        case (.double, .float), (.int32, .float), (.int64, .float): columns.operands = try floats(node)
        case (.bool, _), (_, .double), (.int32, .int64): columns.operands = try numbers(node)
        default: throw node.needsRuntime("a conversion to integers or truth")
        }
        columns.labels = nil
        columns.type = type
        try set(node, columns)
    }

    private mutating func lowerConcat(_ node: Node) throws(ScoringError) {
        var parts: [Columns] = []
        for index in node.proto.input.indices { parts.append(try columns(node, index)) }
        guard var result = parts.first else { throw node.invalid("there are no inputs") }
        let rank = result.dims.count + 1
        guard parts.allSatisfy({ $0.dims.count == 1 && $0.type == result.type }), rank == 2,
            node.integer("axis", default: 1) == 1 || node.integer("axis", default: 1) == -1
        else { throw node.needsRuntime("inputs of these shapes and types") }
        result.operands = []
        for part in parts {
            result.operands += part.labels == nil ? part.operands : part.operands.indices.map { number(part, $0) }
            guard part.labels == nil || part.type != .string, result.operands.count <= Self.mostColumns else {
                throw node.needsRuntime("labels")
            }
        }
        result.labels = nil
        result.dims = [result.operands.count]
        try set(node, result)
    }

    private mutating func lowerGather(_ node: Node) throws(ScoringError) {
        var columns = try columns(node)
        let indices = try constant(node, 1)
        let axis = node.integer("axis", default: 0)
        guard columns.dims.count == 1, axis == 1 || axis == -1, indices.type.isInteger, indices.dims.count <= 1 else {
            throw node.needsRuntime("anything but columns")
        }
        let count = columns.operands.count
        var operands: [Formula.Operand] = []
        for number in indices.numbers {
            let index = number < 0 ? Int(number) + count : Int(number)
            guard (0..<count).contains(index) else { throw node.invalid("index \(index) of \(count) columns") }
            operands.append(columns.operands[index])
        }
        columns.operands = operands
        columns.dims = indices.dims.isEmpty ? [] : [operands.count]
        try set(node, columns)
    }

    /// A shape that leaves the rows alone: -1 or 0 first, and the rest as many elements as a row has.
    private mutating func lowerReshape(_ node: Node) throws(ScoringError) {
        let columns = try columns(node)
        let shape: [Int]
        if node.proto.input.count > 1 {
            let tensor = try constant(node, 1)
            guard tensor.type.isInteger, tensor.numbers.count <= 16 else {
                throw node.invalid("the shape is no list of integers")
            }
            shape = tensor.numbers.map { Int($0) }
        } else {
            shape = node.integers("shape")
        }
        let count = columns.operands.count
        guard let rows = shape.first, rows == -1 || rows == 0, node.integer("allowzero", default: 0) == 0 else {
            throw node.needsRuntime("rows that mix")
        }
        var dims = Array(shape.dropFirst())
        if rows == 0, let open = dims.firstIndex(of: -1) {
            var product = 1
            for (index, dim) in dims.enumerated() where index != open {
                guard dim > 0, dim <= count else { throw node.needsRuntime("rows that mix") }
                product *= dim
                guard product <= count else { throw node.needsRuntime("rows that mix") }
            }
            dims[open] = count / product
        }
        var product = 1
        for dim in dims {
            guard dim > 0, dim <= count, product <= count else { throw node.needsRuntime("rows that mix") }
            product *= dim
        }
        guard product == count else { throw node.needsRuntime("rows that mix") }
        try set(node, reshaped(columns, dims))
    }

    private mutating func lowerZipMap(_ node: Node) throws(ScoringError) {
        let strings = try node.strings("classlabels_strings")
        let classes = strings.isEmpty ? node.integers("classlabels_int64s").map(String.init) : strings
        let columns = try columns(node)
        guard classes.count == columns.operands.count, let name = node.proto.output.first else {
            throw node.invalid("\(classes.count) labels for \(columns.operands.count) probabilities")
        }
        try define(name, .probabilities(columns, classes: classes), node.place)
    }
}
