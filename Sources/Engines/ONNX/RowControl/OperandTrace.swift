internal import SwiftProtobuf

/// What is known of a value of a graph before any row is there.
struct OperandTrace: Hashable {
    /// Whether it depends on what is in a row. How many rows there are, and shapes, do not count.
    var isFromRow: Bool
    /// Whether a row decides about its extents, if it has any, or about those that it tells: it may be without elements.
    var mayBeEmpty = false
    /// ONNX's number for the type of its elements, or of those of a sequence's tensors; 0 where it is unknown.
    var element: Int32 = 0
    /// Bounds of all its elements, for 32-bit and 64-bit integers; nil where they are unknown.
    var range: ClosedRange<Int>?

    /// A value that nothing is known of.
    static let unknown = OperandTrace(isFromRow: true, mayBeEmpty: true)
    static let extents = OperandTrace(isFromRow: false, element: 7, range: 0...Int.max)

    /// What holds for either of two values of one type.
    func joined(_ other: OperandTrace) -> OperandTrace {
        OperandTrace(
            isFromRow: isFromRow || other.isFromRow, mayBeEmpty: mayBeEmpty || other.mayBeEmpty,
            element: element == 0 ? other.element : element,
            range: Self.union(range, other.range))
    }

    static func union(_ one: ClosedRange<Int>?, _ other: ClosedRange<Int>?) -> ClosedRange<Int>? {
        guard let one, let other else { return nil }
        return min(one.lowerBound, other.lowerBound)...max(one.upperBound, other.upperBound)
    }
}

extension OperandTrace {
    /// Of more elements than this no bounds are taken.
    private static let mostBounded = 4_096

    /// A constant.
    init(_ constant: ProtoTensorProto) {
        self.init(isFromRow: false, element: constant.dataType)
        let raw = [UInt8](constant.rawData)
        var numbers: [Int] = []
        switch constant.dataType {
        case 6 where raw.isEmpty && constant.int32Data.count <= Self.mostBounded: numbers = constant.int32Data.map { Int($0) }
        case 7 where raw.isEmpty && constant.int64Data.count <= Self.mostBounded: numbers = constant.int64Data.map { Int($0) }
        case 6 where raw.count <= 4 * Self.mostBounded:
            numbers = raw.withUnsafeBytes { raw in
                (0..<raw.count / 4).map { Int(raw.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self)) }
            }
        case 7 where raw.count <= 8 * Self.mostBounded:
            numbers = raw.withUnsafeBytes { raw in
                (0..<raw.count / 8).map { Int(raw.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self)) }
            }
        default: break
        }
        if let least = numbers.min(), let most = numbers.max() { range = least...most }
    }

    /// The value of a Constant node.
    init(constant node: OperatorNode) {
        self.init(isFromRow: false)
        if let tensor = node.tensor("value") {
            self = OperandTrace(tensor)
        } else if let integers = node.integer("value_int").map({ [$0] }) ?? node.integers("value_ints") {
            element = 7
            if let least = integers.min(), let most = integers.max() { range = least...most }
        } else if node.has("value_float") || node.has("value_floats") {
            element = 1
        } else if node.has("value_string") || node.has("value_strings") {
            element = 8
        }
    }
}
