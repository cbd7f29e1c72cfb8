internal import Scoring
internal import Tabular

/// Comparing rows with points, as cluster and nearest neighbour models do (PMML 4.4, Cluster Models: Comparison
/// Measures and Clustering Field Attributes).
struct ComparisonLowering: PartLowering {
    let context: LoweringContext

    /// Where the results of a search are.
    struct SearchResult {
        /// Positions of points, nearest first; missing where there is none.
        var positions: [Formula.Operand]
        /// The distances or similarities of these.
        var values: [Formula.Operand]
        /// Those of all points, if asked for.
        var all: [Formula.Operand]
    }

    /// The points that a search looks through: a text for each field.
    struct Points {
        var texts: [[String]]
        var places: [Place]
    }

    /// Whether rows are compared by numbers that are 0 or 1, or by distances.
    func search(
        _ points: Points, by measure: ComparisonMeasure, _ fields: [ComparisonField], shares: [Double]?, places: Int,
        givesAll: Bool, in scope: Scope
    ) throws(ScoringError) -> SearchResult {
        guard !fields.isEmpty else { throw invalid("there are no fields to compare", measure.place) }
        guard points.texts.count <= SupportVectorMachineLowering.maxVectorNumbers / fields.count else {
            throw unsupported("comparing with more than \(SupportVectorMachineLowering.maxVectorNumbers) numbers", measure.place)
        }
        var (features, coordinates, tables): ([Formula.Operand], [PointSearch.Coordinate], [PointSearch.Table]) = ([], [], [])
        var numbers = [Double](repeating: .nan, count: points.texts.count * fields.count)
        for (index, field) in fields.enumerated() {
            let value = try value(of: field.field, in: scope, field.place)
            let function = measure.measure.isOfBinaries ? .equal : field.compareFunction ?? measure.compareFunction
            var (operand, keys) = (value.operand, [Double]())
            if function == .table {
                (operand, keys) = try tablePositions(of: value, field)
                tables.append(try table(of: field, size: keys.count))
            } else if value.type == .string, function == .absDiff || function == .gaussSim || measure.measure.isOfBinaries {
                throw invalid("the field '\(field.field)' is no number", field.place)
            }
            for (point, texts) in points.texts.enumerated() {
                let number = try literal(texts[index], comparedWith: value, points.places[point])
                guard !number.isNaN else {
                    throw invalid("'\(texts[index].prefix(40))' is no value to compare with", points.places[point])
                }
                numbers[point * fields.count + index] = number
                if function == .table {
                    guard let position = keys.firstIndex(of: number) else {
                        throw invalid(
                            "'\(texts[index].prefix(40))' is not listed by the field '\(field.field)'", points.places[point])
                    }
                    numbers[point * fields.count + index] = Double(position)
                } else if measure.measure.isOfBinaries, number != 0, number != 1 {
                    throw invalid("'\(texts[index].prefix(40))' is neither 0 nor 1", points.places[point])
                }
                LoadThrottle.step()
            }
            features.append(operand)
            coordinates.append(
                PointSearch.Coordinate(
                    try difference(function, field, tables.count - 1), weight: field.fieldWeight, share: shares?[index] ?? 1))
        }
        var search = PointSearch(
            measure: self.measure(measure.measure), prefersGreatest: measure.measure.isOfBinaries || measure.kind == .similarity,
            coordinates: coordinates, points: numbers, places: places, givesAll: givesAll)
        search.tables = tables
        let slots = features.map { builder.slot(of: $0) }
        let into = builder.addSlots(search.resultCount)
        builder.add(.search(search, features: slots, into: into))
        return SearchResult(
            positions: (0..<places).map { .slot(into + $0) }, values: (0..<places).map { .slot(into + places + $0) },
            all: givesAll ? points.texts.indices.map { .slot(into + 2 * places + $0) } : [])
    }

    private func difference(
        _ function: ComparisonMeasure.CompareFunction, _ field: ComparisonField, _ table: Int
    ) throws(ScoringError) -> PointSearch.Difference {
        switch function {
        case .absDiff: return .absolute
        case .delta: return .unequal
        case .equal: return .equal
        case .table: return .table(table)
        case .gaussSim:
            guard let scale = field.similarityScale, scale != 0 else {
                throw invalid("the field '\(field.field)' has no similarityScale, which gaussSim needs", field.place)
            }
            return .gaussian(scale: scale)
        }
    }

    private func measure(_ measure: ComparisonMeasure.Measure) -> PointSearch.Measure {
        switch measure {
        case .euclidean: .powers(power: 2, root: 2)
        case .squaredEuclidean: .powers(power: 2, root: 1)
        case .cityBlock: .powers(power: 1, root: 1)
        case .minkowski(let power): .powers(power: power, root: power)
        case .chebychev: .greatest
        case .simpleMatching:
            .counts(
                dividend: .init(both: 1, onlyRow: 0, onlyPoint: 0, neither: 1),
                divisor: .init(both: 1, onlyRow: 1, onlyPoint: 1, neither: 1))
        case .jaccard:
            .counts(
                dividend: .init(both: 1, onlyRow: 0, onlyPoint: 0, neither: 0),
                divisor: .init(both: 1, onlyRow: 1, onlyPoint: 1, neither: 0))
        case .tanimoto:
            .counts(
                dividend: .init(both: 1, onlyRow: 0, onlyPoint: 0, neither: 1),
                divisor: .init(both: 1, onlyRow: 2, onlyPoint: 2, neither: 1))
        case .binarySimilarity(let p):
            .counts(
                dividend: .init(both: p.c11, onlyRow: p.c10, onlyPoint: p.c01, neither: p.c00),
                divisor: .init(both: p.d11, onlyRow: p.d10, onlyPoint: p.d01, neither: p.d00))
        }
    }

    // MARK: Tables of differences

    /// The position of a value among those that its field lists, and these.
    private func tablePositions(of value: Value, _ field: ComparisonField) throws(ScoringError) -> (Formula.Operand, [Double]) {
        guard let listed = value.domain, !listed.isEmpty else {
            throw unsupported("compareFunction=\"table\" for the field '\(field.field)', which lists no values", field.place)
        }
        let entries = listed.enumerated().map { ($0.element, Double($0.offset)) }
        return (builder.look(up: value.operand, in: table(entries, other: .nan, missing: .nan)), listed)
    }

    private func table(of field: ComparisonField, size: Int) throws(ScoringError) -> PointSearch.Table {
        guard let matrix = field.comparisons else {
            throw invalid("the field '\(field.field)' has no Comparisons, which compareFunction=\"table\" needs", field.place)
        }
        guard matrix.rows == size, matrix.columns == size else {
            throw invalid("the matrix has \(matrix.rows) rows and \(matrix.columns) columns for \(size) values", matrix.place)
        }
        return PointSearch.Table(size: size, values: matrix.values)
    }
}
