package import Scoring

/// Executes a text program, row after row, in scratch memory; allocates only for results that are texts and for
/// digits of numbers.
package struct TextExecution: Sendable {
    private let program: TextProgram
    private let codes: SymbolTable
    private let symbols: TextTable
    private let dictionaries: [TermLookup]
    private let arenaBytes: Int
    private let searchBytes: Int

    /// - Parameter program: must have passed its check.
    package init(_ program: TextProgram) {
        self.program = program
        let known = program.known ?? KnownTexts(program.symbols)
        (codes, symbols) = (known.codes, known.texts)
        var used: Set<Int> = []
        for line in program.lines { if case .terms(_, let dictionary) = line.instruction { used.insert(dictionary) } }
        dictionaries = program.dictionaries.enumerated().map { index, dictionary in
            TermLookup(used.contains(index) ? dictionary : TermDictionary(dictionary.matching))
        }
        arenaBytes = min(program.registerCount + 1, 16) * TextProgram.maxBytes
        searchBytes = ((program.expressions.map(\.scratchBytes).max() ?? 0) + 63) & ~63
    }

    private var registerBytes: Int { (program.registerCount * MemoryLayout<TextRow.Content>.stride + 63) & ~63 }

    /// What a run needs for itself, for any number of rows.
    package var scratchBytes: Int { registerBytes + searchBytes + arenaBytes }

    package var memoryBytes: Int {
        program.lines.count * MemoryLayout<TextProgram.Line>.stride + (program.countsKnown ? symbols.byteCount * 2 : 0)
            + program.expressions.reduce(0) { $0 + $1.memoryBytes }
    }

    /// Runs the program for a block of rows.
    /// - Parameters:
    ///   - slots: row r begins at `slots + r * stride`.
    ///   - scratch: `scratchBytes`, 64-byte aligned.
    ///   - features: where the texts of the rows lie, and `scores` where texts go and rows fail; row 0 of the block is their
    ///     row `firstRow`.
    package func run(
        _ slots: UnsafeMutablePointer<Double>, stride: Int, rows: Int, scratch memory: UnsafeMutableRawPointer,
        features: FeatureBatch, scores: ScoreBatch, firstRow: Int
    ) {
        let registers = memory.bindMemory(to: TextRow.Content.self, capacity: program.registerCount)
        for row in 0..<rows {
            registers.initialize(repeating: TextRow.Content(), count: program.registerCount)
            var state = TextRow(
                program: program, codes: codes, symbols: symbols, dictionaries: dictionaries, registers: registers,
                search: memory + registerBytes,
                arena: TextArena(memory + registerBytes + searchBytes, capacity: arenaBytes), slots: slots + row * stride)
            for line in program.lines { state.run(line, features, scores, row: firstRow + row) }
            if state.arena.isFull {
                fail(scores, firstRow + row, "texts become longer than \(TextProgram.maxBytes) bytes")
            } else if state.isExhausted {
                fail(scores, firstRow + row, "patterns take too many steps on so long a text")
            }
        }
    }

    /// Runs the program for one row without slots and takes the content of a register.
    func contents(_ register: Int, _ memory: UnsafeMutableRawPointer) -> [UInt8]? {
        let registers = memory.bindMemory(to: TextRow.Content.self, capacity: program.registerCount)
        registers.initialize(repeating: TextRow.Content(), count: program.registerCount)
        return withUnsafeTemporaryAllocation(of: Double.self, capacity: 1) { slots in
            var state = TextRow(
                program: program, codes: codes, symbols: symbols, dictionaries: dictionaries, registers: registers,
                search: memory + registerBytes, arena: TextArena(memory + registerBytes + searchBytes, capacity: arenaBytes),
                slots: slots.baseAddress!)
            let (features, scores) = (FeatureBatch(), ScoreBatch())
            for line in program.lines { state.run(line, features, scores, row: 0) }
            guard !state.arena.isFull, !state.isExhausted else { return nil }
            return state.text(TextProgram.Register(index: register)).map { Array($0) }
        }
    }

    private func fail(_ scores: ScoreBatch, _ row: Int, _ reason: String) {
        scores.fail(row: row, .invalidFeature(name: program.field, reason: reason))
    }
}

/// The known strings of a program, which all its text steps share.
package final class KnownTexts: Sendable {
    let codes: SymbolTable
    let texts: TextTable

    package init(_ symbols: [String]) { (codes, texts) = (SymbolTable(symbols), TextTable(symbols)) }
}

/// Strings as bytes at fixed addresses.
///
/// `@unchecked Sendable` is safe: the memory is written in `init` only, and lives as long as the table.
final class TextTable: @unchecked Sendable {
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    private let ends: [Int]

    init(_ texts: [String]) {
        var (all, ends): ([UInt8], [Int]) = ([], [0])
        for text in texts {
            all += Array(text.utf8)
            ends.append(all.count)
        }
        bytes = .allocate(capacity: max(1, all.count))
        _ = bytes.initialize(from: all)
        self.ends = ends
    }

    deinit { bytes.deallocate() }

    var byteCount: Int { ends[ends.count - 1] }
    var count: Int { ends.count - 1 }

    subscript(index: Int) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: bytes[ends[index]..<ends[index + 1]])
    }
}

/// One row while a text program runs.
struct TextRow {
    typealias Text = UnsafeBufferPointer<UInt8>

    /// What a register holds; for words, each ends with a zero byte.
    struct Content {
        var bytes: UnsafePointer<UInt8>?
        var count = 0
        var isThere = false
    }

    let program: TextProgram
    let codes: SymbolTable
    let symbols: TextTable
    let dictionaries: [TermLookup]
    let registers: UnsafeMutablePointer<Content>
    let search: UnsafeMutableRawPointer
    var arena: TextArena
    let slots: UnsafeMutablePointer<Double>
    var budget = TextProgram.maxSteps
    var isExhausted = false

    func text(_ register: TextProgram.Register) -> Text? {
        let content = registers[register.index]
        return content.isThere ? Text(start: content.bytes, count: content.count) : nil
    }

    private func set(_ line: TextProgram.Line, _ text: Text?) {
        guard let text else { return }
        registers[line.into] = Content(bytes: text.baseAddress, count: text.count, isThere: true)
    }

    /// Makes a text of what `body` appends.
    private mutating func make(_ line: TextProgram.Line, _ body: (inout TextArena) -> Void) {
        arena.begin()
        body(&arena)
        set(line, arena.text)
    }

    private func number(_ number: TextProgram.Number) -> Double {
        switch number {
        case .slot(let slot): slots[slot]
        case .constant(let value): value
        }
    }

    mutating func run(_ line: TextProgram.Line, _ features: FeatureBatch, _ scores: ScoreBatch, row: Int) {
        guard !arena.isFull, !isExhausted else { return }
        switch line.instruction {
        case .input(let column):
            guard let string = features.text(row: row, column: column) else { return }
            make(line) { arena in
                var string = string
                string.withUTF8 { arena.append($0) }
            }
        case .constant(let code): set(line, symbols[code])
        case .decode(let slot, let unknown):
            let code = slots[slot]
            if code >= 0, code < Double(symbols.count) {
                set(line, symbols[Int(code)])
            } else if !code.isNaN, let unknown {
                set(line, text(unknown))
            }
        case .number(let slot, let form): if !slots[slot].isNaN { append(line, slots[slot], form) }
        case .formatted(let slot, let format):
            let value = slots[slot]
            guard !value.isNaN, !format.isInteger || value == value.rounded() && abs(value) < 9e18 else { return }
            make(line) { $0.append(value, format) }
        case .date(let slot, let pattern):
            let value = slots[slot]
            guard !value.isNaN, abs(value) < 1e12 else { return }
            make(line) { $0.append(value, pattern) }
        case .uppercase(let register): changeCase(line, register, isUpper: true)
        case .lowercase(let register): changeCase(line, register, isUpper: false)
        case .trimmed(let register): set(line, text(register).map(NumberReading.trimmed))
        case .substring(let register, let start, let length): substring(line, register, number(start), number(length))
        case .concatenation(let parts):
            // What is missing adds nothing.
            let registers = registers
            make(line) { arena in
                for part in parts where registers[part.index].isThere {
                    arena.append(Text(start: registers[part.index].bytes, count: registers[part.index].count))
                }
            }
        case .replace(let register, let expression, let replacement):
            if let text = text(register) { set(line, replaced(text, expression, program.replacements[replacement])) }
        case .rewrite(let register, let rules, let maxPasses): set(line, rewritten(text(register), rules, maxPasses))
        case .choose(let slot, let first, let second):
            if !slots[slot].isNaN { set(line, text(slots[slot] == 1 ? first : second)) }
        case .words(let register, let tokenizer):
            if let text = text(register) { words(line, text, program.tokenizers[tokenizer]) }
        default: measure(line, scores)
        }
    }

    /// The instructions that write a slot.
    private mutating func measure(_ line: TextProgram.Line, _ scores: ScoreBatch) {
        var result = Double.nan
        switch line.instruction {
        case .code(let register): if let text = text(register) { result = Double(codes.position(of: text) ?? -1) }
        case .length(let register):
            if let text = text(register) { result = Double(text.count { $0 & 0xC0 != 0x80 }) }
        case .matches(let register, let expression):
            guard let text = text(register) else { break }
            var search = RegularExpressionSearch(program.expressions[expression], memory: search, budget: budget)
            let found = search.find(text, from: 0, isTest: true)
            isExhausted = found == .exhausted
            budget = search.budget
            result = found == .found ? 1 : 0
        case .parsed(let register, let form): if let text = text(register) { result = NumberReading.value(text, form) }
        case .comparison(let first, let second):
            if let first = text(first), let second = text(second) { result = order(first, second) }
        case .terms(let words, let dictionary): return count(words, dictionaries[dictionary])
        case .termCount(let words, let term, let matching):
            if let words = text(words), let term = text(term) {
                let wordCount = term.count { $0 == 0 }
                result = wordCount == 0 ? 0 : Double(occurrences(words, Text(rebasing: term.dropLast()), wordCount, matching))
            }
        case .highestCount(let words): if let words = text(words) { result = Double(highestCount(words)) }
        case .output(let register):
            if let text = text(register) { result = scores.addText(String(decoding: text, as: UTF8.self)) }
        default: preconditionFailure("the instruction writes a register")
        }
        slots[line.into] = result
    }

    private mutating func append(_ line: TextProgram.Line, _ value: Double, _ form: TextProgram.Form) {
        make(line) { arena in
            switch form {
            case .integer:
                if value == value.rounded(), abs(value) < 9e15 {
                    if value < 0 { arena.append(UInt8(ascii: "-")) }
                    arena.append(digits: Int(abs(value)))
                } else {
                    arena.append("\(value)".utf8)
                }
            case .double: arena.append(NumberWriting.text(of: value).utf8)
            case .float: arena.append(NumberWriting.text(of: Float(value)).utf8)
            case .boolean: arena.append((value == 1 ? "true" : "false").utf8)
            case .date: if abs(value) < 1e12 { arena.append(value, Self.date) }
            case .time: if abs(value) < 1e12 { arena.append(value, Self.time) }
            case .dateTime: if abs(value) < 1e12 { arena.append(value, Self.dateTime) }
            }
        }
    }

    private static let date = DatePattern("%F", source: .days)!
    private static let time = DatePattern("%T", source: .secondsOfDay)!
    private static let dateTime = DatePattern("%FT%T", source: .seconds)!

    private mutating func changeCase(_ line: TextProgram.Line, _ register: TextProgram.Register, isUpper: Bool) {
        guard let text = text(register) else { return }
        make(line) { arena in
            var index = 0
            while index < text.count {
                let (scalar, length) = UTF8Scalars.scalar(text, at: index)
                if scalar < 128 {
                    arena.append(UInt8(isUpper ? ScalarCase.upper(scalar) : ScalarCase.lower(scalar)))
                } else if let scalar = Unicode.Scalar(scalar) {
                    // One character can become several.
                    let mapped = isUpper ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
                    for scalar in mapped.unicodeScalars { arena.append(scalar: scalar.value) }
                }
                index += length
            }
        }
    }

    private func substring(_ line: TextProgram.Line, _ register: TextProgram.Register, _ start: Double, _ length: Double) {
        guard let text = text(register), start >= 1, length >= 0 else { return }
        let (skipped, taken) = (Int(min(start, 1e9)) - 1, Int(min(length, 1e9)))
        var (index, count) = (0, 0)
        func advance(_ most: Int) {
            count = 0
            while index < text.count, count < most {
                index += UTF8Scalars.scalar(text, at: index).length
                count += 1
            }
        }
        advance(skipped)
        let first = index
        advance(taken)
        set(line, Text(rebasing: text[first..<index]))
    }

    private func order(_ first: Text, _ second: Text) -> Double {
        // Bytes of UTF-8 are in the order of the characters.
        for index in 0..<min(first.count, second.count) where first[index] != second[index] {
            return first[index] < second[index] ? -1 : 1
        }
        return first.count == second.count ? 0 : first.count < second.count ? -1 : 1
    }

    private mutating func rewritten(_ text: Text?, _ rules: [TextProgram.Rewrite], _ maxPasses: Int) -> Text? {
        guard var text else { return nil }
        for _ in 0..<maxPasses {
            var next = text
            for rule in rules {
                guard let replaced = replaced(next, rule.expression, program.replacements[rule.replacement]) else { return nil }
                next = replaced
            }
            if maxPasses == 1 || order(next, text) == 0 { return next }
            text = next
        }
        isExhausted = true
        return nil
    }

    private mutating func replaced(_ text: Text, _ expression: Int, _ replacement: RegularExpressionReplacement) -> Text? {
        arena.begin()
        let isComplete = eachMatch(program.expressions[expression], text) { arena, bounds, gap in
            arena.append(gap)
            for part in replacement.parts {
                switch part {
                case .text(let bytes): bytes.withUnsafeBufferPointer { arena.append($0) }
                case .group(let group):
                    let (start, end) = (Int(bounds[2 * group]), Int(bounds[2 * group + 1]))
                    if start >= 0, end >= start { arena.append(Text(rebasing: text[start..<end])) }
                }
            }
        } finally: { arena, rest in
            arena.append(rest)
        }
        return isComplete ? arena.text : nil
    }

    /// Calls `body` with every match and what lies before it since the one before, then `finally` with the rest.
    private mutating func eachMatch(
        _ expression: RegularExpression, _ text: Text, _ body: (inout TextArena, UnsafeMutablePointer<Int32>, Text) -> Void,
        finally: (inout TextArena, Text) -> Void
    ) -> Bool {
        var search = RegularExpressionSearch(expression, memory: search, budget: budget)
        defer { budget = search.budget }
        var (position, done) = (0, 0)
        loop: while position <= text.count, !arena.isFull {
            switch search.find(text, from: position) {
            case .exhausted:
                isExhausted = true
                return false
            case .none: break loop
            case .found:
                let (start, end) = (Int(search.bounds[0]), Int(search.bounds[1]))
                body(&arena, search.bounds, Text(rebasing: text[done..<start]))
                done = end
                // An empty match does not come again at its place.
                position = end > start ? end : end < text.count ? end + UTF8Scalars.scalar(text, at: end).length : end + 1
            }
        }
        finally(&arena, Text(rebasing: text[done...]))
        return true
    }

    // MARK: Words

    private mutating func words(_ line: TextProgram.Line, _ text: Text, _ tokenizer: Tokenizer) {
        arena.begin()
        let ignoresCase = tokenizer.ignoresCase
        let isComplete = eachMatch(program.expressions[tokenizer.expression], text) { arena, bounds, gap in
            let word = tokenizer.matchesWords ? Text(rebasing: text[Int(bounds[0])..<Int(bounds[1])]) : Words.trimmed(gap)
            Words.append(word, to: &arena, ignoresCase)
        } finally: { arena, rest in
            if !tokenizer.matchesWords { Words.append(Words.trimmed(rest), to: &arena, ignoresCase) }
        }
        if isComplete { set(line, arena.text) }
    }

    private mutating func count(_ words: TextProgram.Register, _ lookup: TermLookup) {
        let dictionary = lookup.dictionary
        guard let words = text(words) else {
            for slot in dictionary.slots { slots[slot] = .nan }
            return
        }
        for slot in dictionary.slots { slots[slot] = 0 }
        guard dictionary.matching.maxDistance == 0 else {
            for index in dictionary.terms.indices where dictionary.wordCounts[index] > 0 {
                let wordCount = dictionary.wordCounts[index]
                slots[dictionary.slots[index]] = dictionary.terms[index].withUnsafeBufferPointer {
                    Double(occurrences(words, $0, wordCount, dictionary.matching))
                }
            }
            return
        }
        var start = 0
        while start < words.count {
            var (end, length) = (start, 0)
            for wordCount in lookup.wordCounts {
                while length < wordCount, end < words.count {
                    while words[end] != 0 { end += 1 }
                    (end, length) = (end + 1, length + 1)
                }
                guard length == wordCount else { break }
                if let term = lookup.position(of: Text(rebasing: words[start..<end - 1])) { slots[dictionary.slots[term]] += 1 }
            }
            while words[start] != 0 { start += 1 }
            start += 1
        }
    }

    /// How often a term of `wordCount` words occurs among the words.
    private mutating func occurrences(_ words: Text, _ term: Text, _ wordCount: Int, _ matching: TermMatching) -> Int {
        var (hits, best, start) = (0, Int.max, 0)
        while start < words.count {
            var (end, place, distance, length) = (start, 0, 0, 0)
            while length < wordCount, end < words.count, distance <= matching.maxDistance {
                let word = Words.next(words, &end)
                let wanted = Words.next(term, &place)
                budget -= Words.cost(word, wanted, matching.maxDistance)
                guard budget >= 0 else {
                    isExhausted = true
                    return 0
                }
                distance += Words.distance(word, wanted, most: matching.maxDistance - distance)
                length += 1
            }
            if length == wordCount, distance <= matching.maxDistance {
                if matching.countsBestOnly, distance < best { (hits, best) = (0, distance) }
                if !matching.countsBestOnly || distance == best { hits += 1 }
            }
            while words[start] != 0 { start += 1 }
            start += 1
        }
        return hits
    }

    private mutating func highestCount(_ words: Text) -> Int {
        var (highest, start) = (0, 0)
        while start < words.count {
            let word = Words.next(words, &start)
            highest = max(highest, occurrences(words, word, 1, TermMatching()))
            if isExhausted { return 0 }
        }
        return highest
    }
}
