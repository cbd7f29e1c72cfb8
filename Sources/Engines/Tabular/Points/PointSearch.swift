/// The points that are nearest to a row, or most alike: what cluster models and nearest neighbours compute.
///
/// The results are `places` positions of points, nearest first and of equals the first, then as many distances or
/// similarities, then, if asked for, those of all points. Places without a point are missing.
package struct PointSearch: Sendable, Equatable {
    /// How a row and a point differ in one coordinate.
    package enum Difference: Sendable, Equatable {
        /// |x - y|
        case absolute
        /// exp(-ln 2 * (x - y)² / scale²)
        case gaussian(scale: Double)
        /// 0 where they are equal, else 1.
        case unequal
        /// 1 where they are equal, else 0.
        case equal
        /// `tables[table]` of row x and column y, both positions.
        case table(Int)
    }

    /// What is made of the differences.
    package enum Measure: Sendable, Equatable {
        /// (sum of weight * difference ^ power) ^ (1 / root)
        case powers(power: Double, root: Double)
        /// The greatest weight * difference.
        case greatest
        /// The quotient of two weighted counts of coordinates, which are 0 or 1. A row with another value, or
        /// none, has no result, neither has one where the divisor is 0.
        case counts(dividend: CountWeights, divisor: CountWeights)
    }

    /// What coordinates count by their values in the row and in the point.
    package struct CountWeights: Sendable, Equatable {
        package var both: Double
        package var onlyRow: Double
        package var onlyPoint: Double
        package var neither: Double

        package init(both: Double, onlyRow: Double, onlyPoint: Double, neither: Double) {
            (self.both, self.onlyRow, self.onlyPoint, self.neither) = (both, onlyRow, onlyPoint, neither)
        }
    }

    package struct Coordinate: Sendable, Equatable {
        package var difference: Difference
        package var weight: Double
        /// The share of the whole that is made up for where the row's value is missing: the differences that
        /// there are count more, by the sum of all shares over those of the present ones.
        package var share: Double

        package init(_ difference: Difference, weight: Double = 1, share: Double = 1) {
            (self.difference, self.weight, self.share) = (difference, weight, share)
        }
    }

    /// A square table of differences, row-major.
    package struct Table: Sendable, Equatable {
        package var size: Int
        package var values: [Double]

        package init(size: Int, values: [Double]) {
            (self.size, self.values) = (size, values)
        }
    }

    package var measure: Measure
    /// Whether greater results are nearer: similarities rather than distances.
    package var prefersGreatest: Bool
    package var coordinates: [Coordinate]
    package var tables: [Table] = []
    /// Row-major, a number a coordinate.
    package var points: [Double]
    package var places: Int
    package var givesAll: Bool

    package init(
        measure: Measure, prefersGreatest: Bool, coordinates: [Coordinate], points: [Double], places: Int, givesAll: Bool
    ) {
        (self.measure, self.prefersGreatest, self.coordinates) = (measure, prefersGreatest, coordinates)
        (self.points, self.places, self.givesAll) = (points, places, givesAll)
    }

    package var pointCount: Int { coordinates.isEmpty ? 0 : points.count / coordinates.count }
    /// How many slots the results take.
    package var resultCount: Int { 2 * places + (givesAll ? pointCount : 0) }
}
