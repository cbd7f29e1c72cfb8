/// What the native engine does not compute of an operator that it knows. `description` completes "Reshape 'r' with ...".
package enum NativeLimit: Sendable, Equatable {
    // Types
    case elementType, conversion, strings, computedStrings, integers, wideIntegers, doubleThresholds
    case typeOrTransform, normOrType, vectorsOrType

    // Inputs
    case onlyConstants, constants, constantInput, computedInput(Int), otherInput, otherInputs, otherThanColumns
    case otherThanConstantMatrix, otherAddend, otherBias, otherList, unannouncedSizes

    // Rows and shapes
    case mixedRows, manyColumns, ranks, shapesAndTypes, constantForEachRow, constantRank, otherShape, computedShape
    case partOfShape, shapeType, shapeWithoutRows, otherSlice, emptySlice, otherParts, unnamedAxes

    // Forms of operators
    case otherForm, innerGraph, attribute(String), maskOrTraining, trainingOrShape, emptyReduction, lastOfEquals
    case moreThanFirst, crossedLimits, freeIndex, repeatedKey, repeatedLabel

    // Trees, linear models and support vector machines
    case outputs(Int), nodeMode(String), setMembers, infiniteEquality, manyEqualities, manyLeafValues
    case repeatedWeight, aggregate(String), extremeOfTrees, transform(String), transformOfOneSum(String)
    case transformOfOneClass(String), anyTransform, fewClasses, disagreeingLeaves, incompleteClasses
    case baseValuesOfOneClass, baseValues, labelsOfOneSum(Int), kernel(String), manyVectors
}

extension NativeLimit: CustomStringConvertible {
    package var description: String {
        switch self {
        case .elementType: "this type"
        case .conversion: "this conversion"
        case .strings: "strings"
        case .computedStrings: "strings that are both computed"
        case .integers: "integers"
        case .wideIntegers: "integers beyond 2^53"
        case .doubleThresholds: "double thresholds"
        case .typeOrTransform: "this type or a transform"
        case .normOrType: "this norm or type"
        case .vectorsOrType: "vectors of no class, or this type"
        case .onlyConstants: "nothing but constants"
        case .constants: "constants"
        case .constantInput: "a constant for its input"
        case .computedInput(let index): "a computed '\(index)'"
        case .otherInput: "such an input"
        case .otherInputs: "such inputs"
        case .otherThanColumns: "anything but columns"
        case .otherThanConstantMatrix: "anything but rows and a constant matrix"
        case .otherAddend: "such an addend"
        case .otherBias: "such a bias"
        case .otherList: "such a list"
        case .unannouncedSizes: "inputs of other sizes than announced"
        case .mixedRows: "rows that mix"
        case .manyColumns: "so many columns"
        case .ranks: "inputs of these ranks"
        case .shapesAndTypes: "inputs of these shapes and types"
        case .constantForEachRow: "a constant for each row"
        case .constantRank: "a constant of this rank"
        case .otherShape: "such a shape"
        case .computedShape: "a computed shape"
        case .partOfShape: "a part of the shape"
        case .shapeType: "a shape of another type"
        case .shapeWithoutRows: "a shape without rows"
        case .otherSlice: "such a slice"
        case .emptySlice: "an empty slice"
        case .otherParts: "such parts"
        case .unnamedAxes: "unnamed axes"
        case .otherForm: "this form"
        case .innerGraph: "a graph inside a node"
        case .attribute(let name): "'\(name)'"
        case .maskOrTraining: "a mask or training"
        case .trainingOrShape: "training, or more than columns"
        case .emptyReduction: "nothing to reduce"
        case .lastOfEquals: "the last of equals"
        case .moreThanFirst: "more than the first"
        case .crossedLimits: "limits that cross"
        case .freeIndex: "an index that a row may choose freely"
        case .repeatedKey: "a key that is there twice"
        case .repeatedLabel: "a label that is there twice"
        case .outputs(let count): "\(count) outputs"
        case .nodeMode(let mode): "nodes of mode \(mode)"
        case .setMembers: "sets of other members than 0 to 30"
        case .infiniteEquality: "equality with a value that is not finite"
        case .manyEqualities: "so many values compared for equality"
        case .manyLeafValues: "so many leaf values"
        case .repeatedWeight: "two weights of one leaf and output"
        case .aggregate(let name): "the aggregate \(name)"
        case .extremeOfTrees: "the least or the greatest of trees"
        case .transform(let name): "the transform \(name)"
        case .transformOfOneSum(let name): "the transform \(name) of one sum"
        case .transformOfOneClass(let name): "the transform \(name) of one class's sums"
        case .anyTransform: "a transform"
        case .fewClasses: "fewer than two classes"
        case .disagreeingLeaves: "leaves that speak of different classes"
        case .incompleteClasses: "base values or leaves that leave classes out"
        case .baseValuesOfOneClass: "two base values and leaves of one class"
        case .baseValues: "these base values"
        case .labelsOfOneSum(let count): "one sum and \(count) labels"
        case .kernel(let name): "the kernel \(name)"
        case .manyVectors: "so many vectors"
        }
    }
}
