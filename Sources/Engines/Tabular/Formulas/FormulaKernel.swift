internal import Glibc
internal import Scoring

/// Executes a formula over a block of rows, one instruction after the other, each over all rows: a single
/// row costs a few nanoseconds an instruction, and in a block the dispatch is shared. Allocates nothing but
/// for the members of medians.
struct FormulaKernel: Kernel {
    private let instructions: [Formula.Instruction]
    private let constants: [Double]
    private let tables: FormulaTables
    private let listStarts: [Int32]
    private let members: [Formula.Operand]
    private let failing: [Formula.Instruction]
    private let failures: [ScoringError]

    init(_ formula: Formula) {
        instructions = formula.instructions.filter { $0.operation.form != .failure }
        failing = formula.instructions.filter { $0.operation.form == .failure }
        constants = formula.constants
        tables = FormulaTables(formula.tables)
        var (starts, members): ([Int32], [Formula.Operand]) = ([0], [])
        for list in formula.lists {
            members += list
            starts.append(Int32(members.count))
        }
        self.listStarts = starts
        self.members = members
        failures = formula.failures.map(\.error)
    }

    func scratchBytes(rows: Int) -> Int { 0 }
    var memoryBytes: Int {
        (instructions.count + failing.count) * MemoryLayout<Formula.Instruction>.stride + constants.count * 8 + members.count * 4
            + tables.memoryBytes
    }

    func run(_ frames: borrowing Frames) {
        let (slots, stride, rows) = (frames.slots, frames.stride, frames.rows)
        constants.withUnsafeBufferPointer { constants in
            members.withUnsafeBufferPointer { members in
                tables.withCursor { tables in
                    instructions.withUnsafeBufferPointer { instructions in
                        let pass = FormulaPass(slots: slots, stride: stride, rows: rows, constants: constants)
                        for instruction in instructions {
                            switch instruction.operation.form {
                            case .one, .two, .three: pass.run(instruction)
                            case .lookup:
                                let a = pass.lane(instruction.a)
                                let table = Int(instruction.detail)
                                pass.each(instruction) { tables.value(table, a[$0]) }
                            case .linear:
                                let intercept = pass.lane(instruction.b)
                                let table = Int(instruction.detail)
                                pass.each(instruction) { row in tables.sum(table, from: intercept[row]) { pass.lane($0)[row] } }
                            case .list, .spread:
                                let start = Int(listStarts[Int(instruction.detail)])
                                let end = Int(listStarts[Int(instruction.detail) + 1])
                                pass.run(instruction, over: UnsafeBufferPointer(rebasing: members[start..<end]))
                            // Failures come last; see `fail`.
                            case .failure: break
                            }
                        }
                    }
                }
            }
        }
        if !failures.isEmpty { fail(frames) }
    }

    /// Fails rows by the instructions that say so, once everything is computed.
    private func fail(_ frames: borrowing Frames) {
        let (slots, stride, rows) = (frames.slots, frames.stride, frames.rows)
        for instruction in failing {
            for row in 0..<rows {
                let value = value(instruction.a, slots + row * stride)
                if instruction.operation == .fail ? value == 1 : value.isNaN {
                    frames.fail(row: row, failures[Int(instruction.detail)])
                }
            }
        }
    }

    private func value(_ operand: Formula.Operand, _ frame: UnsafeMutablePointer<Double>) -> Double {
        operand.slot.map { frame[$0] } ?? constants[Int(~operand.code)]
    }
}

/// The rows of a block while a formula runs over them.
struct FormulaPass {
    let slots: UnsafeMutablePointer<Double>
    let stride: Int
    let rows: Int
    let constants: UnsafeBufferPointer<Double>

    /// One operand of all rows; a constant is a column whose rows are all in one place.
    struct Lane {
        let base: UnsafePointer<Double>
        let stride: Int

        @inline(__always)
        subscript(row: Int) -> Double { base[row * stride] }
    }

    @inline(__always)
    func lane(_ operand: Formula.Operand) -> Lane {
        operand.code >= 0
            ? Lane(base: UnsafePointer(slots + Int(operand.code)), stride: stride)
            : Lane(base: constants.baseAddress.unsafelyUnwrapped + Int(~operand.code), stride: 0)
    }

    @inline(__always)
    func each(_ instruction: Formula.Instruction, _ value: (Int) -> Double) {
        let result = slots + Int(instruction.into)
        for row in 0..<rows { result[row * stride] = value(row) }
    }

    @inline(__always)
    private func one(_ instruction: Formula.Instruction, _ function: (Double) -> Double) {
        let a = lane(instruction.a)
        each(instruction) { function(a[$0]) }
    }

    @inline(__always)
    private func two(_ instruction: Formula.Instruction, _ function: (Double, Double) -> Double) {
        let (a, b) = (lane(instruction.a), lane(instruction.b))
        each(instruction) { function(a[$0], b[$0]) }
    }

    @inline(__always)
    private func test(_ instruction: Formula.Instruction, _ holds: (Double, Double) -> Bool) {
        two(instruction) { a, b in a.isNaN || b.isNaN ? .nan : (holds(a, b) ? 1 : 0) }
    }

    /// The operations without a table or list.
    func run(_ instruction: Formula.Instruction) {
        switch instruction.operation {
        case .copy: one(instruction) { $0 }
        case .float32: one(instruction) { Double(Float($0)) }
        case .absolute: one(instruction) { abs($0) }
        case .floor: one(instruction) { $0.rounded(.down) }
        case .ceiling: one(instruction) { $0.rounded(.up) }
        case .roundHalfUp: one(instruction) { $0 - $0.rounded(.down) >= 0.5 ? $0.rounded(.down) + 1 : $0.rounded(.down) }
        case .roundHalfEven: one(instruction) { $0.rounded(.toNearestOrEven) }
        case .truncate: one(instruction) { $0.rounded(.towardZero) }
        case .squareRoot: one(instruction) { $0.squareRoot() }
        case .exponential: one(instruction) { exp($0) }
        case .exponentialMinus1: one(instruction) { expm1($0) }
        case .logarithm: one(instruction) { log($0) }
        case .logarithm10: one(instruction) { log10($0) }
        case .logarithmPlus1: one(instruction) { log1p($0) }
        case .sine: one(instruction) { sin($0) }
        case .cosine: one(instruction) { cos($0) }
        case .tangent: one(instruction) { tan($0) }
        case .arcSine: one(instruction) { asin($0) }
        case .arcCosine: one(instruction) { acos($0) }
        case .arcTangent: one(instruction) { atan($0) }
        case .hyperbolicSine: one(instruction) { sinh($0) }
        case .hyperbolicCosine: one(instruction) { cosh($0) }
        case .hyperbolicTangent: one(instruction) { tanh($0) }
        case .errorFunction: one(instruction) { erf($0) }
        case .normalDistribution: one(instruction) { 0.5 * erfc(-$0 / 2.0.squareRoot()) }
        case .normalDensity: one(instruction) { exp(-$0 * $0 / 2) / (2 * Double.pi).squareRoot() }
        case .normalQuantile: one(instruction) { NormalQuantile.value($0) }
        case .logistic: one(instruction) { 1 / (1 + exp(-$0)) }
        case .logGamma:
            one(instruction) {
                var sign: Int32 = 0
                return lgamma_r($0, &sign)
            }
        case .not: one(instruction) { 1 - $0 }
        case .isMissing: one(instruction) { $0.isNaN ? 1 : 0 }
        case .isPresent: one(instruction) { $0.isNaN ? 0 : 1 }
        case .add: two(instruction) { $0 + $1 }
        case .subtract: two(instruction) { $0 - $1 }
        case .multiply: two(instruction) { $0 * $1 }
        case .divide: two(instruction) { $0 / $1 }
        case .power: two(instruction) { $0.isNaN || $1.isNaN ? .nan : pow($0, $1) }
        case .hypotenuse: two(instruction) { $0.isNaN || $1.isNaN ? .nan : hypot($0, $1) }
        case .arcTangent2: two(instruction) { $0.isNaN || $1.isNaN ? .nan : atan2($0, $1) }
        case .modulo: two(instruction) { $0 - $1 * ($0 / $1).rounded(.down) }
        case .equal: test(instruction) { $0 == $1 }
        case .notEqual: test(instruction) { $0 != $1 }
        case .less: test(instruction) { $0 < $1 }
        case .lessOrEqual: test(instruction) { $0 <= $1 }
        case .greater: test(instruction) { $0 > $1 }
        case .greaterOrEqual: test(instruction) { $0 >= $1 }
        case .and: two(instruction) { $0 == 0 || $1 == 0 ? 0 : $0 * $1 }
        case .or: two(instruction) { $0 == 1 || $1 == 1 ? 1 : $0 + $1 }
        case .exclusiveOr: two(instruction) { abs($0 - $1) }
        case .coalesce: two(instruction) { $0.isNaN ? $1 : $0 }
        case .only: two(instruction) { $1 == 1 ? $0 : .nan }
        case .choose:
            let (a, b, c) = (lane(instruction.a), lane(instruction.b), lane(instruction.c))
            each(instruction) { row in
                let condition = a[row]
                return condition.isNaN ? .nan : (condition == 1 ? b[row] : c[row])
            }
        case .clamp:
            let (a, b, c) = (lane(instruction.a), lane(instruction.b), lane(instruction.c))
            each(instruction) { row in
                let value = a[row]
                return value < b[row] ? b[row] : (value > c[row] ? c[row] : value)
            }
        case .lookup, .linear, .sum, .average, .minimum, .maximum, .median, .product, .strictSum, .missingCount, .highest, .first,
            .weightedMedian, .softmax, .share, .fail, .failMissing:
            preconditionFailure("the operation works on a table or list")
        }
    }
}
