internal import Scoring

/// A computation of one value from fields (`EXPRESSION`).
indirect enum Expression {
    case constant(Constant)
    case field(FieldRef)
    case normContinuous(NormContinuous)
    case normDiscrete(NormDiscrete)
    case discretize(Discretize)
    case mapValues(MapValues)
    case textIndex(TextIndex)
    case apply(Apply)
}

struct Constant {
    var text: String
    var type: DataType?
    var isMissing: Bool
    var place: Place
}

struct FieldRef {
    var field: String
    var mapMissingTo: String?
    var place: Place
}

/// Piecewise linear normalisation.
struct NormContinuous {
    var field: String
    var mapMissingTo: Double?
    var outliers: MiningField.Outliers
    /// In the order of the file.
    var points: [(original: Double, normed: Double)] = []
    var place: Place
}

/// 1 where the field has the value, else 0.
struct NormDiscrete {
    var field: String
    var value: String
    var mapMissingTo: Double?
    var place: Place
}

struct Discretize {
    struct Bin {
        var value: String
        var interval: Interval
    }

    var field: String
    var mapMissingTo: String?
    var defaultValue: String?
    var type: DataType?
    var bins: [Bin] = []
    var place: Place
}

/// A look-up of a value by the values of one or more fields.
struct MapValues {
    var pairs: [(field: String, column: String)] = []
    var mapMissingTo: String?
    var defaultValue: String?
    var outputColumn: String
    var type: DataType?
    var table = InlineTable()
    var place: Place
}

struct Apply {
    var function: String
    var arguments: [Expression] = []
    var mapMissingTo: String?
    var defaultValue: String?
    var invalidTreatment: MiningField.InvalidTreatment
    var place: Place
}

/// Counts of a term in a text.
struct TextIndex {
    enum Weight: String { case termFrequency, binary, logarithmic, augmentedNormalizedTermFrequency }
    enum CountHits: String { case allHits, bestHits }

    var field: String
    var term: Expression
    var localTermWeights: Weight
    var isCaseSensitive: Bool
    var maxLevenshteinDistance: Int
    var countHits: CountHits
    var wordSeparator: String
    /// Vendor attribute of JPMML: what a word looks like, instead of what separates words.
    var word: String?
    var tokenize: Bool
    var normalizations: [TextIndexNormalization] = []
    var place: Place
}

struct TextIndexNormalization {
    var inField: String
    var outField: String
    var regexField: String
    var isRecursive: Bool
    var isCaseSensitive: Bool?
    var maxLevenshteinDistance: Int?
    var wordSeparator: String?
    var tokenize: Bool?
    var table = InlineTable()
}

/// Rows of named cells.
struct InlineTable {
    /// The names of cells, with their prefix, in the order of their first appearance.
    var columns: [String] = []
    /// The cells that each row has; `column` is an index into `columns`.
    var rows: [[(column: Int, text: String)]] = []

    /// The text in a row's cell, or nil where it has none.
    func text(row: Int, column: Int) -> String? {
        rows[row].first { $0.column == column }?.text
    }

    /// The column of that name, with or without a namespace prefix.
    func column(_ name: String) -> Int? {
        columns.firstIndex(of: name) ?? columns.firstIndex { Self.local($0) == Self.local(name) }
    }

    private static func local(_ name: String) -> Substring {
        name.lastIndex(of: ":").map { name[name.index(after: $0)...] } ?? name[...]
    }
}

/// A field computed by an expression.
struct DerivedField {
    var name: String
    var displayName: String?
    var type: DataType
    var opType: OpType
    var expression: Expression
    /// The order of an ordinal field's values.
    var values: [ListedValue] = []
    var place: Place
}

/// A function defined by the file.
struct DefineFunction {
    struct Parameter {
        var name: String
        var type: DataType?
    }

    var name: String
    var type: DataType?
    var parameters: [Parameter] = []
    var body: Expression
    var place: Place
}
