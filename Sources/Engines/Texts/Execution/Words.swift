internal import Scoring

/// Words of a text as they lie in memory: one after the other, each with a zero byte after it.
enum Words {
    typealias Text = UnsafeBufferPointer<UInt8>

    static func append(_ word: Text, to arena: inout TextArena, _ ignoresCase: Bool) {
        guard !word.isEmpty else { return }
        var index = 0
        while index < word.count {
            let (scalar, length) = UTF8Scalars.scalar(word, at: index)
            // The zero byte is taken.
            arena.append(scalar: scalar == 0 ? 1 : ignoresCase ? ScalarCase.folded(scalar) : scalar)
            index += length
        }
        arena.append(0)
    }

    /// The word that begins at `index`, which moves behind it.
    static func next(_ words: Text, _ index: inout Int) -> Text {
        let start = index
        while index < words.count, words[index] != 0 { index += 1 }
        defer { index += 1 }
        return Text(rebasing: words[start..<index])
    }

    /// Without punctuation at both ends.
    static func trimmed(_ word: Text) -> Text {
        var (start, end) = (0, word.count)
        while start < end {
            let (scalar, length) = UTF8Scalars.scalar(word, at: start)
            guard ScalarSet.has(.punctuation, scalar) else { break }
            start += length
        }
        while end > start {
            let last = UTF8Scalars.start(before: end, word)
            guard ScalarSet.has(.punctuation, UTF8Scalars.scalar(word, at: last).value) else { break }
            end = last
        }
        return Text(rebasing: word[start..<end])
    }

    /// Steps that comparing two words takes at most.
    static func cost(_ a: Text, _ b: Text, _ most: Int) -> Int { most == 0 ? 1 : min(a.count, 512) * min(b.count, 512) + 1 }

    /// How many letters must be changed, added or left out; more than `most` is said as `most + 1`.
    static func distance(_ a: Text, _ b: Text, most: Int) -> Int {
        guard most > 0 else { return a.count == b.count && a.elementsEqual(b) ? 0 : 1 }
        // Longer words than this are the same or not.
        guard a.count <= 512, b.count <= 512 else { return a.elementsEqual(b) ? 0 : most + 1 }
        return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 512) { letters in
            withUnsafeTemporaryAllocation(of: Int.self, capacity: 513) { row in
                var (count, index) = (0, 0)
                while index < b.count {
                    let (scalar, length) = UTF8Scalars.scalar(b, at: index)
                    letters[count] = scalar
                    (count, index) = (count + 1, index + length)
                }
                for column in 0...count { row[column] = column }
                index = 0
                while index < a.count {
                    let (scalar, length) = UTF8Scalars.scalar(a, at: index)
                    index += length
                    var diagonal = row[0]
                    row[0] += 1
                    for column in 0..<count {
                        let changed = diagonal + (letters[column] == scalar ? 0 : 1)
                        diagonal = row[column + 1]
                        row[column + 1] = min(changed, min(row[column], diagonal) + 1)
                    }
                }
                return min(row[count], most + 1)
            }
        }
    }
}

/// Finds terms by their bytes.
struct TermLookup: Sendable {
    let dictionary: TermDictionary
    /// How many words terms have, each number once, ascending. A term without words does not occur.
    let wordCounts: [Int]
    private let table: SymbolTable

    init(_ dictionary: TermDictionary) {
        self.dictionary = dictionary
        wordCounts = Set(dictionary.wordCounts).filter { $0 > 0 }.sorted()
        table = SymbolTable(dictionary.terms.map { String(decoding: $0, as: UTF8.self) })
    }

    func position(of term: UnsafeBufferPointer<UInt8>) -> Int? { table.position(of: term) }
}

extension TextProgram {
    /// The text that an instruction makes of a known one, when a model is loaded; nil where it is missing or takes
    /// too long. The instruction reads register 0.
    private func result(of instruction: Instruction, on text: String) -> [UInt8]? {
        var program = self
        program.registerCount = 2
        program.symbols = [text]
        program.lines = [Line(.constant(0), into: 0), Line(instruction, into: 1)]
        let execution = TextExecution(program)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: execution.scratchBytes, alignment: 64)
        defer { memory.deallocate() }
        // The texts that the registers point to live as long as the execution.
        return withExtendedLifetime(execution) { $0.contents(1, memory) }
    }

    /// The words of a known text, with a zero byte between them.
    package static func words(
        of text: String, _ expression: RegularExpression, matchesWords: Bool, ignoresCase: Bool
    ) -> (bytes: [UInt8], count: Int)? {
        var program = TextProgram()
        program.expressions = [expression]
        program.tokenizers = [Tokenizer(expression: 0, matchesWords: matchesWords, ignoresCase: ignoresCase)]
        return program.result(of: .words(Register(index: 0), tokenizer: 0), on: text).map { bytes in
            (Array(bytes.dropLast()), bytes.count { $0 == 0 })
        }
    }

    /// A known text with every match replaced.
    package static func replaced(
        _ text: String, _ expression: RegularExpression, _ replacement: RegularExpressionReplacement
    ) -> String? {
        var program = TextProgram()
        (program.expressions, program.replacements) = ([expression], [replacement])
        let result = program.result(of: .replace(Register(index: 0), expression: 0, replacement: 0), on: text)
        return result.map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether a known text has a match.
    package static func matches(_ text: String, _ expression: RegularExpression) -> Bool {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: expression.scratchBytes, alignment: 64)
        defer { memory.deallocate() }
        var (search, text) = (RegularExpressionSearch(expression, memory: memory, budget: maxSteps), text)
        return text.withUTF8 { search.find($0, from: 0, isTest: true) == .found }
    }
}
