package import Scoring

/// An input or output as a library knows it before a run.
package struct TensorPort: Sendable {
    package var name: String
    package var element: TensorElement
    /// -1 for dimensions that differ from run to run.
    package var dims: [Int]

    package init(name: String, element: TensorElement, dims: [Int]) {
        (self.name, self.element, self.dims) = (name, element, dims)
    }
}

/// What a run takes from a row, as one tensor.
package struct TensorInput: Sendable, Equatable {
    package var name: String
    package var element: TensorElement
    /// Its first column of a row, and how many it has.
    package var first: Int
    package var width: Int
    /// Behind the rows.
    package var dims: [Int]

    /// Most features of all inputs together, and values a row of an output.
    package static let maxColumns = 100_000

    package init(name: String, element: TensorElement, first: Int, width: Int, dims: [Int]) {
        (self.name, self.element, self.first, self.width, self.dims) = (name, element, first, width, dims)
    }

    package var columns: Range<Int> { first..<first + width }
    package var rowBytes: Int { width * element.size }

    /// Reads what a library takes. `isFixed` is whether that is one row at a time. Throws `.unsupportedModel` for inputs that are not rows
    /// of features.
    package static func inputs(
        _ ports: [TensorPort], _ options: LoadOptions
    ) throws(ScoringError) -> (inputs: [TensorInput], isFixed: Bool) {
        var inputs: [TensorInput] = []
        var (first, isFixed) = (0, false)
        for port in ports {
            let place = "input '\(port.name)'"
            guard let rows = port.dims.first else { throw .unsupportedModel("\(place) has no dimension for rows") }
            guard rows == 1 || rows < 0 else {
                throw .unsupportedModel("\(place) takes \(rows) rows at a time; rows are scored one by one")
            }
            isFixed = isFixed || rows == 1
            inputs.append(
                TensorInput(name: port.name, element: port.element, first: 0, width: 1, dims: Array(port.dims.dropFirst())))
        }
        try settleUnknown(&inputs, options)
        for index in inputs.indices {
            for dim in inputs[index].dims {
                let (width, overflow) = inputs[index].width.multipliedReportingOverflow(by: dim)
                guard !overflow, (1...maxColumns).contains(width) else {
                    throw .unsupportedModel("input '\(inputs[index].name)' does not have 1 to \(maxColumns) features")
                }
                inputs[index].width = width
            }
            inputs[index].first = first
            first += inputs[index].width
        }
        guard first > 0, first <= maxColumns else {
            throw .unsupportedModel("the model has \(first) inputs; 1 to \(maxColumns) are supported")
        }
        return (inputs, isFixed)
    }

    /// Where the file leaves one dimension open, the names of model.yaml say how many features there are.
    private static func settleUnknown(_ inputs: inout [TensorInput], _ options: LoadOptions) throws(ScoringError) {
        let open = inputs.indices.filter { inputs[$0].dims.contains { $0 < 0 } }
        guard let index = open.first else { return }
        let known = inputs.indices.filter { $0 != index }.reduce(0) { sum, other in
            sum + inputs[other].dims.reduce(1) { $0 * min(max($1, 0), maxColumns) % (1 << 40) }
        }
        let own = inputs[index].dims.filter { $0 >= 0 }.reduce(1) { $0 * min($1, maxColumns) % (1 << 40) }
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
