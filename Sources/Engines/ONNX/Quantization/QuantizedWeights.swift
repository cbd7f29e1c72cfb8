/// Weights as bytes with their scales. `[K, N]` are the inputs and outputs of the product.
///
/// A scale is the largest magnitude of its weights over 127; a byte is the weight over its scale, rounded to the nearest
/// (ties to even), plus 128. The bytes are unsigned because on processors without VNNI ONNX Runtime's product of
/// unsigned with signed bytes saturates in 16 bits; that of unsigned bytes is exact everywhere.
struct QuantizedWeights {
    static let zeroPoint: UInt8 = 128

    /// Bytes and the dimensions in which they lie.
    var dims: [Int]
    var bytes: [UInt8]
    var scaleDims: [Int]
    var scales: [Float]

    /// One scale a column: bytes [K, N], scales [N].
    init(byColumn weights: ConstantWeights.Matrix) {
        let (rows, columns) = (weights.rows, weights.columns)
        var largest = [Float](repeating: 0, count: columns)
        for row in 0..<rows {
            for column in 0..<columns {
                largest[column] = max(largest[column], abs(weights.elements[row * columns + column]))
            }
        }
        let scales = largest.map(Self.scale(ofLargest:))
        bytes = [UInt8](unsafeUninitializedCapacity: rows * columns) { bytes, count in
            for row in 0..<rows {
                for column in 0..<columns {
                    bytes[row * columns + column] = Self.byte(weights.elements[row * columns + column], scales[column])
                }
            }
            count = rows * columns
        }
        self.scales = scales
        (dims, scaleDims) = ([rows, columns], [columns])
    }

    /// One scale for each block of a column: bytes [N, blocks, size], scales [N, blocks]. The last block is filled up
    /// with zeros.
    init(byBlocksOf size: Int, _ weights: ConstantWeights.Matrix) {
        let (rows, columns) = (weights.rows, weights.columns)
        let blocks = (rows + size - 1) / size
        bytes = [UInt8](repeating: Self.zeroPoint, count: columns * blocks * size)
        scales = []
        scales.reserveCapacity(columns * blocks)
        for column in 0..<columns {
            for block in 0..<blocks {
                let places = block * size..<min(rows, (block + 1) * size)
                var largest: Float = 0
                for row in places { largest = max(largest, abs(weights.elements[row * columns + column])) }
                let scale = Self.scale(ofLargest: largest)
                let start = (column * blocks + block) * size - places.lowerBound
                for row in places { bytes[start + row] = Self.byte(weights.elements[row * columns + column], scale) }
                scales.append(scale)
            }
        }
        (dims, scaleDims) = ([columns, blocks, size], [columns, blocks])
    }

    /// Weights so small that their scale is none, zeros among them, become zeros with a scale of one.
    private static func scale(ofLargest largest: Float) -> Float {
        let scale = largest / 127
        return scale.isNormal ? scale : 1
    }

    private static func byte(_ weight: Float, _ scale: Float) -> UInt8 {
        UInt8(max(-127, min(127, (weight / scale).rounded(.toNearestOrEven))) + Float(zeroPoint))
    }

    /// The size of a block for so many inputs: the one that takes the fewest bytes, scales included, and of equals the
    /// largest, which is the fastest.
    static func blockSize(forInputs count: Int) -> Int {
        var (best, fewest) = (QuantizationLimits.smallestBlock, Int.max)
        var size = QuantizationLimits.largestBlock
        while size >= QuantizationLimits.smallestBlock {
            let bytes = (count + size - 1) / size * (size + MemoryLayout<Float>.size)
            if bytes < fewest { (best, fewest) = (size, bytes) }
            size /= 2
        }
        return best
    }
}
