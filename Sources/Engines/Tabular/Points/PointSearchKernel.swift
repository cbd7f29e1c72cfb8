internal import Glibc

/// Executes a search: eight points at a time, the nearest kept in a heap in the places of the results.
struct PointSearchKernel: Kernel {
    private typealias Lanes = PackedPoints.Lanes

    private let search: PointSearch
    private let points: PackedPoints
    private let features: [Int]
    private let into: Int
    private let shares: Double

    init(_ search: PointSearch, features: [Int], into: Int) {
        precondition(search.places > 0)
        precondition(
            features.count == search.coordinates.count && search.tables.allSatisfy { $0.values.count == $0.size * $0.size })
        points = PackedPoints(search.points, width: search.coordinates.count, count: search.pointCount)
        var search = search
        search.points = []
        self.search = search
        (self.features, self.into) = (features, into)
        shares = search.coordinates.reduce(0) { $0 + $1.share }
    }

    func scratchBytes(rows: Int) -> Int { 0 }
    var memoryBytes: Int { points.memoryBytes + search.tables.reduce(0) { $0 + $1.values.count * 8 } }

    func run(_ frames: borrowing Frames) {
        for row in 0..<frames.rows {
            let frame = frames.slots + row * frames.stride
            switch search.measure {
            case .powers(let power, let root):
                let factor = factor(frame)
                if power == 2 {
                    find(frame) { finished(sum(frame, $0) { $0 * $0 } * factor, root) }
                } else if power == 1 {
                    find(frame) { finished(sum(frame, $0) { $0 } * factor, root) }
                } else {
                    find(frame) { finished(sum(frame, $0) { each($0) { pow($0, power) } } * factor, root) }
                }
            case .greatest:
                let factor = factor(frame)
                find(frame) { greatest(frame, $0) * factor }
            case .counts(let dividend, let divisor):
                find(frame) { quotient(frame, $0, dividend, divisor) }
            }
        }
    }

    // MARK: Differences

    /// How much more the present coordinates count; NaN if none is present.
    private func factor(_ frame: UnsafeMutablePointer<Double>) -> Double {
        var present = 0.0
        features.withUnsafeBufferPointer { features in
            search.coordinates.withUnsafeBufferPointer { coordinates in
                for index in 0..<features.count where !frame[features[index]].isNaN { present += coordinates[index].share }
            }
        }
        return present == 0 ? .nan : shares / present
    }

    @inline(__always)
    private func each(_ lanes: Lanes, _ function: (Double) -> Double) -> Lanes {
        var result = lanes
        for lane in 0..<8 { result[lane] = function(lanes[lane]) }
        return result
    }

    @inline(__always)
    private func sum(_ frame: UnsafeMutablePointer<Double>, _ eight: Int, _ power: (Lanes) -> Lanes) -> Lanes {
        var sum = Lanes.zero
        differences(frame, eight) { difference, weight in sum += power(difference) * weight }
        return sum
    }

    private func greatest(_ frame: UnsafeMutablePointer<Double>, _ eight: Int) -> Lanes {
        var greatest = Lanes(repeating: -.infinity)
        differences(frame, eight) { difference, weight in
            let weighted = difference * weight
            // What is NaN stays so.
            greatest.replace(with: weighted, where: (weighted .> greatest) .| (weighted .!= weighted))
        }
        return greatest
    }

    /// Every present coordinate's difference from eight points.
    @inline(__always)
    private func differences(_ frame: UnsafeMutablePointer<Double>, _ eight: Int, _ body: (Lanes, Double) -> Void) {
        points.lanes.withUnsafeBufferPointer { lanes in
            search.coordinates.withUnsafeBufferPointer { coordinates in
                features.withUnsafeBufferPointer { features in
                    for index in 0..<coordinates.count {
                        let value = frame[features[index]]
                        if value.isNaN { continue }
                        let point = lanes[eight * coordinates.count + index]
                        body(difference(coordinates[index].difference, value, point), coordinates[index].weight)
                    }
                }
            }
        }
    }

    @inline(__always)
    private func difference(_ function: PointSearch.Difference, _ value: Double, _ point: Lanes) -> Lanes {
        let row = Lanes(repeating: value)
        switch function {
        case .absolute:
            let difference = row - point
            return difference.replacing(with: -difference, where: difference .< 0)
        case .gaussian(let scale): return each(row - point) { exp(-log(2.0) * $0 * $0 / (scale * scale)) }
        case .unequal: return Lanes(repeating: 1).replacing(with: 0, where: row .== point)
        case .equal: return Lanes.zero.replacing(with: 1, where: row .== point)
        case .table(let index): return each(point) { search.tables[index].value(value, $0) }
        }
    }

    @inline(__always)
    private func finished(_ sum: Lanes, _ root: Double) -> Lanes {
        if root == 1 { return sum }
        return root == 2 ? sum.squareRoot() : each(sum) { pow($0, 1 / root) }
    }

    private func quotient(
        _ frame: UnsafeMutablePointer<Double>, _ eight: Int, _ dividend: PointSearch.CountWeights,
        _ divisor: PointSearch.CountWeights
    ) -> Lanes {
        var (both, onlyRow, onlyPoint, neither) = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
        for index in 0..<points.width {
            let point = points.lanes[eight * points.width + index]
            let value = frame[features[index]]
            if value == 1 {
                both += point
                onlyRow += 1 - point
            } else if value == 0 {
                onlyPoint += point
                neither += 1 - point
            } else {
                return Lanes(repeating: .nan)
            }
        }
        let some = both * dividend.both + onlyRow * dividend.onlyRow + onlyPoint * dividend.onlyPoint + neither * dividend.neither
        let all = both * divisor.both + onlyRow * divisor.onlyRow + onlyPoint * divisor.onlyPoint + neither * divisor.neither
        return (some / all).replacing(with: .nan, where: all .== 0)
    }

    // MARK: The nearest

    /// Keeps the nearest of all points; `values` gives the results of eight.
    @inline(__always)
    private func find(_ frame: UnsafeMutablePointer<Double>, _ values: (Int) -> Lanes) {
        let all = search.givesAll ? frame + into + 2 * search.places : nil
        var heap = NearestHeap(positions: frame + into, keys: frame + into + search.places, capacity: search.places)
        for eight in 0..<points.eights {
            let lanes = values(eight)
            let keys = search.prefersGreatest ? -lanes : lanes
            let count = min(8, points.count - eight * 8)
            if let all {
                for lane in 0..<count { all[eight * 8 + lane] = lanes[lane] }
            }
            // Once there are enough, most eights hold nothing that is near enough.
            if heap.count == heap.capacity, !any(keys .< Lanes(repeating: heap.worst)) { continue }
            for lane in 0..<count { heap.offer(keys[lane], at: eight * 8 + lane) }
        }
        heap.sort()
        if search.prefersGreatest {
            for place in 0..<heap.count { heap.keys[place] = 0 - heap.keys[place] }
        }
    }
}

extension PointSearch.Table {
    /// NaN where one of the positions is none of the table.
    fileprivate func value(_ row: Double, _ column: Double) -> Double {
        guard row >= 0, row < Double(size), column >= 0, column < Double(size) else { return .nan }
        return values[Int(row) * size + Int(column)]
    }
}

/// The least keys offered, and where they were; the worst of them on top. Of equal keys the earlier is better.
struct NearestHeap {
    let positions: UnsafeMutablePointer<Double>
    let keys: UnsafeMutablePointer<Double>
    let capacity: Int
    private(set) var count = 0

    init(positions: UnsafeMutablePointer<Double>, keys: UnsafeMutablePointer<Double>, capacity: Int) {
        (self.positions, self.keys, self.capacity) = (positions, keys, capacity)
        positions.update(repeating: .nan, count: capacity)
        keys.update(repeating: .nan, count: capacity)
    }

    /// The greatest key that is kept, of a heap that keeps some.
    var worst: Double { keys[0] }

    /// Keeps the key if it is among the least so far. Positions must ascend from call to call. O(log capacity).
    @inline(__always)
    mutating func offer(_ key: Double, at position: Int) {
        if count == capacity {
            guard capacity > 0, key < keys[0] else { return }
            (keys[0], positions[0]) = (key, Double(position))
            sink(0, count)
        } else if !key.isNaN {
            (keys[count], positions[count]) = (key, Double(position))
            count += 1
            rise(count - 1)
        }
    }

    /// From least to greatest; nothing can be offered afterwards. O(count log count).
    mutating func sort() {
        var end = count
        while end > 1 {
            end -= 1
            exchange(0, end)
            sink(0, end)
        }
    }

    private func isWorse(_ a: Int, _ b: Int) -> Bool {
        keys[a] > keys[b] || keys[a] == keys[b] && positions[a] > positions[b]
    }

    private func exchange(_ a: Int, _ b: Int) {
        (keys[a], keys[b]) = (keys[b], keys[a])
        (positions[a], positions[b]) = (positions[b], positions[a])
    }

    private func rise(_ start: Int) {
        var child = start
        while child > 0, isWorse(child, (child - 1) / 2) {
            exchange(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private func sink(_ start: Int, _ end: Int) {
        var parent = start
        while 2 * parent + 1 < end {
            var child = 2 * parent + 1
            if child + 1 < end, isWorse(child + 1, child) { child += 1 }
            guard isWorse(child, parent) else { return }
            exchange(child, parent)
            parent = child
        }
    }
}
