internal import Scoring

package struct RegressionModel {
    package enum Normalization: String {
        case none, simplemax, softmax, logit, probit, cloglog, exp, loglog, cauchit
    }

    package struct Table {
        package var intercept: Double
        package var targetCategory: String?
        package var numeric: [NumericPredictor] = []
        package var categorical: [CategoricalPredictor] = []
        package var terms: [PredictorTerm] = []
        package var place: Place
    }

    package struct NumericPredictor {
        package var field: String
        package var exponent: Double
        package var coefficient: Double
        package var place: Place
    }

    package struct CategoricalPredictor {
        package var field: String
        package var value: String
        package var coefficient: Double
        package var place: Place
    }

    /// A coefficient times the product of fields.
    package struct PredictorTerm {
        package var name: String?
        package var coefficient: Double
        package var fields: [FieldRef]
        package var place: Place
    }

    package var head: ModelHeader
    package var targetField: String?
    package var normalization: Normalization
    package var tables: [Table] = []
}

extension ElementReader {
    mutating func regressionModel() throws(ScoringError) -> RegressionModel {
        var model = RegressionModel(
            head: try modelHead(), targetField: try string("targetFieldName"),
            normalization: try choice("normalizationMethod", or: .none))
        try children { (reader, tag) throws(ScoringError) in
            if try reader.readCommon(tag, into: &model.head) { return }
            guard tag == .RegressionTable else { throw reader.unsupported() }
            model.tables.append(try reader.regressionTable())
        }
        guard !model.tables.isEmpty else {
            throw .invalidModel(
                reason: "<RegressionModel>: the RegressionTable is missing", place: xml.place(of: Int(model.head.place)))
        }
        return model
    }

    private mutating func regressionTable() throws(ScoringError) -> RegressionModel.Table {
        var table = RegressionModel.Table(
            intercept: try requiredDouble("intercept"), targetCategory: try string("targetCategory"), place: place)
        try children { (reader, tag) throws(ScoringError) in
            switch tag {
            case .NumericPredictor:
                table.numeric.append(
                    .init(
                        field: try reader.required("name"), exponent: try reader.double("exponent", or: 1),
                        coefficient: try reader.requiredDouble("coefficient"), place: reader.place))
            case .CategoricalPredictor:
                table.categorical.append(
                    .init(
                        field: try reader.required("name"), value: try reader.required("value"),
                        coefficient: try reader.requiredDouble("coefficient"), place: reader.place))
            case .PredictorTerm:
                var term = RegressionModel.PredictorTerm(
                    name: try reader.string("name"), coefficient: try reader.requiredDouble("coefficient"), fields: [],
                    place: reader.place)
                try reader.children { (reader, tag) throws(ScoringError) in
                    guard case .field(let reference)? = try reader.expression(tag) else { throw reader.unsupported() }
                    term.fields.append(reference)
                }
                table.terms.append(term)
            default: throw reader.unsupported()
            }
        }
        return table
    }
}
