/// Points of equal width, packed so that a row is compared with eight of them at once: the same coordinate of
/// eight points lies together. Sums over coordinates are still added in order, point by point, so that packing
/// changes no result. The last eight are filled up with zeros.
struct PackedPoints: Sendable {
    typealias Lanes = SIMD8<Double>

    let width: Int
    let count: Int
    /// `lanes[eight * width + coordinate]`
    let lanes: [Lanes]

    /// - Parameter points: row-major, `width` numbers a point.
    init(_ points: [Double], width: Int, count: Int) {
        precondition(points.count == width * count)
        self.width = width
        self.count = count
        var lanes = [Lanes](repeating: .zero, count: (count + 7) / 8 * width)
        for point in 0..<count {
            for coordinate in 0..<width {
                lanes[point / 8 * width + coordinate][point % 8] = points[point * width + coordinate]
            }
        }
        self.lanes = lanes
    }

    var eights: Int { (count + 7) / 8 }
    var memoryBytes: Int { lanes.count * MemoryLayout<Lanes>.stride }
}
