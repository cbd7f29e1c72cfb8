internal import Scoring

/// The elements of PMML that are read. Names are those of the specification.
package enum Tag: String, CaseIterable {
    case PMML, Header, Application, DataDictionary, DataField, Interval, Value, Extension
    case MiningBuildTask, Taxonomy, TransformationDictionary, DefineFunction, ParameterField
    case MiningSchema, MiningField, ModelStats, ModelExplanation, LocalTransformations, DerivedField
    case PredictiveModelQuality, ClusteringModelQuality, Correlations, ROC, ROCGraph, XCoordinates, YCoordinates
    case Timestamp, Targets, Target, TargetValue, Output, OutputField, Decisions, Decision
    case ModelVerification, VerificationFields, VerificationField, InlineTable, TableLocator, row

    case Constant, FieldRef, NormContinuous, LinearNorm, NormDiscrete, Discretize, DiscretizeBin
    case MapValues, FieldColumnPair, TextIndex, TextIndexNormalization, Aggregate, Lag, Apply

    case SimplePredicate, SimpleSetPredicate, CompoundPredicate, True, False
    case Array, Matrix, MatCell, NUM_ARRAY = "NUM-ARRAY"
    case REAL_SparseArray = "REAL-SparseArray", INT_SparseArray = "INT-SparseArray"
    case REAL_Entries = "REAL-Entries", INT_Entries = "INT-Entries", Indices

    case TreeModel, Node, ScoreDistribution, Partition, EmbeddedModel, DecisionTree, Regression
    case RegressionModel, RegressionTable, NumericPredictor, CategoricalPredictor, PredictorTerm
    case MiningModel, Segmentation, Segment, VariableWeight, ResultField
    case Scorecard, Characteristics, Characteristic, Attribute, ComplexPartialScore

    case GeneralRegressionModel, ParameterList, Parameter, FactorList, CovariateList, Predictor, Categories, Category
    case PPMatrix, PPCell, PCovMatrix, PCovCell, ParamMatrix, PCell, EventValues, BaseCumHazardTables, BaselineCell,
        BaselineStratum
    case NeuralNetwork, NeuralInputs, NeuralInput, NeuralLayer, Neuron, Con, NeuralOutputs, NeuralOutput
    case NaiveBayesModel, BayesInputs, BayesInput, BayesOutput, PairCounts, TargetValueCounts, TargetValueCount
    case TargetValueStats, TargetValueStat, GaussianDistribution, AnyDistribution, PoissonDistribution, UniformDistribution
    case SupportVectorMachineModel, LinearKernelType, PolynomialKernelType, RadialBasisKernelType, SigmoidKernelType
    case VectorDictionary, VectorFields, VectorInstance, SupportVectorMachine, SupportVectors, SupportVector, Coefficients,
        Coefficient
    case ClusteringModel, ComparisonMeasure, ClusteringField, Comparisons, Cluster, KohonenMap, Covariances, MissingValueWeights
    case euclidean, squaredEuclidean, chebychev, cityBlock, minkowski, simpleMatching, jaccard, tanimoto, binarySimilarity
    case NearestNeighborModel, TrainingInstances, InstanceFields, InstanceField, KNNInputs, KNNInput
    case RuleSetModel, RuleSet, RuleSelectionMethod, SimpleRule, CompoundRule
    case AssociationModel, AnomalyDetectionModel, MeanClusterDistances, SequenceModel, TimeSeriesModel, BaselineModel
    case GaussianProcessModel, BayesianNetworkModel, TextModel

    /// An element that PMML does not define, or one that nothing here looks into.
    case unknown = "?"

    /// The tag whose name these bytes are.
    static func named(_ bytes: UnsafeBufferPointer<UInt8>) -> Tag {
        table.position(of: bytes).map { allCases[$0] } ?? .unknown
    }

    private static let table = SymbolTable(allCases.map(\.rawValue))
}
