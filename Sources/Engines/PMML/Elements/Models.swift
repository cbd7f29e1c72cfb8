internal import Scoring

/// A model of the file, by its element.
package indirect enum Model {
    case tree(TreeModel)
    case regression(RegressionModel)
    case mining(MiningModel)
    case scorecard(Scorecard)
    case neuralNetwork(NeuralNetwork)
    case generalRegression(GeneralRegressionModel)
    case naiveBayes(NaiveBayesModel)
    case supportVectorMachine(SupportVectorMachineModel)
    case clustering(ClusteringModel)
    case nearestNeighbor(NearestNeighborModel)
    case anomalyDetection(AnomalyDetectionModel)
    case ruleSet(RuleSetModel)

    package var head: ModelHeader {
        switch self {
        case .tree(let model): model.head
        case .regression(let model): model.head
        case .mining(let model): model.head
        case .scorecard(let model): model.head
        case .neuralNetwork(let model): model.head
        case .generalRegression(let model): model.head
        case .naiveBayes(let model): model.head
        case .supportVectorMachine(let model): model.head
        case .clustering(let model): model.head
        case .nearestNeighbor(let model): model.head
        case .anomalyDetection(let model): model.head
        case .ruleSet(let model): model.head
        }
    }
}

/// What every model element has.
package struct ModelHeader {
    package enum Function: String {
        case regression, classification, clustering, associationRules, sequences, timeSeries, mixed
    }

    package var element: Tag
    package var name: String?
    package var function: Function
    package var algorithm: String?
    package var isScorable: Bool
    /// Vendor attribute of JPMML: arithmetic in float32.
    package var isFloat: Bool
    package var miningSchema: [MiningField] = []
    /// nil if the model has no Output element.
    package var output: [OutputField]?
    package var targets: [Target] = []
    package var localTransformations: [DerivedField] = []
    package var verification: ModelVerification?
    package var explanation: ModelExplanation?
    package var place: Place
}

/// Rows with expected results that a model carries.
package struct ModelVerification {
    package struct Field {
        package var field: String
        package var column: String
        package var precision: Double
        package var zeroThreshold: Double
    }

    package var fields: [Field] = []
    package var table = InlineTable()
    package var place: Place
}

extension ElementReader {
    /// The model that begins at the current element, or nil if it is none.
    mutating func model(_ tag: Tag) throws(ScoringError) -> Model? {
        switch tag {
        case .TreeModel: return .tree(try treeModel())
        case .RegressionModel: return .regression(try regressionModel())
        case .MiningModel: return .mining(try miningModel())
        case .Scorecard: return .scorecard(try scorecard())
        case .NeuralNetwork: return .neuralNetwork(try neuralNetwork())
        case .GeneralRegressionModel: return .generalRegression(try generalRegressionModel())
        case .NaiveBayesModel: return .naiveBayes(try naiveBayesModel())
        case .SupportVectorMachineModel: return .supportVectorMachine(try supportVectorMachineModel())
        case .ClusteringModel: return .clustering(try clusteringModel())
        case .NearestNeighborModel: return .nearestNeighbor(try nearestNeighborModel())
        case .AnomalyDetectionModel: return .anomalyDetection(try anomalyDetectionModel())
        case .AssociationModel, .SequenceModel, .TimeSeriesModel, .BaselineModel, .GaussianProcessModel, .BayesianNetworkModel,
            .TextModel:
            throw refused(tag)
        case .RuleSetModel: return .ruleSet(try ruleSetModel())
        default: return nil
        }
    }

    /// Kinds of models that are not evaluated, with the reason and what can be done instead.
    private func refused(_ tag: Tag) -> ScoringError {
        let (reason, instead) =
            switch tag {
            case .AssociationModel:
                ("it finds rules in baskets of several items, and a request has one row", "score the row with a RuleSetModel")
            case .SequenceModel:
                ("it finds rules in sequences of events, and a request has one event", "score each event with a RuleSetModel")
            case .TimeSeriesModel:
                ("its forecast needs the history of the series", "put the forecast into the request as a feature")
            case .BaselineModel:
                ("its test statistic needs the rows that came before", "compute the statistic where the rows are kept")
            case .GaussianProcessModel:
                ("there is nothing to check its kernels against", "a SupportVectorMachineModel can hold its mean")
            case .BayesianNetworkModel:
                ("its inference is over all unobserved nodes", "export the query as a NaiveBayesModel or a TreeModel")
            default:
                ("it compares documents with a corpus", "use TextIndex in a TransformationDictionary before another model")
            }
        return .unsupportedModel(
            "the PMML element <\(elementName)> is not supported (\(here)): \(reason); \(instead)")
    }

    /// The attributes that every model element has.
    mutating func modelHead() throws(ScoringError) -> ModelHeader {
        ModelHeader(
            element: tag, name: try string("modelName"), function: try requiredChoice("functionName"),
            algorithm: try string("algorithmName"), isScorable: try boolean("isScorable", or: true),
            isFloat: try string("x-mathContext") == "float", place: place)
    }

    /// Reads a child that every model element can have. False if the current element is none of these.
    mutating func readCommon(_ tag: Tag, into head: inout ModelHeader) throws(ScoringError) -> Bool {
        switch tag {
        case .MiningSchema: head.miningSchema = try miningSchema()
        case .Output: head.output = (head.output ?? []) + (try output())
        case .Targets: head.targets = try targets()
        case .LocalTransformations:
            var fields = head.localTransformations
            try derivedFields { fields.append($0) }
            head.localTransformations = fields
        case .ModelVerification: head.verification = try modelVerification()
        case .ModelExplanation: head.explanation = try modelExplanation()
        case .ModelStats: break
        default: return false
        }
        return true
    }

    private mutating func modelVerification() throws(ScoringError) -> ModelVerification {
        var verification = ModelVerification(place: place)
        try children { (reader, tag) throws(ScoringError) in
            switch tag {
            case .VerificationFields:
                try reader.children { (reader, tag) throws(ScoringError) in
                    guard tag == .VerificationField else { throw reader.unsupported() }
                    let field = try reader.required("field")
                    verification.fields.append(
                        .init(
                            field: field, column: try reader.sharedString("column") ?? field,
                            precision: try reader.double("precision", or: 1e-6),
                            zeroThreshold: try reader.double("zeroThreshold", or: 1e-16)))
                }
            case .InlineTable: verification.table = try reader.inlineTable()
            default: throw reader.unsupported()
            }
        }
        return verification
    }
}
