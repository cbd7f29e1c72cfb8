internal import Scoring

/// The types of elements that are evaluated, by ONNX's numbers for them.
enum ElementType: Int32 {
    case float = 1
    /// In attributes of TreeEnsemble only.
    case uint8 = 2
    case int32 = 6
    case int64 = 7
    case string = 8
    case bool = 9
    case double = 11

    var isInteger: Bool { self == .int32 || self == .int64 }
}

/// A constant of the graph.
struct Tensor {
    var type: ElementType
    var dims: [Int]
    /// Numbers, and truth as 1 and 0; empty for strings.
    var numbers: [Double] = []
    var strings: [String] = []

    var count: Int { type == .string ? strings.count : numbers.count }

    init(type: ElementType, dims: [Int], numbers: [Double] = [], strings: [String] = []) {
        (self.type, self.dims, self.numbers, self.strings) = (type, dims, numbers, strings)
    }

    /// Reads a tensor; its dimensions and its data must agree. Integers beyond 2^53 are for ONNX Runtime.
    init(_ proto: ProtoTensorProto, place: String) throws(LoweringFailure) {
        guard proto.externalData.isEmpty, proto.dataLocation == 0 else {
            throw .needsRuntime(.externalData(place: place))
        }
        guard let type = ElementType(rawValue: proto.dataType) else {
            throw .needsRuntime(.elementType(place: place, proto.dataType))
        }
        var count = 1
        var dims: [Int] = []
        for dim in proto.dims {
            let (product, overflow) = count.multipliedReportingOverflow(by: Int(dim))
            guard dim >= 0, !overflow else { throw Self.invalid("a dimension is out of range", place) }
            count = product
            dims.append(Int(dim))
        }
        self.init(type: type, dims: dims)
        if type == .string {
            for bytes in proto.stringData {
                strings.append(
                    try LoweringFailure.wrapping { () throws(ScoringError) in try text([UInt8](bytes), place) })
            }
        } else if !proto.rawData.isEmpty {
            numbers = try Self.numbers(raw: [UInt8](proto.rawData), type, count, place)
        } else {
            switch type {
            case .float: numbers = proto.floatData.map(Double.init)
            case .double: numbers = proto.doubleData
            case .int64: numbers = proto.int64Data.map(Double.init)
            case .int32, .bool, .uint8, .string: numbers = proto.int32Data.map(Double.init)
            }
        }
        guard self.count == count else {
            throw Self.invalid("\(self.count) elements, but the dimensions announce \(count)", place)
        }
        if type == .bool { numbers = numbers.map { $0 == 0 ? 0 : 1 } }
        if type == .int64, numbers.contains(where: { abs($0) >= 9_007_199_254_740_992 }) {
            // Beyond this not every integer is a double; as limits and defaults such numbers are harmless nowhere.
            throw .needsRuntime(.constant(place: place, .wideIntegers))
        }
    }

    private static func invalid(_ reason: String, _ place: String) -> LoweringFailure {
        .invalid(.invalidModel(reason: reason, place: place))
    }

    private static func numbers(raw: [UInt8], _ type: ElementType, _ count: Int, _ place: String) throws(LoweringFailure)
        -> [Double]
    {
        let size =
            switch type {
            case .float, .int32: 4
            case .int64, .double: 8
            case .bool, .uint8, .string: 1
            }
        guard raw.count % size == 0, raw.count / size == count else {
            throw invalid("\(raw.count) bytes, but the dimensions announce \(count) elements", place)
        }
        return raw.withUnsafeBytes { raw in
            (0..<count).map { index in
                let start = index * size
                return switch type {
                case .float: Double(Float(bitPattern: raw.loadUnaligned(fromByteOffset: start, as: UInt32.self)))
                case .double: raw.loadUnaligned(fromByteOffset: start, as: Double.self)
                case .int64: Double(raw.loadUnaligned(fromByteOffset: start, as: Int64.self))
                case .int32: Double(raw.loadUnaligned(fromByteOffset: start, as: Int32.self))
                case .bool, .uint8, .string: Double(raw[start])
                }
            }
        }
    }
}

/// The string that bytes of the file spell.
func text(_ bytes: [UInt8], _ place: String) throws(ScoringError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
        throw .invalidModel(reason: "a string is not valid UTF-8", place: place)
    }
    return text
}
