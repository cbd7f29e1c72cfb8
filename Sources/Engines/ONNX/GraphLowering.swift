internal import Scoring
internal import Tabular
internal import TensorRuntime

/// The elements that each row has of a tensor whose first dimension is the rows.
struct Columns {
    var type: ElementType
    /// The dimensions behind the rows.
    var dims: [Int]
    /// One an element, row-major. Of strings and of columns with labels it is a position.
    var operands: [Formula.Operand]
    /// What the positions stand for, where that is known.
    var labels: [String]?
    /// The shape is really [1, rows]: what ArrayFeatureExtractor makes of a list. Only what flattens it may follow.
    var rowsAreLast = false
}

enum Value {
    case constant(Tensor)
    case columns(Columns)
    /// The shape of columns, as integers; -1 is the number of rows.
    case shape([Int])
    /// A map from each class to its probability (ZipMap).
    case probabilities(Columns, classes: [String])
}

/// Lowers a graph node by node. A value's rows must be those of the inputs: whatever would mix rows is refused.
struct GraphLowering {
    static let maxColumns = 100_000

    let options: LoadOptions
    var builder: ProgramBuilder
    var values: TextMap<Value> = [:]
    /// All strings that the model knows; string inputs are positions in it.
    private(set) var symbols: [String] = []
    private var symbolCodes: TextMap<Int> = [:]
    private var symbolTable: Int?
    /// Inputs whose cells are not yet rounded to float32.
    private var unrounded: Set<Formula.Operand> = []
    /// Operands that are positions: whole numbers from 0 to this one, whatever the row.
    var positions: [Formula.Operand: Int] = [:]
    private var fields: [(name: String, type: ElementType)] = []
    var treeCount = 0
    var deepestTree = 0
    private var workDone = 0
    /// The version of ONNX's own operators.
    private(set) var opset = 25

    static func model(of model: ProtoModelProto, options: LoadOptions) throws(LoweringFailure) -> TabularModel {
        guard model.functions.isEmpty else { throw .needsRuntime(.ownFunctions) }
        guard model.hasGraph else { throw .invalid(.invalidModel(reason: "there is no graph", place: "ModelProto.graph")) }
        try checkVersions(model)
        var lowering = GraphLowering(try inputs(of: model.graph), options)
        for set in model.opsetImport where set.domain.isEmpty || set.domain == "ai.onnx" { lowering.opset = Int(set.version) }
        try lowering.addInputs(model.graph)
        for (index, proto) in model.graph.node.enumerated() {
            LoadThrottle.step()
            try lowering.lower(try Node(proto, index: index))
        }
        return try lowering.finish(model)
    }

    private static func checkVersions(_ model: ProtoModelProto) throws(LoweringFailure) {
        for set in model.opsetImport {
            switch set.domain {
            case "", "ai.onnx":
                guard (1...25).contains(set.version) else {
                    throw .needsRuntime(.operatorSet(.standard, version: set.version, latest: 25))
                }
            case "ai.onnx.ml":
                guard (1...5).contains(set.version) else {
                    throw .needsRuntime(.operatorSet(.machineLearning, version: set.version, latest: 5))
                }
            default: break
            }
        }
    }

    // MARK: Inputs

    private struct Input {
        var name: String
        var type: ElementType
        var dims: [Int]
        var count: Int
    }

    private static func inputs(of graph: ProtoGraphProto) throws(LoweringFailure) -> [Input] {
        guard graph.sparseInitializer.isEmpty else { throw .needsRuntime(.sparseConstants) }
        let constants = TextSet(graph.initializer.map(\.name))
        var inputs: [Input] = []
        var total = 0
        for info in graph.input where !constants.contains(info.name) {
            func unlowered(_ limit: RuntimeReason.InputLimit) -> LoweringFailure { .needsRuntime(.input(info.name, limit)) }
            guard info.hasType, info.type.hasTensorType else { throw unlowered(.noTensor) }
            let tensor = info.type.tensorType
            guard let type = ElementType(rawValue: tensor.elemType), type != .uint8 else {
                throw .needsRuntime(.elementType(place: "input '\(info.name)'", tensor.elemType))
            }
            let shape = tensor.shape.dim
            guard let rows = shape.first else { throw unlowered(.noRows) }
            if case .dimValue(let value)? = rows.value, value > 1 { throw unlowered(.rows(value)) }
            var dims: [Int] = []
            var count = 1
            for dim in shape.dropFirst() {
                guard case .dimValue(let value)? = dim.value, value > 0, value <= maxColumns else {
                    throw unlowered(.openFeatureCount)
                }
                count *= Int(value)
                guard count <= maxColumns else { throw unlowered(.manyFeatures(limit: maxColumns)) }
                dims.append(Int(value))
            }
            total += count
            inputs.append(Input(name: info.name, type: type, dims: dims, count: count))
        }
        guard total > 0, total <= maxColumns else { throw .needsRuntime(.featureCount(total, limit: maxColumns)) }
        return inputs
    }

    private init(_ inputs: [Input], _ options: LoadOptions) {
        self.options = options
        self.inputs = inputs
        builder = ProgramBuilder(inputCount: inputs.reduce(0) { $0 + $1.count })
    }

    private let inputs: [Input]

    private mutating func addInputs(_ graph: ProtoGraphProto) throws(LoweringFailure) {
        for proto in graph.initializer {
            let tensor = try Tensor(proto, place: "initializer '\(proto.name)'")
            try define(proto.name, .constant(tensor), "graph.initializer")
        }
        let names = try LoweringFailure.wrapping { () throws(ScoringError) in
            try InputNames.names(of: inputs.map { ($0.name, $0.count) }, options)
        }
        for input in inputs {
            var operands: [Formula.Operand] = []
            for _ in 0..<input.count {
                let slot = Formula.Operand.slot(fields.count)
                let name = names[fields.count]
                fields.append((name, input.type))
                operands.append(operand(ofInput: slot, input.type, name))
            }
            try define(input.name, .columns(Columns(type: input.type, dims: input.dims, operands: operands)), "graph.input")
        }
    }

    private mutating func operand(ofInput slot: Formula.Operand, _ type: ElementType, _ name: String) -> Formula.Operand {
        switch type {
        case .float: unrounded.insert(slot)
        case .double, .uint8: break
        case .int32, .int64, .bool:
            builder.fail(whereMissing: slot, Formula.Failure(field: name, reason: "the model has no missing value for it"))
        case .string:
            let table = symbolTable ?? builder.addTable(.codes(first: 0, values: [], other: -1, missing: -1))
            symbolTable = table
            return builder.look(up: slot, inTable: table)
        }
        return slot
    }

    /// The position of a string among all that the model knows.
    mutating func code(of string: String) -> Double {
        if let code = symbolCodes[string] { return Double(code) }
        symbolCodes[string] = symbols.count
        symbols.append(string)
        return Double(symbols.count - 1)
    }

    // MARK: Values

    mutating func define(_ name: String, _ value: Value, _ place: String) throws(LoweringFailure) {
        if name.isEmpty { return }
        guard values.updateValue(value, forKey: name) == nil else {
            throw .invalid(.invalidModel(reason: "'\(name)' is defined twice", place: place))
        }
    }

    /// The value of a node's input; nodes stand behind those that they use, so that there are no cycles.
    func value(_ node: Node, _ index: Int) throws(LoweringFailure) -> Value {
        guard index < node.proto.input.count, let value = values[node.proto.input[index]] else {
            let name = index < node.proto.input.count ? node.proto.input[index] : "input \(index)"
            throw node.invalid("'\(name)' is used, but not defined before")
        }
        return value
    }

    func columns(_ node: Node, _ index: Int = 0) throws(LoweringFailure) -> Columns {
        guard case .columns(let columns) = try value(node, index) else { throw node.needsRuntime(.constantInput) }
        guard !columns.rowsAreLast || ["Cast", "Reshape"].contains(node.operation) else {
            throw node.needsRuntime(.mixedRows)
        }
        return columns
    }

    func constant(_ node: Node, _ index: Int) throws(LoweringFailure) -> Tensor {
        guard case .constant(let tensor) = try value(node, index) else { throw node.needsRuntime(.computedInput(index)) }
        return tensor
    }

    mutating func set(_ node: Node, _ columns: Columns, output index: Int = 0) throws(LoweringFailure) {
        workDone += columns.operands.count
        guard columns.operands.count <= Self.maxColumns, workDone <= 4_000_000, builder.instructionCount <= 4_000_000 else {
            throw node.needsRuntime(.manyColumns)
        }
        guard index < node.proto.output.count else { return }
        try define(node.proto.output[index], .columns(columns), node.place)
    }

    /// An operand as a number of its type: float32 inputs are rounded, labels are looked up.
    mutating func number(_ columns: Columns, _ index: Int) -> Formula.Operand {
        let operand = columns.operands[index]
        if let labels = columns.labels {
            let values = labels.map { Double($0) ?? .nan }
            return builder.look(up: operand, in: .codes(first: 0, values: values, other: .nan, missing: .nan))
        }
        return unrounded.contains(operand) ? builder.apply(.float32, operand) : operand
    }

    /// Columns as numbers; strings are refused.
    mutating func numbers(_ node: Node, _ index: Int = 0) throws(LoweringFailure) -> [Formula.Operand] {
        let columns = try columns(node, index)
        guard columns.type != .string else { throw node.invalid("strings where numbers are needed") }
        return columns.operands.indices.map { number(columns, $0) }
    }

    /// The same rounded to float32, as operators of ai.onnx.ml see other types.
    mutating func floats(_ node: Node, _ index: Int = 0) throws(LoweringFailure) -> [Formula.Operand] {
        let type = try columns(node, index).type
        let numbers = try numbers(node, index)
        return type == .float || type == .bool ? numbers : numbers.map { builder.apply(.float32, $0) }
    }

    /// An operation of float32: computed in double, whose result rounds to the one that float32 arithmetic has.
    mutating func float(_ operation: Formula.Operation, _ a: Formula.Operand, _ b: Formula.Operand? = nil) -> Formula.Operand {
        builder.apply(.float32, builder.apply(operation, a, b))
    }

    // MARK: Outputs

    private consuming func finish(_ model: ProtoModelProto) throws(LoweringFailure) -> TabularModel {
        var results: [Columns] = []
        var sources: [OutputLayout.Source] = []
        let search = OriginSearch(model.graph)
        for info in model.graph.output {
            guard let value = values[info.name] else {
                throw .invalid(.invalidModel(reason: "the output '\(info.name)' is not defined", place: "graph.output"))
            }
            var classes: [String]?
            switch value {
            case .constant, .shape: throw .needsRuntime(.constantOutput(info.name))
            case .columns(let columns): results.append(columns)
            case .probabilities(let columns, let names):
                results.append(columns)
                classes = names
            }
            let columns = results[results.count - 1]
            if columns.type == .string, columns.labels == nil { throw .needsRuntime(.textOutput(info.name)) }
            let origin = try LoweringFailure.wrapping { () throws(ScoringError) in try search.origin(of: info.name) }
            sources.append(
                OutputLayout.Source(
                    name: info.name, kind: columns.type.isInteger ? .integer : columns.type == .bool ? .boolean : .real,
                    count: columns.operands.count, labels: columns.type == .float ? nil : columns.labels, classes: classes,
                    origin: origin))
        }
        let head = OutputLayout(sources).head
        guard !head.columns.isEmpty else {
            throw .invalid(.invalidModel(reason: "there are no outputs", place: "graph.output"))
        }
        var operands: [Formula.Operand] = []
        for (column, element) in zip(head.columns, head.sources) {
            let columns = results[element.source]
            if case .category = column.kind {
                operands.append(columns.operands[element.index])
            } else {
                operands.append(number(columns, element.index))
            }
        }

        if let symbolTable {
            builder[table: symbolTable] = .codes(
                first: 0, values: symbols.indices.map(Double.init), other: -1,
                missing: symbolCodes[""].map(Double.init) ?? -1)
        }
        let levels = Field.Kind.category(CategoryLevels(symbols))
        let signature = head.signature(
            inputs: fields.map { field in
                switch field.type {
                case .float, .double, .uint8: Field(field.name)
                case .int32: Field(field.name, .integer, isRequired: true)
                case .int64: Field(field.name, .integer, integers: .exactDoubles, isRequired: true)
                case .bool: Field(field.name, .boolean, isRequired: true)
                case .string: Field(field.name, levels, unknownLevel: .passed)
                }
            })
        let program = builder.finish(outputs: operands)
        let description = description(model)
        return try LoweringFailure.wrapping { () throws(ScoringError) in
            try TabularModel(program: program, signature: signature, description: description)
        }
    }

    private func description(_ model: ProtoModelProto) -> ModelDescription {
        var description = ModelDescription(format: "ONNX, IR version \(model.irVersion)")
        description.trees = treeCount > 0 ? treeCount : nil
        description.depth = treeCount > 0 ? deepestTree : nil
        description.notes =
            ["Evaluated by the native engine: every operator of the graph is one that it computes as ONNX Runtime does."]
            + GraphFacts.notes(model)
        return description
    }
}
