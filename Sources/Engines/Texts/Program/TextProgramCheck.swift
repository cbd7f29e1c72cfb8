/// Checks what a text program refers to besides slots: registers, strings, expressions, dictionaries. A register is read
/// after it was written, as what was written: a text or words.
package struct TextProgramCheck {
    private enum Content { case text, words }

    private let program: TextProgram
    private let inputCount: Int
    private var contents: [Content?]
    /// The inputs that are read.
    package private(set) var inputs: Set<Int> = []

    package init(_ program: TextProgram, inputCount: Int) {
        (self.program, self.inputCount) = (program, inputCount)
        contents =
            (0...TextProgram.maxRegisters).contains(program.registerCount)
            ? [Content?](repeating: nil, count: program.registerCount) : []
    }

    /// What is wrong with the program's tables; nil for nothing.
    package func tables() -> String? {
        guard contents.count == program.registerCount else { return "\(program.registerCount) registers" }
        guard program.known == nil || program.known?.texts.count == program.symbols.count else {
            return "the known strings are not those of the program"
        }
        for tokenizer in program.tokenizers where !program.expressions.indices.contains(tokenizer.expression) {
            return "expression \(tokenizer.expression) of \(program.expressions.count)"
        }
        for dictionary in program.dictionaries {
            guard dictionary.wordCounts.count == dictionary.terms.count, dictionary.slots.count == dictionary.terms.count else {
                return "a dictionary of \(dictionary.terms.count) terms with \(dictionary.slots.count) slots"
            }
            for (term, count) in zip(dictionary.terms, dictionary.wordCounts)
            where count != 0 && count != 1 + term.count(where: { $0 == 0 }) {
                return "a term that has other words than \(count)"
            }
        }
        return nil
    }

    /// What is wrong with a line; nil for nothing. Lines are checked in their order.
    package mutating func check(_ line: TextProgram.Line) -> String? {
        for register in line.instruction.operands.registers {
            guard contents.indices.contains(register.index) else { return "register \(register.index) of \(contents.count)" }
            guard contents[register.index] != nil else { return "register \(register.index) is read before it is written" }
        }
        if let reason = details(line.instruction) { return reason }
        guard line.instruction.writesRegister else { return nil }
        guard contents.indices.contains(line.into) else { return "register \(line.into) of \(contents.count)" }
        guard contents[line.into] == nil else { return "register \(line.into) is written twice" }
        switch line.instruction {
        case .words: contents[line.into] = .words
        case .choose(_, let first, _): contents[line.into] = contents[first.index]
        default: contents[line.into] = .text
        }
        return nil
    }

    private mutating func details(_ instruction: TextProgram.Instruction) -> String? {
        func index(_ index: Int, _ count: Int, _ what: String) -> String? {
            index >= 0 && index < count ? nil : "\(what) \(index) of \(count)"
        }
        let reason: String? =
            switch instruction {
            case .input(let column): index(column, inputCount, "input")
            case .constant(let code): index(code, program.symbols.count, "string")
            case .matches(_, let expression): index(expression, program.expressions.count, "expression")
            case .replace(_, let expression, let replacement): replacing(expression, replacement)
            case .rewrite(_, let rules, let maxPasses):
                rewriting(rules, maxPasses)
            case .words(_, let tokenizer): index(tokenizer, program.tokenizers.count, "tokenizer")
            case .terms(_, let dictionary): index(dictionary, program.dictionaries.count, "dictionary")
            default: nil
            }
        if let reason { return reason }
        if case .input(let column) = instruction { inputs.insert(column) }
        let read = instruction.operands.registers.map { contents[$0.index] }
        switch instruction {
        case .choose: return read[0] == read[1] ? nil : "a choice between a text and words"
        case .terms, .termCount, .highestCount: return read.allSatisfy { $0 == .words } ? nil : "a text is read as words"
        default: return read.allSatisfy { $0 == .text } ? nil : "words are read as a text"
        }
    }

    private func rewriting(_ rules: [TextProgram.Rewrite], _ maxPasses: Int) -> String? {
        for rule in rules {
            if let reason = replacing(rule.expression, rule.replacement) { return reason }
        }
        return maxPasses > 0 ? nil : "no passes"
    }

    private func replacing(_ expression: Int, _ replacement: Int) -> String? {
        guard program.expressions.indices.contains(expression) else {
            return "expression \(expression) of \(program.expressions.count)"
        }
        guard program.replacements.indices.contains(replacement) else {
            return "replacement \(replacement) of \(program.replacements.count)"
        }
        return program.replacements[replacement].greatestGroup <= program.expressions[expression].groupCount
            ? nil : "replacement \(replacement) names a group that expression \(expression) does not have"
    }
}

extension TextProgram {
    /// The most registers that a program may have.
    static let maxRegisters = 1 << 27

    /// The slots that a line writes. A dictionary that cannot be found has none.
    package func slotsWritten(by line: Line) -> [Int] {
        if line.instruction.writesRegister { return [] }
        guard case .terms(_, let dictionary) = line.instruction else { return [line.into] }
        return dictionaries.indices.contains(dictionary) ? dictionaries[dictionary].slots : []
    }
}
