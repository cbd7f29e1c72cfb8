internal import TensorRuntime

/// ONNX's numbers and names for the types of elements.
extension TensorElement {
    /// nil for a type whose elements ONNX Runtime does not exchange with Verdict.
    init?(onnx number: Int32) {
        switch number {
        case 1: self = .float
        case 2: self = .uint8
        case 3: self = .int8
        case 4: self = .uint16
        case 5: self = .int16
        case 6: self = .int32
        case 7: self = .int64
        case 8: self = .string
        case 9: self = .bool
        case 10: self = .half
        case 11: self = .double
        case 12: self = .uint32
        case 13: self = .uint64
        default: return nil
        }
    }

    var onnxNumber: Int32 {
        switch self {
        case .float: 1
        case .uint8: 2
        case .int8: 3
        case .uint16: 4
        case .int16: 5
        case .int32: 6
        case .int64: 7
        case .string: 8
        case .bool: 9
        case .half: 10
        case .double: 11
        case .uint32: 12
        case .uint64: 13
        }
    }

    /// As the ONNX standard calls it.
    static func onnxName(_ number: Int32) -> String {
        let names = [
            "undefined", "float", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16", "double",
            "uint32", "uint64", "complex64", "complex128", "bfloat16",
        ]
        return names.indices.contains(Int(number)) ? names[Int(number)] : "type \(number)"
    }
}
