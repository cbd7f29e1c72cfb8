internal import Scoring

/// One result that a model gives under a name of its own.
package struct OutputField {
    package enum Feature: String {
        case predictedValue, predictedDisplayValue, transformedValue, decision, probability, affinity, residual
        case standardError, standardDeviation, clusterId, clusterAffinity, entityId, entityAffinity, warning, ruleValue
        case reasonCode, antecedent, consequent, rule, ruleId, confidence, support, lift, leverage
        case confidenceIntervalLower, confidenceIntervalUpper
        /// Vendor feature of JPMML: the whole report.
        case report = "x-report"
    }

    package enum RankOrder: String { case ascending, descending }

    package var name: String
    package var displayName: String?
    package var type: DataType?
    package var opType: OpType?
    package var feature: Feature
    /// The category or cluster that the result is about; nil for the predicted one.
    package var value: String?
    package var targetField: String?
    package var segment: String?
    package var rank: Int
    package var rankOrder: RankOrder
    package var ruleFeature: String?
    package var isFinalResult: Bool
    package var expression: Expression?
    package var place: Place
}

extension ElementReader {
    mutating func output() throws(ScoringError) -> [OutputField] {
        var fields: [OutputField] = []
        try children { (reader, tag) throws(ScoringError) in
            guard tag == .OutputField else { throw reader.unsupported() }
            fields.append(try reader.outputField())
        }
        return fields
    }

    private mutating func outputField() throws(ScoringError) -> OutputField {
        var field = OutputField(
            name: try required("name"), type: try dataType("dataType"), opType: try choice("optype"),
            feature: .predictedValue, value: try string("value"), targetField: try sharedString("targetField"),
            rank: try integer("rank") ?? 1, rankOrder: try choice("rankOrder", or: .descending),
            isFinalResult: try boolean("isFinalResult", or: true), place: place)
        field.displayName = try string("displayName")
        field.segment = try string("segmentId")
        field.ruleFeature = try string("ruleFeature")
        let feature: OutputField.Feature? = try choice("feature")
        if try boolean("isMultiValued", or: false) {
            throw unsupported("the output field '\(field.name)' with isMultiValued")
        }
        try children { (reader, tag) throws(ScoringError) in
            // Lists of what can come out say nothing about what does.
            if tag == .Decisions || tag == .Value {
                return
            } else if let expression = try reader.expression(tag) {
                field.expression = expression
            } else {
                throw reader.unsupported()
            }
        }
        field.feature = feature ?? (field.expression == nil ? .predictedValue : .transformedValue)
        return field
    }
}
