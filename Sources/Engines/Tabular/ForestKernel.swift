/// Chooses how a forest is executed.
package enum ForestKernel {
    package static func make(_ forest: Forest, features: [Int], into: Int) -> any Kernel {
        ReferenceForestKernel(reference: ForestReference(forest), features: features, into: into)
    }
}

/// Executes any forest by its reference.
struct ReferenceForestKernel: Kernel {
    let reference: ForestReference
    let features: [Int]
    let into: Int

    func scratchBytes(rows: Int) -> Int { 0 }
    var memoryBytes: Int { 0 }

    func run(_ frames: borrowing Frames) {
        for row in 0..<frames.rows {
            let frame = frames.slots + row * frames.stride
            let sums = reference.sums(of: features.map { frame[$0] })
            for (output, sum) in sums.enumerated() { frame[into + output] = sum }
        }
    }
}
