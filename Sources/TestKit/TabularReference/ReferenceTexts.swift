internal import Glibc
internal import Scoring
internal import Tabular
internal import Texts

extension ReferenceFrame {
    mutating func run(_ program: TextProgram) {
        var row = ReferenceTexts(program)
        for line in program.lines {
            guard row.failure == nil else { break }
            row.run(line, &self)
        }
        if let failure = row.failure { fail(failure) }
    }
}

/// One row's registers while a text program runs.
struct ReferenceTexts {
    typealias Bytes = [UInt8]

    private enum Content {
        case text(Bytes)
        case words([Bytes])
    }

    let program: TextProgram
    private var registers: [Content?]
    private(set) var failure: ScoringError?

    init(_ program: TextProgram) {
        self.program = program
        registers = Array(repeating: nil, count: program.registerCount)
    }

    private func text(_ register: TextProgram.Register) -> Bytes? {
        switch registers[register.index] {
        case .text(let bytes): return bytes
        case .words: preconditionFailure("words are read as a text")
        case nil: return nil
        }
    }

    private func words(_ register: TextProgram.Register) -> [Bytes]? {
        switch registers[register.index] {
        case .words(let words): return words
        case .text: preconditionFailure("a text is read as words")
        case nil: return nil
        }
    }

    private func bytes(_ text: String) -> Bytes { Array(text.utf8) }

    private func scalars(_ bytes: Bytes) -> [Unicode.Scalar] { Array(String(decoding: bytes, as: UTF8.self).unicodeScalars) }

    private func bytes(_ scalars: some Sequence<Unicode.Scalar>) -> Bytes {
        var text = ""
        text.unicodeScalars.append(contentsOf: scalars)
        return Array(text.utf8)
    }

    mutating func run(_ line: TextProgram.Line, _ frame: inout ReferenceFrame) {
        if line.instruction.writesRegister {
            if case .words(let register, let tokenizer) = line.instruction {
                registers[line.into] = text(register).map { .words(split($0, program.tokenizers[tokenizer])) }
            } else if case .choose(let slot, let first, let second) = line.instruction {
                registers[line.into] = frame[slot].isNaN ? nil : registers[(frame[slot] == 1 ? first : second).index]
            } else {
                registers[line.into] = made(line.instruction, frame).map { .text($0) }
            }
        } else if case .terms(let register, let index) = line.instruction {
            let dictionary = program.dictionaries[index]
            for (term, slot) in dictionary.slots.enumerated() {
                let wanted = dictionary.terms[term].split(separator: 0, omittingEmptySubsequences: false).map { Array($0) }
                frame[slot] =
                    words(register).map {
                        dictionary.wordCounts[term] == 0 ? 0 : Double(occurrences(of: wanted, in: $0, dictionary.matching))
                    } ?? .nan
            }
        } else {
            frame[line.into] = measured(line.instruction, &frame)
        }
    }

    // MARK: Texts

    private mutating func made(_ instruction: TextProgram.Instruction, _ frame: ReferenceFrame) -> Bytes? {
        func number(_ number: TextProgram.Number) -> Double {
            switch number {
            case .slot(let slot): frame[slot]
            case .constant(let value): value
            }
        }
        switch instruction {
        case .input(let column): return frame.texts[column].map(bytes)
        case .constant(let code): return bytes(program.symbols[code])
        case .decode(let slot, let unknown):
            let code = frame[slot]
            if code >= 0, code < Double(program.symbols.count) { return bytes(program.symbols[Int(code)]) }
            return code.isNaN ? nil : unknown.flatMap(text)
        case .number(let slot, let form): return frame[slot].isNaN ? nil : written(frame[slot], form)
        case .formatted(let slot, let format):
            let value = frame[slot]
            guard !value.isNaN, !format.isInteger || value == value.rounded() && abs(value) < 9e18 else { return nil }
            return format.prefix + formatted(value, format) + format.suffix
        case .date(let slot, let pattern):
            return frame[slot].isNaN || abs(frame[slot]) >= 1e12 ? nil : bytes(date(frame[slot], pattern))
        case .uppercase(let register):
            return text(register).map { bytes(scalars($0).flatMap { Array($0.properties.uppercaseMapping.unicodeScalars) }) }
        case .lowercase(let register):
            return text(register).map { bytes(scalars($0).flatMap { Array($0.properties.lowercaseMapping.unicodeScalars) }) }
        case .trimmed(let register): return text(register).map(trimmed)
        case .substring(let register, let start, let length):
            guard let text = text(register), number(start) >= 1, number(length) >= 0 else { return nil }
            let skipped = Int(min(number(start), 1e9)) - 1
            return bytes(scalars(text).dropFirst(skipped).prefix(Int(min(number(length), 1e9))))
        case .concatenation(let parts): return parts.flatMap { text($0) ?? [] }
        case .replace(let register, let expression, let replacement):
            return text(register).map { replaced($0, expression, replacement) }
        case .rewrite(let register, let rules, let maxPasses):
            guard var text = text(register) else { return nil }
            for _ in 0..<maxPasses {
                let next = rules.reduce(text) { replaced($0, $1.expression, $1.replacement) }
                if maxPasses == 1 || next == text { return next }
                text = next
            }
            failure = .invalidFeature(name: program.field, reason: "patterns take too many steps on so long a text")
            return nil
        default: preconditionFailure("the instruction makes no text")
        }
    }

    private func written(_ value: Double, _ form: TextProgram.Form) -> Bytes {
        switch form {
        case .integer: return bytes(value == value.rounded() && abs(value) < 9e15 ? "\(Int(value))" : "\(value)")
        case .double: return bytes(NumberWriting.text(of: value))
        case .float: return bytes(NumberWriting.text(of: Float(value)))
        case .boolean: return bytes(value == 1 ? "true" : "false")
        case .date: return abs(value) < 1e12 ? bytes(date(value, DatePattern("%F", source: .days)!)) : []
        case .time: return abs(value) < 1e12 ? bytes(date(value, DatePattern("%T", source: .secondsOfDay)!)) : []
        case .dateTime: return abs(value) < 1e12 ? bytes(date(value, DatePattern("%FT%T", source: .seconds)!)) : []
        }
    }

    private func formatted(_ value: Double, _ format: NumberFormat) -> Bytes {
        var room = [CChar](repeating: 0, count: 512)
        let arguments: [any CVarArg] = format.isInteger ? [Int64(value)] : [value]
        let count = withVaList(arguments) { vsnprintf(&room, room.count, format.conversion, $0) }
        return room.prefix(Int(count)).map { UInt8(bitPattern: $0) }
    }

    private func date(_ value: Double, _ pattern: DatePattern) -> String {
        let seconds = pattern.source == .days ? value * 86_400 : value
        let days = Int((seconds / 86_400).rounded(.down))
        let time = Int(min(max((seconds - Double(days) * 86_400).rounded(.down), 0), 86_399))
        let (year, month, day) = CalendarText.day(days)
        let weekday = ((days + 4) % 7 + 7) % 7
        func padded(_ number: Int, _ width: Int, _ fill: String = "0") -> String {
            let digits = "\(number)"
            return String(repeating: fill, count: max(0, width - digits.count)) + digits
        }
        return pattern.parts.map { part in
            guard case .field(let field) = part else {
                if case .text(let text) = part { return String(decoding: text, as: UTF8.self) }
                return ""
            }
            switch Character(Unicode.Scalar(field)) {
            case "Y": return "\(max(0, year))"
            case "y": return padded(((year % 100) + 100) % 100, 2)
            case "m": return padded(month, 2)
            case "d": return padded(day, 2)
            case "e": return padded(day, 2, " ")
            case "j": return padded(days - CalendarText.days(year, 1, 1) + 1, 3)
            case "b": return String(DatePattern.months[month - 1].prefix(3))
            case "B": return DatePattern.months[month - 1]
            case "a": return String(DatePattern.weekdays[weekday].prefix(3))
            case "A": return DatePattern.weekdays[weekday]
            case "H": return padded(time / 3600, 2)
            case "I": return padded((time / 3600 + 11) % 12 + 1, 2)
            case "M": return padded(time / 60 % 60, 2)
            case "S": return padded(time % 60, 2)
            case "p": return time < 43_200 ? "AM" : "PM"
            default: return ""
            }
        }.joined()
    }

    private func trimmed(_ text: Bytes) -> Bytes {
        Array(text.drop { $0 <= 0x20 }.reversed().drop { $0 <= 0x20 }.reversed())
    }

    // MARK: Patterns

    /// The bounds of every match and of its groups, -1 for a group that took no part. What one pattern matches where is
    /// the search's to say.
    private func matches(of expression: RegularExpression, in text: Bytes) -> [[Int]] {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: expression.scratchBytes, alignment: 64)
        defer { memory.deallocate() }
        var matches: [[Int]] = []
        text.withUnsafeBufferPointer { text in
            var search = RegularExpressionSearch(expression, memory: memory, budget: TextProgram.maxSteps)
            var position = 0
            while position <= text.count, search.find(text, from: position) == .found {
                let bounds = (0..<2 * (expression.groupCount + 1)).map { Int(search.bounds[$0]) }
                matches.append(bounds)
                position = max(bounds[1], position)
                guard bounds[1] == bounds[0] else { continue }
                // An empty match does not come again at its place.
                repeat { position += 1 } while position < text.count && text[position] & 0xC0 == 0x80
            }
        }
        return matches
    }

    private func replaced(_ text: Bytes, _ expression: Int, _ replacement: Int) -> Bytes {
        var (result, done): (Bytes, Int) = ([], 0)
        for bounds in matches(of: program.expressions[expression], in: text) {
            result += text[done..<bounds[0]]
            for part in program.replacements[replacement].parts {
                switch part {
                case .text(let bytes): result += bytes
                case .group(let group): if bounds[2 * group] >= 0 { result += text[bounds[2 * group]..<bounds[2 * group + 1]] }
                }
            }
            done = bounds[1]
        }
        return result + text[done...]
    }

    private func split(_ text: Bytes, _ tokenizer: Tokenizer) -> [Bytes] {
        let bounds = matches(of: program.expressions[tokenizer.expression], in: text)
        var words: [Bytes]
        if tokenizer.matchesWords {
            words = bounds.map { Array(text[$0[0]..<$0[1]]) }
        } else {
            let ends = bounds.map { $0[0] } + [text.count]
            words = zip([0] + bounds.map { $0[1] }, ends).map { withoutPunctuation(Array(text[$0..<$1])) }
        }
        words.removeAll(where: \.isEmpty)
        return words.map { word in
            bytes(
                scalars(word).map { scalar in
                    scalar.value == 0 ? Unicode.Scalar(1) : tokenizer.ignoresCase ? lower(upper(scalar)) : scalar
                })
        }
    }

    private func upper(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        let mapped = Array(scalar.properties.uppercaseMapping.unicodeScalars)
        return mapped.count == 1 ? mapped[0] : scalar
    }

    private func lower(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        let mapped = Array(scalar.properties.lowercaseMapping.unicodeScalars)
        return mapped.count == 1 ? mapped[0] : scalar
    }

    private func withoutPunctuation(_ word: Bytes) -> Bytes {
        func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
            switch scalar.properties.generalCategory {
            case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
                .finalPunctuation, .otherPunctuation:
                true
            default: false
            }
        }
        return bytes(scalars(word).drop(while: isPunctuation).reversed().drop(while: isPunctuation).reversed())
    }

    // MARK: Numbers

    private func measured(_ instruction: TextProgram.Instruction, _ frame: inout ReferenceFrame) -> Double {
        switch instruction {
        case .code(let register):
            guard let text = text(register) else { return .nan }
            return Double(program.symbols.firstIndex { bytes($0) == text } ?? -1)
        case .length(let register): return text(register).map { Double(scalars($0).count) } ?? .nan
        case .matches(let register, let expression):
            return text(register).map { matches(of: program.expressions[expression], in: $0).isEmpty ? 0 : 1 } ?? .nan
        case .parsed(let register, let form): return text(register).map { parsed(trimmed($0), form) } ?? .nan
        case .comparison(let first, let second):
            guard let first = text(first), let second = text(second) else { return .nan }
            return first == second ? 0 : first.lexicographicallyPrecedes(second) ? -1 : 1
        case .termCount(let words, let term, let matching):
            guard let words = self.words(words), let term = self.words(term) else { return .nan }
            return term.isEmpty ? 0 : Double(occurrences(of: term, in: words, matching))
        case .highestCount(let register):
            guard let words = words(register) else { return .nan }
            return Double(words.map { word in words.count { $0 == word } }.max() ?? 0)
        case .output(let register):
            guard let text = text(register) else { return .nan }
            frame.results.append(String(decoding: text, as: UTF8.self))
            return Double(frame.results.count - 1)
        default: preconditionFailure("the instruction finds no number")
        }
    }

    private func parsed(_ text: Bytes, _ form: TextProgram.Form) -> Double {
        let word = String(decoding: text, as: UTF8.self)
        switch form {
        case .integer:
            let value = decimal(word) { strtod($0, nil) }
            return value.isFinite && value == value.rounded() ? value : .nan
        case .double: return decimal(word) { strtod($0, nil) }
        case .float: return decimal(word) { Double(strtof($0, nil)) }
        case .boolean:
            let truths: [String: Double] = ["true": 1, "1": 1, "1.0": 1, "false": 0, "0": 0, "0.0": 0]
            return truths[asciiLowercase(word)] ?? .nan
        case .date: return text.withUnsafeBufferPointer { CalendarText.date($0) } ?? .nan
        case .time: return text.withUnsafeBufferPointer { CalendarText.time($0) } ?? .nan
        case .dateTime: return text.withUnsafeBufferPointer { CalendarText.dateTime($0) } ?? .nan
        }
    }

    private func asciiLowercase(_ word: String) -> String {
        String(
            String.UnicodeScalarView(word.unicodeScalars.map { ("A"..."Z").contains($0) ? Unicode.Scalar($0.value + 32)! : $0 }))
    }

    private func decimal(_ word: String, _ read: (String) -> Double) -> Double {
        let infinities = [
            "inf": Double.infinity, "infinity": .infinity, "+inf": .infinity, "-inf": -.infinity, "-infinity": -.infinity,
        ]
        if let infinity = infinities[asciiLowercase(word)] { return infinity }
        guard word.wholeMatch(of: /[+\-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+\-]?[0-9]+)?/) != nil, word.utf8.count < 400 else {
            return .nan
        }
        return read(word)
    }

    // MARK: Terms

    private func occurrences(of term: [Bytes], in words: [Bytes], _ matching: TermMatching) -> Int {
        guard words.count >= term.count else { return 0 }
        let distances = (0...words.count - term.count).map { start in
            term.indices.reduce(0) { $0 + distance(words[start + $1], term[$1], most: matching.maxDistance) }
        }
        let hits = distances.filter { $0 <= matching.maxDistance }
        return matching.countsBestOnly ? hits.count { $0 == hits.min() } : hits.count
    }

    /// The letters that must be changed, added or left out. Words of more than 512 bytes are the same or not.
    private func distance(_ a: Bytes, _ b: Bytes, most: Int) -> Int {
        if a == b { return 0 }
        guard most > 0, a.count <= 512, b.count <= 512 else { return most + 1 }
        let (a, b) = (scalars(a), scalars(b))
        var row = Array(0...b.count)
        for (index, letter) in a.enumerated() {
            var next = [index + 1]
            for (column, other) in b.enumerated() {
                next.append(min(row[column] + (letter == other ? 0 : 1), min(next[column], row[column + 1]) + 1))
            }
            row = next
        }
        return row[b.count]
    }
}
