package import Scoring

/// A document whose names are resolved and whose expressions have types: what the third pass begins with.
package struct TypedDocument {
    package let document: Document
    let names: Names
    /// What a row brings, in order: the active fields of the outermost mining schema, then data fields that
    /// the model uses although the schema does not list them.
    package let inputs: [DataField]
    /// The string inputs whose very text matters, not only which of the known strings it is.
    package let textInputs: TextSet
    /// What the names that the outermost model sees and uses stand for: inputs after their treatment, derived
    /// fields, outputs.
    package let fieldTypes: TextMap<ValueType>
}

/// The second pass over a document: finds out what every name stands for and of what type every field and
/// expression is. It starts from the model, as the third pass does, so that definitions that nothing uses are
/// never looked into; models are walked by what they use.
package final class Typing: FieldResolving {
    /// Deeper nesting of definitions is refused.
    static let maxDepth = 200
    /// More expressions than this, with functions inserted where they are called, make a file too large to be meant.
    static let maxExpressions = 2_000_000

    let document: Document
    let names: Names
    private var inputs: [DataField] = []
    private var inputNames: TextSet = []
    private(set) var textInputs: TextSet = []
    private var depth = 0
    var expressionCount = 0

    private init(_ document: Document) throws(ScoringError) {
        self.document = document
        names = try Names(document)
        for field in document.model.head.miningSchema where field.usage == .active {
            guard let data = names.dataFields[field.name] else { continue }
            guard inputNames.insert(field.name) else {
                throw invalid("the mining field '\(field.name)' is listed twice", field.place)
            }
            inputs.append(data)
        }
    }

    package static func typed(_ document: Document) throws(ScoringError) -> TypedDocument {
        let typing = try Typing(document)
        let scope = try typing.scope(of: document.model.head, in: nil)
        _ = try typing.use(document.model, own: scope)
        // Fields that nothing uses are treated too: what is invalid is refused.
        for input in typing.inputs { _ = try typing.meaning(of: input.name, in: scope, document.model.head.place) }
        return TypedDocument(
            document: document, names: typing.names, inputs: typing.inputs, textInputs: typing.textInputs,
            fieldTypes: scope.known)
    }

    /// Marks the inputs that the value may have come from: their texts are needed, unless all are known.
    func readText(of value: ValueType) {
        if !value.isListed { textInputs.formUnion(value.origins) }
    }

    func nested<Result>(_ place: Place, _ body: () throws(ScoringError) -> Result) throws(ScoringError) -> Result {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maxDepth else { throw invalid("definitions are nested too deeply", place) }
        return try body()
    }

    // MARK: Fields

    func meaning(of field: DerivedField, in scope: FieldScope<ValueType>) throws(ScoringError) -> ValueType {
        var type = try cast(self.type(of: field.expression, as: field.type, in: scope), to: field.type, field.place)
        type.opType = field.opType
        if field.opType == .ordinal, field.values.contains(where: { $0.property == .valid }) { type.isOrdered = true }
        return type
    }

    func meaning(of field: MiningField, in scope: FieldScope<ValueType>) throws(ScoringError) -> ValueType {
        var type: ValueType
        if let parent = scope.parent {
            type = try meaning(of: field.name, in: parent, field.place)
        } else if let data = names.dataFields[field.name] {
            if inputNames.insert(field.name) { inputs.append(data) }
            type = self.type(of: data, isOpen: field.invalidTreatment == .asIs)
        } else if let derived = names.derivedFields[field.name] {
            // Derived fields can be listed as if they were data.
            type = try meaning(of: derived, in: scope)
        } else {
            throw invalid("the mining field '\(field.name)' is not in the data dictionary", field.place)
        }
        if let opType = field.opType { type.opType = opType }
        // Limits make other numbers of those that are listed.
        if field.outliers != .asIs, type.type.isNumeric { type.isListed = false }
        if field.missingReplacement != nil { type.isNothing = false }
        return type
    }

    func meaning(of field: DataField, usedAt place: Place) throws(ScoringError) -> ValueType {
        if inputNames.insert(field.name) { inputs.append(field) }
        return type(of: field, isOpen: true)
    }

    /// - Parameter isOpen: whether values that the field does not list go on.
    private func type(of field: DataField, isOpen: Bool) -> ValueType {
        let isString = field.type == .string
        var type = ValueType(
            field.type, field.opType, isListed: !isOpen && field.listsEveryValue, origins: isString ? [field.name] : [])
        type.isOrdered = isString && field.opType == .ordinal && field.listsEveryValue
        return type
    }
}
