internal import Scoring
internal import Tabular
internal import TextFormats

/// A format of a few lines of text, as docs/extending.md describes it:
///
///     toy 1
///     start 3
///     weight amount 0.25
///     weight age -0.5
struct ToyFormat: ModelFormat {
    let name = "Toy"
    let keys: Set<LoadOptions.Key> = []

    private static let firstLine = "toy 1"
    private static let maxFeatures = 10_000

    func recognises(_ artifact: ModelArtifact) -> Bool { artifact.head.starts(with: "\(Self.firstLine)\n".utf8) }

    func load(_ artifact: ModelArtifact, options: LoadOptions) throws(ScoringError) -> any ScoringModel {
        var names: [String] = []
        var weights: [Double] = []
        var start = 0.0
        for (index, line) in try artifact.bytes().split(separator: UInt8(ascii: "\n")).enumerated().dropFirst() {
            let place = "line \(index + 1)"
            guard let text = String(validating: line, as: UTF8.self) else {
                throw .invalidModel(reason: "the text is not UTF-8", place: place)
            }
            let words = text.split(separator: " ").map(String.init)
            guard let last = words.last, let value = DecimalParser.double(last), value.isFinite else {
                throw .invalidModel(reason: "a line ends with a finite number", place: place)
            }
            switch (words.first, words.count) {
            case ("start", 2): start = value
            case ("weight", 3):
                guard names.count < Self.maxFeatures else {
                    throw .unsupportedModel("more than \(Self.maxFeatures) features")
                }
                names.append(words[1])
                weights.append(value)
            default: throw .invalidModel(reason: "expected 'start NUMBER' or 'weight NAME NUMBER'", place: place)
            }
        }
        guard !names.isEmpty else { throw .invalidModel(reason: "there are no weights", place: "") }
        guard Set(names.map { Array($0.utf8) }).count == names.count else {
            throw .invalidModel(reason: "two features have one name", place: "")
        }

        var program = Program(inputCount: names.count)
        let score = program.addSlots()
        let function = LinearFunction(
            precision: .float64, featureCount: names.count, outputCount: 1, start: [start], weights: weights)
        program.steps = [.linear(function, features: Array(names.indices), into: score)]
        var head = ModelHead<Int>()
        head.addScore([score], kinds: [.number])
        program.outputs = head.sources
        return try TabularModel(
            program: program, signature: head.signature(inputs: names.map { Field($0) }),
            description: ModelDescription(format: "Toy 1", objective: "regression"))
    }
}
