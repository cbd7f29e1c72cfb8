internal import Scoring

/// How rows are compared with clusters and with training instances (`ComparisonMeasure`).
package struct ComparisonMeasure {
    package enum Kind: String { case distance, similarity }
    package enum CompareFunction: String { case absDiff, gaussSim, delta, equal, table }

    /// The parameters of `binarySimilarity`: c and d with the values in the row and in the reference.
    package struct BinaryParameters {
        package var c00, c01, c10, c11, d00, d01, d10, d11: Double
    }

    package enum Measure {
        case euclidean, squaredEuclidean, chebychev, cityBlock
        case minkowski(Double)
        case simpleMatching, jaccard, tanimoto
        case binarySimilarity(BinaryParameters)

        package var isOfBinaries: Bool {
            switch self {
            case .euclidean, .squaredEuclidean, .chebychev, .cityBlock, .minkowski: false
            case .simpleMatching, .jaccard, .tanimoto, .binarySimilarity: true
            }
        }
    }

    package var kind: Kind
    package var compareFunction: CompareFunction
    package var measure: Measure
    package var place: Place
}

/// A field that takes part in comparisons (`ClusteringField`, `KNNInput`).
package struct ComparisonField {
    package var field: String
    package var fieldWeight: Double
    /// nil for the measure's.
    package var compareFunction: ComparisonMeasure.CompareFunction?
    package var similarityScale: Double?
    package var isCenterField: Bool
    package var comparisons: Matrix?
    package var place: Place
}

extension ElementReader {
    mutating func comparisonMeasure() throws(ScoringError) -> ComparisonMeasure {
        let (place, kind): (Place, ComparisonMeasure.Kind) = (place, try choice("kind", or: .distance))
        let function: ComparisonMeasure.CompareFunction = try choice("compareFunction", or: .absDiff)
        var measure: ComparisonMeasure.Measure?
        try children { (reader, tag) throws(ScoringError) in
            measure = try reader.measure(tag)
        }
        guard let measure else {
            throw .invalidModel(reason: "<ComparisonMeasure>: the measure is missing", place: xml.place(of: Int(place)))
        }
        return ComparisonMeasure(kind: kind, compareFunction: function, measure: measure, place: place)
    }

    private func measure(_ tag: Tag) throws(ScoringError) -> ComparisonMeasure.Measure {
        switch tag {
        case .euclidean: return .euclidean
        case .squaredEuclidean: return .squaredEuclidean
        case .chebychev: return .chebychev
        case .cityBlock: return .cityBlock
        case .minkowski:
            let power = try requiredDouble("p-parameter")
            guard power > 0 else { throw invalid("the attribute 'p-parameter' is not positive") }
            return .minkowski(power)
        case .simpleMatching: return .simpleMatching
        case .jaccard: return .jaccard
        case .tanimoto: return .tanimoto
        case .binarySimilarity:
            return .binarySimilarity(
                .init(
                    c00: try requiredDouble("c00-parameter"), c01: try requiredDouble("c01-parameter"),
                    c10: try requiredDouble("c10-parameter"), c11: try requiredDouble("c11-parameter"),
                    d00: try requiredDouble("d00-parameter"), d01: try requiredDouble("d01-parameter"),
                    d10: try requiredDouble("d10-parameter"), d11: try requiredDouble("d11-parameter")))
        default: throw unsupported()
        }
    }

    mutating func comparisonField() throws(ScoringError) -> ComparisonField {
        var field = ComparisonField(
            field: try required("field"), fieldWeight: try double("fieldWeight", or: 1),
            compareFunction: try choice("compareFunction"), similarityScale: try double("similarityScale"),
            isCenterField: try boolean("isCenterField", or: true), place: place)
        try children { (reader, tag) throws(ScoringError) in
            guard tag == .Comparisons else { throw reader.unsupported() }
            try reader.children { (reader, tag) throws(ScoringError) in
                guard tag == .Matrix else { throw reader.unsupported() }
                field.comparisons = try reader.matrix()
            }
        }
        return field
    }
}
