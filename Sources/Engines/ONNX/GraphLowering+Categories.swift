internal import Scoring
internal import Tabular

/// Operators that exchange categories: LabelEncoder, CategoryMapper; FeatureVectorizer.
extension GraphLowering {
    /// Strings as positions among all that the model knows, -1 for any other.
    mutating func codes(_ columns: Columns) -> [Formula.Operand] {
        guard let labels = columns.labels else { return columns.operands }
        let values = labels.map { code(of: $0) }
        return columns.operands.map { builder.look(up: $0, in: .codes(first: 0, values: values, other: -1, missing: -1)) }
    }

    /// What keys are exchanged for: by the type of the values, numbers or strings.
    private struct Exchange {
        var keys: [Double] = []
        var type: ElementType
        var numbers: [Double] = []
        var strings: [String] = []
        var otherNumber = 0.0
        var otherString = ""
    }

    mutating func lowerLabelEncoder(_ node: Node) throws(LoweringFailure) {
        let source = try columns(node)
        try exchange(
            node, source, node.has("classes_strings") ? try oldExchange(node, source.type) : try newExchange(node, source.type))
    }

    mutating func lowerCategoryMapper(_ node: Node) throws(LoweringFailure) {
        let source = try columns(node)
        let (strings, integers) = (try node.strings("cats_strings"), try node.exactIntegers("cats_int64s"))
        guard strings.count == integers.count, !strings.isEmpty else { throw node.invalid("categories that are no pairs") }
        try exchange(node, source, try pairs(node, strings, integers, source.type))
    }

    /// Strings to integers or back.
    private mutating func pairs(
        _ node: Node, _ strings: [String], _ integers: [Double], _ type: ElementType
    ) throws(LoweringFailure) -> Exchange {
        if type == .string {
            return Exchange(
                keys: strings.map { code(of: $0) }, type: .int64, numbers: integers,
                otherNumber: try defaultInteger(node))
        }
        guard type == .int64 else { throw node.needsRuntime(.elementType) }
        return Exchange(
            keys: integers, type: .string, strings: strings, otherString: try node.string("default_string", default: "_Unused"))
    }

    private mutating func oldExchange(_ node: Node, _ type: ElementType) throws(LoweringFailure) -> Exchange {
        let strings = try node.strings("classes_strings")
        return try pairs(node, strings, strings.indices.map(Double.init), type)
    }

    private mutating func newExchange(_ node: Node, _ type: ElementType) throws(LoweringFailure) -> Exchange {
        var exchange = Exchange(type: .int64)
        if let keys = try node.tensor("keys_tensor") {
            guard keys.type == type else { throw node.invalid("keys of another type") }
            exchange.keys = type == .string ? keys.strings.map { code(of: $0) } : keys.numbers
        } else {
            switch type {
            case .string: exchange.keys = try node.strings("keys_strings").map { code(of: $0) }
            case .int64: exchange.keys = try node.exactIntegers("keys_int64s")
            case .float: exchange.keys = node.floats("keys_floats").map(Double.init)
            default: throw node.needsRuntime(.elementType)
            }
        }
        let other = try node.tensor("default_tensor")
        if let values = try node.tensor("values_tensor") {
            guard other == nil || other?.count == 1 && other?.type == values.type else { throw node.invalid("no single default") }
            (exchange.type, exchange.numbers, exchange.strings) = (values.type, values.numbers, values.strings)
        } else if node.has("values_strings") {
            (exchange.type, exchange.strings) = (.string, try node.strings("values_strings"))
        } else if node.has("values_int64s") {
            exchange.numbers = try node.exactIntegers("values_int64s")
        } else {
            (exchange.type, exchange.numbers) = (.float, node.floats("values_floats").map(Double.init))
        }
        switch exchange.type {
        case .string:
            let own = try node.string("default_string", default: "_Unused")
            exchange.otherString = other?.strings.first ?? own
        case .int64:
            let own = try defaultInteger(node)
            exchange.otherNumber = other?.numbers.first ?? own
        default: exchange.otherNumber = other?.numbers.first ?? Double(node.float("default_float", default: -0.0))
        }
        return exchange
    }

    private func defaultInteger(_ node: Node) throws(LoweringFailure) -> Double {
        let value = node.integer("default_int64", default: -1)
        guard value.magnitude <= WholeNumber.greatestExactDouble else { throw node.needsRuntime(.wideIntegers) }
        return Double(value)
    }

    private mutating func exchange(_ node: Node, _ source: Columns, _ exchange: Exchange) throws(LoweringFailure) {
        let isText = exchange.type == .string
        guard exchange.keys.count == (isText ? exchange.strings.count : exchange.numbers.count), !exchange.keys.isEmpty,
            exchange.keys.count <= Self.maxColumns
        else { throw node.invalid("keys and values that are no pairs") }
        // Strings become positions in a list that has each only once.
        var labels: [String] = []
        var positions: TextMap<Double> = [:]
        func position(_ text: String) -> Double {
            if let known = positions[text] { return known }
            labels.append(text)
            positions[text] = Double(labels.count - 1)
            return Double(labels.count - 1)
        }
        let values = isText ? exchange.strings.map(position) : exchange.numbers
        let other = isText ? position(exchange.otherString) : exchange.otherNumber
        var missing = other
        var pairs: [(key: Double, value: Double)] = []
        for (key, value) in zip(exchange.keys, values) {
            if key.isNaN { missing = value } else { pairs.append((key, value)) }
        }
        pairs.sort { $0.key < $1.key }
        guard zip(pairs, pairs.dropFirst()).allSatisfy({ $0.key < $1.key }) else {
            throw node.needsRuntime(.repeatedKey)
        }
        let table = Formula.Table.keys(keys: pairs.map(\.key), values: pairs.map(\.value), other: other, missing: missing)
        let keys = source.type == .string ? codes(source) : try numbers(node)
        let operands = keys.map { builder.look(up: $0, in: table) }
        try set(node, Columns(type: exchange.type, dims: source.dims, operands: operands, labels: isText ? labels : nil))
    }

    /// Joins columns as float32.
    mutating func lowerFeatureVectorizer(_ node: Node) throws(LoweringFailure) {
        var operands: [Formula.Operand] = []
        let sizes = node.integers("inputdimensions")
        for index in node.proto.input.indices {
            let columns = try columns(node, index)
            guard columns.dims.count == 1, index < sizes.count, sizes[index] == columns.operands.count else {
                throw node.needsRuntime(.unannouncedSizes)
            }
            operands += try floats(node, index)
        }
        try set(node, Columns(type: .float, dims: [operands.count], operands: operands))
    }
}
