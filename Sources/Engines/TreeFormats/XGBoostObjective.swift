internal import Glibc
internal import Tabular

/// What an XGBoost objective does with margins after training: how the base score becomes a margin and what
/// a prediction is. From the objectives' `ProbToMargin` and `PredTransform` of versions 1.0 to 3.4.
struct XGBoostObjective {
    enum BaseLink { case identity, logit, logarithm, ascending }

    var task: TreeTask
    var link: Link
    var baseLink: BaseLink

    /// nil for an objective that is not known.
    init?(_ name: String, document: XGBoostDocument) {
        switch name {
        case "reg:squarederror", "reg:linear", "reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror",
            "reg:quantileerror", "rank:pairwise", "rank:ndcg", "rank:map":
            self.init(.regression, .identity, .identity)
        case "reg:expectileerror":
            let isSingle = document.targets <= 1
            self.init(.regression, isSingle ? .identity : .ascending32, isSingle ? .identity : .ascending)
        case "binary:logitraw":
            // The scikit-learn wrapper takes its margins for probabilities; here they are a regression's values.
            self.init(.regression, .identity, document.isSince(1, 3, 1) ? .identity : .logit)
        case "reg:logistic": self.init(.regression, .logistic32, .logit)
        case "binary:logistic": self.init(.binary, .logistic32, .logit)
        case "binary:hinge": self.init(.binary, .step, .identity)
        case "multi:softprob": self.init(.multiclass(labelOfMargins: false), .softmax32, .identity)
        case "multi:softmax": self.init(.multiclass(labelOfMargins: true), .softmax32, .identity)
        case "count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft":
            self.init(.regression, .exponential32, .logarithm)
        default: return nil
        }
    }

    private init(_ task: TreeTask, _ link: Link, _ baseLink: BaseLink) {
        self.task = task
        self.link = link
        self.baseLink = baseLink
    }

    /// The margins that base scores stand for, one an output; not finite where they are outside the domain.
    ///
    /// - Parameter isClamped: whether the library keeps probabilities from 0 and 1, as it does since 3.2.
    func margins(of scores: [Float], isClamped: Bool) -> [Float] {
        switch baseLink {
        case .identity: scores
        case .logarithm: scores.map { logf($0) }
        case .logit:
            scores.map { score in
                guard score >= 0, score <= 1 else { return .nan }
                let score = isClamped ? min(max(score, 1e-6), 1 - 1e-6) : score
                return -logf(1 / score - 1)
            }
        case .ascending:
            // The inverse of `Link.ascending32`.
            scores.indices.map { index in
                guard index > 0 else { return scores[0] }
                let gap = max(scores[index] - scores[index - 1] - 1e-6, 1e-6)
                return gap + logf(-expm1f(-gap))
            }
        }
    }
}
