package import Texts

/// Builds a program step by step: numbers the slots, computes no value twice and folds what is constant.
///
/// Operands stay valid until the program is finished. Tables can be changed until then, also when
/// instructions use them already: a reader often learns late which categories a field has.
package struct ProgramBuilder {
    private enum Item {
        /// A range of `instructions`.
        case instructions(Range<Int>)
        case step(Step)
        /// A range of `decisions`: walks of which none needs another's results.
        case decisions(Range<Int>)
        /// The text step of this index.
        case texts(Int)
    }

    private struct Key: Hashable {
        var operation: Formula.Operation
        var a: Formula.Operand
        var b: Formula.Operand
        var c: Formula.Operand
        var detail: Int32
    }

    private var program: Program
    private var items: [Item] = []
    private var instructions: [Formula.Instruction] = []
    private var firstOfFormula = 0
    private var decisions: [GraphWalk] = []
    private var constants: [Double] = []
    private var constantIndex: [UInt64: Int] = [:]
    private var tables: [Formula.Table] = []
    private var tableIndex: [Formula.Table: Int] = [:]
    private var lists: [[Formula.Operand]] = []
    private var listIndex: [[Formula.Operand]: Int] = [:]
    private var failures: [Formula.Failure] = []
    private var known: [Key: Formula.Operand] = [:]
    private let none: Formula.Operand
    package var texts = TextSteps()

    package init(inputCount: Int) {
        program = Program(inputCount: inputCount)
        none = .slot(0)
    }

    package var slotCount: Int { program.slotCount }
    package var instructionCount: Int { instructions.count }

    package mutating func constant(_ value: Double) -> Formula.Operand {
        // All NaNs are the same missing value.
        let bits = value.isNaN ? Double.nan.bitPattern : value.bitPattern
        if let index = constantIndex[bits] { return .constant(index) }
        constants.append(value)
        constantIndex[bits] = constants.count - 1
        return .constant(constants.count - 1)
    }

    /// The value of a constant operand; nil for a slot.
    package func value(of operand: Formula.Operand) -> Double? {
        operand.constant.map { constants[$0] }
    }

    /// The slot of an operand; a constant gets one.
    package mutating func slot(of operand: Formula.Operand) -> Int {
        if let slot = operand.slot { return slot }
        return emit(Key(operation: .copy, a: operand, b: none, c: none, detail: -1)).slot!
    }

    /// Reserves slots for a step's results.
    package mutating func addSlots(_ count: Int) -> Int {
        let first = program.addSlots(count)
        texts.reserved.append(first..<first + count)
        return first
    }

    /// Adds a step that is no formula.
    package mutating func add(_ step: Step) {
        endFormula()
        items.append(.step(step))
    }

    /// Adds a walk through a graph and returns the first slot of its result. Graphs that follow each other
    /// become one step, unless one tests what another finds out.
    package mutating func decide(_ graph: DecisionGraph) -> Int {
        let decision = GraphWalk(graph, into: program.addSlots(graph.width))
        decisions.append(decision)
        // What the walks of a step find out lies behind the first one's result.
        if firstOfFormula == instructions.count, case .decisions(let others)? = items.last,
            graph.tests.allSatisfy({ $0.slot < decisions[others.lowerBound].into })
        {
            items[items.count - 1] = .decisions(others.lowerBound..<decisions.count)
        } else {
            endFormula()
            items.append(.decisions(decisions.count - 1..<decisions.count))
        }
        return decision.into
    }

    package mutating func apply(
        _ operation: Formula.Operation, _ a: Formula.Operand, _ b: Formula.Operand? = nil, _ c: Formula.Operand? = nil
    ) -> Formula.Operand {
        let key = Key(operation: operation, a: a, b: b ?? none, c: c ?? none, detail: -1)
        return simplified(key) ?? emit(key)
    }

    /// A look-up in a table that will not change; equal tables are shared.
    package mutating func look(up a: Formula.Operand, in table: Formula.Table) -> Formula.Operand {
        let index = tableIndex[table] ?? addTable(table)
        tableIndex[table] = index
        return look(up: a, inTable: index)
    }

    /// A look-up in a table that may still change.
    package mutating func look(up a: Formula.Operand, inTable table: Int) -> Formula.Operand {
        emit(Key(operation: .lookup, a: a, b: none, c: none, detail: Int32(table)))
    }

    package mutating func addTable(_ table: Formula.Table) -> Int {
        tables.append(table)
        return tables.count - 1
    }

    package subscript(table index: Int) -> Formula.Table {
        get { tables[index] }
        set { tables[index] = newValue }
    }

    /// intercept + sum of coefficient * operand ^ exponent.
    package mutating func linear(_ terms: [Formula.Term], intercept: Double) -> Formula.Operand {
        guard !terms.isEmpty else { return constant(intercept) }
        let key = Key(
            operation: .linear, a: none, b: constant(intercept), c: none, detail: Int32(addTable(.terms(terms))))
        return emit(key)
    }

    package mutating func combine(_ operation: Formula.Operation, _ members: [Formula.Operand]) -> Formula.Operand {
        .slot(combine(operation, members, results: 1))
    }

    /// An operation that writes a slot a member; returns the first.
    package mutating func spread(_ operation: Formula.Operation, _ members: [Formula.Operand]) -> Int {
        combine(operation, members, results: members.count)
    }

    private mutating func combine(_ operation: Formula.Operation, _ members: [Formula.Operand], results: Int) -> Int {
        let index = listIndex[members] ?? lists.count
        if index == lists.count {
            lists.append(members)
            listIndex[members] = index
        }
        return emit(Key(operation: operation, a: none, b: none, c: none, detail: Int32(index)), results: results).slot!
    }

    /// Fails a row where the operand is true.
    package mutating func fail(where a: Formula.Operand, _ failure: Formula.Failure) {
        guard value(of: a) != 0 else { return }
        failures.append(failure)
        instructions.append(
            Formula.Instruction(.fail, a, none, none, detail: Int32(failures.count - 1), into: 0))
    }

    /// Fails a row where the operand is missing.
    package mutating func fail(whereMissing a: Formula.Operand, _ failure: Formula.Failure) {
        failures.append(failure)
        instructions.append(
            Formula.Instruction(.failMissing, a, none, none, detail: Int32(failures.count - 1), into: 0))
    }

    /// The program with these output slots.
    package consuming func finish(outputs: [Formula.Operand]) -> Program {
        let slots = outputs.map { slot(of: $0) }
        endFormula()
        program.outputs = slots
        let known = KnownTexts(texts.stepCount > 0 ? texts.symbols : [])
        program.steps = items.map { item in
            switch item {
            case .step(let step): step
            case .decisions(let range): .decide(Array(decisions[range]))
            case .texts(let index): .texts(texts.program(ofStep: index, known))
            case .instructions(let range): .formula(formula(range))
            }
        }
        return program
    }
}

extension ProgramBuilder {
    /// The text that an instruction makes.
    package mutating func text(_ instruction: TextProgram.Instruction) -> TextProgram.Register {
        TextProgram.Register(index: add(instruction))
    }

    /// The number that an instruction finds.
    package mutating func measure(_ instruction: TextProgram.Instruction) -> Formula.Operand {
        let line = add(instruction)
        return .slot(texts.lines[line].into)
    }

    /// How often a term occurs among words; the terms of the same words are counted together.
    package mutating func count(_ term: [UInt8], wordCount: Int, in words: TextProgram.Register, _ matching: TermMatching)
        -> Formula.Operand
    {
        let dictionary = texts.dictionary(of: words, matching)
        _ = add(.terms(words, dictionary: dictionary))
        let slot = texts.slot(of: term, wordCount: wordCount, in: dictionary) { program.addSlots() }
        return .slot(slot)
    }

    /// The index of the line that holds the instruction: in the earliest text step that can have it.
    private mutating func add(_ instruction: TextProgram.Instruction) -> Int {
        if let line = texts.known[instruction] { return line }
        let (step, isNew) = texts.step(for: instruction, slotCount: program.slotCount, inputCount: program.inputCount)
        if isNew {
            endFormula()
            items.append(.texts(step))
        }
        let line = texts.lines.count
        texts.add(instruction, step: step, into: instruction.writesRegister ? line : program.addSlots())
        return line
    }

    private mutating func emit(_ key: Key, results: Int = 1) -> Formula.Operand {
        if let operand = known[key] { return operand }
        let into = program.addSlots(results)
        instructions.append(
            Formula.Instruction(key.operation, key.a, key.b, key.c, detail: key.detail, into: Int32(into)))
        known[key] = .slot(into)
        return .slot(into)
    }

    private mutating func endFormula() {
        guard firstOfFormula < instructions.count else { return }
        items.append(.instructions(firstOfFormula..<instructions.count))
        firstOfFormula = instructions.count
    }

    /// What the operation comes to without computing anything, if it does.
    private mutating func simplified(_ key: Key) -> Formula.Operand? {
        let operands = [key.a, key.b, key.c].prefix(key.operation.form.operandCount)
        let values = operands.map { value(of: $0) }
        if values.allSatisfy({ $0 != nil }) { return constant(folded(key)) }
        switch key.operation {
        case .and:
            if values[0] == 0 || values[1] == 0 { return constant(0) }
            if values[0] == 1 { return key.b }
            if values[1] == 1 { return key.a }
        case .or:
            if values[0] == 1 || values[1] == 1 { return constant(1) }
            if values[0] == 0 { return key.b }
            if values[1] == 0 { return key.a }
        case .coalesce:
            if let first = values[0] { return first.isNaN ? key.b : key.a }
            if values[1]?.isNaN == true { return key.a }
        case .choose:
            if let condition = values[0] { return condition.isNaN ? constant(.nan) : (condition == 1 ? key.b : key.c) }
        case .only:
            if let condition = values[1] { return condition == 1 ? key.a : constant(.nan) }
        default: break
        }
        return nil
    }

    /// The result of an operation on constants.
    private func folded(_ key: Key) -> Double {
        constants.withUnsafeBufferPointer { constants in
            withUnsafeTemporaryAllocation(of: Double.self, capacity: 1) { result in
                result[0] = .nan
                let pass = FormulaPass(slots: result.baseAddress!, stride: 0, rows: 1, constants: constants)
                pass.run(Formula.Instruction(key.operation, key.a, key.b, key.c, into: 0))
                return result[0]
            }
        }
    }

    /// The instructions of a range with the constants, tables and lists that they use.
    private func formula(_ range: Range<Int>) -> Formula {
        var formula = Formula()
        var (newConstants, newTables, newLists): ([Int: Int], [Int32: Int32], [Int32: Int32]) = ([:], [:], [:])
        func moved(_ operand: Formula.Operand) -> Formula.Operand {
            guard let index = operand.constant else { return operand }
            let new = newConstants[index] ?? formula.constants.count
            if new == formula.constants.count {
                formula.constants.append(constants[index])
                newConstants[index] = new
            }
            return .constant(new)
        }
        for var instruction in instructions[range] {
            let form = instruction.operation.form
            if form.reads.a { instruction.a = moved(instruction.a) }
            if form.reads.b { instruction.b = moved(instruction.b) }
            if form.reads.c { instruction.c = moved(instruction.c) }
            let detail = instruction.detail
            switch form {
            case .one, .two, .three: break
            case .failure:
                instruction.detail = Int32(formula.failures.count)
                formula.failures.append(failures[Int(detail)])
            case .list, .spread:
                instruction.detail = newLists[detail] ?? Int32(formula.lists.count)
                if newLists[detail] == nil {
                    formula.lists.append(lists[Int(detail)].map(moved))
                    newLists[detail] = instruction.detail
                }
            case .lookup, .linear:
                instruction.detail = newTables[detail] ?? Int32(formula.tables.count)
                if newTables[detail] == nil {
                    var table = tables[Int(detail)]
                    if case .terms(let terms) = table {
                        table = .terms(
                            terms.map { Formula.Term(moved($0.operand), coefficient: $0.coefficient, exponent: $0.exponent) })
                    }
                    formula.tables.append(table)
                    newTables[detail] = instruction.detail
                }
            }
            formula.instructions.append(instruction)
        }
        if formula.constants.isEmpty { formula.constants = [.nan] }
        return formula
    }
}
