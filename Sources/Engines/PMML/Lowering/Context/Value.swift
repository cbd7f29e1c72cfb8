internal import Scoring
internal import Tabular
internal import Texts

/// A PMML value while a model is being lowered: where its double is found at run time and what it means.
///
/// Numbers are themselves; floats are doubles that hold a float32; booleans are 1 and 0; a string is its
/// code among the program's strings (`Symbols`), or -1 for one that is nowhere in the model; dates and times
/// are days or seconds. NaN is missing.
struct Value {
    var operand: Formula.Operand
    var type: DataType
    var opType: OpType
    /// Every value that it can have, if that is known: what functions of strings are tabulated over.
    var domain: [Double]?
    /// The string inputs that it may have come from unchanged: strings that it is compared with become
    /// levels of these.
    var origins: [Int] = []
    /// The text of a string whose code says that the model does not know it.
    var text: TextProgram.Register?
    /// Whether it is an invalid value that was let through (invalidValueTreatment `asIs`).
    var isInvalid: Formula.Operand?
    /// The values of an ordinal field in their order.
    var order: [Double] = []
    /// Whether it is a constant that says nothing: of whatever type is wanted.
    var isNothing = false

    init(_ operand: Formula.Operand, _ type: DataType, _ opType: OpType? = nil, domain: [Double]? = nil, origins: [Int] = []) {
        self.operand = operand
        self.type = type
        self.opType = opType ?? (type.isNumeric ? .continuous : .categorical)
        self.domain = domain
        self.origins = origins
    }

    /// What is known of it, in the words of the pass before.
    var valueType: ValueType {
        var result = ValueType(type, opType, isListed: domain != nil)
        result.isOrdered = !order.isEmpty
        result.isNothing = isNothing
        return result
    }
}

/// The strings of a program, numbered in the order of their first appearance.
struct Symbols {
    private(set) var texts: [String] = []
    private var codes: TextMap<Int> = [:]

    mutating func code(_ text: String) -> Int {
        if let code = codes[text] { return code }
        texts.append(text)
        codes[text] = texts.count - 1
        return texts.count - 1
    }

    subscript(code: Int) -> String { texts[code] }
}

/// A string that the model nowhere names.
let unknownSymbol = -1.0
/// A string that is not valid for its field; no row goes on with it.
let invalidSymbol = -2.0
