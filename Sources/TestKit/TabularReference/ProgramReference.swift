package import Scoring
package import Tabular

/// The meaning of a `Program`, written to be read: one row, one step after the other, every slot looked up with a check
/// of its bounds. Slow; the kernels are tested against it bit for bit.
///
/// The limits on the length of texts and on the steps of matching are the kernel's own and are not told again here.
package struct ProgramReference {
    /// What a row comes to.
    package struct Result {
        /// The values of the output slots. An output that is a text holds its index in `texts`.
        package var outputs: [Double]
        package var texts: [String]
        /// What the row fails with; the other results mean nothing then.
        package var failure: ScoringError?
    }

    private let program: Program

    package init(_ program: Program) { self.program = program }

    /// - Parameters:
    ///   - row: the inputs, NaN for missing.
    ///   - texts: the inputs that are texts, by position; one that is not there is missing.
    package func result(of row: [Double], texts: [Int: String] = [:]) -> Result {
        precondition(row.count == program.inputCount)
        var frame = ReferenceFrame(slotCount: program.slotCount, texts: texts)
        for (slot, value) in row.enumerated() { frame[slot] = value }
        for step in program.steps { frame.run(step) }
        return Result(outputs: program.outputs.map { frame[$0] }, texts: frame.results, failure: frame.failure)
    }
}

/// One row's slots while a program runs.
struct ReferenceFrame {
    private var slots: [Double]
    let texts: [Int: String]
    /// The texts that are results.
    var results: [String] = []
    private(set) var failure: ScoringError?

    init(slotCount: Int, texts: [Int: String]) {
        slots = [Double](repeating: .nan, count: slotCount)
        self.texts = texts
    }

    /// Ends the process with a message where the slot is none of the frame: in every build, unlike a pointer.
    subscript(slot: Int) -> Double {
        get {
            precondition(slots.indices.contains(slot), "slot \(slot) of \(slots.count) is read")
            return slots[slot]
        }
        set {
            precondition(slots.indices.contains(slot), "slot \(slot) of \(slots.count) is written")
            slots[slot] = newValue
        }
    }

    func values(_ slots: [Int]) -> [Double] { slots.map { self[$0] } }

    func values(from first: Int, _ count: Int) -> [Double] { (first..<first + count).map { self[$0] } }

    mutating func write(_ values: [Double], into first: Int) {
        for (index, value) in values.enumerated() { self[first + index] = value }
    }

    /// The first failure is the one that counts.
    mutating func fail(_ error: ScoringError) {
        if failure == nil { failure = error }
    }

    mutating func run(_ step: Step) {
        switch step {
        case .forest(let forest, let features, let into):
            write(ForestReference(forest).sums(of: values(features)), into: into)
        case .linear(let function, let features, let into): write(function.sums(of: values(features)), into: into)
        case .link(let link, let from, let count, let into): write(link.results(of: values(from: from, count)), into: into)
        case .complement(let slot, let precision, let into):
            self[into] = precision == .float32 ? Double(1 - Float(self[slot])) : 1 - self[slot]
        case .highest(let from, let count, let into):
            let values = values(from: from, count)
            let highest = values.max { $0 < $1 }
            self[into] = values.contains(where: \.isNaN) ? .nan : Double(values.firstIndex { $0 == highest }!)
        case .exceeds(let slot, let threshold, let into):
            self[into] = self[slot].isNaN ? .nan : (self[slot] > threshold ? 1 : 0)
        case .formula(let formula): run(formula)
        case .texts(let program): run(program)
        case .decide(let walks):
            for walk in walks {
                let result = walk.graph.result { self[$0] }
                let first = result * walk.graph.width
                write(Array(walk.graph.results[first..<first + walk.graph.width]), into: walk.into)
            }
        case .mix(let mixture, let into): write(ReferenceMixture(mixture, self).results, into: into)
        case .rankReasons(let ranking, let into): write(ranked(ranking), into: into)
        case .network(let network, let inputs, let into): write(network.results(of: values(inputs)), into: into)
        case .kernelMachines(let function, let features, let into): write(function.sums(of: values(features)), into: into)
        case .search(let search, let features, let into): write(search.results(of: values(features)), into: into)
        case .vote(let vote, let into): self[into] = winner(vote)
        case .couple(let coupling, let into):
            write(coupling.probabilities(of: values(coupling.pairs)), into: into)
        }
    }

    /// The codes with the most points, each once; codes whose points are negative or unknown are left out.
    private func ranked(_ ranking: ReasonRanking) -> [Double] {
        var totals: [Int: Double] = [:]
        var codes: [Double] = []
        for entry in ranking.entries {
            let (code, points) = (self[entry.code], self[entry.points])
            guard code >= 0, code < Double(ranking.codeCount) else { continue }
            if !codes.contains(code) { codes.append(code) }
            guard !points.isNaN else { continue }
            let total = totals[Int(code)] ?? .nan
            totals[Int(code)] = total.isNaN ? points : total + points
        }
        func total(_ code: Double) -> Double { totals[Int(code)] ?? .nan }
        // In the order of the entries where totals are equal.
        let kept = codes.filter { total($0) >= 0 }.enumerated().sorted {
            total($0.element) != total($1.element) ? total($0.element) > total($1.element) : $0.offset < $1.offset
        }
        return (0..<ranking.places).map { $0 < kept.count ? kept[$0].element : .nan }
    }

    private func winner(_ vote: Vote) -> Double {
        var totals = [Double](repeating: .nan, count: vote.preference.count)
        for (index, ballot) in vote.ballots.enumerated() {
            let named = self[ballot]
            guard named >= 0, named < Double(totals.count) else { continue }
            let weight = vote.weights.isEmpty ? 1 : self[vote.weights[index]]
            let total = totals[Int(named)]
            totals[Int(named)] = total.isNaN ? weight : total + weight
        }
        var winner: Int?
        for category in vote.preference where !totals[category].isNaN {
            if winner == nil || totals[category] > totals[winner!] { winner = category }
        }
        return winner.map { Double($0) } ?? .nan
    }
}
