internal import Scoring
internal import Tabular

/// Operators that compute each element from the elements in its place. In float32 every step is rounded, as ONNX
/// Runtime rounds it; NaN goes through arithmetic and is no more than false to a comparison.
extension GraphLowering {
    private typealias Operand = Formula.Operand

    static let elementwise: Set<String> = [
        "Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean", "PRelu", "Less", "LessOrEqual", "Greater",
        "GreaterOrEqual", "Equal", "And", "Or", "Xor", "Not", "Where", "Neg", "Abs", "Sqrt", "Exp", "Log", "Reciprocal", "Sign",
        "Floor", "Ceil", "Round", "Sigmoid", "Tanh", "Relu", "LeakyRelu", "Elu", "Selu", "HardSigmoid", "Softplus", "Softsign",
        "ThresholdedRelu", "HardSwish", "Clip", "Erf", "IsNaN", "IsInf", "Sin", "Cos",
    ]

    /// Lowers an operator of `elementwise`.
    mutating func lowerElements(_ node: Node) throws(LoweringFailure) {
        switch node.operation {
        case "Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean", "PRelu": try lowerArithmetic(node)
        case "Pow": try lowerPower(node)
        case "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal": try lowerComparison(node)
        case "And", "Or", "Xor": try lowerLogic(node)
        case "Where": try lowerWhere(node)
        case "Clip": try lowerClip(node)
        default: try lowerFunction(node)
        }
    }

    /// Rounds what was computed in double to a type's own precision; integers must be exact.
    mutating func settled(_ x: Formula.Operand, _ type: ElementType) -> Formula.Operand {
        switch type {
        case .float: return builder.apply(.float32, x)
        case .int32, .int64:
            let (bound, power) = type == .int32 ? (2_147_483_647.0, 31) : (9_007_199_254_740_992, 53)
            let isBeyond = builder.apply(.greater, builder.apply(.absolute, x), builder.constant(bound))
            let reason =
                "the model computes a whole number beyond 2^\(power) from this row, which the native engine does not; "
                + "'engine: onnxruntime' in model.yaml takes it"
            builder.fail(where: isBeyond, Formula.Failure(field: "", reason: reason))
            return x
        case .double, .bool, .uint8, .string: return x
        }
    }

    mutating func step(
        _ operation: Formula.Operation, _ type: ElementType, _ a: Formula.Operand, _ b: Formula.Operand? = nil
    ) -> Formula.Operand {
        settled(builder.apply(operation, a, b), type)
    }

    private func requireReal(_ node: Node, _ type: ElementType) throws(LoweringFailure) {
        guard type == .float || type == .double else { throw node.needsRuntime(.elementType) }
    }

    private mutating func lowerArithmetic(_ node: Node) throws(LoweringFailure) {
        let values = try inputs(node)
        let type = try commonType(node, values)
        guard type != .string, type != .bool else { throw node.needsRuntime(.elementType) }
        if type.isInteger, ["Div", "Mean", "PRelu", "Sum"].contains(node.operation) { throw node.needsRuntime(.integers) }
        let cast = try broadcast(node, values)
        if ["Add", "Sub", "Mul", "Div", "PRelu"].contains(node.operation), cast.operands.count != 2 {
            throw node.invalid("it needs two inputs")
        }
        var result = cast.operands[0]
        for next in cast.operands.dropFirst() {
            for index in result.indices {
                let (a, b) = (result[index], next[index])
                result[index] =
                    switch node.operation {
                    case "Add", "Sum", "Mean": step(.add, type, a, b)
                    case "Sub": step(.subtract, type, a, b)
                    case "Mul": step(.multiply, type, a, b)
                    case "Div": step(.divide, type, a, b)
                    // NaN on either side makes the choice, and with it the result, NaN.
                    case "Max": builder.apply(.choose, builder.apply(.greater, a, b), a, b)
                    case "Min": builder.apply(.choose, builder.apply(.less, a, b), a, b)
                    default:
                        builder.apply(.choose, builder.apply(.less, a, builder.constant(0)), step(.multiply, type, a, b), a)
                    }
            }
        }
        if node.operation == "Mean", cast.operands.count > 1 {
            let count = builder.constant(Double(cast.operands.count))
            result = result.map { step(.divide, type, $0, count) }
        }
        try set(node, Columns(type: type, dims: cast.dims, operands: result))
    }

    private mutating func lowerPower(_ node: Node) throws(LoweringFailure) {
        let values = try inputs(node)
        let type = try commonType(node, [values[0]])
        try requireReal(node, type)
        let cast = try broadcast(node, values)
        guard cast.operands.count == 2 else { throw node.invalid("it needs two inputs") }
        var result: [Formula.Operand] = []
        for (x, exponent) in zip(cast.operands[0], cast.operands[1]) {
            switch builder.value(of: exponent) {
            case 0: result.append(builder.constant(1))
            case 1: result.append(x)
            case 2: result.append(step(.multiply, type, x, x))
            case 3: result.append(step(.multiply, type, step(.multiply, type, x, x), x))
            default:
                // Whatever to the power of 0, and 1 to whatever power, is 1.
                let (zero, one) = (builder.constant(0), builder.constant(1))
                let isOne = builder.apply(.or, isTrue(.equal, exponent, zero), isTrue(.equal, x, one))
                result.append(builder.apply(.choose, isOne, one, step(.power, type, x, exponent)))
            }
        }
        try set(node, Columns(type: type, dims: cast.dims, operands: result))
    }

    private mutating func lowerComparison(_ node: Node) throws(LoweringFailure) {
        let values = try inputs(node)
        let type = try commonType(node, values)
        guard values.count == 2 else { throw node.invalid("it needs two inputs") }
        let operation: Formula.Operation =
            switch node.operation {
            case "Less": .less
            case "LessOrEqual": .lessOrEqual
            case "Greater": .greater
            case "GreaterOrEqual": .greaterOrEqual
            default: .equal
            }
        if type == .string {
            guard operation == .equal else { throw node.needsRuntime(.strings) }
            return try compareStrings(node, values)
        }
        let cast = try broadcast(node, values)
        let result = zip(cast.operands[0], cast.operands[1]).map { isTrue(operation, $0, $1) }
        try set(node, Columns(type: .bool, dims: cast.dims, operands: result))
    }

    /// Strings against one constant: two strings that the model does not know could be equal or not.
    private mutating func compareStrings(_ node: Node, _ values: [Value]) throws(LoweringFailure) {
        var text: String?
        for case .constant(let tensor) in values where tensor.count == 1 { text = tensor.strings[0] }
        guard let text else { throw node.needsRuntime(.computedStrings) }
        for case .columns(let columns) in values {
            _ = try broadcastDims(node, values)
            let wanted = builder.constant(code(of: text))
            let result = codes(columns).map { isTrue(.equal, $0, wanted) }
            return try set(node, Columns(type: .bool, dims: columns.dims, operands: result))
        }
        throw node.needsRuntime(.onlyConstants)
    }

    private mutating func lowerLogic(_ node: Node) throws(LoweringFailure) {
        let values = try inputs(node)
        guard values.count == 2, try commonType(node, values) == .bool else { throw node.invalid("it needs two truth values") }
        let cast = try broadcast(node, values)
        let operation: Formula.Operation = node.operation == "And" ? .and : node.operation == "Or" ? .or : .exclusiveOr
        let result = zip(cast.operands[0], cast.operands[1]).map { builder.apply(operation, $0, $1) }
        try set(node, Columns(type: .bool, dims: cast.dims, operands: result))
    }

    private mutating func lowerWhere(_ node: Node) throws(LoweringFailure) {
        let values = try inputs(node)
        guard values.count == 3, try commonType(node, [values[0]]) == .bool else { throw node.invalid("it needs three inputs") }
        let type = try commonType(node, Array(values[1...]))
        guard type != .string else { throw node.needsRuntime(.strings) }
        let cast = try broadcast(node, values)
        let result = cast.operands[0].indices.map { index in
            builder.apply(.choose, cast.operands[0][index], cast.operands[1][index], cast.operands[2][index])
        }
        try set(node, Columns(type: type, dims: cast.dims, operands: result))
    }

    /// Limits by attributes, as old versions have them, or by constants.
    private mutating func lowerClip(_ node: Node) throws(LoweringFailure) {
        let x = try columns(node)
        guard x.type == .float || x.type == .double || x.type.isInteger else { throw node.needsRuntime(.elementType) }
        var limits = [-Double.infinity, Double.infinity]
        for (index, name) in ["min", "max"].enumerated() {
            if node.has(name) { limits[index] = Double(node.float(name, default: 0)) }
            guard index + 1 < node.proto.input.count, !node.proto.input[index + 1].isEmpty else { continue }
            let tensor: Tensor
            if case .columns(let constant) = try value(node, index + 1), constant.operands.count == 1,
                let number = builder.value(of: constant.operands[0])
            {
                tensor = Tensor(type: constant.type, dims: [], numbers: [number])
            } else {
                tensor = try constant(node, index + 1)
            }
            guard tensor.count == 1, tensor.type == x.type else { throw node.invalid("limits that are no single number") }
            limits[index] = tensor.numbers[0]
        }
        guard limits[0] <= limits[1] else { throw node.needsRuntime(.crossedLimits) }
        let (low, high) = (builder.constant(limits[0]), builder.constant(limits[1]))
        let result = try numbers(node).map { builder.apply(.clamp, $0, low, high) }
        try set(node, Columns(type: x.type, dims: x.dims, operands: result))
    }

    private mutating func lowerFunction(_ node: Node) throws(LoweringFailure) {
        let source = try columns(node)
        let x = try numbers(node)
        var type = source.type
        let zero = builder.constant(0)
        var result: [Formula.Operand] = []
        switch node.operation {
        case "Not":
            guard type == .bool else { throw node.invalid("it needs truth values") }
            result = x.map { builder.apply(.not, $0) }
        case "Neg":
            guard type != .bool else { throw node.invalid("it needs numbers") }
            result = x.map { builder.apply(.multiply, $0, builder.constant(-1)) }
        case "Abs":
            guard type != .bool else { throw node.invalid("it needs numbers") }
            result = x.map { builder.apply(.absolute, $0) }
        case "Sign":
            guard type != .bool else { throw node.invalid("it needs numbers") }
            let (one, minus) = (builder.constant(1), builder.constant(-1))
            result = x.map { x in
                let notPositive = builder.apply(.choose, builder.apply(.less, x, zero), minus, zero)
                return builder.apply(.choose, builder.apply(.greater, x, zero), one, notPositive)
            }
        case "IsNaN":
            try requireReal(node, type)
            result = x.map { builder.apply(.isMissing, $0) }
            type = .bool
        case "IsInf":
            try requireReal(node, type)
            let (up, down) = (node.integer("detect_positive", default: 1), node.integer("detect_negative", default: 1))
            result = x.map { x in
                let isUp = up == 0 ? zero : isTrue(.equal, x, builder.constant(.infinity))
                let isDown = down == 0 ? zero : isTrue(.equal, x, builder.constant(-.infinity))
                return builder.apply(.or, isUp, isDown)
            }
            type = .bool
        default:
            try requireReal(node, type)
            for x in x { result.append(try realFunction(node, x, type)) }
        }
        try set(node, Columns(type: type, dims: source.dims, operands: result))
    }

    private static let plainFunctions: [String: Formula.Operation] = [
        "Sqrt": .squareRoot, "Exp": .exponential, "Log": .logarithm, "Floor": .floor, "Ceil": .ceiling, "Round": .roundHalfEven,
        "Sigmoid": .logistic, "Tanh": .hyperbolicTangent, "Erf": .errorFunction, "Sin": .sine, "Cos": .cosine,
    ]

    private mutating func realFunction(
        _ node: Node, _ x: Formula.Operand, _ type: ElementType
    ) throws(LoweringFailure) -> Formula.Operand {
        if let function = Self.plainFunctions[node.operation] { return step(function, type, x) }
        let (zero, one) = (builder.constant(0), builder.constant(1))
        func number(_ name: String, _ value: Float) -> Formula.Operand {
            builder.constant(Double(node.float(name, default: value)))
        }
        let isNegative = builder.apply(.less, x, zero)
        switch node.operation {
        case "Reciprocal": return step(.divide, type, one, x)
        case "Relu": return builder.apply(.clamp, x, zero, builder.constant(.infinity))
        case "LeakyRelu": return builder.apply(.choose, isNegative, step(.multiply, type, x, number("alpha", 0.01)), x)
        case "Elu": return builder.apply(.choose, isNegative, step(.multiply, type, number("alpha", 1), expm1(x, type)), x)
        case "Selu":
            let below = step(.multiply, type, number("alpha", 1.67326319217681884765625), expm1(x, type))
            return step(.multiply, type, number("gamma", 1.05070102214813232421875), builder.apply(.choose, isNegative, below, x))
        case "HardSigmoid":
            let line = step(.add, type, step(.multiply, type, x, number("alpha", 0.2)), number("beta", 0.5))
            return builder.apply(.clamp, line, zero, one)
        case "HardSwish":
            let line = step(.add, type, step(.multiply, type, x, builder.constant(Double(Float(1) / 6))), builder.constant(0.5))
            return step(.multiply, type, x, builder.apply(.clamp, line, zero, one))
        case "Softplus":
            let power = builder.apply(.exponential, builder.apply(.multiply, builder.apply(.absolute, x), builder.constant(-1)))
            let above = builder.apply(.clamp, x, zero, builder.constant(.infinity))
            return step(.add, type, above, builder.apply(.logarithmPlus1, power))
        case "Softsign": return step(.divide, type, x, step(.add, type, one, builder.apply(.absolute, x)))
        case "ThresholdedRelu": return builder.apply(.choose, isTrue(.greater, x, number("alpha", 1)), x, zero)
        default: throw node.needsRuntime()
        }
    }

    private mutating func expm1(_ x: Formula.Operand, _ type: ElementType) -> Formula.Operand {
        step(.subtract, type, step(.exponential, type, x), builder.constant(1))
    }
}
