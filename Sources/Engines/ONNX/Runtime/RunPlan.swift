internal import Scoring

/// What a run takes from a row and what it gives, as tensors.
struct RunPlan {
    struct Input {
        var name: String
        var element: RuntimeElement
        /// Its first column of a row, and how many it has.
        var first: Int
        var width: Int
        /// Behind the rows.
        var dims: [Int]
    }

    struct Output: Equatable {
        enum Form: Equatable {
            case tensor
            /// A map for each row, with these keys.
            case maps(keys: [String])
            /// So many tensors, each with all rows.
            case tensors(Int)
        }

        var name: String
        var form: Form
        var element: RuntimeElement
        /// Elements a row, of each tensor.
        var width: Int
        /// All dimensions of a tensor, -1 for the rows; nil where they are seen only after a run.
        var dims: [Int]?

        /// Whether it can be computed into memory that is there before the run.
        var isPlaced: Bool { dims != nil && element != .string && form == .tensor }
    }

    var inputs: [Input]
    var outputs: [Output]
    /// Whether the graph takes one row at a time.
    var isFixed: Bool

    /// Most features of all inputs together, and values a row of an output.
    static let mostColumns = 100_000

    /// Reads what a session takes. Throws `.unsupportedModel` for inputs that are not rows of features.
    static func inputs(
        _ ports: [RuntimeSession.Port], _ options: LoadOptions
    ) throws(ScoringError) -> (inputs: [Input], isFixed: Bool) {
        var inputs: [Input] = []
        var (first, isFixed) = (0, false)
        for port in ports {
            let place = "input '\(port.name)'"
            guard port.kind == .tensor else { throw .unsupportedModel("\(place) is no tensor") }
            guard let element = RuntimeElement(rawValue: port.element) else {
                throw .unsupportedModel(
                    "\(place) has elements of type \(RuntimeElement.name(port.element)), which are not supported")
            }
            guard let rows = port.dims.first else { throw .unsupportedModel("\(place) has no dimension for rows") }
            guard rows == 1 || rows < 0 else {
                throw .unsupportedModel("\(place) takes \(rows) rows at a time; rows are scored one by one")
            }
            isFixed = isFixed || rows == 1
            inputs.append(Input(name: port.name, element: element, first: 0, width: 1, dims: Array(port.dims.dropFirst())))
        }
        try settleUnknown(&inputs, options)
        for index in inputs.indices {
            for dim in inputs[index].dims {
                let (width, overflow) = inputs[index].width.multipliedReportingOverflow(by: dim)
                guard !overflow, (1...mostColumns).contains(width) else {
                    throw .unsupportedModel("input '\(inputs[index].name)' does not have 1 to \(mostColumns) features")
                }
                inputs[index].width = width
            }
            inputs[index].first = first
            first += inputs[index].width
        }
        guard first > 0, first <= mostColumns else {
            throw .unsupportedModel("the model has \(first) inputs; 1 to \(mostColumns) are supported")
        }
        return (inputs, isFixed)
    }

    /// Where the file leaves one dimension open, the names of model.yaml say how many features there are.
    private static func settleUnknown(_ inputs: inout [Input], _ options: LoadOptions) throws(ScoringError) {
        let open = inputs.indices.filter { inputs[$0].dims.contains { $0 < 0 } }
        guard let index = open.first else { return }
        let known = inputs.indices.filter { $0 != index }.reduce(0) { sum, other in
            sum + inputs[other].dims.reduce(1) { $0 * min(max($1, 0), mostColumns) % (1 << 40) }
        }
        let own = inputs[index].dims.filter { $0 >= 0 }.reduce(1) { $0 * min($1, mostColumns) % (1 << 40) }
        let count = options.inputs.count - known
        guard open.count == 1, inputs[index].dims.count(where: { $0 < 0 }) == 1, own > 0, count > 0, count % own == 0,
            let place = inputs[index].dims.firstIndex(where: { $0 < 0 })
        else {
            throw .unsupportedModel(
                "input '\(inputs[index].name)' does not say how many features it has; 'inputs' in model.yaml can name them")
        }
        inputs[index].dims[place] = count / own
    }
}
