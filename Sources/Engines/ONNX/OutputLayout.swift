internal import Scoring

/// Makes columns of what a graph gives, and finds out which of them are the score, the label and the probabilities: in the
/// same way whatever evaluates the graph. Score first, then probabilities and label, then all else under its own name.
struct OutputLayout {
    /// One output of the graph.
    struct Source {
        enum Kind { case real, integer, boolean, text }

        var name: String
        var kind: Kind
        /// Which whole numbers its integers are.
        var integers = Field.Integers.doubles
        /// Elements a row.
        var count: Int
        /// What its integers or strings stand for as positions; nil where they stand for themselves.
        var labels: [String]?
        /// The classes of a map of probabilities (ZipMap).
        var classes: [String]?
        /// What in the graph computes it.
        var origin: ScoreOrigin?
        /// Whether it is the output of one of several classifiers, none of which is the model's own; its classes name elements.
        var isHead = false
    }

    /// Where a column's values come from.
    struct Element: Equatable {
        var source: Int
        var index: Int
    }

    private(set) var columns: [OutputColumn] = []
    private(set) var elements: [Element] = []
    private(set) var roles = Roles(score: 0..<0)
    private var names = TextSet()

    init(_ sources: [Source]) {
        var (label, scores): (Int?, Int?)
        var others: [Int] = []
        for (index, source) in sources.enumerated() {
            if source.isHead {
                others.append(index)
            } else if source.classes != nil, scores == nil {
                scores = index
            } else if source.labels != nil, source.classes == nil, label == nil, source.count == 1 {
                label = index
            } else {
                others.append(index)
            }
        }
        let hasHeads = sources.contains(where: \.isHead)
        var classes = scores.flatMap { sources[$0].classes }
        var group: [Int] = []
        if scores == nil, !hasHeads {
            if let columns = Self.columnsOfOneTensor(sources, others) {
                let labels = label.flatMap { sources[$0].labels }
                (group, scores, classes) = (columns, columns.first, sources[columns[0]].origin?.classes ?? labels)
                others.removeAll(where: group.contains)
            } else if let index = others.firstIndex(where: { sources[$0].kind == .real }) {
                scores = others.remove(at: index)
                classes = label.flatMap { sources[$0].labels }
            }
        }
        if scores == nil, label == nil, !hasHeads,
            let index = others.firstIndex(where: { sources[$0].labels == nil && sources[$0].kind != .text })
        {
            scores = others.remove(at: index)
        }
        if let scores {
            let source = sources[scores]
            let elements =
                group.isEmpty
                ? (0..<source.count).map { Element(source: scores, index: $0) } : group.map { Element(source: $0, index: 0) }
            if let origin = source.origin, origin.isMargin, let classes, !group.isEmpty || origin.isWhole {
                addMargins(elements, origin, classes)
            } else {
                add(elements, Self.kind(source), classes)
            }
        }
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
        addRemainders(sources)
    }

    /// Gives each column of wide integers another one for what the nearest doubles leave of them.
    private mutating func addRemainders(_ sources: [Source]) {
        for column in columns.indices {
            let integers = sources[elements[column].source].integers
            guard columns[column].kind == .integer, integers.areWide else { continue }
            let name = columns[column].name
            columns[column] = OutputColumn(name, .integer, integers: integers, remainder: columns.count)
            columns.append(OutputColumn(name, .integer, isRemainder: true))
            elements.append(elements[column])
        }
    }

    /// The outputs that are a column each of one tensor, as of a classifier's probabilities (`zipmap='columns'` of skl2onnx), in the order of
    /// the columns: all of a classifier's classes, or all from the first one on.
    private static func columnsOfOneTensor(_ sources: [Source], _ others: [Int]) -> [Int]? {
        guard let first = others.first(where: { sources[$0].kind == .real }), let origin = sources[first].origin, origin.isByClass
        else { return nil }
        var columns: [Int] = []
        while let index = others.first(where: {
            sources[$0].kind == .real && sources[$0].count == 1 && sources[$0].origin?.tensor == origin.tensor
                && sources[$0].origin?.elements == [columns.count]
        }) {
            columns.append(index)
        }
        return columns.count >= 2 && columns.count == origin.classes?.count ?? columns.count ? columns : nil
    }

    private mutating func add(_ elements: [Element], _ kind: OutputColumn.Kind, _ classes: [String]?) {
        guard let classes, classes.count == elements.count else {
            for (index, element) in elements.enumerated() {
                add(elements.count == 1 ? "prediction" : "prediction(\(index))", kind, element)
            }
            roles.score = 0..<columns.count
            return
        }
        if classes.count == 2 { add("prediction", .number, elements[1]) }
        let first = columns.count
        for (element, name) in zip(elements, classes) { add("probability(\(name))", .number, element) }
        roles.probabilities = first..<columns.count
        roles.score = classes.count == 2 ? 0..<1 : roles.probabilities
        roles.classes = classes
    }

    /// Decision values of a classifier without probabilities: one for two classes, positive for the second.
    private mutating func addMargins(_ elements: [Element], _ origin: ScoreOrigin, _ classes: [String]) {
        roles.classes = classes
        if elements.count == 1 || elements.count == 2 && classes.count == 2 {
            let element = elements[elements.count == 1 ? 0 : origin.decision]
            add("prediction", .number, element)
            add("raw", .number, element)
            (roles.score, roles.raw) = (0..<1, 1..<2)
            return
        }
        let isByClass = origin.isByClass && classes.count == elements.count
        for (index, element) in elements.enumerated() {
            add("raw(\(isByClass ? classes[index] : String(index)))", .number, element)
        }
        (roles.score, roles.raw) = (0..<columns.count, 0..<columns.count)
    }

    private mutating func add(_ name: String, _ kind: OutputColumn.Kind, _ element: Element) {
        var unique = name
        var count = 2
        while !names.insert(unique) {
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
