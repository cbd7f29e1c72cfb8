internal import Scoring

/// How a model uses a field, and what it does with missing, invalid and extreme values.
package struct MiningField {
    package enum Usage: String {
        case active, predicted, target, supplementary, group, order, frequencyWeight, analysisWeight

        package var isTarget: Bool { self == .predicted || self == .target }
    }

    package enum Outliers: String { case asIs, asMissingValues, asExtremeValues }
    package enum MissingTreatment: String { case asIs, asMean, asMode, asMedian, asValue, returnInvalid }
    package enum InvalidTreatment: String { case returnInvalid, asIs, asMissing, asValue }

    package var name: String
    package var usage: Usage
    package var opType: OpType?
    package var outliers: Outliers
    package var low: Double?
    package var high: Double?
    package var missingReplacement: String?
    package var missingTreatment: MissingTreatment?
    package var invalidTreatment: InvalidTreatment
    package var invalidReplacement: String?
    package var place: Place
}

/// Limits and scaling of a regression's result, and prior probabilities of a classification's.
package struct Target {
    package enum CastInteger: String { case round, ceiling, floor }

    package struct Value {
        package var value: String?
        package var displayValue: String?
        package var priorProbability: Double?
        package var defaultValue: Double?
    }

    package var field: String?
    package var opType: OpType?
    package var castInteger: CastInteger?
    package var min: Double?
    package var max: Double?
    package var rescaleConstant: Double
    package var rescaleFactor: Double
    package var values: [Value] = []
    package var place: Place
}

extension ElementReader {
    mutating func miningSchema() throws(ScoringError) -> [MiningField] {
        var fields: [MiningField] = []
        try children { (reader, tag) throws(ScoringError) in
            guard tag == .MiningField else { throw reader.unsupported() }
            fields.append(try reader.miningField())
        }
        return fields
    }

    private mutating func miningField() throws(ScoringError) -> MiningField {
        var invalidReplacement = try string("invalidValueReplacement")
        if invalidReplacement == nil { invalidReplacement = try string("x-invalidValueReplacement") }
        return MiningField(
            name: try required("name"), usage: try choice("usageType", or: .active), opType: try choice("optype"),
            outliers: try choice("outliers", or: .asIs), low: try double("lowValue"), high: try double("highValue"),
            missingReplacement: try string("missingValueReplacement"), missingTreatment: try choice("missingValueTreatment"),
            invalidTreatment: try choice("invalidValueTreatment", or: .returnInvalid),
            invalidReplacement: invalidReplacement, place: place)
    }

    mutating func targets() throws(ScoringError) -> [Target] {
        var targets: [Target] = []
        try children { (reader, tag) throws(ScoringError) in
            guard tag == .Target else { throw reader.unsupported() }
            targets.append(try reader.target())
        }
        return targets
    }

    private mutating func target() throws(ScoringError) -> Target {
        var target = Target(
            field: try sharedString("field"), opType: try choice("optype"), castInteger: try choice("castInteger"),
            min: try double("min"), max: try double("max"), rescaleConstant: try double("rescaleConstant", or: 0),
            rescaleFactor: try double("rescaleFactor", or: 1), place: place)
        try children { (reader, tag) throws(ScoringError) in
            guard tag == .TargetValue else { throw reader.unsupported() }
            target.values.append(
                Target.Value(
                    value: try reader.string("value"), displayValue: try reader.string("displayValue"),
                    priorProbability: try reader.double("priorProbability"), defaultValue: try reader.double("defaultValue")))
        }
        return target
    }
}
