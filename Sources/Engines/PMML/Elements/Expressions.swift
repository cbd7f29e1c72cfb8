internal import Scoring

/// A computation of one value from fields (`EXPRESSION`).
package indirect enum Expression {
    case constant(Constant)
    case field(FieldRef)
    case normContinuous(NormContinuous)
    case normDiscrete(NormDiscrete)
    case discretize(Discretize)
    case mapValues(MapValues)
    case textIndex(TextIndex)
    case apply(Apply)
}

package struct Constant {
    package var text: String
    package var type: DataType?
    package var isMissing: Bool
    package var place: Place
}

package struct FieldRef {
    package var field: String
    package var mapMissingTo: String?
    package var place: Place
}

/// Piecewise linear normalisation.
package struct NormContinuous {
    package var field: String
    package var mapMissingTo: Double?
    package var outliers: MiningField.Outliers
    /// In the order of the file.
    package var points: [(original: Double, normed: Double)] = []
    package var place: Place
}

/// 1 where the field has the value, else 0.
package struct NormDiscrete {
    package var field: String
    package var value: String
    package var mapMissingTo: Double?
    package var place: Place
}

package struct Discretize {
    package struct Bin {
        package var value: String
        package var interval: Interval
    }

    package var field: String
    package var mapMissingTo: String?
    package var defaultValue: String?
    package var type: DataType?
    package var bins: [Bin] = []
    package var place: Place
}

/// A look-up of a value by the values of one or more fields.
package struct MapValues {
    package var pairs: [(field: String, column: String)] = []
    package var mapMissingTo: String?
    package var defaultValue: String?
    package var outputColumn: String
    package var type: DataType?
    package var table = InlineTable()
    package var place: Place
}

package struct Apply {
    package var function: String
    package var arguments: [Expression] = []
    package var mapMissingTo: String?
    package var defaultValue: String?
    package var invalidTreatment: MiningField.InvalidTreatment
    package var place: Place
}

/// Counts of a term in a text.
package struct TextIndex {
    package enum Weight: String {
        case termFrequency, binary, logarithmic, augmentedNormalizedTermFrequency

        /// Whether weights are counts.
        package var isWhole: Bool { self == .termFrequency || self == .binary }
    }

    package enum CountHits: String { case allHits, bestHits }

    package var field: String
    package var term: Expression
    package var localTermWeights: Weight
    package var isCaseSensitive: Bool
    package var maxLevenshteinDistance: Int
    package var countHits: CountHits
    package var wordSeparator: String
    /// Vendor attribute of JPMML: what a word looks like, instead of what separates words.
    package var word: String?
    package var tokenize: Bool
    package var normalizations: [TextIndexNormalization] = []
    package var place: Place
}

package struct TextIndexNormalization {
    package var inField: String
    package var outField: String
    package var regexField: String
    package var isRecursive: Bool
    package var isCaseSensitive: Bool?
    package var maxLevenshteinDistance: Int?
    package var wordSeparator: String?
    package var tokenize: Bool?
    package var table = InlineTable()
}

/// Rows of named cells.
package struct InlineTable {
    /// The names of cells, with their prefix, in the order of their first appearance.
    package var columns: [String] = []
    /// The cells that each row has, the first of each column, ascending; `column` is an index into `columns`.
    package var rows: [[(column: Int, text: String)]] = []

    /// The text in a row's cell, or nil where it has none.
    package func text(row: Int, column: Int) -> String? {
        let cells = rows[row]
        // Most rows have all columns, in order.
        if column < cells.count, cells[column].column == column { return cells[column].text }
        var (low, high) = (0, cells.count)
        while low < high {
            let middle = (low + high) / 2
            if cells[middle].column < column { low = middle + 1 } else { high = middle }
        }
        return low < cells.count && cells[low].column == column ? cells[low].text : nil
    }

    /// The column of that name, with or without a namespace prefix.
    package func column(_ name: String) -> Int? {
        columns.firstIndex(ofExactly: name) ?? columns.firstIndex { Self.local($0).utf8.elementsEqual(Self.local(name).utf8) }
    }

    private static func local(_ name: String) -> Substring {
        name.lastIndex(of: ":").map { name[name.index(after: $0)...] } ?? name[...]
    }
}

/// A field computed by an expression.
package struct DerivedField {
    package var name: String
    package var displayName: String?
    package var type: DataType
    package var opType: OpType
    package var expression: Expression
    /// The order of an ordinal field's values.
    package var values: [ListedValue] = []
    package var place: Place
}

/// A function defined by the file.
package struct DefineFunction {
    package struct Parameter {
        package var name: String
        package var type: DataType?
    }

    package var name: String
    package var type: DataType?
    package var parameters: [Parameter] = []
    package var body: Expression
    package var place: Place

    /// The function with a reference to a parameter for every constant that is called like one.
    func takingConstantsForParameters() -> DefineFunction {
        let names = TextSet(parameters.map(\.name))
        func resolved(_ expression: Expression) -> Expression {
            switch expression {
            case .constant(let constant) where constant.type == nil && names.contains(NumberText.trimmed(constant.text)):
                return .field(FieldRef(field: NumberText.trimmed(constant.text), mapMissingTo: nil, place: constant.place))
            case .apply(var apply):
                apply.arguments = apply.arguments.map(resolved)
                return .apply(apply)
            default: return expression
            }
        }
        var function = self
        function.body = resolved(body)
        return function
    }
}
