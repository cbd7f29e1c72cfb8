internal import CAllocationCount
import Glibc
import Scoring
import Tabular
import Testing

/// The steps that compare rows with points: kernel machines, searches and votes.
@Suite struct VectorStepTests {
    static let width = 5

    /// A number of a coarse grid, so that ties happen, or missing.
    static func number(_ random: inout DecisionGraphTests.Random, missing: Int) -> Double {
        missing > 0 && random.next(missing) == 0 ? .nan : Double(random.next(9)) / 2 - 2
    }

    static func model(_ steps: [Step], inputs: Int, results: Int) throws -> TabularModel {
        var program = Program(inputCount: inputs)
        let into = program.addSlots(results)
        program.steps = steps
        program.outputs = Array(into..<into + results)
        let signature = Signature(
            inputs: (0..<inputs).map { Field("x\($0)") }, outputs: (0..<results).map { OutputColumn("y\($0)") },
            roles: Roles(score: 0..<results))
        return try TabularModel(program: program, signature: signature, description: ModelDescription(format: "test"))
    }

    static func score(_ model: TabularModel, _ rows: [[Double]]) throws -> [[Double]] {
        let (batch, scores) = (FeatureBatch(), ScoreBatch())
        batch.reset(width: model.signature.inputs.count)
        for row in rows {
            let index = batch.addRow()
            for (column, value) in row.enumerated() { batch.set(value, row: index, column: column) }
        }
        try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        return rows.indices.map { row in model.signature.outputs.indices.map { scores[row, $0] } }
    }

    static func isSame(_ a: [Double], _ b: [Double]) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }
    }

    // MARK: Kernel machines

    static func kernel(_ kernel: KernelMachines.Kernel, _ x: [Double], _ v: [Double]) -> Double {
        var (dot, distance) = (0.0, 0.0)
        for (a, b) in zip(x, v) {
            dot += a * b
            distance += (a - b) * (a - b)
        }
        switch kernel {
        case .linear: return dot
        case .polynomial(let gamma, let offset, let degree): return pow(gamma * dot + offset, degree)
        case .radialBasis(let gamma): return exp(-distance * gamma)
        case .sigmoid(let gamma, let offset): return tanh(gamma * dot + offset)
        }
    }

    static func machines(_ random: inout DecisionGraphTests.Random, _ kernel: KernelMachines.Kernel, vectors: Int)
        -> KernelMachines
    {
        let machines = (0..<3).map { _ in
            KernelMachines.Machine(
                terms: (0..<random.next(20)).map { _ in
                    .init(vector: random.next(vectors), coefficient: number(&random, missing: 0))
                }, intercept: number(&random, missing: 0))
        }
        return KernelMachines(
            kernel: kernel, width: width, vectors: (0..<vectors * width).map { _ in number(&random, missing: 0) },
            machines: machines)
    }

    @Test(arguments: [
        KernelMachines.Kernel.linear, .polynomial(gamma: 0.5, offset: 1, degree: 3), .radialBasis(gamma: 0.25),
        .sigmoid(gamma: 0.1, offset: -0.5),
    ])
    func machinesAddUpTheirKernels(_ kernel: KernelMachines.Kernel) throws {
        var random = DecisionGraphTests.Random(state: 11)
        for vectors in [1, 7, 8, 9, 40] {
            let function = Self.machines(&random, kernel, vectors: vectors)
            let rows = (0..<300).map { _ in (0..<Self.width).map { _ in Self.number(&random, missing: 40) } }
            let model = try Self.model(
                [.kernelMachines(function, features: Array(0..<Self.width), into: Self.width)], inputs: Self.width, results: 3)
            for (row, results) in zip(rows, try Self.score(model, rows)) {
                let expected = function.machines.map { machine -> Double in
                    if row.contains(where: \.isNaN) { return .nan }
                    var sum = 0.0
                    for term in machine.terms {
                        let vector = Array(function.vectors[term.vector * Self.width..<(term.vector + 1) * Self.width])
                        sum += term.coefficient * Self.kernel(kernel, row, vector)
                    }
                    return sum + machine.intercept
                }
                #expect(Self.isSame(results, expected))
            }
        }
    }

    // MARK: Searches

    static func difference(_ coordinate: PointSearch.Coordinate, _ x: Double, _ y: Double, _ search: PointSearch) -> Double {
        switch coordinate.difference {
        case .absolute: abs(x - y)
        case .gaussian(let scale): exp(-log(2.0) * (x - y) * (x - y) / (scale * scale))
        case .unequal: x == y ? 0 : 1
        case .equal: x == y ? 1 : 0
        case .table(let table): x < 0 || x >= 2 ? .nan : search.tables[table].values[Int(x) * 2 + Int(y)]
        }
    }

    static func value(_ search: PointSearch, _ row: [Double], _ point: [Double]) -> Double {
        var (all, present, parts) = (0.0, 0.0, [Double]())
        for (index, coordinate) in search.coordinates.enumerated() {
            all += coordinate.share
            if row[index].isNaN { continue }
            present += coordinate.share
            let difference = difference(coordinate, row[index], point[index], search)
            if case .powers(let power, _) = search.measure {
                parts.append((power == 1 ? difference : pow(difference, power)) * coordinate.weight)
            } else {
                parts.append(difference * coordinate.weight)
            }
        }
        let factor = present == 0 ? .nan : all / present
        switch search.measure {
        case .powers(_, let root):
            let sum = parts.reduce(0, +) * factor
            return root == 1 ? sum : root == 2 ? sum.squareRoot() : pow(sum, 1 / root)
        case .greatest: return parts.contains(where: \.isNaN) ? .nan : (parts.max() ?? 0) * factor
        case .counts(let dividend, let divisor):
            guard row.allSatisfy({ $0 == 0 || $0 == 1 }) else { return .nan }
            func count(_ weights: PointSearch.CountWeights) -> Double {
                var sum = 0.0
                for (x, y) in zip(row, point) {
                    sum += x == 1 ? (y == 1 ? weights.both : weights.onlyRow) : (y == 1 ? weights.onlyPoint : weights.neither)
                }
                return sum
            }
            return count(divisor) == 0 ? .nan : count(dividend) / count(divisor)
        }
    }

    func check(_ search: PointSearch, _ rows: [[Double]]) throws {
        let count = search.pointCount
        let points = (0..<count).map { Array(search.points[$0 * Self.width..<($0 + 1) * Self.width]) }
        let model = try Self.model(
            [.search(search, features: Array(0..<Self.width), into: Self.width)], inputs: Self.width, results: search.resultCount)
        for (row, results) in zip(rows, try Self.score(model, rows)) {
            let values = points.map { Self.value(search, row, $0) }
            // A stable sort: of equals the first comes first.
            var order = (0..<count).filter { !values[$0].isNaN }
            order.sort { a, b in
                values[a] == values[b] ? a < b : search.prefersGreatest ? values[a] > values[b] : values[a] < values[b]
            }
            var expected = (0..<search.places).map { $0 < order.count ? Double(order[$0]) : .nan }
            expected += (0..<search.places).map { $0 < order.count ? values[order[$0]] : .nan }
            if search.givesAll { expected += values }
            #expect(Self.isSame(results, expected), "\(search.measure), \(row): \(results), \(expected)")
        }
    }

    @Test(arguments: [
        PointSearch.Measure.powers(power: 2, root: 2), .powers(power: 2, root: 1), .powers(power: 1, root: 1),
        .powers(power: 3, root: 3), .greatest,
    ])
    func searchesFindTheNearestPoints(_ measure: PointSearch.Measure) throws {
        var random = DecisionGraphTests.Random(state: 12)
        for (count, places) in [(1, 1), (7, 3), (8, 8), (30, 1), (100, 12), (3, 3)] {
            var coordinates = (0..<Self.width).map { index in
                PointSearch.Coordinate(.absolute, weight: Double(1 + random.next(3)), share: Double(1 + random.next(2)))
            }
            if count % 2 == 0 { (coordinates[1].difference, coordinates[2].difference) = (.gaussian(scale: 1.5), .unequal) }
            if count == 7 { (coordinates[1].difference, coordinates[2].difference) = (.table(0), .equal) }
            var points = (0..<count * Self.width).map { _ in Self.number(&random, missing: 0) }
            if count == 7 { for point in 0..<count { points[point * Self.width + 1] = Double(random.next(2)) } }
            var search = PointSearch(
                measure: measure, prefersGreatest: count == 30, coordinates: coordinates, points: points, places: places,
                givesAll: places > 1)
            search.tables = [.init(size: 2, values: [0, 0.5, 0.75, 0])]
            let rows = (0..<40).map { _ in (0..<Self.width).map { _ in Self.number(&random, missing: 4) } }
            try check(search, rows + [[Double](repeating: .nan, count: Self.width)])
        }
    }

    @Test func searchesCountBinaries() throws {
        var random = DecisionGraphTests.Random(state: 13)
        let measures: [PointSearch.Measure] = [
            .counts(
                dividend: .init(both: 1, onlyRow: 0, onlyPoint: 0, neither: 0),
                divisor: .init(both: 1, onlyRow: 1, onlyPoint: 1, neither: 0)),
            .counts(
                dividend: .init(both: 4, onlyRow: 1, onlyPoint: 2, neither: 3),
                divisor: .init(both: 2, onlyRow: 5, onlyPoint: 1, neither: 8)),
        ]
        for measure in measures {
            let points = (0..<20 * Self.width).map { _ in Double(random.next(2)) }
            let search = PointSearch(
                measure: measure, prefersGreatest: true, coordinates: (0..<Self.width).map { _ in .init(.equal) }, points: points,
                places: 4, givesAll: true)
            let rows = (0..<60).map { _ in (0..<Self.width).map { _ in Double(random.next(2)) } }
            try check(search, rows + [[0, 0, 0, 0, 0], [0, 1, .nan, 0, 0], [0, 1, 0.5, 0, 0]])
        }
    }

    // MARK: Votes

    @Test func theMostVotesWinAndTiesGoByPreference() throws {
        let plain = Vote(ballots: [0, 1, 2, 3], weights: [], preference: [2, 0, 1])
        let model = try Self.model([.vote(plain, into: 4)], inputs: 4, results: 1)
        let rows: [[Double]] = [[0, 1, 1, 2], [0, 1, 1, 0], [0, 2, 2, 0], [1, .nan, .nan, .nan], [.nan, .nan, .nan, .nan]]
        #expect(zip(try Self.score(model, rows), [1, 0, 2, 1, Double.nan]).allSatisfy { Self.isSame($0, [$1]) })
        let weighted = Vote(ballots: [0, 1], weights: [2, 3], preference: [0, 1])
        let other = try Self.model([.vote(weighted, into: 4)], inputs: 4, results: 1)
        #expect(try Self.score(other, [[0, 1, 0.5, 0.75], [0, 1, 0.5, 0.5], [1, 0, 0.75, 0.5]]) == [[1], [0], [1]])
    }

    @Test(arguments: [1, 300], 0..<5)
    func nothingIsAllocated(rows: Int, which: Int) throws {
        var random = DecisionGraphTests.Random(state: 14)
        let width = Self.width
        var program = Program(inputCount: width)
        let machines = Self.machines(&random, .radialBasis(gamma: 1), vectors: 20)
        let first = program.addSlots(3)
        var steps: [Step] = [.kernelMachines(machines, features: Array(0..<width), into: first)]
        for measure in [PointSearch.Measure.powers(power: 2, root: 2), .powers(power: 3, root: 3), .greatest] {
            let search = PointSearch(
                measure: measure, prefersGreatest: false, coordinates: (0..<width).map { _ in .init(.absolute) },
                points: (0..<20 * width).map { _ in Self.number(&random, missing: 0) }, places: 3, givesAll: true)
            steps.append(.search(search, features: Array(0..<width), into: program.addSlots(search.resultCount)))
        }
        let positions = first + 3
        steps.append(
            .vote(Vote(ballots: [positions, positions + 1], weights: [], preference: Array(0..<20)), into: program.addSlots(1)))
        // A step may read what those before it have written.
        program.steps = Array(steps.prefix(which + 1))
        program.outputs = [first]
        let model = try TabularModel(
            program: program,
            signature: Signature(
                inputs: (0..<width).map { Field("x\($0)") }, outputs: [OutputColumn("y")], roles: Roles(score: 0..<1)),
            description: ModelDescription(format: "test"))
        let (batch, scores, workspace) = (FeatureBatch(), ScoreBatch(), Workspace())
        batch.reset(width: width)
        for _ in 0..<rows {
            let row = batch.addRow()
            for column in 0..<width { batch.set(Self.number(&random, missing: 9), row: row, column: column) }
        }
        var allocations: UInt = 0
        for round in 0..<3 {
            let before = allocation_count()
            try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: workspace))
            // The first rounds grow the buffers.
            if round == 2 { allocations = UInt(allocation_count() - before) }
        }
        #expect(allocations == 0)
    }
}
