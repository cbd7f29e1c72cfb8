internal import Scoring

/// What the names of a document stand for, wherever a model does not give them a meaning of its own.
struct Names {
    let dataFields: TextMap<DataField>
    let derivedFields: TextMap<DerivedField>
    let functions: TextMap<DefineFunction>

    init(_ document: Document) throws(ScoringError) {
        var (dataFields, derivedFields, functions): (TextMap<DataField>, TextMap<DerivedField>, TextMap<DefineFunction>) = (
            [:], [:], [:]
        )
        func twice(_ what: String, _ name: String, _ place: Place) -> ScoringError {
            .invalidModel(reason: "the \(what) '\(name)' is defined twice", place: document.line(place))
        }
        for field in document.dataFields {
            guard dataFields.updateValue(field, forKey: field.name) == nil else {
                throw twice("data field", field.name, field.place)
            }
        }
        for field in document.derivedFields {
            guard derivedFields.updateValue(field, forKey: field.name) == nil else {
                throw twice("derived field", field.name, field.place)
            }
        }
        for function in document.functions {
            guard functions.updateValue(function, forKey: function.name) == nil else {
                throw twice("function", function.name, function.place)
            }
        }
        (self.dataFields, self.derivedFields, self.functions) = (dataFields, derivedFields, functions)
    }
}

/// The fields that a model sees, by name: those of its mining schema, its own derived fields, results of
/// earlier models of a chain; then whatever the surrounding model sees. A field gets its meaning when it is
/// first asked for, so that what nobody uses costs nothing and cannot be wrong.
final class FieldScope<Meaning> {
    enum Entry {
        case known(Meaning)
        case derived(DerivedField)
        case mining(MiningField)
        /// Being worked out; asking for it again is a circle.
        case open
    }

    /// The surrounding model's scope; nil for the outermost model and for the parameters of a function.
    let parent: FieldScope?
    /// Whether data and transformation dictionary are seen from here; not from within a function.
    let isOutermost: Bool
    private var entries: TextMap<Entry> = [:]

    init(within parent: FieldScope) {
        self.parent = parent
        isOutermost = false
    }

    init(isOutermost: Bool) {
        parent = nil
        self.isOutermost = isOutermost
    }

    subscript(name: String) -> Entry? {
        get { entries[name] }
        set { entries[name] = newValue }
    }

    /// The fields that were asked for.
    var known: TextMap<Meaning> {
        entries.compactMapValues { if case .known(let meaning) = $0 { meaning } else { nil } }
    }
}

/// A pass that gives meanings to fields: their types, then their places in the frame. How a name finds its
/// field is the same for both.
protocol FieldResolving: AnyObject {
    associatedtype Meaning

    var document: Document { get }
    var names: Names { get }

    /// A field that is computed from others.
    func meaning(of field: DerivedField, in scope: FieldScope<Meaning>) throws(ScoringError) -> Meaning
    /// A field of a mining schema, treated as the schema says.
    func meaning(of field: MiningField, in scope: FieldScope<Meaning>) throws(ScoringError) -> Meaning
    /// A data field that no mining schema lists.
    func meaning(of field: DataField, usedAt place: Place) throws(ScoringError) -> Meaning
    /// Runs `body` one level deeper; refuses files that nest without end.
    func nested<Result>(_ place: Place, _ body: () throws(ScoringError) -> Result) throws(ScoringError) -> Result
}

extension FieldResolving {
    func meaning(of name: String, in scope: FieldScope<Meaning>, _ place: Place) throws(ScoringError) -> Meaning {
        var next: FieldScope<Meaning>? = scope
        var outermost = scope
        while let scope = next {
            outermost = scope
            if let entry = scope[name] { return try meaning(of: entry, name, scope, place) }
            next = scope.parent
        }
        if outermost.isOutermost {
            if let field = names.derivedFields[name] { return try meaning(of: .derived(field), name, outermost, place) }
            if let field = names.dataFields[name] {
                let result = try meaning(of: field, usedAt: place)
                outermost[name] = .known(result)
                return result
            }
        }
        throw invalid("the field '\(name)' is not defined", place)
    }

    private func meaning(
        of entry: FieldScope<Meaning>.Entry, _ name: String, _ scope: FieldScope<Meaning>, _ place: Place
    ) throws(ScoringError) -> Meaning {
        if case .known(let result) = entry { return result }
        scope[name] = .open
        let result = try nested(place) { () throws(ScoringError) in
            switch entry {
            case .known, .open: throw invalid("the field '\(name)' is defined by itself", place)
            case .derived(let field): try meaning(of: field, in: scope)
            case .mining(let field): try meaning(of: field, in: scope)
            }
        }
        scope[name] = .known(result)
        return result
    }

    /// The fields that a model sees.
    func scope(of head: ModelHeader, in surroundings: FieldScope<Meaning>?) throws(ScoringError) -> FieldScope<Meaning> {
        let scope = surroundings.map { FieldScope(within: $0) } ?? FieldScope(isOutermost: true)
        for field in head.miningSchema where !field.usage.isTarget {
            // Fields of a part that its surroundings do not know are left to whoever uses them.
            if let surroundings, !isDefined(field.name, in: surroundings) { continue }
            scope[field.name] = .mining(field)
        }
        for field in head.localTransformations {
            if case .derived? = scope[field.name] {
                throw invalid("the derived field '\(field.name)' is defined twice", field.place)
            }
            scope[field.name] = .derived(field)
        }
        return scope
    }

    private func isDefined(_ name: String, in scope: FieldScope<Meaning>) -> Bool {
        var next: FieldScope<Meaning>? = scope
        while let scope = next {
            if scope[name] != nil { return true }
            next = scope.parent
        }
        return names.derivedFields[name] != nil || names.dataFields[name] != nil
    }

    /// The name and definition of the field that a model predicts.
    func target(of model: Model) -> (name: String?, field: DataField?) {
        let targets = model.head.miningSchema.filter(\.usage.isTarget).map(\.name)
        var name = targets.first
        if targets.count > 1, case .mining(let mining) = model, mining.method == .modelChain {
            // The result of a chain is what its last model predicts.
            let predicted = mining.segments.map { target(of: $0.model).name }
            let last = (predicted.last ?? nil).flatMap { targets.firstIndex(ofExactly: $0) != nil ? $0 : nil }
            name = last ?? targets.first { target in !predicted.contains { $0.isExactly(target) } } ?? name
        } else if name == nil {
            switch model {
            case .regression(let regression): name = regression.targetField
            case .generalRegression(let regression): name = regression.targetField
            case .naiveBayes(let bayes): name = bayes.targetField
            // A chain or selection that does not say what it predicts predicts what its last model does.
            case .mining(let mining) where mining.method == .modelChain || mining.method == .selectFirst:
                return mining.segments.last.map { target(of: $0.model) } ?? (nil, nil)
            default: break
            }
        }
        return (name, name.flatMap { names.dataFields[$0] })
    }

    /// The element of the model's targets that is about its result.
    func targetElement(of head: ModelHeader) -> Target? {
        let name = head.miningSchema.first { $0.usage.isTarget }?.name
        return head.targets.first { $0.field == nil || $0.field == name }
            ?? (head.targets.count == 1 && name == nil ? head.targets[0] : nil)
    }

    func invalid(_ reason: String, _ place: Place) -> ScoringError {
        .invalidModel(reason: reason, place: document.line(place))
    }

    func unsupported(_ what: String, _ place: Place) -> ScoringError {
        .unsupportedModel("\(what) is not supported (\(document.line(place)))")
    }
}
