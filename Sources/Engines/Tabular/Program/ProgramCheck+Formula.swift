internal import Scoring
internal import Texts

extension ProgramCheck {
    mutating func check(_ formula: Formula, _ name: String) throws(ScoringError) {
        for (index, table) in formula.tables.enumerated() {
            place = "\(name), table \(index + 1)"
            try check(table)
        }
        try require(formula.lists.reduce(0) { $0 + $1.count } <= Program.maxElements, "too many members of lists")
        for (index, instruction) in formula.instructions.enumerated() {
            place = "\(name), instruction \(index + 1) (\(instruction.operation))"
            try check(instruction, of: formula)
        }
        place = name
    }

    private mutating func check(_ instruction: Formula.Instruction, of formula: Formula) throws(ScoringError) {
        let form = instruction.operation.form
        if form.reads.a { try check(instruction.a, of: formula) }
        if form.reads.b { try check(instruction.b, of: formula) }
        if form.reads.c { try check(instruction.c, of: formula) }
        let detail = Int(instruction.detail)
        var results = 1
        switch form {
        case .one, .two, .three: break
        case .lookup:
            try require(index: detail, below: formula.tables.count, "table")
            if case .terms = formula.tables[detail] { throw fault("a look-up in a table of terms") }
        case .linear:
            try require(index: detail, below: formula.tables.count, "table")
            guard case .terms(let terms) = formula.tables[detail] else { throw fault("a sum of a table that has no terms") }
            for term in terms { try check(term.operand, of: formula) }
        case .list, .spread:
            try require(index: detail, below: formula.lists.count, "list")
            let members = formula.lists[detail]
            for member in members { try check(member, of: formula) }
            if form == .spread { results = members.count }
            if instruction.operation == .weightedMedian { try require(members.count % 2 == 0, "a value without a weight") }
        case .failure:
            try require(index: detail, below: formula.failures.count, "failure")
            results = 0
        }
        if results > 0 { try write(Int(instruction.into), count: results) }
    }

    private func check(_ operand: Formula.Operand, of formula: Formula) throws(ScoringError) {
        if let slot = operand.slot { return try read(slot) }
        try require(index: Int(~operand.code), below: formula.constants.count, "constant")
    }

    private func check(_ table: Formula.Table) throws(ScoringError) {
        switch table {
        case .codes(_, let values, _, _): try require(values.count <= Program.maxElements, "\(values.count) values")
        case .keys(let keys, let values, _, _):
            try require(values.count, of: "values", for: keys.count)
            try require(ascends(keys), "keys that do not ascend")
        case .bins(let edges, let values, _):
            try require(values.count, of: "values", for: 2 * edges.count + 1)
            try require(ascends(edges), "edges that do not ascend")
        case .polyline(let x, let y, _, _):
            try require(x.count >= 2, "a line of \(x.count) points")
            try require(y.count, of: "heights of points", for: x.count)
            try require(ascends(x), "points that do not ascend")
        case .terms(let terms): try require(terms.count <= Program.maxElements, "\(terms.count) terms")
        }
    }

    private func ascends(_ numbers: [Double]) -> Bool {
        !numbers.contains(where: \.isNaN) && zip(numbers, numbers.dropFirst()).allSatisfy { $0 <= $1 }
    }

    mutating func check(_ program: TextProgram, _ name: String) throws(ScoringError) {
        var texts = TextProgramCheck(program, inputCount: inputCount)
        if let reason = texts.tables() { throw fault(reason) }
        for (index, line) in program.lines.enumerated() {
            place = "\(name), line \(index + 1)"
            if let reason = texts.check(line) { throw fault(reason) }
            try read(line.instruction.operands.slots)
            for slot in program.slotsWritten(by: line) { try write(slot) }
            if case .output = line.instruction { textOutputs.insert(line.into) }
        }
        textInputs.formUnion(texts.inputs)
        place = name
    }
}
