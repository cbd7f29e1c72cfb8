package import Scoring

/// A model that the native engine evaluates: a program compiled to kernels, with its signature.
package final class TabularModel: ScoringModel {
    /// What the frames of a block may take, unless one row takes more.
    private static let maxFrameBytes = 32 << 20

    package let signature: Signature
    package let description: ModelDescription
    private let kernels: [any Kernel]
    /// Settled beforehand for the single row, which is what requests bring.
    private let scratchBytesOfOne: Int
    /// Large programs are executed over fewer rows at a time.
    private let blockRows: Int
    private let inputCount: Int
    private let slotCount: Int
    private let outputs: [Int]
    private let verification: (@Sendable (TabularModel) throws(ScoringError) -> Void)?

    /// Checks the program before kernels are made of it; throws `.invalidModel` where it is not sound.
    ///
    /// - Parameter verification: checks the model against examples of its own file.
    package init(
        program: Program, signature: Signature, description: ModelDescription,
        verification: (@Sendable (TabularModel) throws(ScoringError) -> Void)? = nil
    ) throws(ScoringError) {
        try program.validate(for: signature)
        let kernels = program.steps.map(kernel(for:))
        self.signature = signature
        self.kernels = kernels
        self.scratchBytesOfOne = Self.scratchBytes(of: kernels, rows: 1)
        self.inputCount = program.inputCount
        self.slotCount = program.slotCount
        self.blockRows = max(
            1, min(Frames.maxRows, Self.maxFrameBytes / (max(program.slotCount, 1) * MemoryLayout<Double>.stride)))
        self.outputs = program.outputs
        self.verification = verification
        var description = description
        description.memoryBytes = kernels.reduce(0) { $0 + $1.memoryBytes }
        self.description = description
    }

    package func score(_ rows: FeatureBatch, into scores: ScoreBatch, _ call: ScoreCall) throws(ScoringError) {
        precondition(rows.width == inputCount)
        scores.reset(rows: rows.count, width: outputs.count)
        var start = 0
        while start < rows.count {
            let count = min(blockRows, rows.count - start)
            scoreBlock(rows, from: start, count: count, into: scores, using: call.workspace)
            start += count
        }
    }

    package func verify() throws(ScoringError) {
        try verification?(self)
    }

    private static func scratchBytes(of kernels: [any Kernel], rows: Int) -> Int {
        kernels.reduce(0) { max($0, $1.scratchBytes(rows: rows)) }
    }

    private func scoreBlock(
        _ rows: FeatureBatch, from start: Int, count: Int, into scores: ScoreBatch, using workspace: Workspace
    ) {
        let frameBytes = (count * slotCount * MemoryLayout<Double>.stride + 63) & ~63
        let scratchBytes = count == 1 ? scratchBytesOfOne : Self.scratchBytes(of: kernels, rows: count)
        let memory = workspace.reserve(frameBytes + scratchBytes)
        let slots = memory.bindMemory(to: Double.self, capacity: count * slotCount)

        let source = rows.values + start * inputCount
        for row in 0..<count {
            let frame = slots + row * slotCount
            frame.update(from: source + row * inputCount, count: inputCount)
            (frame + inputCount).update(repeating: .nan, count: slotCount - inputCount)
        }
        let frames = Frames(
            slots: slots, stride: slotCount, rows: count, scratch: memory + frameBytes, features: rows, scores: scores,
            firstRow: start)
        for kernel in kernels { kernel.run(frames) }

        let results = scores.values + start * outputs.count
        for row in 0..<count {
            for (column, slot) in outputs.enumerated() {
                results[row * outputs.count + column] = slots[row * slotCount + slot]
            }
        }
    }
}

/// The kernel that executes a step.
private func kernel(for step: Step) -> any Kernel {
    switch step {
    case .forest(let forest, let features, let into): ForestKernel.make(forest, features: features, into: into)
    case .linear(let function, let features, let into): LinearKernel(function, features: features, into: into)
    case .link(let link, let from, let count, let into): LinkKernel(link: link, from: from, count: count, into: into)
    case .complement(let slot, let precision, let into): ComplementKernel(slot: slot, precision: precision, into: into)
    case .highest(let from, let count, let into): HighestKernel(from: from, count: count, into: into)
    case .exceeds(let slot, let threshold, let into): ExceedsKernel(slot: slot, threshold: threshold, into: into)
    case .formula(let formula): FormulaKernel(formula)
    case .texts(let program): TextKernel(program)
    case .decide(let decisions): DecisionGraphKernel(decisions)
    case .mix(let mixture, let into): TreeMixtureKernel(mixture, into: into)
    case .rankReasons(let ranking, let into): ReasonRankingKernel(ranking: ranking, into: into)
    case .network(let network, let inputs, let into): LayeredNetworkKernel(network, inputs: inputs, into: into)
    case .kernelMachines(let function, let features, let into): KernelMachinesKernel(function, features: features, into: into)
    case .search(let search, let features, let into): PointSearchKernel(search, features: features, into: into)
    case .vote(let vote, let into): VoteKernel(vote, into: into)
    case .couple(let coupling, let into): PairwiseCouplingKernel(coupling, into: into)
    }
}
