internal import Foundation
internal import Scoring

/// Rows to score and what the training library makes of them, from files of little-endian doubles without a
/// header, row-major.
struct BenchRows {
    /// Why the files are of no use.
    struct Unusable: Error, CustomStringConvertible {
        let description: String
    }

    let width: Int
    let count: Int
    private let values: [Double]
    /// A margin and a score for each row.
    private let expected: [Double]

    /// - Parameter width: features a row.
    init(rows: String, expected: String, width: Int) throws {
        self.width = width
        values = try Self.doubles(in: rows)
        guard width > 0, !values.isEmpty, values.count % width == 0 else {
            throw Unusable(description: "\(rows) does not hold rows of \(width) features")
        }
        count = values.count / width
        self.expected = try Self.doubles(in: expected)
        guard self.expected.count == 2 * count else {
            throw Unusable(description: "\(expected) does not hold a margin and a score for each of \(count) rows")
        }
    }

    func margin(_ row: Int) -> Double { expected[2 * row] }
    func score(_ row: Int) -> Double { expected[2 * row + 1] }

    /// Makes the batch hold these rows, cell by cell as a front does.
    @inline(__always)
    func fill(_ batch: FeatureBatch, with rows: Range<Int>) {
        batch.reset(width: width)
        values.withUnsafeBufferPointer { values in
            for row in rows {
                let index = batch.addRow()
                for column in 0..<width { batch.set(values[row * width + column], row: index, column: column) }
            }
        }
    }

    private static func doubles(in path: String) throws -> [Double] {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        guard data.count % 8 == 0 else { throw Unusable(description: "\(path) is no file of doubles") }
        return data.withUnsafeBytes { bytes in
            (0..<data.count / 8).map { index in
                Double(bitPattern: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)))
            }
        }
    }
}
