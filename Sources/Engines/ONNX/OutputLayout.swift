internal import Scoring

/// Makes columns of what a graph gives, and finds out which of them are the score, the label and the probabilities: in the
/// same way whatever evaluates the graph. Score first, then probabilities and label, then all else under its own name.
struct OutputLayout {
    /// One output of the graph.
    struct Source {
        enum Kind { case real, integer, boolean, text }

        var name: String
        var kind: Kind
        /// Elements a row.
        var count: Int
        /// What its integers or strings stand for as positions; nil where they stand for themselves.
        var labels: [String]?
        /// The classes of a map of probabilities (ZipMap).
        var classes: [String]?
    }

    /// Where a column's values come from.
    struct Element: Equatable {
        var source: Int
        var index: Int
    }

    private(set) var columns: [OutputColumn] = []
    private(set) var elements: [Element] = []
    private(set) var roles = Roles(score: 0..<0)
    private var names: Set<String> = []

    init(_ sources: [Source]) {
        var (label, scores): (Int?, Int?)
        var others: [Int] = []
        for (index, source) in sources.enumerated() {
            if source.classes != nil, scores == nil {
                scores = index
            } else if source.labels != nil, source.classes == nil, label == nil, source.count == 1 {
                label = index
            } else {
                others.append(index)
            }
        }
        var classes = scores.flatMap { sources[$0].classes }
        if scores == nil, let index = others.firstIndex(where: { sources[$0].kind == .real }) {
            scores = others.remove(at: index)
            classes = label.flatMap { sources[$0].labels }
        }
        if scores == nil, label == nil,
            let index = others.firstIndex(where: { sources[$0].labels == nil && sources[$0].kind != .text })
        {
            scores = others.remove(at: index)
        }
        if let scores { add(scores, sources[scores], classes) }
        if let label, let labels = sources[label].labels {
            roles.label = columns.count
            roles.classes = roles.classes.isEmpty ? labels : roles.classes
            add("label", .category(SymbolTable(labels)), Element(source: label, index: 0))
            if roles.score.isEmpty { roles.score = columns.count - 1..<columns.count }
        }
        let first = columns.count
        for index in others {
            let source = sources[index]
            for element in 0..<source.count {
                let name = source.count == 1 ? source.name : "\(source.name)(\(source.classes?[element] ?? String(element)))"
                add(name, Self.kind(source), Element(source: index, index: element))
            }
        }
        roles.named = first..<columns.count
    }

    private mutating func add(_ index: Int, _ source: Source, _ classes: [String]?) {
        guard let classes, classes.count == source.count else {
            for element in 0..<source.count {
                let name = source.count == 1 ? "prediction" : "prediction(\(element))"
                add(name, Self.kind(source), Element(source: index, index: element))
            }
            roles.score = 0..<columns.count
            return
        }
        if classes.count == 2 { add("prediction", .number, Element(source: index, index: 1)) }
        let first = columns.count
        for (element, name) in classes.enumerated() {
            add("probability(\(name))", .number, Element(source: index, index: element))
        }
        roles.probabilities = first..<columns.count
        roles.score = classes.count == 2 ? 0..<1 : roles.probabilities
        roles.classes = classes
    }

    private mutating func add(_ name: String, _ kind: OutputColumn.Kind, _ element: Element) {
        var unique = name
        var count = 2
        while !names.insert(unique).inserted {
            unique = "\(name)#\(count)"
            count += 1
        }
        columns.append(OutputColumn(unique, kind))
        elements.append(element)
    }

    private static func kind(_ source: Source) -> OutputColumn.Kind {
        if let labels = source.labels { return .category(SymbolTable(labels)) }
        return switch source.kind {
        case .real: .number
        case .integer: .integer
        case .boolean: .boolean
        case .text: .text
        }
    }
}
