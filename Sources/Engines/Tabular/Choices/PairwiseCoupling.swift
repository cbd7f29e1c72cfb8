/// Probabilities of classes from the probabilities that pairwise classifiers give: the second method of Wu, Lin and
/// Weng (2004), as LIBSVM and ONNX Runtime iterate it, in float32. It stops at an error of 0.005 / classes, so that the
/// results are those of this very iteration and no others.
package struct PairwiseCoupling: Sendable, Equatable {
    package var classCount: Int
    /// The slots of the probabilities that a row is of class i and not j, i before j, for (0, 1), (0, 2), ... (1, 2), ...
    package var pairs: [Int]

    package init(classCount: Int, pairs: [Int]) {
        (self.classCount, self.pairs) = (classCount, pairs)
    }
}

/// Executes a coupling, one row after the other, in scratch memory.
struct PairwiseCouplingKernel: Kernel {
    private static let maxRounds = 100
    private let count: Int
    private let pairs: [Int]
    private let into: Int

    init(_ coupling: PairwiseCoupling, into: Int) {
        precondition(coupling.pairs.count == coupling.classCount * (coupling.classCount - 1) / 2)
        (count, pairs, self.into) = (coupling.classCount, coupling.pairs, into)
    }

    /// The probabilities of pairs, the matrix Q, its product with the estimate and the estimate.
    func scratchBytes(rows: Int) -> Int { (2 * count * count + 2 * count) * MemoryLayout<Float>.stride }
    var memoryBytes: Int { pairs.count * MemoryLayout<Int>.stride }

    func run(_ frames: borrowing Frames) {
        let r = frames.scratch.bindMemory(to: Float.self, capacity: 2 * count * count + 2 * count)
        for row in 0..<frames.rows {
            let frame = frames.slots + row * frames.stride
            var next = 0
            for i in 0..<count {
                for j in i + 1..<max(count, i + 1) {
                    r[i * count + j] = Float(frame[pairs[next]])
                    r[j * count + i] = 1 - r[i * count + j]
                    next += 1
                }
            }
            let estimate = couple(r)
            for i in 0..<count { frame[into + i] = Double(estimate[i]) }
        }
    }

    private func couple(_ r: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
        let q = r + count * count
        let product = q + count * count
        let p = product + count
        let bound = 0.005 / Float(count)
        for i in 0..<count {
            p[i] = 1 / Float(count)
            q[i * count + i] = 0
            for j in 0..<count where j != i {
                q[i * count + i] += r[j * count + i] * r[j * count + i]
                q[i * count + j] = j < i ? q[j * count + i] : -r[j * count + i] * r[i * count + j]
            }
        }
        for _ in 0..<Self.maxRounds {
            var whole: Float = 0
            for i in 0..<count {
                product[i] = 0
                for j in 0..<count { product[i] += q[i * count + j] * p[j] }
                whole += p[i] * product[i]
            }
            var error: Float = 0
            for i in 0..<count { error = max(error, abs(product[i] - whole)) }
            if error < bound { break }
            for i in 0..<count {
                let change = (whole - product[i]) / q[i * count + i]
                p[i] += change
                whole = (whole + change * (change * q[i * count + i] + 2 * product[i])) / (1 + change) / (1 + change)
                for j in 0..<count {
                    product[j] = (product[j] + change * q[i * count + j]) / (1 + change)
                    p[j] /= 1 + change
                }
            }
        }
        return p
    }
}
