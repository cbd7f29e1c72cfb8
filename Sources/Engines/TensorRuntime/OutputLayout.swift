package import Scoring

/// Makes columns of what a graph gives, and finds out which of them are the score, the label and the probabilities: in the
/// same way whatever evaluates the graph. Score first, then probabilities and label, then all else under its own name.
package struct OutputLayout {
    /// One output of the graph.
    package struct Source: Sendable {
        package enum Kind: Sendable { case real, integer, boolean, text }

        package var name: String
        package var kind: Kind
        /// Which whole numbers its integers are.
        package var integers = Field.Integers.doubles
        /// Elements a row.
        package var count: Int
        /// What its integers or strings stand for as positions; nil where they stand for themselves.
        package var labels: [String]?
        /// The classes of a map of probabilities (ZipMap).
        package var classes: [String]?
        /// What in the graph computes it.
        package var origin: ScoreOrigin?
        /// Whether it is the output of one of several classifiers, none of which is the model's own; its classes name elements.
        package var isHead = false

        package init(
            name: String, kind: Kind, count: Int, labels: [String]? = nil, classes: [String]? = nil, origin: ScoreOrigin? = nil
        ) {
            (self.name, self.kind, self.count) = (name, kind, count)
            (self.labels, self.classes, self.origin) = (labels, classes, origin)
        }

        /// A tensor that a library gives.
        package init(_ tensor: TensorOutput) {
            switch tensor.element {
            case .float, .double, .half: kind = .real
            case .string: kind = .text
            case .bool: kind = .boolean
            case .int64: (kind, integers) = (.integer, .int64)
            case .uint64: (kind, integers) = (.integer, .uint64)
            case .int8, .uint8, .int16, .uint16, .int32, .uint32: kind = .integer
            }
            (name, count) = (tensor.name, tensor.width)
        }
    }

    /// Where a column's values come from.
    package struct Element: Sendable, Equatable {
        package var source: Int
        package var index: Int
    }

    package private(set) var head = ModelHead<Element>()

    package init(_ sources: [Source]) {
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
            let column = head.addLabel(Element(source: label, index: 0), classes: labels)
            if head.roles.score.isEmpty { head.setScore(column) }
        }
        let first = head.columns.count
        for index in others {
            let source = sources[index]
            for element in 0..<source.count {
                let name = source.count == 1 ? source.name : "\(source.name)(\(source.classes?[element] ?? String(element)))"
                head.add(name, Self.kind(source), Element(source: index, index: element))
            }
        }
        head.nameAll(from: first)
        addRemainders(sources)
    }

    /// Gives each column of wide integers another one for what the nearest doubles leave of them.
    private mutating func addRemainders(_ sources: [Source]) {
        for column in head.columns.indices {
            let integers = sources[head.sources[column].source].integers
            if head.columns[column].kind == .integer, integers.areWide { head.addRemainder(of: column, integers) }
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
        if let classes, classes.count == elements.count {
            head.addProbabilities(elements, classes: classes)
        } else {
            head.addScore(elements, kinds: elements.map { _ in kind })
        }
    }

    /// Decision values of a classifier without probabilities: one for two classes, positive for the second.
    private mutating func addMargins(_ elements: [Element], _ origin: ScoreOrigin, _ classes: [String]) {
        if elements.count == 1 || elements.count == 2 && classes.count == 2 {
            let element = elements[elements.count == 1 ? 0 : origin.decision]
            return head.addMarginsAsScore([element], names: [], classes: classes)
        }
        let isByClass = origin.isByClass && classes.count == elements.count
        head.addMarginsAsScore(elements, names: isByClass ? classes : [], classes: classes)
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
