internal import ScoringTestKit
internal import Tabular
internal import Texts

/// Programs with one index, width or child changed at a time.
struct ProgramMutations {
    struct Mutation {
        let what: String
        let step: Int
        let program: Program
        /// Whether no kernel could run it: what remains may be a program that means something else.
        let isBroken: Bool
    }

    private(set) var all: [Mutation] = []
    private let original: Program
    private var step = 0
    private var random: SeededRandom

    init(of program: Program, seed: UInt64) {
        original = program
        random = SeededRandom(seed: seed)
        for (index, step) in program.steps.enumerated() {
            self.step = index
            mutate(step)
        }
    }

    private mutating func add(_ what: String, broken: Bool = true, _ step: Step) {
        var program = original
        program.steps[self.step] = step
        all.append(Mutation(what: "\(step.name): \(what)", step: self.step, program: program, isBroken: broken))
    }

    /// Puts numbers in the place of an index that must lie below `count`.
    private mutating func index(_ what: String, below count: Int, _ edit: (Int) -> Step) {
        for value in [-1, count, count + 7, Int.max, Int.min] { add("\(what) \(value) of \(count)", edit(value)) }
        if count > 0 { add("\(what) of another", broken: false, edit(Int.random(in: 0..<count, using: &random))) }
    }

    /// The same for an index that is kept in 32 bits.
    private mutating func index32(_ what: String, below count: Int, _ edit: (Int32) -> Step) {
        for value in [-1, Int32(count), .max, .min] { add("\(what) \(value) of \(count)", edit(value)) }
        if count > 0 { add("\(what) of another", broken: false, edit(Int32.random(in: 0..<Int32(count), using: &random))) }
    }

    private mutating func slot(_ what: String, _ edit: (Int) -> Step) {
        index(what, below: original.slotCount, edit)
        // Written last of all.
        if step < original.steps.count - 1 { add("\(what) of a later step", edit(original.slotCount - 1)) }
    }

    private mutating func slots(_ what: String, _ slots: [Int], _ edit: ([Int]) -> Step) {
        guard !slots.isEmpty else { return add("one more of the \(what)", edit([0])) }
        let place = Int.random(in: 0..<slots.count, using: &random)
        slot(what) { value in
            var slots = slots
            slots[place] = value
            return edit(slots)
        }
        add("one less of the \(what)", edit(Array(slots.dropLast())))
    }

    /// Where `count` results go.
    private mutating func into(_ count: Int, _ edit: (Int) -> Step) {
        guard count > 0 else { return }
        for value in [-1, 0, original.slotCount, original.slotCount - count + 1, Int.max, Int.max - count, Int.min] {
            add("results go to \(value)", edit(value))
        }
    }

    /// Counts that must be other lists' lengths.
    private mutating func count(_ what: String, _ count: Int, _ edit: (Int) -> Step) {
        for value in [-1, count + 1, count + 1_000, Int.max, Int.min] { add("\(what) are \(value)", edit(value)) }
        if count > 0 { add("\(what) are \(count - 1)", edit(count - 1)) }
    }

    // MARK: Steps

    private mutating func mutate(_ step: Step) {
        switch step {
        case .forest(let forest, let features, let into): mutate(forest, features, into)
        case .linear(let function, let features, let into):
            slots("slots of features", features) { .linear(function, features: $0, into: into) }
            self.into(function.outputCount) { .linear(function, features: features, into: $0) }
            for edit: (inout LinearFunction) -> Void in [
                { $0.weights.append(0) }, { $0.start.append(0) }, { $0.outputCount += 1 }, { $0.outputCount = -1 },
                { $0.outputCount = .max }, { $0.featureCount = -1 }, { $0.featureCount += 1 },
            ] { add("other counts", .linear(changed(function, edit), features: features, into: into)) }
        case .link(let link, let from, let count, let into):
            slot("first slot") { .link(link, from: $0, count: count, into: into) }
            self.into(count) { .link(link, from: from, count: count, into: $0) }
            for value in [0, -1, .max, .min, original.slotCount] {
                add("counts \(value)", .link(link, from: from, count: value, into: into))
            }
        case .complement(let slot, let precision, let into):
            self.slot("slot") { .complement(of: $0, precision: precision, into: into) }
            self.into(1) { .complement(of: slot, precision: precision, into: $0) }
        case .highest(let from, let count, let into):
            slot("first slot") { .highest(from: $0, count: count, into: into) }
            self.into(1) { .highest(from: from, count: count, into: $0) }
            for value in [0, -1, .max, .min, original.slotCount] {
                add("counts \(value)", .highest(from: from, count: value, into: into))
            }
        case .exceeds(let slot, let threshold, let into):
            self.slot("slot") { .exceeds(slot: $0, threshold: threshold, into: into) }
            self.into(1) { .exceeds(slot: slot, threshold: threshold, into: $0) }
        case .formula(let formula): mutate(formula)
        case .texts(let texts): mutate(texts)
        case .decide(let walks): mutate(walks)
        case .mix(let mixture, let into): mutate(mixture, into)
        case .rankReasons(let ranking, let into):
            for place in ranking.entries.indices {
                slot("code") { value in .rankReasons(changed(ranking) { $0.entries[place].code = value }, into: into) }
                slot("points") { value in .rankReasons(changed(ranking) { $0.entries[place].points = value }, into: into) }
            }
            self.into(ranking.places) { .rankReasons(ranking, into: $0) }
            for value in [-1, Int.max, Int.min] {
                add("\(value) codes", .rankReasons(changed(ranking) { $0.codeCount = value }, into: into))
                add("\(value) places", .rankReasons(changed(ranking) { $0.places = value }, into: into))
            }
            for value in [0, 1] {
                add("\(value) codes", broken: false, .rankReasons(changed(ranking) { $0.codeCount = value }, into: into))
            }
        case .network(let network, let inputs, let into): mutate(network, inputs, into)
        case .kernelMachines(let function, let features, let into):
            slots("slots of features", features) { .kernelMachines(function, features: $0, into: into) }
            self.into(function.machines.count) { .kernelMachines(function, features: features, into: $0) }
            count("widths", function.width) { value in
                .kernelMachines(changed(function) { $0.width = value }, features: features, into: into)
            }
            add(
                "one number more", broken: function.width > 1,
                .kernelMachines(changed(function) { $0.vectors.append(0) }, features: features, into: into))
            let vectors = function.vectors.count / function.width
            for machine in function.machines.indices where !function.machines[machine].terms.isEmpty {
                index("vector", below: vectors) { value in
                    .kernelMachines(
                        changed(function) { $0.machines[machine].terms[0].vector = value }, features: features, into: into)
                }
            }
        case .search(let search, let features, let into):
            slots("slots of features", features) { .search(search, features: $0, into: into) }
            self.into(search.resultCount) { .search(search, features: features, into: $0) }
            for value in [0, -1, Int.max, Int.min, original.slotCount] {
                add("\(value) places", .search(changed(search) { $0.places = value }, features: features, into: into))
            }
            for edit: (inout PointSearch) -> Void in [
                { $0.points.append(1) }, { $0.tables[0].values.removeLast() }, { $0.tables[0].size += 1 },
                { $0.tables[0].size = -3 }, { $0.tables[0].size = .max }, { $0.coordinates.removeLast() },
            ] where search.coordinates.count > 1 {
                add("other counts", .search(changed(search, edit), features: features, into: into))
            }
            index("table", below: search.tables.count) { value in
                .search(changed(search) { $0.coordinates[0].difference = .table(value) }, features: features, into: into)
            }
        case .vote(let vote, let into):
            slots("ballots", vote.ballots) { value in
                // A vote of fewer ballots means something.
                .vote(
                    changed(vote) { ($0.ballots, $0.weights) = (value, vote.weights.isEmpty ? [0, 0] + value : vote.weights) },
                    into: into)
            }
            self.into(1) { .vote(vote, into: $0) }
            index("category", below: vote.preference.count) { value in
                .vote(changed(vote) { $0.preference[0] = value }, into: into)
            }
            if !vote.weights.isEmpty {
                slot("weight") { value in .vote(changed(vote) { $0.weights[0] = value }, into: into) }
            }
        case .couple(let coupling, let into):
            slots("pairs", coupling.pairs) { value in .couple(changed(coupling) { $0.pairs = value }, into: into) }
            self.into(coupling.classCount) { .couple(coupling, into: $0) }
            for value in [0, -1, coupling.classCount + 2, .max, .min] {
                add("\(value) classes", .couple(changed(coupling) { $0.classCount = value }, into: into))
            }
        }
    }

    private mutating func mutate(_ forest: Forest, _ features: [Int], _ into: Int) {
        func step(_ edit: (inout Forest) -> Void) -> Step { .forest(changed(forest, edit), features: features, into: into) }
        slots("slots of features", features) { .forest(forest, features: $0, into: into) }
        self.into(forest.outputCount) { .forest(forest, features: features, into: $0) }
        count("features", forest.featureCount) { value in step { $0.featureCount = value } }
        count("outputs", forest.outputCount) { value in step { $0.outputCount = value } }
        add("one base more", step { $0.base.append(0) })
        for index in forest.trees.indices.shuffled(using: &random).prefix(3) {
            let tree = forest.trees[index]
            add("no nodes", step { $0.trees[index].nodes = [] })
            for value in [0, -1, 17, Int.min, .max] { add("leaves of \(value)", step { $0.trees[index].valueWidth = value }) }
            add("no values", step { $0.trees[index].values = [] })
            self.index("sum", below: forest.outputCount) { value in step { $0.trees[index].output = value } }
            if !tree.linearLeaves.isEmpty {
                add(
                    "one linear leaf less", broken: tree.linearLeaves.count > 1,
                    step { $0.trees[index].linearLeaves.removeLast() })
                add("one coefficient more", step { $0.trees[index].linearLeaves[0].coefficients.append(1) })
                for value in [-1, forest.featureCount, .max] {
                    add("linear feature \(value)", step { $0.trees[index].linearLeaves[0].features = [value] })
                    add(
                        "linear feature \(value)",
                        step {
                            ($0.trees[index].linearLeaves[0].features, $0.trees[index].linearLeaves[0].coefficients) = (
                                [value], [1]
                            )
                        })
                }
            }
            for node in tree.nodes.indices.shuffled(using: &random).prefix(6) {
                guard case .split(let split) = tree.nodes[node] else {
                    self.index("leaf", below: tree.distinctLeafCount) { value in
                        step { $0.trees[index].nodes[node] = .leaf(value) }
                    }
                    continue
                }
                func with(_ edit: (inout Forest.Split) -> Void) -> Step {
                    step { $0.trees[index].nodes[node] = .split(changed(split, edit)) }
                }
                self.index("feature", below: forest.featureCount) { value in with { $0.feature = value } }
                for child in [-1, 0, node, split.right, tree.nodes.count, .max, .min] {
                    add("left child \(child)", with { $0.left = child })
                }
                for child in [-1, 0, node, split.left, tree.nodes.count, .max, .min] {
                    add("right child \(child)", with { $0.right = child })
                }
                for value in [-1, tree.categorySets.count, .max] {
                    add("set \(value)", with { $0.condition = .categories(value) })
                }
            }
        }
    }

    private mutating func mutate(_ formula: Formula) {
        func step(_ edit: (inout Formula) -> Void) -> Step { .formula(changed(formula, edit)) }
        for index in formula.instructions.indices {
            let instruction = formula.instructions[index]
            let form = instruction.operation.form
            func with(_ edit: (inout Formula.Instruction) -> Void) -> Step { step { edit(&$0.instructions[index]) } }
            let operands: [Formula.Operand] = [
                .slot(original.slotCount), .slot(Int(Int32.max)),
                .slot(Int(instruction.into) + (form == .failure ? original.slotCount : 0)),
                .constant(formula.constants.count), .constant(Int(Int32.max)),
            ]
            for operand in operands {
                if form.reads.a { add("\(instruction.operation) of \(operand.code)", with { $0.a = operand }) }
                if form.reads.b { add("\(instruction.operation) of \(operand.code)", with { $0.b = operand }) }
                if form.reads.c { add("\(instruction.operation) of \(operand.code)", with { $0.c = operand }) }
            }
            if form != .failure {
                for value in [-1, 0, Int32(original.slotCount), .max, .min] {
                    add("results go to \(value)", with { $0.into = value })
                }
            }
            let details: Int? =
                switch form {
                case .one, .two, .three: nil
                case .lookup, .linear: formula.tables.count
                case .list, .spread: formula.lists.count
                case .failure: formula.failures.count
                }
            if let details {
                for value in [-1, Int32(details), .max, .min] {
                    add("\(instruction.operation) with \(value)", with { $0.detail = value })
                }
            }
            switch form {
            case .lookup: add("look-up in terms", step { $0.tables[Int(instruction.detail)] = .terms([]) })
            case .linear:
                add("sum of a line", step { $0.tables[Int(instruction.detail)] = .bins(edges: [], values: [1], missing: 0) })
                for operand in operands {
                    add(
                        "term of \(operand.code)",
                        step { $0.tables[Int(instruction.detail)] = .terms([.init(operand, coefficient: 1)]) })
                }
            case .list, .spread:
                for operand in operands { add("member \(operand.code)", step { $0.lists[Int(instruction.detail)][0] = operand }) }
                if instruction.operation == .weightedMedian {
                    add("a value without a weight", step { $0.lists[Int(instruction.detail)].removeLast() })
                }
            case .one, .two, .three, .failure: break
            }
        }
        for index in formula.tables.indices {
            let broken: [Formula.Table] =
                switch formula.tables[index] {
                case .codes: []
                case .keys(let keys, let values, let other, let missing):
                    [
                        .keys(keys: keys + [9e9], values: values, other: other, missing: missing),
                        .keys(keys: [2, 1], values: [0, 0], other: other, missing: missing),
                    ]
                case .bins(let edges, let values, let missing):
                    [
                        .bins(edges: edges, values: values + [0], missing: missing),
                        .bins(edges: edges, values: Array(values.dropLast()), missing: missing),
                        .bins(edges: [.nan], values: [0, 1, 2], missing: missing),
                    ]
                case .polyline(let x, let y, let ends, let missing):
                    [
                        .polyline(x: x, y: Array(y.dropLast()), ends: ends, missing: missing),
                        .polyline(x: [1], y: [1], ends: ends, missing: missing),
                        .polyline(x: [], y: [], ends: ends, missing: missing),
                    ]
                case .terms: []
                }
            for table in broken { add("table of other lengths", step { $0.tables[index] = table }) }
        }
    }

    private mutating func mutate(_ walks: [GraphWalk]) {
        for index in walks.indices {
            let graph = walks[index].graph
            func step(_ edit: (inout GraphWalk) -> Void) -> Step { .decide(changed(walks) { edit(&$0[index]) }) }
            into(graph.width) { value in step { $0.into = value } }
            for value in [0, -1, graph.width + 97, .max, .min] { add("results of \(value)", step { $0.graph.width = value }) }
            add("one value more", step { $0.graph.results += graph.width > 1 ? [1] : [] }, unless: graph.width == 1)
            self.index("entry", below: graph.resultCount) { value in step { $0.graph.entry = .result(value) } }
            for value in [-1, graph.tests.count, .max] { add("entry \(value)", step { $0.graph.entry = .test(value) }) }
            for test in graph.tests.indices {
                slot("slot of a test") { value in step { $0.graph.tests[test].slot = value } }
                for target in [-1, 0, test, graph.tests.count, .max, .min] {
                    add("true way to \(target)", step { $0.graph.tests[test].whenTrue = .test(target) })
                    add("false way to \(target)", step { $0.graph.tests[test].whenFalse = .test(target) })
                    add("missing way to \(target)", step { $0.graph.tests[test].whenMissing = .test(target) })
                }
                self.index("result", below: graph.resultCount) { value in step { $0.graph.tests[test].whenTrue = .result(value) }
                }
                self.index("result", below: graph.resultCount) { value in
                    step { $0.graph.tests[test].whenMissing = .result(value) }
                }
                self.index("set", below: graph.sets.count) { value in step { $0.graph.tests[test].condition = .member(value) } }
            }
        }
    }

    private mutating func add(_ what: String, _ step: Step, unless isSound: Bool) {
        if !isSound { add(what, step) }
    }

    private mutating func mutate(_ mixture: TreeMixture, _ into: Int) {
        func step(_ edit: (inout TreeMixture) -> Void) -> Step { .mix(changed(mixture, edit), into: into) }
        self.into(mixture.width + 1) { .mix(mixture, into: $0) }
        count("columns", mixture.width) { value in step { $0.width = value } }
        add("one result more", step { $0.results.append(1) })
        add("no nodes", step { $0.nodes = [] })
        add("no nodes and no results", step { ($0.nodes, $0.results) = ([], []) })
        for range in [-1..<1, 0..<mixture.width + 1, 5..<9] { add("penalised \(range)", step { $0.penalised = range }) }
        for index in mixture.nodes.indices {
            slot("test") { value in step { $0.nodes[index].test = value } }
            for end in [-1, 0, index, mixture.nodes.count + 1, .max, .min] {
                add("end \(end)", step { $0.nodes[index].end = end })
            }
            for end in index + 1..<mixture.nodes.count + 1 {
                add("end \(end)", broken: index == 0 && end < mixture.nodes.count, step { $0.nodes[index].end = end })
            }
            self.index("result", below: mixture.nodes.count) { value in step { $0.nodes[index].result = value } }
        }
    }

    private mutating func mutate(_ network: LayeredNetwork, _ inputs: [Int], _ into: Int) {
        func step(_ edit: (inout LayeredNetwork) -> Void) -> Step { .network(changed(network, edit), inputs: inputs, into: into) }
        slots("slots of inputs", inputs) { .network(network, inputs: $0, into: into) }
        self.into(network.outputs.count) { .network(network, inputs: inputs, into: $0) }
        count("inputs", network.inputCount) { value in step { $0.inputCount = value } }
        var units = network.inputCount
        for (layer, neurons) in network.layers.map(\.neurons).enumerated() {
            add("no neurons", step { $0.layers[layer].neurons = [] })
            for neuron in [0, neurons.count - 1] {
                add("one weight more", step { $0.layers[layer].neurons[neuron].weights.append(1) })
                guard !neurons[neuron].sources.isEmpty else { continue }
                // A neuron of its own layer is no source.
                index32("source", below: units) { value in step { $0.layers[layer].neurons[neuron].sources[0] = value } }
            }
            units += neurons.count
        }
        index("output", below: units) { value in step { $0.outputs[0] = value } }
    }

    private mutating func mutate(_ texts: TextProgram) {
        func step(_ edit: (inout TextProgram) -> Void) -> Step { .texts(changed(texts, edit)) }
        typealias Register = TextProgram.Register
        for value in [-1, 0, 3, Int.max, Int.min] { add("\(value) registers", step { $0.registerCount = value }) }
        for value in [-1, texts.expressions.count, .max] {
            add("tokenizer of \(value)", step { $0.tokenizers[0].expression = value })
        }
        add("one word count less", step { $0.dictionaries[0].wordCounts.removeLast() })
        add("another word count", step { $0.dictionaries[0].wordCounts[0] = 5 })
        add("one slot less", step { $0.dictionaries[0].slots.removeLast() })
        for value in [-1, 0, original.slotCount, .max, .min] {
            add("term in \(value)", step { $0.dictionaries[0].slots[1] = value })
        }
        for index in texts.lines.indices {
            let line = texts.lines[index]
            func with(_ instruction: TextProgram.Instruction) -> Step { step { $0.lines[index].instruction = instruction } }
            if case .terms = line.instruction {
            } else {
                for value in [-1, 0, max(original.slotCount, texts.registerCount), .max, .min] where value != 0 || index > 0 {
                    add("\(line.instruction) into \(value)", step { $0.lines[index].into = value })
                }
            }
            for value in [
                -1, texts.registerCount, line.instruction.writesRegister ? line.into : texts.registerCount + 1, .max, .min,
            ] {
                let bad = Register(index: value)
                switch line.instruction {
                case .input: add("input \(value)", with(.input(value == line.into ? original.inputCount : value)))
                case .constant: add("string \(value)", with(.constant(value == line.into ? texts.symbols.count : value)))
                case .decode(let slot, _): add("unknown \(value)", with(.decode(slot, unknown: bad)))
                case .number(_, let form): add("number \(value)", with(.number(value < 0 ? value : .max, form)))
                case .formatted(_, let format): add("format \(value)", with(.formatted(value < 0 ? value : .max, format)))
                case .date(_, let pattern): add("date \(value)", with(.date(value < 0 ? value : .max, pattern)))
                case .uppercase: add("register \(value)", with(.uppercase(bad)))
                case .lowercase: add("register \(value)", with(.lowercase(bad)))
                case .trimmed: add("register \(value)", with(.trimmed(bad)))
                case .substring(let register, _, let length):
                    add("register \(value)", with(.substring(bad, start: .constant(1), length: length)))
                    add("start \(value)", with(.substring(register, start: .slot(value < 0 ? value : .max), length: length)))
                case .concatenation(let parts): add("part \(value)", with(.concatenation(parts + [bad])))
                case .replace(let register, let expression, let replacement):
                    let isOther = value == line.into
                    add(
                        "expression \(value)", with(.replace(register, expression: isOther ? 7 : value, replacement: replacement))
                    )
                    add(
                        "replacement \(value)", with(.replace(register, expression: expression, replacement: isOther ? 4 : value))
                    )
                    // The second replacement names two groups.
                    add("groups that are not there", with(.replace(register, expression: 0, replacement: 1)))
                case .rewrite(let register, let rules, _):
                    add("no passes", with(.rewrite(register, rules, maxPasses: 0)))
                    add("register \(value)", with(.rewrite(bad, rules, maxPasses: 2)))
                    add("rule", with(.rewrite(register, [.init(expression: 2, replacement: 1)], maxPasses: 2)))
                case .choose(let slot, let first, _):
                    add("register \(value)", with(.choose(slot, first, bad)))
                    add("slot \(value)", with(.choose(value < 0 ? value : .max, first, first)))
                case .words(let register, _):
                    add("tokenizer \(value)", with(.words(register, tokenizer: value == line.into ? 4 : value)))
                case .code: add("register \(value)", with(.code(bad)))
                case .length: add("register \(value)", with(.length(bad)))
                case .matches(let register, _): add("expression \(value)", with(.matches(register, expression: value)))
                case .parsed(_, let form): add("register \(value)", with(.parsed(bad, form)))
                case .comparison(let first, _): add("register \(value)", with(.comparison(first, bad)))
                case .terms(let words, _):
                    add("dictionary \(value)", with(.terms(words, dictionary: value == line.into ? 1 : value)))
                    // Register 0 holds a text.
                    add("a text as words", with(.terms(Register(index: 0), dictionary: 0)))
                case .termCount(let words, _, let matching):
                    add("term \(value)", with(.termCount(words: words, term: bad, matching)))
                    add("a text as words", with(.termCount(words: words, term: Register(index: 0), matching)))
                case .highestCount: add("a text as words", with(.highestCount(Register(index: 0))))
                case .output: add("register \(value)", with(.output(bad)))
                }
            }
        }
    }
}

private func changed<Value>(_ value: Value, _ edit: (inout Value) -> Void) -> Value {
    var value = value
    edit(&value)
    return value
}
