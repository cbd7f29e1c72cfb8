package import Scoring

/// The names of a model's features: those of model.yaml, else of the graph's inputs, with the element's position where an
/// input has several.
package enum InputNames {
    package static func names(of inputs: [(name: String, count: Int)], _ options: LoadOptions) throws(ScoringError) -> [String] {
        let total = inputs.reduce(0) { $0 + $1.count }
        var names = options.inputs
        if names.isEmpty {
            for input in inputs where input.count == 1 || inputs.count > 1 {
                names += input.count == 1 ? [input.name] : (0..<input.count).map { "\(input.name)_\($0)" }
            }
            if let input = inputs.first, inputs.count == 1, input.count > 1 { names = (0..<input.count).map { "f\($0)" } }
        }
        guard names.count == total else {
            throw .refusedModel("'inputs' names \(names.count) features, but the model has \(total)")
        }
        var seen: TextSet = []
        for name in names where !seen.insert(name) {
            if !options.inputs.isEmpty { throw .refusedModel("'inputs' names a feature twice") }
            throw .invalidModel(reason: "two inputs are named '\(name)'", place: "graph.input")
        }
        return names
    }
}
