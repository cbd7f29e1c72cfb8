internal import Scoring
internal import ScoringTestKit
internal import Tabular
internal import Testing
internal import Texts

/// The kinds of steps that a program can have.
enum StepKind: CaseIterable {
    case forest, linear, link, complement, highest, exceeds, formula, texts, decide, mix, rankReasons, network
    case kernelMachines, search, vote, couple
}

/// Draws programs of every kind of step, over numbers, categories and texts, and rows for them. Every slot that a program
/// writes is an output.
struct RandomPrograms {
    static let numbers = 0..<6
    static let categories = 6..<9
    static let texts = 9..<12
    static let inputCount = 12
    /// Categories are codes below this.
    static let categoryCount = 5

    private var random: SeededRandom
    private var program = Program(inputCount: Self.inputCount)
    /// Slots that may be read: all but texts.
    private var slots = Array(Self.numbers) + Array(Self.categories)
    /// Adjacent slots that may be read.
    private var blocks: [Range<Int>] = [Self.numbers]
    /// Slots that hold 1, 0 or NaN.
    private var truths: [Int] = []
    /// Slots that hold the texts of the answer.
    private(set) var textSlots: Set<Int> = []

    init(seed: UInt64) { random = SeededRandom(seed: seed &* 0x9e37_79b9 &+ 17) }

    mutating func program(of kinds: [StepKind]) throws -> Program {
        // The first step makes truths, which mixtures need.
        addTruths()
        for kind in kinds { try add(kind) }
        program.outputs = Array(Self.inputCount..<program.slotCount)
        return program
    }

    func signature(_ program: Program) -> Signature {
        Signature(
            inputs: (0..<program.inputCount).map { Field("x\($0)", Self.texts.contains($0) ? .text : .number) },
            outputs: program.outputs.map { OutputColumn("y\($0)", textSlots.contains($0) ? .text : .number) },
            roles: Roles(score: 0..<1))
    }

    // MARK: Rows

    mutating func row() -> (values: [Double], texts: [Int: String]) {
        var values = (0..<Self.inputCount).map { _ in number() }
        for category in Self.categories { values[category] = chance(0.15) ? .nan : Double(below(Self.categoryCount)) }
        var texts: [Int: String] = [:]
        for column in Self.texts {
            values[column] = .nan
            if !chance(0.1) { texts[column] = text() }
        }
        return (values, texts)
    }

    /// A number that the kernels might treat in a way of their own, or any.
    private mutating func number() -> Double {
        let special: [Double] = [
            .nan, .infinity, -.infinity, 0, -0.0, 1, -1, .leastNonzeroMagnitude, -.leastNonzeroMagnitude,
            .leastNormalMagnitude / 3,
            .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1e-35, 0.5, 2, 3, 1e300, 3.4e38, 16_777_216, -0.5,
        ]
        switch below(4) {
        case 0: return special[below(special.count)]
        case 1: return Double(below(9)) / 2 - 2
        default: return Double.random(in: -3...3, using: &random)
        }
    }

    private mutating func text() -> String {
        let whole = [
            "", "a", "ab", "Ab c", "a,b;c", "ÄÖ ü", "ßa", "x1.5y", " 1.5 ", "-2e3", "true", "FALSE", "1", "inf", "2001-12-31",
            "23:59:59", "2001-12-31T01:02:03", "a b a b c", "\u{0}a b", "日本 語", "e\u{301}a", "a-b!", "aab", "...", "İstanbul",
        ]
        if chance(0.6) { return whole[below(whole.count)] }
        let letters = ["a", "b", "c", "B", " ", ",", "é", "1", ".", "x"]
        return (0..<below(12)).map { _ in letters[below(letters.count)] }.joined()
    }

    // MARK: Draws

    private mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
    private mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &random) < probability }
    private mutating func slot() -> Int { slots[below(slots.count)] }
    private mutating func someSlots(_ count: Int) -> [Int] { (0..<count).map { _ in slot() } }
    /// Mostly small and finite.
    private mutating func coefficient() -> Double { chance(0.05) ? number() : Double(below(17)) / 4 - 2 }
    private mutating func coefficients(_ count: Int) -> [Double] { (0..<count).map { _ in coefficient() } }

    private mutating func results(_ count: Int) -> Int {
        let first = program.addSlots(count)
        slots += first..<first + count
        if count > 0 { blocks.append(first..<first + count) }
        return first
    }

    private mutating func add(_ kind: StepKind) throws {
        switch kind {
        case .forest:
            var draw = RandomForests(seed: random.next())
            let forest = draw.forest()
            let features = someSlots(forest.featureCount)
            program.steps.append(.forest(forest, features: features, into: results(forest.outputCount)))
        case .linear:
            let (features, outputs) = (below(7), 1 + below(3))
            let function = LinearFunction(
                precision: chance(0.5) ? .float32 : .float64, featureCount: features, outputCount: outputs,
                start: coefficients(outputs), weights: coefficients(features * outputs))
            program.steps.append(.linear(function, features: someSlots(features), into: results(outputs)))
        case .link:
            let links: [Link] = [
                .identity, .logistic32, .logistic64(slope: 1.5), .exponential32, .exponential64, .softmax32, .softmax64,
                .softplus64, .signedSquare64, .quotient64(by: 3), .ascending32, .step,
            ]
            let block = blocks[below(blocks.count)]
            program.steps.append(
                .link(links[below(links.count)], from: block.lowerBound, count: block.count, into: results(block.count)))
        case .complement:
            program.steps.append(.complement(of: slot(), precision: chance(0.5) ? .float32 : .float64, into: results(1)))
        case .highest:
            let block = blocks[below(blocks.count)]
            program.steps.append(.highest(from: block.lowerBound, count: block.count, into: results(1)))
        case .exceeds: program.steps.append(.exceeds(slot: slot(), threshold: coefficient(), into: results(1)))
        case .formula: addFormula()
        case .texts: try addTexts()
        case .decide: addGraphs()
        case .mix: addMixture()
        case .rankReasons:
            let entries = (0..<1 + below(8)).map { _ in
                ReasonRanking.Entry(code: chance(0.8) ? category() : slot(), points: slot())
            }
            let places = below(5)
            let ranking = ReasonRanking(entries: entries, codeCount: Self.categoryCount - below(2), places: places)
            program.steps.append(.rankReasons(ranking, into: results(places)))
        case .network: addNetwork()
        case .kernelMachines: addMachines()
        case .search: addSearch()
        case .vote:
            let ballots = (0..<1 + below(6)).map { _ in chance(0.8) ? category() : slot() }
            let preference = Array(0..<Self.categoryCount - below(2)).shuffled(using: &random)
            let vote = Vote(ballots: ballots, weights: chance(0.5) ? someSlots(ballots.count) : [], preference: preference)
            program.steps.append(.vote(vote, into: results(1)))
        case .couple:
            let classes = 1 + below(5)
            let coupling = PairwiseCoupling(classCount: classes, pairs: someSlots(classes * (classes - 1) / 2))
            program.steps.append(.couple(coupling, into: results(classes)))
        }
    }

    private mutating func category() -> Int { Self.categories.lowerBound + below(Self.categories.count) }

    // MARK: Formulas

    private mutating func addTruths() {
        var formula = Formula()
        formula.constants = [1, 0]
        for _ in 0..<4 {
            let into = results(1)
            formula.instructions.append(
                .init(chance(0.3) ? .isPresent : .greater, .slot(slots[below(9)]), .constant(1), .slot(0), into: Int32(into)))
            truths.append(into)
        }
        let into = results(1)
        formula.instructions.append(.init(.copy, .constant(0), .slot(0), .slot(0), into: Int32(into)))
        truths.append(into)
        program.steps.append(.formula(formula))
    }

    private mutating func table() -> Formula.Table {
        let count = below(6)
        func ascending(_ numbers: [Double]) -> [Double] { Set(numbers.filter { !$0.isNaN }.map { $0 + 0 }).sorted() }
        switch below(4) {
        case 0: return .codes(first: below(3) - 1, values: coefficients(count), other: number(), missing: number())
        case 1:
            let keys = ascending((0..<count).map { _ in number() })
            return .keys(keys: keys, values: coefficients(keys.count), other: number(), missing: number())
        case 2:
            let edges = ascending((0..<count).map { _ in number() })
            return .bins(edges: edges, values: coefficients(2 * edges.count + 1), missing: number())
        default:
            let x = ascending(coefficients(count) + [-7, 7])
            return .polyline(
                x: x, y: coefficients(x.count), ends: [.extended, .held, .missing][below(3)], missing: number())
        }
    }

    private mutating func addFormula() {
        var formula = Formula()
        formula.constants = (0..<4).map { _ in number() }
        formula.failures = [.init(field: "x", reason: "too much"), .init(field: "y", reason: "not there")]
        var open = slots
        func operand(_ random: inout SeededRandom) -> Formula.Operand {
            Int.random(in: 0..<6, using: &random) == 0
                ? .constant(Int.random(in: 0..<4, using: &random)) : .slot(open.randomElement(using: &random)!)
        }
        for operation in Formula.Operation.allCases.shuffled(using: &random).prefix(20) {
            var (detail, count): (Int, Int) = (-1, 1)
            switch operation.form {
            case .one, .two, .three: break
            case .lookup:
                formula.tables.append(table())
                detail = formula.tables.count - 1
            case .linear:
                let exponents = [1, 1, 2, 0.5, -1]
                formula.tables.append(
                    .terms(
                        (0..<below(5)).map { _ in
                            Formula.Term(operand(&random), coefficient: coefficient(), exponent: exponents[below(5)])
                        }))
                detail = formula.tables.count - 1
            case .list, .spread:
                count = 2 * (1 + below(3))
                formula.lists.append((0..<count).map { _ in operand(&random) })
                detail = formula.lists.count - 1
                if operation.form == .list { count = 1 }
            case .failure:
                guard chance(0.2) else { continue }
                (detail, count) = (below(2), 0)
            }
            let (a, b, c) = (operand(&random), operand(&random), operand(&random))
            let into = count == 0 ? 0 : results(count)
            formula.instructions.append(.init(operation, a, b, c, detail: Int32(detail), into: Int32(into)))
            open = slots
        }
        program.steps.append(.formula(formula))
    }

    // MARK: Graphs and mixtures

    private mutating func addGraphs() {
        var draw = DecisionGraphTests.Random(state: random.next() | 1)
        let graphs = (0..<1 + below(3)).map { _ in
            var graph = DecisionGraphTests.graph(&draw, tests: below(9), width: 1 + below(3))
            for index in graph.tests.indices {
                graph.tests[index].slot = chance(0.3) ? category() : slot()
                if case .atMost = graph.tests[index].condition, chance(0.5) { graph.tests[index].condition = .atMost(number()) }
            }
            return graph
        }
        let walks = graphs.map { GraphWalk($0, into: results($0.width)) }
        program.steps.append(.decide(walks))
    }

    private mutating func addMixture() {
        var mixture = TreeMixtureTests.mixture(chance(0.5) ? .byBranch : .byEnd, seed: random.next())
        for index in mixture.nodes.indices { mixture.nodes[index].test = truths[below(truths.count)] }
        if chance(0.7) { mixture.nodes[0].test = truths[truths.count - 1] }
        program.steps.append(.mix(mixture, into: results(mixture.width + 1)))
    }

    // MARK: Vectors

    private mutating func addNetwork() {
        let activations: [LayeredNetwork.Activation] = [
            .threshold(0.25), .logistic, .tanh, .identity, .exponential, .reciprocal, .square, .gauss, .sine, .cosine, .elliott,
            .arctan, .rectifier(leakage: 0), .rectifier(leakage: 0.1), .radialBasis,
        ]
        let inputs = 1 + below(5)
        var (layers, units): ([LayeredNetwork.Layer], Int) = ([], inputs)
        for _ in 0..<1 + below(3) {
            let isMatrix = chance(0.5)
            let common = (0..<below(units + 1)).map { _ in Int32(below(units)) }
            let neurons = (0..<1 + below(11)).map { _ in
                let sources = isMatrix ? common : (0..<below(6)).map { _ in Int32(below(units)) }
                return LayeredNetwork.Neuron(
                    sources: sources, weights: coefficients(sources.count), bias: coefficient(),
                    width: Double.random(in: 0.5...3, using: &random), altitude: chance(0.5) ? 1 : 1.5)
            }
            units += neurons.count
            layers.append(
                .init(
                    activation: activations[below(activations.count)], normalization: [.none, .none, .share, .softmax][below(4)],
                    neurons: neurons))
        }
        let outputs = (0..<1 + below(5)).map { _ in below(units) }
        let network = LayeredNetwork(inputCount: inputs, layers: layers, outputs: outputs)
        program.steps.append(.network(network, inputs: someSlots(inputs), into: results(outputs.count)))
    }

    private mutating func addMachines() {
        let kernels: [KernelMachines.Kernel] = [
            .linear, .polynomial(gamma: 0.5, offset: 1, degree: 3), .radialBasis(gamma: 0.25), .sigmoid(gamma: 0.1, offset: -0.5),
        ]
        let (width, vectors) = (1 + below(5), 1 + below(20))
        let machines = (0..<1 + below(3)).map { _ in
            KernelMachines.Machine(
                terms: (0..<below(12)).map { _ in .init(vector: below(vectors), coefficient: coefficient()) },
                intercept: coefficient())
        }
        let function = KernelMachines(
            kernel: kernels[below(4)], width: width, vectors: coefficients(width * vectors), machines: machines)
        program.steps.append(.kernelMachines(function, features: someSlots(width), into: results(machines.count)))
    }

    private mutating func addSearch() {
        let measures: [PointSearch.Measure] = [
            .powers(power: 2, root: 2), .powers(power: 2, root: 1), .powers(power: 1, root: 1), .powers(power: 3, root: 3),
            .greatest,
            .counts(
                dividend: .init(both: 1, onlyRow: 2, onlyPoint: 0, neither: 3),
                divisor: .init(both: 2, onlyRow: 1, onlyPoint: 1, neither: 1)),
        ]
        let measure = measures[below(measures.count)]
        let isCount = if case .counts = measure { true } else { false }
        let (width, count) = (1 + below(5), 1 + below(30))
        let differences: [PointSearch.Difference] = [.absolute, .gaussian(scale: 1.5), .unequal, .equal, .table(0)]
        let coordinates = (0..<width).map { _ in
            PointSearch.Coordinate(differences[below(5)], weight: coefficient(), share: Double(1 + below(3)))
        }
        let points = (0..<width * count).map { _ in isCount ? Double(below(2)) : chance(0.5) ? Double(below(3)) : coefficient() }
        var search = PointSearch(
            measure: measure, prefersGreatest: chance(0.4), coordinates: coordinates, points: points, places: 1 + below(6),
            givesAll: chance(0.5))
        search.tables = [.init(size: 3, values: coefficients(9))]
        let features = isCount ? (0..<width).map { _ in truths[below(truths.count)] } : someSlots(width)
        program.steps.append(.search(search, features: features, into: results(search.resultCount)))
    }

    // MARK: Texts

    private mutating func addTexts() throws {
        var texts = TextProgram()
        texts.field = "x9"
        texts.symbols = ["", "a", "ab", "Ab c", "ÄÖ ü", "1.5", "true"]
        texts.expressions = try ["[a-c]+", "(a)|(b+)", "\\s+", "[,;.]", "x*", "(?i)B(.)?", "\\b"].map {
            try RegularExpression($0)
        }
        texts.replacements = try ["-", "<$1$2>", "", "$0$0"].map {
            try RegularExpressionReplacement($0, for: texts.expressions[1])
        }
        texts.tokenizers = (0..<4).map { _ in Tokenizer(expression: below(7), matchesWords: chance(0.5), ignoresCase: chance(0.5))
        }
        var (plain, words): ([TextProgram.Register], [TextProgram.Register]) = ([], [])
        func line(_ instruction: TextProgram.Instruction, into: Int? = nil) {
            texts.lines.append(.init(instruction, into: into ?? texts.registerCount))
            if into == nil { texts.registerCount += 1 }
        }
        for column in Self.texts {
            plain.append(.init(index: texts.registerCount))
            line(.input(column))
        }
        let forms: [TextProgram.Form] = [.integer, .double, .float, .boolean, .date, .time, .dateTime]
        let formats = try ["%d", "%5.2f|", "<%+e>", "%g%%"].map { try #require(NumberFormat($0)) }
        let patterns = [
            DatePattern("%Y-%m-%d %j %a %A %b %B %e", source: .days), DatePattern("%H:%M:%S %I%p", source: .secondsOfDay),
            DatePattern("%FT%T %y", source: .seconds),
        ].compactMap { $0 }
        for _ in 0..<25 {
            let register = plain[below(plain.count)]
            let new = TextProgram.Register(index: texts.registerCount)
            func number() -> TextProgram.Number { chance(0.4) ? .slot(slot()) : .constant(Double(below(5)) - 1) }
            var made: TextProgram.Instruction
            switch below(14) {
            case 0: made = .constant(below(7))
            case 1: made = .decode(chance(0.7) ? category() : slot(), unknown: chance(0.5) ? register : nil)
            case 2: made = .number(slot(), forms[below(7)])
            case 3: made = .formatted(slot(), formats[below(formats.count)])
            case 4: made = .date(slot(), patterns[below(patterns.count)])
            case 5: made = .uppercase(register)
            case 6: made = .lowercase(register)
            case 7: made = .trimmed(register)
            case 8: made = .substring(register, start: number(), length: number())
            case 9: made = .concatenation((0..<1 + below(3)).map { _ in plain[below(plain.count)] })
            case 10: made = .choose(truths[below(truths.count)], register, plain[below(plain.count)])
            case 11: made = .replace(register, expression: 1, replacement: below(4))
            case 12:
                let rules = (0..<1 + below(2)).map { _ in TextProgram.Rewrite(expression: 1, replacement: chance(0.8) ? 2 : 0) }
                made = .rewrite(register, rules, maxPasses: 1 + below(4))
            default: made = .words(register, tokenizer: below(4))
            }
            line(made)
            if case .words = made { words.append(new) } else { plain.append(new) }
        }
        if words.isEmpty {
            words.append(.init(index: texts.registerCount))
            line(.words(plain[0], tokenizer: 0))
        }
        for _ in 0..<12 {
            let (register, list) = (plain[below(plain.count)], words[below(words.count)])
            let matching = TermMatching(maxDistance: below(3), countsBestOnly: chance(0.3))
            switch below(8) {
            case 0: line(.code(register), into: results(1))
            case 1: line(.length(register), into: results(1))
            case 2: line(.matches(register, expression: below(7)), into: results(1))
            case 3: line(.parsed(register, forms[below(7)]), into: results(1))
            case 4: line(.comparison(register, plain[below(plain.count)]), into: results(1))
            case 5: line(.termCount(words: list, term: words[below(words.count)], matching), into: results(1))
            case 6: line(.highestCount(list), into: results(1))
            default:
                let slot = program.addSlots()
                textSlots.insert(slot)
                line(.output(register), into: slot)
            }
        }
        var dictionary = TermDictionary(TermMatching(maxDistance: below(2), countsBestOnly: chance(0.3)))
        let terms = [["a"], ["ab"], ["a", "b"], ["b", "c"], ["x1", "5y"], []]
        dictionary.terms = terms.map { Array($0.joined(separator: "\0").utf8) }
        dictionary.wordCounts = terms.map(\.count)
        let first = results(terms.count)
        dictionary.slots = Array(first..<first + terms.count)
        texts.dictionaries = [dictionary]
        line(.terms(words[below(words.count)], dictionary: 0), into: 0)
        program.steps.append(.texts(texts))
    }
}
