internal import Scoring

package struct SupportVectorMachineModel {
    package enum Representation: String { case supportVectors = "SupportVectors", coefficients = "Coefficients" }
    package enum ClassificationMethod: String { case oneAgainstAll = "OneAgainstAll", oneAgainstOne = "OneAgainstOne" }

    package enum Kernel {
        case linear
        case polynomial(gamma: Double, coef0: Double, degree: Double)
        case radialBasis(gamma: Double)
        case sigmoid(gamma: Double, coef0: Double)
    }

    /// A coordinate of the vectors: a field, or whether a field has a category.
    package enum VectorField {
        case field(FieldRef)
        case category(RegressionModel.CategoricalPredictor)
    }

    package struct VectorInstance {
        package enum Values {
            case dense([Double])
            case sparse(SparseArray)
        }

        package var id: String
        package var values: Values
        package var place: Place
    }

    package struct Machine {
        package var targetCategory: String?
        package var alternateTargetCategory: String?
        package var threshold: Double?
        package var vectorIDs: [String] = []
        package var coefficients: [Double] = []
        package var absoluteValue = 0.0
        package var place: Place
    }

    package var head: ModelHeader
    package var representation: Representation
    /// nil if the file does not say.
    package var classificationMethod: ClassificationMethod?
    package var threshold: Double
    package var maxWins: Bool
    /// Of versions before 4.0: the category for which a binary machine's rounded value is 0.
    package var alternateBinaryTargetCategory: String?
    package var kernel: Kernel?
    package var fields: [VectorField] = []
    package var vectors: [VectorInstance] = []
    package var machines: [Machine] = []
}

extension ElementReader {
    mutating func supportVectorMachineModel() throws(ScoringError) -> SupportVectorMachineModel {
        // Until PMML 4.2 the representation had another name.
        let former: SupportVectorMachineModel.Representation = try choice("svmRepresentation", or: .supportVectors)
        var model = SupportVectorMachineModel(
            head: try modelHead(), representation: try choice("representation", or: former),
            classificationMethod: try choice("classificationMethod"), threshold: try double("threshold", or: 0),
            maxWins: try boolean("maxWins", or: false),
            alternateBinaryTargetCategory: try string("alternateBinaryTargetCategory"))
        try children { (reader, tag) throws(ScoringError) in
            if try reader.readCommon(tag, into: &model.head) { return }
            if let kernel = try reader.kernel(tag) {
                model.kernel = kernel
                return
            }
            switch tag {
            case .VectorDictionary: try reader.vectorDictionary(into: &model)
            case .SupportVectorMachine: model.machines.append(try reader.supportVectorMachine())
            default: throw reader.unsupported()
            }
        }
        return model
    }

    private func kernel(_ tag: Tag) throws(ScoringError) -> SupportVectorMachineModel.Kernel? {
        switch tag {
        case .LinearKernelType: .linear
        case .PolynomialKernelType:
            .polynomial(gamma: try double("gamma", or: 1), coef0: try double("coef0", or: 1), degree: try double("degree", or: 1))
        case .RadialBasisKernelType: .radialBasis(gamma: try double("gamma", or: 1))
        case .SigmoidKernelType: .sigmoid(gamma: try double("gamma", or: 1), coef0: try double("coef0", or: 1))
        default: nil
        }
    }

    private mutating func vectorDictionary(into model: inout SupportVectorMachineModel) throws(ScoringError) {
        try children { (reader, tag) throws(ScoringError) in
            switch tag {
            case .VectorFields:
                try reader.children { (reader, tag) throws(ScoringError) in
                    if tag == .CategoricalPredictor {
                        model.fields.append(
                            .category(
                                .init(
                                    field: try reader.required("name"), value: try reader.required("value"),
                                    coefficient: try reader.double("coefficient", or: 1), place: reader.place)))
                    } else if case .field(let reference)? = try reader.expression(tag) {
                        model.fields.append(.field(reference))
                    } else {
                        throw reader.unsupported()
                    }
                }
            case .VectorInstance: model.vectors.append(try reader.vectorInstance())
            default: throw reader.unsupported()
            }
        }
    }

    private mutating func vectorInstance() throws(ScoringError) -> SupportVectorMachineModel.VectorInstance {
        let (place, id) = (place, try required("id"))
        var values: SupportVectorMachineModel.VectorInstance.Values?
        try children { (reader, tag) throws(ScoringError) in
            switch tag {
            case .Array, .NUM_ARRAY: values = .dense(try reader.numberArray())
            case .REAL_SparseArray, .INT_SparseArray: values = .sparse(try reader.sparseArray())
            default: throw reader.unsupported()
            }
        }
        guard let values else {
            throw .invalidModel(reason: "<VectorInstance>: the values are missing", place: xml.place(of: Int(place)))
        }
        return .init(id: id, values: values, place: place)
    }

    private mutating func supportVectorMachine() throws(ScoringError) -> SupportVectorMachineModel.Machine {
        var machine = SupportVectorMachineModel.Machine(
            targetCategory: try string("targetCategory"), alternateTargetCategory: try string("alternateTargetCategory"),
            threshold: try double("threshold"), place: place)
        var hasCoefficients = false
        try children { (reader, tag) throws(ScoringError) in
            switch tag {
            case .SupportVectors:
                try reader.children { (reader, tag) throws(ScoringError) in
                    guard tag == .SupportVector else { throw reader.unsupported() }
                    machine.vectorIDs.append(try reader.required("vectorId"))
                }
            case .Coefficients:
                hasCoefficients = true
                machine.absoluteValue = try reader.double("absoluteValue", or: 0)
                try reader.children { (reader, tag) throws(ScoringError) in
                    guard tag == .Coefficient else { throw reader.unsupported() }
                    machine.coefficients.append(try reader.double("value", or: 0))
                }
            default: throw reader.unsupported()
            }
        }
        guard hasCoefficients else {
            throw .invalidModel(
                reason: "<SupportVectorMachine>: the Coefficients are missing", place: xml.place(of: Int(machine.place)))
        }
        return machine
    }
}
