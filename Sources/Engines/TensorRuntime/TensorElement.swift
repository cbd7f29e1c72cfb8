package import Scoring

/// The types of elements that tensors of a library have. Each library has numbers of its own for them.
package enum TensorElement: Sendable, Equatable, CaseIterable {
    case half, float, double
    case int8, int16, int32, int64
    case uint8, uint16, uint32, uint64
    case bool, string

    /// Bytes of an element; 0 for strings, which lie in memory of the library's own.
    package var size: Int {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16, .half: 2
        case .float, .int32, .uint32: 4
        case .double, .int64, .uint64: 8
        case .string: 0
        }
    }

    /// Whether it has a missing value: NaN.
    package var isReal: Bool { self == .float || self == .double || self == .half }

    /// Whether it holds whole numbers that a double does not.
    package var isWide: Bool { self == .int64 || self == .uint64 }

    /// What whole numbers it holds, as far as a double does.
    package var range: ClosedRange<Double> {
        switch self {
        case .uint8: 0...255
        case .int8: -128...127
        case .uint16: 0...65_535
        case .int16: -32_768...32_767
        case .int32: -2_147_483_648...2_147_483_647
        case .uint32: 0...4_294_967_295
        case .int64: -9_007_199_254_740_992...9_007_199_254_740_992
        case .uint64: 0...9_007_199_254_740_992
        case .bool: 0...1
        case .float, .double, .half, .string: -.infinity ... .infinity
        }
    }

    /// Writes `value`, which must be in `range`, as element `index` of a tensor's memory.
    @inline(__always)
    package func store(_ value: Double, _ index: Int, in memory: UnsafeMutableRawPointer) {
        switch self {
        case .float: memory.assumingMemoryBound(to: Float.self)[index] = Float(value)
        case .double: memory.assumingMemoryBound(to: Double.self)[index] = value
        case .half: memory.assumingMemoryBound(to: Float16.self)[index] = Float16(value)
        case .int8: memory.assumingMemoryBound(to: Int8.self)[index] = Int8(value)
        case .uint8, .bool: memory.assumingMemoryBound(to: UInt8.self)[index] = UInt8(value)
        case .int16: memory.assumingMemoryBound(to: Int16.self)[index] = Int16(value)
        case .uint16: memory.assumingMemoryBound(to: UInt16.self)[index] = UInt16(value)
        case .int32: memory.assumingMemoryBound(to: Int32.self)[index] = Int32(value)
        case .uint32: memory.assumingMemoryBound(to: UInt32.self)[index] = UInt32(value)
        case .int64: memory.assumingMemoryBound(to: Int64.self)[index] = Int64(value)
        case .uint64: memory.assumingMemoryBound(to: UInt64.self)[index] = UInt64(value)
        case .string: break
        }
    }

    /// What the double that `load` gives leaves of a wide integer.
    @inline(__always)
    package func remainder(_ index: Int, from memory: UnsafeRawPointer) -> Double {
        let whole: Int128
        switch self {
        case .int64: whole = Int128(memory.assumingMemoryBound(to: Int64.self)[index])
        case .uint64: whole = Int128(memory.assumingMemoryBound(to: UInt64.self)[index])
        default: return 0
        }
        return Double(whole - Int128(load(index, from: memory)))
    }

    /// Element `index` of a tensor's memory as an integer with all its digits; nil where it is none.
    @inline(__always)
    package func integer(_ index: Int, from memory: UnsafeRawPointer) -> Int? {
        switch self {
        case .int64: Int(memory.assumingMemoryBound(to: Int64.self)[index])
        case .uint64: Int(exactly: memory.assumingMemoryBound(to: UInt64.self)[index])
        default: Int(exactly: load(index, from: memory))
        }
    }

    /// Element `index` of a tensor's memory; integers beyond 2^53 are rounded.
    @inline(__always)
    package func load(_ index: Int, from memory: UnsafeRawPointer) -> Double {
        switch self {
        case .float: Double(memory.assumingMemoryBound(to: Float.self)[index])
        case .double: memory.assumingMemoryBound(to: Double.self)[index]
        case .half: Double(memory.assumingMemoryBound(to: Float16.self)[index])
        case .int8: Double(memory.assumingMemoryBound(to: Int8.self)[index])
        case .uint8: Double(memory.assumingMemoryBound(to: UInt8.self)[index])
        case .bool: memory.assumingMemoryBound(to: UInt8.self)[index] == 0 ? 0 : 1
        case .int16: Double(memory.assumingMemoryBound(to: Int16.self)[index])
        case .uint16: Double(memory.assumingMemoryBound(to: UInt16.self)[index])
        case .int32: Double(memory.assumingMemoryBound(to: Int32.self)[index])
        case .uint32: Double(memory.assumingMemoryBound(to: UInt32.self)[index])
        case .int64: Double(memory.assumingMemoryBound(to: Int64.self)[index])
        case .uint64: Double(memory.assumingMemoryBound(to: UInt64.self)[index])
        case .string: .nan
        }
    }

    /// The feature that is such an element. Only real numbers have a missing value.
    package func field(_ name: String) -> Field {
        switch self {
        case .float, .double, .half: Field(name)
        case .string: Field(name, .text, isRequired: true)
        case .bool: Field(name, .boolean, isRequired: true)
        case .int64: Field(name, .integer, integers: .int64, isRequired: true)
        case .uint64: Field(name, .integer, integers: .uint64, isRequired: true)
        case .int8, .uint8, .int16, .uint16, .int32, .uint32: Field(name, .integer, isRequired: true)
        }
    }
}
