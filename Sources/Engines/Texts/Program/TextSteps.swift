/// The text instructions of a program that is being built, and the steps that they are in. An instruction goes
/// into the earliest step at which everything that it reads is known; a step that needs a text of an earlier
/// one makes it again, since texts do not outlive their step.
package struct TextSteps {
    package struct Line {
        package var instruction: TextProgram.Instruction
        package var into: Int
        var step: Int
    }

    package private(set) var lines: [Line] = []
    package private(set) var known: [TextProgram.Instruction: Int] = [:]
    /// How many slots there were when a step began: all that are lower are written before it.
    private var slotCounts: [Int] = []
    /// Slots that were handed out before the steps that write them.
    package var reserved: [Range<Int>] = []
    private var firstSteps: [Int: Int] = [:]
    private var dictionaryIndex: [DictionaryKey: Int] = [:]
    private var termSlots: [[[UInt8]: Int]] = []

    /// The strings that codes stand for; to be set before the program is finished.
    package var symbols: [String] = []
    package var expressions: [RegularExpression] = []
    package var replacements: [RegularExpressionReplacement] = []
    package var tokenizers: [Tokenizer] = []
    /// The names of the inputs.
    package var fields: [String] = []
    private var dictionaries: [TermDictionary] = []

    package init() {}

    private struct DictionaryKey: Hashable {
        var words: TextProgram.Register
        var matching: TermMatching
    }

    package var count: Int { lines.count }
    package var stepCount: Int { slotCounts.count }

    package mutating func add(_ instruction: TextProgram.Instruction, step: Int, into: Int) {
        known[instruction] = lines.count
        lines.append(Line(instruction: instruction, into: into, step: step))
        if !instruction.writesRegister { firstSteps[into] = step }
    }

    /// The step for an instruction, which may have to be made.
    package mutating func step(for instruction: TextProgram.Instruction, slotCount: Int, inputCount: Int) -> (
        step: Int, isNew: Bool
    ) {
        let (registers, slots) = instruction.operands
        var step = registers.map { lines[$0.index].step }.max() ?? 0
        for slot in slots where slot >= inputCount { step = max(step, firstStep(afterSlot: slot)) }
        guard step >= slotCounts.count else { return (step, false) }
        slotCounts.append(slotCount)
        return (slotCounts.count - 1, true)
    }

    /// The first step that can read a slot; one that is yet to be made if none can.
    private mutating func firstStep(afterSlot slot: Int) -> Int {
        if let step = firstSteps[slot] { return step }
        let step: Int
        if reserved.contains(where: { $0.contains(slot) }) {
            step = slotCounts.count
            firstSteps[slot] = step
        } else {
            step = slotCounts.firstIndex { slot < $0 } ?? slotCounts.count
        }
        return step
    }

    package mutating func dictionary(of words: TextProgram.Register, _ matching: TermMatching) -> Int {
        let key = DictionaryKey(words: words, matching: matching)
        if let index = dictionaryIndex[key] { return index }
        dictionaries.append(TermDictionary(matching))
        termSlots.append([:])
        dictionaryIndex[key] = dictionaries.count - 1
        return dictionaries.count - 1
    }

    package mutating func slot(of term: [UInt8], wordCount: Int, in dictionary: Int, _ new: () -> Int) -> Int {
        if let slot = termSlots[dictionary][term] { return slot }
        let slot = new()
        termSlots[dictionary][term] = slot
        dictionaries[dictionary].terms.append(term)
        dictionaries[dictionary].wordCounts.append(wordCount)
        dictionaries[dictionary].slots.append(slot)
        // Known from the step on that counts the dictionary's first term.
        if let line = lines.first(where: { if case .terms(_, dictionary) = $0.instruction { true } else { false } }) {
            firstSteps[slot] = line.step
        }
        return slot
    }

    /// The program of a step: its own lines and all that they need.
    package func program(ofStep step: Int, _ knownTexts: KnownTexts) -> TextProgram {
        var needed: Set<Int> = []
        var open = lines.indices.filter { lines[$0].step == step && !lines[$0].instruction.writesRegister }
        while let line = open.popLast() {
            guard needed.insert(line).inserted else { continue }
            open += lines[line].instruction.operands.registers.map(\.index)
        }
        var program = TextProgram()
        (program.known, program.countsKnown) = (knownTexts, step == 0)
        (program.symbols, program.expressions, program.replacements) = (symbols, expressions, replacements)
        (program.tokenizers, program.dictionaries) = (tokenizers, dictionaries)
        program.registerCount = lines.count
        for line in needed.sorted() {
            if case .input(let column) = lines[line].instruction, program.field.isEmpty { program.field = fields[column] }
            program.lines.append(.init(lines[line].instruction, into: lines[line].into))
        }
        return program
    }
}
