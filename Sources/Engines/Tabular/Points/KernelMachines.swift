internal import Glibc

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

/// Sums of kernel functions between a row and vectors, one sum a machine: what support vector machines and kernel
/// regressions compute. The machines share the vectors, and a vector's kernel is evaluated once a row. A row with
/// a missing feature has no sums.
package struct KernelMachines: Sendable, Equatable {
    /// A function of a row x and a vector v.
    package enum Kernel: Sendable, Equatable {
        /// The dot product x·v.
        case linear
        /// (gamma * x·v + offset) ^ degree
        case polynomial(gamma: Double, offset: Double, degree: Double)
        /// exp(-gamma * |x - v|²)
        case radialBasis(gamma: Double)
        /// tanh(gamma * x·v + offset)
        case sigmoid(gamma: Double, offset: Double)
    }

    package struct Term: Sendable, Equatable {
        package var vector: Int
        package var coefficient: Double

        package init(vector: Int, coefficient: Double) {
            self.vector = vector
            self.coefficient = coefficient
        }
    }

    /// The sum of coefficient * kernel, in order, and at last the intercept.
    package struct Machine: Sendable, Equatable {
        package var terms: [Term]
        package var intercept: Double

        package init(terms: [Term], intercept: Double) {
            self.terms = terms
            self.intercept = intercept
        }
    }

    package var kernel: Kernel
    /// Numbers of a vector.
    package var width: Int
    /// Row-major.
    package var vectors: [Double]
    package var machines: [Machine]

    package init(kernel: Kernel, width: Int, vectors: [Double], machines: [Machine]) {
        self.kernel = kernel
        self.width = width
        self.vectors = vectors
        self.machines = machines
    }
}

/// Executes kernel machines: all kernels of a row first, then the sums.
struct KernelMachinesKernel: Kernel {
    private struct Machine {
        /// Where its terms begin and end.
        var first: Int
        var end: Int
        var intercept: Double
    }

    private let kernel: KernelMachines.Kernel
    private let points: PackedPoints
    private let machines: [Machine]
    private let vectors: [Int32]
    private let coefficients: [Double]
    private let features: [Int]
    private let into: Int

    init(_ function: KernelMachines, features: [Int], into: Int) {
        precondition(features.count == function.width)
        let count = function.width == 0 ? 0 : function.vectors.count / function.width
        var (machines, vectors, coefficients): ([Machine], [Int32], [Double]) = ([], [], [])
        for machine in function.machines {
            let start = vectors.count
            for term in machine.terms {
                precondition(term.vector < count)
                vectors.append(Int32(term.vector))
                coefficients.append(term.coefficient)
            }
            machines.append(Machine(first: start, end: vectors.count, intercept: machine.intercept))
        }
        kernel = function.kernel
        points = PackedPoints(function.vectors, width: function.width, count: count)
        (self.machines, self.vectors, self.coefficients) = (machines, vectors, coefficients)
        (self.features, self.into) = (features, into)
    }

    /// The values of the vectors' kernels.
    func scratchBytes(rows: Int) -> Int { points.eights * MemoryLayout<PackedPoints.Lanes>.stride }
    var memoryBytes: Int { points.memoryBytes + vectors.count * 12 + machines.count * MemoryLayout<Machine>.stride }

    func run(_ frames: borrowing Frames) {
        let (slots, stride, rows) = (frames.slots, frames.stride, frames.rows)
        let values = frames.scratch.bindMemory(to: PackedPoints.Lanes.self, capacity: points.eights)
        features.withUnsafeBufferPointer { features in
            for row in 0..<rows {
                let frame = slots + row * stride
                var isComplete = true
                for slot in features where frame[slot].isNaN { isComplete = false }
                if isComplete { evaluateKernels(frame, values) }
                addUp(frame, values, isComplete)
            }
        }
    }

    private func addUp(
        _ frame: UnsafeMutablePointer<Double>, _ values: UnsafeMutablePointer<PackedPoints.Lanes>, _ isComplete: Bool
    ) {
        let all = UnsafeRawPointer(values).assumingMemoryBound(to: Double.self)
        machines.withUnsafeBufferPointer { machines in
            vectors.withUnsafeBufferPointer { vectors in
                coefficients.withUnsafeBufferPointer { coefficients in
                    for index in 0..<machines.count {
                        let machine = machines[index]
                        var sum = isComplete ? 0.0 : .nan
                        if isComplete {
                            for term in machine.first..<machine.end { sum += coefficients[term] * all[Int(vectors[term])] }
                        }
                        frame[into + index] = sum + machine.intercept
                    }
                }
            }
        }
    }

    private func evaluateKernels(_ frame: UnsafeMutablePointer<Double>, _ values: UnsafeMutablePointer<PackedPoints.Lanes>) {
        switch kernel {
        case .linear: dotProducts(frame, values)
        case .polynomial(let gamma, let offset, let degree):
            dotProducts(frame, values)
            each(values) { pow(gamma * $0 + offset, degree) }
        case .sigmoid(let gamma, let offset):
            dotProducts(frame, values)
            each(values) { tanh(gamma * $0 + offset) }
        case .radialBasis(let gamma):
            squaredDistances(frame, values)
            each(values) { exp(-$0 * gamma) }
        }
    }

    @inline(__always)
    private func each(_ values: UnsafeMutablePointer<PackedPoints.Lanes>, _ function: (Double) -> Double) {
        let all = UnsafeMutableRawPointer(values).assumingMemoryBound(to: Double.self)
        for index in 0..<points.count { all[index] = function(all[index]) }
    }

    @inline(__always)
    private func accumulate(
        _ frame: UnsafeMutablePointer<Double>, _ values: UnsafeMutablePointer<PackedPoints.Lanes>,
        _ term: (PackedPoints.Lanes, Double) -> PackedPoints.Lanes
    ) {
        points.lanes.withUnsafeBufferPointer { lanes in
            features.withUnsafeBufferPointer { features in
                for eight in 0..<points.eights {
                    var sum = PackedPoints.Lanes.zero
                    for index in 0..<features.count { sum += term(lanes[eight * features.count + index], frame[features[index]]) }
                    values[eight] = sum
                }
            }
        }
    }

    private func dotProducts(_ frame: UnsafeMutablePointer<Double>, _ values: UnsafeMutablePointer<PackedPoints.Lanes>) {
        accumulate(frame, values) { $0 * $1 }
    }

    private func squaredDistances(_ frame: UnsafeMutablePointer<Double>, _ values: UnsafeMutablePointer<PackedPoints.Lanes>) {
        accumulate(frame, values) { vector, value in
            let difference = PackedPoints.Lanes(repeating: value) - vector
            return difference * difference
        }
    }
}
