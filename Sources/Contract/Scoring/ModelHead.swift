/// Builds the outputs of a model: the names of its columns, and which of them are the score, the label, the probabilities, the margins and
/// the reasons. Every format describes its outputs through one, so that all have the same names; the columns stand in the order of the calls.
///
/// A `Source` is what a format knows a column's values by: a slot, an operand, an element of a tensor. A name that is taken gets a number
/// (`label#2`).
package struct ModelHead<Source: Equatable> {
    package private(set) var columns: [OutputColumn] = []
    /// One a column.
    package private(set) var sources: [Source] = []
    package private(set) var roles = Roles(score: 0..<0)
    private var names = TextSet()

    package init() {}

    // MARK: Columns

    /// Adds a column and returns its position.
    @discardableResult
    package mutating func add(_ name: String, _ kind: OutputColumn.Kind, _ source: Source) -> Int {
        var unique = name
        var count = 2
        while !names.insert(unique) {
            unique = "\(name)#\(count)"
            count += 1
        }
        columns.append(OutputColumn(unique, kind))
        sources.append(source)
        return columns.count - 1
    }

    package func has(_ name: String) -> Bool { names.contains(name) }

    /// The column of a source, among those of categories or among all others.
    package func column(of source: Source, isCategory: Bool) -> Int? {
        columns.indices.first { index in
            guard sources[index] == source else { return false }
            if case .category = columns[index].kind { return isCategory }
            return !isCategory
        }
    }

    /// The columns of these sources, which are added where they are not all there side by side.
    private mutating func place(
        _ sources: [Source], isCategory: Bool, _ added: (Int) -> (name: String, kind: OutputColumn.Kind)
    ) -> Range<Int> {
        if let first = column(of: sources[0], isCategory: isCategory), first + sources.count <= columns.count,
            Array(self.sources[first..<first + sources.count]) == sources
        {
            return first..<first + sources.count
        }
        let start = columns.count
        for (index, source) in sources.enumerated() {
            let (name, kind) = added(index)
            add(name, kind, source)
        }
        return start..<columns.count
    }

    // MARK: Meanings

    /// Makes the columns from `start` on, up to the last, those that the model itself names.
    package mutating func nameAll(from start: Int = 0) { roles.named = start..<columns.count }

    /// Values as the score: `prediction`, or `prediction(0)`, `prediction(1)`, ... Columns that hold them already are used.
    ///
    /// - Parameter targets: What the values are called in place of the numbers.
    package mutating func addScore(_ values: [Source], kinds: [OutputColumn.Kind], targets: [String]? = nil) {
        guard !values.isEmpty else { return }
        roles.score = place(values, isCategory: false) { index in
            let name = values.count == 1 ? "prediction" : "prediction(\(targets?[index] ?? String(index)))"
            return (name, kinds[index])
        }
    }

    /// A column that is there as the score.
    package mutating func setScore(_ column: Int) { roles.score = column..<column + 1 }

    /// `probability(<class>)` for each class, which are the score; of two classes the second's is, and stands before them as `prediction`.
    package mutating func addProbabilities(_ probabilities: [Source], classes: [String]) {
        if classes.count == 2 { roles.score = position(add("prediction", .number, probabilities[1])) }
        let start = columns.count
        for (source, name) in zip(probabilities, classes) { add("probability(\(name))", .number, source) }
        roles.probabilities = start..<columns.count
        if classes.count != 2 { roles.score = roles.probabilities }
        roles.classes = classes
    }

    /// The same without `prediction`, where columns that hold the probabilities already are used.
    package mutating func useProbabilities(_ probabilities: [Source], classes: [String]) {
        guard !probabilities.isEmpty else { return }
        roles.probabilities = place(probabilities, isCategory: false) { ("probability(\(classes[$0]))", .number) }
        roles.score = roles.probabilities
        if probabilities.count == 2, let positive = column(of: probabilities[1], isCategory: false) { setScore(positive) }
    }

    /// `label`, a position among the classes. A column that holds it already is used. Returns which it is.
    @discardableResult
    package mutating func addLabel(_ label: Source, classes: [String]) -> Int {
        let column = place([label], isCategory: true) { _ in ("label", .category(SymbolTable(classes))) }.lowerBound
        roles.label = column
        if roles.classes.isEmpty { roles.classes = classes }
        return column
    }

    /// Margins before the link function: `raw`, or `raw(<class>)`, `raw(0)`, ...
    package mutating func addMargins(_ margins: [Source], classes: [String]) {
        let start = columns.count
        for (index, margin) in margins.enumerated() {
            add(margins.count == 1 ? "raw" : "raw(\(index < classes.count ? classes[index] : String(index)))", .number, margin)
        }
        roles.raw = start..<columns.count
    }

    /// A classifier that gives margins and no probabilities: they are the score, `prediction` where there is but one.
    ///
    /// - Parameter names: Of the margins, where each is a class's.
    package mutating func addMarginsAsScore(_ margins: [Source], names: [String], classes: [String]) {
        roles.classes = classes
        if margins.count == 1 { roles.score = position(add("prediction", .number, margins[0])) }
        addMargins(margins, classes: names)
        if margins.count > 1 { roles.score = roles.raw }
    }

    /// `reasonCode(1)`, `reasonCode(2)`, ..., most important first. Columns that hold them already are used.
    package mutating func addReasons(_ reasons: [Source], codes: [String]) {
        guard !reasons.isEmpty else { return }
        let kind = OutputColumn.Kind.category(SymbolTable(codes))
        roles.reasons = place(reasons, isCategory: true) { ("reasonCode(\($0 + 1))", kind) }
    }

    /// Gives a column of wide integers another one for what the nearest doubles leave of them. After all other columns.
    package mutating func addRemainder(of column: Int, _ integers: Field.Integers) {
        let name = columns[column].name
        columns[column] = OutputColumn(name, .integer, integers: integers, remainder: columns.count)
        columns.append(OutputColumn(name, .integer, isRemainder: true))
        sources.append(sources[column])
    }

    package func signature(inputs: [Field]) -> Signature { Signature(inputs: inputs, outputs: columns, roles: roles) }

    private func position(_ column: Int) -> Range<Int> { column..<column + 1 }
}
