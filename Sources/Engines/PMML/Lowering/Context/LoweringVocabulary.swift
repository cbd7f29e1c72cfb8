internal import Scoring
internal import Tabular

/// What every lowering can say, the context itself included: values, literals, limits and what is lowered by others.
protocol LoweringVocabulary {
    var context: LoweringContext { get }

    func scope(of head: ModelHeader, in surroundings: FieldScope<Value>?) throws(ScoringError) -> FieldScope<Value>
    func target(of model: Model) -> (name: String?, field: DataField?)
    func targetElement(of head: ModelHeader) -> Target?
    func invalid(_ reason: String, _ place: Place) -> ScoringError
    func unsupported(_ what: String, _ place: Place) -> ScoringError
}

/// Lowers one kind of model or expression, in a context that it shares with all others.
protocol PartLowering: LoweringVocabulary {}

extension PartLowering {
    func scope(of head: ModelHeader, in surroundings: FieldScope<Value>?) throws(ScoringError) -> FieldScope<Value> {
        try context.scope(of: head, in: surroundings)
    }

    func target(of model: Model) -> (name: String?, field: DataField?) { context.target(of: model) }
    func targetElement(of head: ModelHeader) -> Target? { context.targetElement(of: head) }
    func invalid(_ reason: String, _ place: Place) -> ScoringError { context.invalid(reason, place) }
    func unsupported(_ what: String, _ place: Place) -> ScoringError { context.unsupported(what, place) }
}

/// The context's state.
extension LoweringVocabulary {
    typealias Scope = LoweringContext.Scope
    typealias Input = LoweringContext.Input

    var builder: ProgramBuilder {
        get { context.builder }
        nonmutating _modify { yield &context.builder }
    }

    var symbols: Symbols {
        get { context.symbols }
        nonmutating _modify { yield &context.symbols }
    }

    var inputs: [Input] {
        get { context.inputs }
        nonmutating _modify { yield &context.inputs }
    }

    /// The fields of the document.
    var document: Document { context.typed.document }
    var names: Names { context.typed.names }

    func spend(_ amount: Int, _ place: Place) throws(ScoringError) { try context.spendWork(amount, place) }

    /// Notes as much work as the product of two counts.
    func spend(_ first: Int, times second: Int, _ place: Place) throws(ScoringError) {
        let (product, overflow) = first.multipliedReportingOverflow(by: second)
        try spend(overflow ? .max : product, place)
    }

    /// Runs `body` one level deeper; refuses files that nest without end.
    func nested<Result>(_ place: Place, _ body: () throws(ScoringError) -> Result) throws(ScoringError) -> Result {
        try context.deeper(place, body)
    }

    /// What a name means within a scope.
    func value(of name: String, in scope: Scope, _ place: Place) throws(ScoringError) -> Value {
        try context.meaning(of: name, in: scope, place)
    }
}

/// What is lowered elsewhere.
extension LoweringVocabulary {
    func lower(_ expression: Expression, as type: DataType? = nil, in scope: Scope) throws(ScoringError) -> Value {
        try ExpressionLowering(context: context).lower(expression, as: type, in: scope)
    }

    /// Lowers a model, its own fields and targets included.
    /// - Parameter surroundings: the scope of the model that it is a part of.
    func lower(_ model: Model, in surroundings: Scope) throws(ScoringError) -> Outcome {
        try ModelLowering(context: context).lower(model, own: scope(of: model.head, in: surroundings))
    }

    func lower(
        _ predicate: Predicate, in scope: Scope, into graph: inout GraphBuilder, _ ways: Ways
    ) throws(ScoringError) -> DecisionGraph.Target {
        try PredicateLowering(context: context).lower(predicate, in: scope, into: &graph, ways)
    }

    /// 1, 0 or missing as a value of the frame.
    func truth(of predicate: Predicate, in scope: Scope) throws(ScoringError) -> Formula.Operand {
        try PredicateLowering(context: context).truth(of: predicate, in: scope)
    }
}
