internal import Scoring

extension ElementReader {
    /// The expression that begins at the current element, or nil if it is no expression.
    mutating func expression(_ tag: Tag) throws(ScoringError) -> Expression? {
        switch tag {
        case .Constant: .constant(try constant())
        case .FieldRef: .field(FieldRef(field: try required("field"), mapMissingTo: try string("mapMissingTo"), place: place))
        case .NormContinuous: .normContinuous(try normContinuous())
        case .NormDiscrete:
            .normDiscrete(
                NormDiscrete(
                    field: try required("field"), value: try required("value"), mapMissingTo: try double("mapMissingTo"),
                    place: place))
        case .Discretize: .discretize(try discretize())
        case .MapValues: .mapValues(try mapValues())
        case .TextIndex: .textIndex(try textIndex())
        case .Apply: .apply(try apply())
        case .Aggregate, .Lag:
            throw unsupported("the PMML element <\(tag.rawValue)>, which needs several rows where one is scored,")
        default: nil
        }
    }

    mutating func derivedFields(_ collect: (DerivedField) -> Void) throws(ScoringError) {
        try children { (reader, tag) throws(ScoringError) in
            guard tag == .DerivedField else { throw reader.unsupported() }
            collect(try reader.derivedField())
        }
    }

    mutating func derivedField() throws(ScoringError) -> DerivedField {
        let place = place
        guard let type = try dataType("dataType") else { throw invalid("the attribute 'dataType' is missing") }
        // The only nameless derived fields are those of neural inputs and outputs.
        let name = try sharedString("name") ?? ""
        let displayName = try string("displayName")
        let opType: OpType = try choice("optype", or: type.isNumeric ? .continuous : .categorical)
        var (expression, values): (Expression?, [ListedValue]) = (nil, [])
        try children { (reader, tag) throws(ScoringError) in
            if tag == .Value {
                values.append(try reader.listedValue())
            } else if let found = try reader.expression(tag) {
                expression = found
            } else {
                throw reader.unsupported()
            }
        }
        guard let expression else {
            throw .invalidModel(reason: "<DerivedField>: the expression is missing", place: xml.place(of: Int(place)))
        }
        return DerivedField(
            name: name, displayName: displayName, type: type, opType: opType, expression: expression, values: values, place: place
        )
    }

    mutating func defineFunction() throws(ScoringError) -> DefineFunction {
        let place = place
        let (name, type) = (try required("name"), try dataType("dataType"))
        var (body, parameters): (Expression?, [DefineFunction.Parameter]) = (nil, [])
        try children { (reader, tag) throws(ScoringError) in
            if tag == .ParameterField {
                parameters.append(.init(name: try reader.required("name"), type: try reader.dataType("dataType")))
            } else if let found = try reader.expression(tag) {
                body = found
            } else {
                throw reader.unsupported()
            }
        }
        guard let body else {
            throw .invalidModel(reason: "<DefineFunction>: the expression is missing", place: xml.place(of: Int(place)))
        }
        let function = DefineFunction(name: name, type: type, parameters: parameters, body: body, place: place)
        // SAS Enterprise Miner writes <Constant>FMTWIDTH</Constant> where it means its parameter.
        return name.hasPrefix("SAS-") ? function.takingConstantsForParameters() : function
    }

    private mutating func constant() throws(ScoringError) -> Constant {
        let (place, type, isMissing) = (place, try dataType("dataType"), try boolean("missing", or: false))
        return Constant(text: try text(), type: type, isMissing: isMissing, place: place)
    }

    private mutating func normContinuous() throws(ScoringError) -> NormContinuous {
        var norm = NormContinuous(
            field: try required("field"), mapMissingTo: try double("mapMissingTo"), outliers: try choice("outliers", or: .asIs),
            place: place)
        try children { (reader, tag) throws(ScoringError) in
            guard tag == .LinearNorm else { throw reader.unsupported() }
            norm.points.append((try reader.requiredDouble("orig"), try reader.requiredDouble("norm")))
        }
        return norm
    }

    private mutating func discretize() throws(ScoringError) -> Discretize {
        var discretize = Discretize(
            field: try required("field"), mapMissingTo: try string("mapMissingTo"), defaultValue: try string("defaultValue"),
            type: try dataType("dataType"), place: place)
        try children { (reader, tag) throws(ScoringError) in
            guard tag == .DiscretizeBin else { throw reader.unsupported() }
            let value = try reader.required("binValue")
            try reader.children { (reader, tag) throws(ScoringError) in
                guard tag == .Interval else { throw reader.unsupported() }
                discretize.bins.append(Discretize.Bin(value: value, interval: try reader.interval()))
            }
        }
        return discretize
    }

    private mutating func mapValues() throws(ScoringError) -> MapValues {
        var map = MapValues(
            mapMissingTo: try string("mapMissingTo"), defaultValue: try string("defaultValue"),
            outputColumn: try required("outputColumn"), type: try dataType("dataType"), place: place)
        try children { (reader, tag) throws(ScoringError) in
            switch tag {
            case .FieldColumnPair: map.pairs.append((try reader.required("field"), try reader.required("column")))
            case .InlineTable: map.table = try reader.inlineTable()
            default: throw reader.unsupported()
            }
        }
        return map
    }

    private mutating func apply() throws(ScoringError) -> Apply {
        var apply = Apply(
            function: try required("function"), mapMissingTo: try string("mapMissingTo"),
            defaultValue: try string("defaultValue"),
            invalidTreatment: try choice("invalidValueTreatment", or: .returnInvalid), place: place)
        try children { (reader, tag) throws(ScoringError) in
            guard let argument = try reader.expression(tag) else { throw reader.unsupported() }
            apply.arguments.append(argument)
        }
        return apply
    }

    private mutating func textIndex() throws(ScoringError) -> TextIndex {
        let place = place
        var index = TextIndex(
            field: try required("textField"), term: .constant(Constant(text: "", type: .string, isMissing: true, place: place)),
            localTermWeights: try choice("localTermWeights", or: .termFrequency),
            isCaseSensitive: try boolean("isCaseSensitive", or: false),
            maxLevenshteinDistance: try integer("maxLevenshteinDistance") ?? 0, countHits: try choice("countHits", or: .allHits),
            wordSeparator: try string("wordSeparatorCharacterRE") ?? "\\s+", word: try string("x-wordRE"),
            tokenize: try boolean("tokenize", or: true), place: place)
        var hasTerm = false
        try children { (reader, tag) throws(ScoringError) in
            if tag == .TextIndexNormalization {
                index.normalizations.append(try reader.textIndexNormalization())
            } else if let term = try reader.expression(tag) {
                index.term = term
                hasTerm = true
            } else {
                throw reader.unsupported()
            }
        }
        guard hasTerm else { throw .invalidModel(reason: "<TextIndex>: the term is missing", place: xml.place(of: Int(place))) }
        return index
    }

    private mutating func textIndexNormalization() throws(ScoringError) -> TextIndexNormalization {
        var normalization = TextIndexNormalization(
            inField: try string("inField") ?? "string", outField: try string("outField") ?? "stem",
            regexField: try string("regexField") ?? "regex", isRecursive: try boolean("recursive", or: false),
            isCaseSensitive: try string("isCaseSensitive").map { $0 == "true" },
            maxLevenshteinDistance: try integer("maxLevenshteinDistance"), wordSeparator: try string("wordSeparatorCharacterRE"),
            tokenize: try string("tokenize").map { $0 == "true" })
        try children { (reader, tag) throws(ScoringError) in
            guard tag == .InlineTable else { throw reader.unsupported() }
            normalization.table = try reader.inlineTable()
        }
        return normalization
    }

    /// Rows of cells; a cell's name is its column, whatever its namespace.
    mutating func inlineTable() throws(ScoringError) -> InlineTable {
        var table = InlineTable()
        var columns: TextMap<Int> = [:]
        try children { (reader, tag) throws(ScoringError) in
            guard tag == .row else { throw reader.unsupported() }
            var row: [(column: Int, text: String)] = []
            let depth = reader.xml.depth
            loop: while true {
                switch try reader.nextEvent() {
                case .start:
                    guard reader.tag != .Extension else {
                        try reader.skip(to: depth)
                        continue
                    }
                    let name = reader.elementName
                    let column = columns[name] ?? table.columns.count
                    if column == table.columns.count {
                        guard column < 4_096 else { throw reader.invalid("a table has more than 4096 columns") }
                        columns[name] = column
                        table.columns.append(name)
                    }
                    row.append((column, try reader.text()))
                case .end, .finish: break loop
                case .text: continue
                }
            }
            if !zip(row, row.dropFirst()).allSatisfy({ $0.column < $1.column }) {
                var seen: Set<Int> = []
                row = row.filter { seen.insert($0.column).inserted }.sorted { $0.column < $1.column }
            }
            table.rows.append(row)
        }
        return table
    }
}
