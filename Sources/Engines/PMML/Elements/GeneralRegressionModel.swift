package import Scoring

package struct GeneralRegressionModel {
    package enum ModelType: String {
        case regression, generalLinear, logLinear, multinomialLogistic, ordinalMultinomial, generalizedLinear
        case cox = "CoxRegression"
    }

    package enum Link: String { case identity, log, logit, cloglog, loglog, logc, negbin, oddspower, power, probit, cauchit }

    package enum CumulativeLink: String { case logit, probit, cloglog, loglog, cauchit }

    /// A factor, with its contrasts where it has any.
    package struct Factor {
        package var categories: [String] = []
        package var contrasts: NumberMatrix?
        package var place: Place
    }

    /// How a predictor takes part in a parameter: the category of a factor, the exponent of a covariate.
    package struct PredictorCell {
        package var field: String
        package var value: String
        package var parameter: String
        package var category: String?
        package var place: Place
    }

    package struct ParameterCell {
        package var parameter: String
        package var beta: Double
        package var category: String?
        package var place: Place
    }

    /// The cumulative hazard at the moments at which it changes.
    package struct Baseline {
        package var maxTime: Double
        package var cells: [(time: Double, hazard: Double)] = []
        package var place: Place
    }

    package var head: ModelHeader
    package var type: ModelType
    package var targetField: String?
    package var referenceCategory: String?
    package var link: Link?
    package var linkParameter: Double?
    package var distParameter: Double?
    package var cumulativeLink: CumulativeLink?
    package var offsetField: String?
    package var offset: Double?
    package var trialsField: String?
    package var trials: Double?
    package var endTimeField: String?
    package var strataField: String?
    /// The reference point of each parameter.
    package var parameters: TextMap<Double> = [:]
    package var factors: TextMap<Factor> = [:]
    package var covariates: TextSet = []
    package var predictorCells: [PredictorCell] = []
    package var parameterCells: [ParameterCell] = []
    /// Without a stratum, or one a stratum.
    package var baselines: [(stratum: String?, baseline: Baseline)] = []
}

/// The content of a `Matrix` element.
package struct NumberMatrix {
    package enum Kind: String { case diagonal, symmetric, any }

    package var kind: Kind
    package var diagonal: Double?
    package var offDiagonal: Double?
    package var rows: [[Double]] = []
    package var cells: [[Int]: Double] = [:]

    /// The number in a row and column, counted from 0; nil where there is none.
    package subscript(row: Int, column: Int) -> Double? {
        let other = row == column ? diagonal : offDiagonal
        var (row, column) = (row, column)
        switch kind {
        case .diagonal:
            guard row == column else { return other ?? 0 }
            if let values = rows.first { return values.indices.contains(row) ? values[row] : nil }
        case .symmetric: if row < column { swap(&row, &column) }
        case .any: break
        }
        if rows.indices.contains(row), rows[row].indices.contains(column) { return rows[row][column] }
        return cells[[row, column]] ?? other
    }
}

extension ElementReader {
    mutating func generalRegressionModel() throws(ScoringError) -> GeneralRegressionModel {
        var model = GeneralRegressionModel(
            head: try modelHead(), type: try requiredChoice("modelType"), targetField: try string("targetVariableName"),
            referenceCategory: try string("targetReferenceCategory"), link: try choice("linkFunction"),
            linkParameter: try double("linkParameter"), distParameter: try double("distParameter"),
            cumulativeLink: try choice("cumulativeLink"), offsetField: try string("offsetVariable"),
            offset: try double("offsetValue"), trialsField: try string("trialsVariable"), trials: try double("trialsValue"),
            endTimeField: try string("endTimeVariable"), strataField: try string("baselineStrataVariable"))
        try children { (reader, tag) throws(ScoringError) in
            if try reader.readCommon(tag, into: &model.head) { return }
            try reader.readGeneralRegression(tag, into: &model)
        }
        guard !model.parameterCells.isEmpty else {
            throw .invalidModel(
                reason: "<GeneralRegressionModel>: the ParamMatrix is missing or empty",
                place: xml.place(of: Int(model.head.place)))
        }
        return model
    }

    private mutating func readGeneralRegression(_ tag: Tag, into model: inout GeneralRegressionModel) throws(ScoringError) {
        switch tag {
        case .ParameterList:
            try children { (reader, tag) throws(ScoringError) in
                guard tag == .Parameter else { throw reader.unsupported() }
                model.parameters[try reader.required("name")] = try reader.double("referencePoint", or: 0)
            }
        case .FactorList:
            try children { (reader, tag) throws(ScoringError) in
                guard tag == .Predictor else { throw reader.unsupported() }
                let name = try reader.required("name")
                model.factors[name] = try reader.factor()
            }
        case .CovariateList:
            try children { (reader, tag) throws(ScoringError) in
                guard tag == .Predictor else { throw reader.unsupported() }
                model.covariates.insert(try reader.required("name"))
            }
        case .PPMatrix:
            try children { (reader, tag) throws(ScoringError) in
                guard tag == .PPCell else { throw reader.unsupported() }
                model.predictorCells.append(
                    .init(
                        field: try reader.required("predictorName"), value: try reader.required("value"),
                        parameter: try reader.required("parameterName"), category: try reader.sharedString("targetCategory"),
                        place: reader.place))
            }
        case .ParamMatrix:
            try children { (reader, tag) throws(ScoringError) in
                guard tag == .PCell else { throw reader.unsupported() }
                model.parameterCells.append(
                    .init(
                        parameter: try reader.required("parameterName"), beta: try reader.requiredDouble("beta"),
                        category: try reader.sharedString("targetCategory"), place: reader.place))
            }
        case .BaseCumHazardTables: try readBaselines(into: &model)
        // Covariances and codes of events are not needed for a prediction.
        case .PCovMatrix, .EventValues: break
        default: throw unsupported()
        }
    }

    private mutating func factor() throws(ScoringError) -> GeneralRegressionModel.Factor {
        var factor = GeneralRegressionModel.Factor(place: place)
        try children { (reader, tag) throws(ScoringError) in
            switch tag {
            case .Categories:
                try reader.children { (reader, tag) throws(ScoringError) in
                    guard tag == .Category else { throw reader.unsupported() }
                    factor.categories.append(try reader.required("value"))
                }
            case .Matrix: factor.contrasts = try reader.numberMatrix()
            default: throw reader.unsupported()
            }
        }
        return factor
    }

    /// The content of the current `Matrix` element; counted from 0.
    mutating func numberMatrix() throws(ScoringError) -> NumberMatrix {
        var matrix = NumberMatrix(
            kind: try choice("kind", or: .any), diagonal: try double("diagDefault"), offDiagonal: try double("offDiagDefault"))
        try children { (reader, tag) throws(ScoringError) in
            switch tag {
            case .Array, .NUM_ARRAY: matrix.rows.append(try reader.numberArray())
            case .MatCell:
                guard let row = try reader.integer("row"), let column = try reader.integer("col"), row >= 1, column >= 1 else {
                    throw reader.invalid("the row and column must be positive")
                }
                guard let value = NumberText.double(try reader.text()) else { throw reader.invalid("the cell is not a number") }
                let isSwapped = matrix.kind == .symmetric && row < column
                matrix.cells[isSwapped ? [column - 1, row - 1] : [row - 1, column - 1]] = value
            default: throw reader.unsupported()
            }
        }
        return matrix
    }

    private mutating func readBaselines(into model: inout GeneralRegressionModel) throws(ScoringError) {
        var baselines: [(String?, GeneralRegressionModel.Baseline)] = []
        var whole = GeneralRegressionModel.Baseline(maxTime: try double("maxTime", or: .nan), place: place)
        try children { (reader, tag) throws(ScoringError) in
            switch tag {
            case .BaselineCell: whole.cells.append(try reader.baselineCell())
            case .BaselineStratum:
                let value = try reader.required("value")
                var stratum = GeneralRegressionModel.Baseline(maxTime: try reader.requiredDouble("maxTime"), place: reader.place)
                try reader.children { (reader, tag) throws(ScoringError) in
                    guard tag == .BaselineCell else { throw reader.unsupported() }
                    stratum.cells.append(try reader.baselineCell())
                }
                baselines.append((value, stratum))
            default: throw reader.unsupported()
            }
        }
        model.baselines = baselines.isEmpty ? [(nil, whole)] : baselines
    }

    private func baselineCell() throws(ScoringError) -> (time: Double, hazard: Double) {
        (try requiredDouble("time"), try requiredDouble("cumHazard"))
    }
}
