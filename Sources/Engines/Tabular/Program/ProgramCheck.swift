package import Scoring
internal import Texts

extension Program {
    /// The most slots that a frame may have: a row takes eight bytes of each.
    package static let maxSlots = 1 << 27
    /// The most numbers that one list of a step may have: kernels count them in 32 bits.
    static let maxElements = Int(Int32.max) / 2

    /// Checks every slot, list, table, width, child and cycle, so that kernels may trust the program and need no checks
    /// of their own. Throws what is wrong and in which step: a mistake of the reader that made the program.
    ///
    /// A step reads inputs and what steps before it have written. Every slot beyond the inputs is written once.
    /// Takes time and memory proportional to the program.
    package func validate() throws(ScoringError) {
        var check = ProgramCheck()
        try check.run(self)
    }

    /// Checks the program, and that it fits a signature: as many inputs and outputs, texts where texts are read and written.
    package func validate(for signature: Signature) throws(ScoringError) {
        var check = ProgramCheck()
        try check.run(self)
        try check.require(
            signature.inputs.count == inputCount, "\(signature.inputs.count) inputs are named, but the program has \(inputCount)")
        try check.require(
            signature.outputs.count == outputs.count,
            "\(signature.outputs.count) outputs are named, but the program has \(outputs.count)")
        for input in check.textInputs.sorted() {
            try check.require(signature.inputs[input].kind == .text, "input \(input) is read as a text, but is none")
        }
        for (column, output) in signature.outputs.enumerated() where output.kind == .text {
            try check.require(check.textOutputs.contains(outputs[column]), "output \(column) is to be a text, but is none")
        }
    }
}

/// Goes through a program once, step by step, with what is known of its slots so far.
struct ProgramCheck {
    private(set) var inputCount = 0
    private(set) var slotCount = 0
    /// A bit for each slot that has a value.
    private var written: [UInt64] = []
    /// Where the check is, as it is said in messages.
    var place = ""
    /// The inputs that are read as texts, and the slots that hold texts for the answer.
    var textInputs: Set<Int> = []
    var textOutputs: Set<Int> = []

    mutating func run(_ program: Program) throws(ScoringError) {
        place = "the program"
        (inputCount, slotCount) = (program.inputCount, program.slotCount)
        try require(
            inputCount >= 0 && inputCount <= slotCount && slotCount <= Program.maxSlots,
            "\(inputCount) inputs and \(slotCount) slots")
        written = [UInt64](repeating: 0, count: (slotCount + 63) / 64)
        for slot in 0..<inputCount { written[slot >> 6] |= 1 << UInt64(slot & 63) }
        for (index, step) in program.steps.enumerated() {
            let name = "step \(index + 1) (\(step.name))"
            place = name
            try check(step, name)
        }
        place = "the outputs"
        try read(program.outputs)
        place = "the program"
    }

    // MARK: What every step uses

    func fault(_ reason: String) -> ScoringError {
        .invalidModel(
            reason: "the program made of the model is not sound: \(reason); this is a mistake in Verdict, please report it",
            place: place)
    }

    func require(_ holds: Bool, _ reason: @autoclosure () -> String) throws(ScoringError) {
        guard holds else { throw fault(reason()) }
    }

    /// An index of something of which there are `count`.
    func require(index: Int, below count: Int, _ what: @autoclosure () -> String) throws(ScoringError) {
        guard index >= 0, index < count else { throw fault("\(what()) \(index) of \(count)") }
    }

    /// How many elements a list has.
    func require(_ count: Int, of what: @autoclosure () -> String, for wanted: Int?) throws(ScoringError) {
        guard count == wanted, count <= Program.maxElements else {
            throw fault("\(count) \(what()) instead of \(wanted.map { "\($0)" } ?? "a possible number")")
        }
    }

    func read(_ slot: Int) throws(ScoringError) {
        try require(index: slot, below: slotCount, "slot")
        guard written[slot >> 6] >> UInt64(slot & 63) & 1 == 1 else { throw fault("slot \(slot) is read before it is written") }
    }

    func read(_ slots: [Int]) throws(ScoringError) {
        for slot in slots { try read(slot) }
    }

    /// Adjacent slots.
    func read(from first: Int, count: Int) throws(ScoringError) {
        try require(count > 0, "\(count) slots are read")
        try require(isRange(first, count), "slots from \(first) on, \(count) of them, of \(slotCount)")
        for slot in first..<first + count { try read(slot) }
    }

    mutating func write(_ first: Int, count: Int = 1) throws(ScoringError) {
        try require(
            count >= 0 && isRange(first, count), "results in the slots from \(first) on, \(count) of them, of \(slotCount)")
        for slot in first..<first + count {
            guard written[slot >> 6] >> UInt64(slot & 63) & 1 == 0 else { throw fault("slot \(slot) is written twice") }
            written[slot >> 6] |= 1 << UInt64(slot & 63)
        }
    }

    private func isRange(_ first: Int, _ count: Int) -> Bool {
        first >= 0 && first <= slotCount && count <= slotCount - first
    }

    /// a * b, or nil if that is no possible number of elements.
    func product(_ a: Int, _ b: Int) -> Int? {
        guard a >= 0, b >= 0 else { return nil }
        let (product, overflows) = a.multipliedReportingOverflow(by: b)
        return overflows || product > Program.maxElements ? nil : product
    }

    // MARK: Steps

    private mutating func check(_ step: Step, _ name: String) throws(ScoringError) {
        switch step {
        case .forest(let forest, let features, let into):
            try require(features.count, of: "slots of features", for: forest.featureCount)
            try read(features)
            try check(forest, name)
            try write(into, count: forest.outputCount)
        case .linear(let function, let features, let into):
            try require(features.count, of: "slots of features", for: function.featureCount)
            try read(features)
            try require(function.start.count, of: "starts of sums", for: function.outputCount)
            try require(function.weights.count, of: "weights", for: product(function.featureCount, function.outputCount))
            try write(into, count: function.outputCount)
        case .link(_, let from, let count, let into), .highest(let from, let count, let into):
            try read(from: from, count: count)
            if case .link = step { try write(into, count: count) } else { try write(into) }
        case .complement(let slot, _, let into), .exceeds(let slot, _, let into):
            try read(slot)
            try write(into)
        case .formula(let formula): try check(formula, name)
        case .texts(let program): try check(program, name)
        case .decide(let walks): try check(walks, name)
        case .mix(let mixture, let into):
            try check(mixture, name)
            try write(into, count: mixture.width + 1)
        case .rankReasons(let ranking, let into):
            for entry in ranking.entries { try read([entry.code, entry.points]) }
            try require(ranking.codeCount >= 0 && ranking.codeCount <= Program.maxElements, "\(ranking.codeCount) codes")
            try write(into, count: ranking.places)
        case .network(let network, let inputs, let into):
            try require(inputs.count, of: "slots of inputs", for: network.inputCount)
            try read(inputs)
            try check(network, name)
            try write(into, count: network.outputs.count)
        case .kernelMachines(let function, let features, let into):
            try require(features.count, of: "slots of features", for: function.width)
            try read(features)
            try check(function)
            try write(into, count: function.machines.count)
        case .search(let search, let features, let into):
            try require(features.count, of: "slots of features", for: search.coordinates.count)
            try read(features)
            try check(search)
            try write(into, count: search.resultCount)
        case .vote(let vote, let into):
            try read(vote.ballots)
            try read(vote.weights)
            if !vote.weights.isEmpty { try require(vote.weights.count, of: "weights", for: vote.ballots.count) }
            for category in vote.preference { try require(index: category, below: vote.preference.count, "category") }
            try write(into)
        case .couple(let coupling, let into):
            try require(coupling.classCount > 0 && coupling.classCount <= 1 << 15, "\(coupling.classCount) classes")
            try require(coupling.pairs.count, of: "pairs", for: coupling.classCount * (coupling.classCount - 1) / 2)
            try read(coupling.pairs)
            try write(into, count: coupling.classCount)
        }
    }

    private mutating func check(_ network: LayeredNetwork, _ name: String) throws(ScoringError) {
        var unitCount = network.inputCount
        for (index, layer) in network.layers.enumerated() {
            place = "\(name), layer \(index + 1)"
            try require(!layer.neurons.isEmpty, "no neurons")
            for neuron in layer.neurons {
                try require(neuron.weights.count, of: "weights", for: neuron.sources.count)
                for source in neuron.sources { try require(index: Int(source), below: unitCount, "unit") }
            }
            unitCount += layer.neurons.count
            try require(unitCount <= Program.maxElements, "\(unitCount) units")
            LoadThrottle.step()
        }
        place = name
        for unit in network.outputs { try require(index: unit, below: unitCount, "unit") }
    }

    private func check(_ function: KernelMachines) throws(ScoringError) {
        let count = function.width == 0 ? 0 : function.vectors.count / function.width
        try require(function.vectors.count, of: "numbers of vectors", for: product(function.width, count))
        for machine in function.machines {
            for term in machine.terms { try require(index: term.vector, below: count, "vector") }
        }
    }

    private func check(_ search: PointSearch) throws(ScoringError) {
        try require(search.places > 0 && search.places <= Program.maxSlots, "\(search.places) places")
        try require(search.points.count, of: "coordinates of points", for: product(search.coordinates.count, search.pointCount))
        for table in search.tables { try require(table.values.count, of: "differences", for: product(table.size, table.size)) }
        for coordinate in search.coordinates {
            if case .table(let table) = coordinate.difference { try require(index: table, below: search.tables.count, "table") }
        }
    }
}

extension Step {
    /// What the step is called in messages.
    package var name: String {
        switch self {
        case .forest: "forest"
        case .linear: "linear function"
        case .link: "link"
        case .complement: "complement"
        case .highest: "highest"
        case .exceeds: "threshold"
        case .formula: "formula"
        case .texts: "texts"
        case .decide: "decision graphs"
        case .mix: "mixture"
        case .rankReasons: "reasons"
        case .network: "network"
        case .kernelMachines: "kernel machines"
        case .search: "search"
        case .vote: "vote"
        case .couple: "coupling"
        }
    }
}
