internal import Tabular
internal import TextFormats

/// What a LightGBM objective makes of margins: the `ConvertOutput` of the library's versions 2 to 4.
struct LightGBMObjective {
    var task: TreeTask
    var link: Link
    /// Outputs that the objective itself announces.
    var classes: Int?
    /// The name of a parameter that the objective cannot do without and does not have.
    var missingParameter: String?

    /// An objective of the user's own: predictions are the margins.
    static let custom = LightGBMObjective(task: .regression, link: .identity)

    private init(task: TreeTask, link: Link) {
        self.task = task
        self.link = link
    }

    /// - Parameter words: the name and its parameters: ["binary", "sigmoid:1"]. nil for an unknown objective
    ///   or a parameter that is no number.
    init?(_ words: [String]) {
        guard let name = words.first else { return nil }
        var sigmoid: Double?
        var classes: Int?
        var takesSquare = false
        for word in words.dropFirst() {
            if word == "sqrt" {
                takesSquare = true
            } else if word.hasPrefix("sigmoid:") {
                guard let value = DecimalParser.double(String(word.dropFirst(8))), value.isFinite, value > 0 else { return nil }
                sigmoid = value
            } else if word.hasPrefix("num_class:") {
                guard let value = Int(word.dropFirst(10)) else { return nil }
                classes = value
            }
        }
        switch name {
        case "regression", "regression_l2", "l2", "mean_squared_error", "mse", "l2_root", "root_mean_squared_error", "rmse",
            "regression_l1", "l1", "mean_absolute_error", "mae", "fair", "quantile", "mape", "mean_absolute_percentage_error":
            self.init(task: .regression, link: takesSquare ? .signedSquare64 : .identity)
        case "huber", "lambdarank", "rank_xendcg", "xendcg", "custom", "none", "null", "na":
            self.init(task: .regression, link: .identity)
        case "poisson", "gamma", "tweedie": self.init(task: .regression, link: .exponential64)
        case "binary": self.init(task: .binary, link: .logistic64(slope: sigmoid ?? 1))
        case "cross_entropy", "xentropy": self.init(task: .regression, link: .logistic64(slope: 1))
        case "cross_entropy_lambda", "xentlambda": self.init(task: .regression, link: .softplus64)
        case "multiclass", "softmax": self.init(task: .multiclass(labelOfMargins: false), link: .softmax64)
        case "multiclassova", "multiclass_ova", "ova", "ovr":
            self.init(task: .multiclass(labelOfMargins: false), link: .logistic64(slope: sigmoid ?? 1))
        default: return nil
        }
        self.classes = classes
        let isLogistic = if case .logistic64 = link { !["cross_entropy", "xentropy"].contains(name) } else { false }
        if isLogistic, sigmoid == nil { missingParameter = "sigmoid" }
        if case .multiclass = task, classes == nil { missingParameter = "num_class" }
    }
}
