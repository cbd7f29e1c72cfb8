/// A regular expression that is matched in time proportional to the text: no pattern makes it backtrack.
///
/// The syntax is the part that PCRE and Java have in common: literals, classes with ranges, negation,
/// `\d \w \s`, POSIX names and `\p{...}`, anchors and word boundaries, groups (plain, named, non-capturing),
/// alternation, greedy and lazy quantifiers, and the flags i, m, s, u and U. `\d`, `\w`, `\s` and `\b` are about
/// ASCII unless the pattern has the flag u or U. Of several matches at one place the first alternative wins,
/// as in those languages; only within a loop over what can be empty may it be another. Back-references, look-around, atomic groups and possessive quantifiers are refused.
package struct RegularExpression: Sendable {
    /// Why a pattern is refused.
    package struct Fault: Error, Equatable {
        package var reason: String
    }

    /// Longer programs are refused, as are counts above `maxRepeats`.
    package static let maxInstructions = 50_000
    package static let maxRepeats = 1_000
    static let maxNesting = 200

    enum Operation: UInt8 {
        case scalar, folded, set, notNewline, anything
        /// Goes on at x and, if that fails, at y.
        case split
        case jump
        /// Notes the position in slot x.
        case save
        case assertion
        case match
    }

    enum Assertion: Int32 {
        case textStart, textEnd, textEndOrLastNewline, lineStart, lineEnd, wordBoundary, noWordBoundary
        case unicodeWordBoundary, noUnicodeWordBoundary
    }

    struct Instruction {
        var operation: Operation
        var x: Int32 = 0
        var y: Int32 = 0
    }

    var instructions: [Instruction] = []
    var sets: [ScalarSet] = []
    /// The bytes that a match can begin with, as a bit each; nil if any or none.
    var firstBytes: [UInt64]?
    /// How many groups there are besides the whole match.
    package private(set) var groupCount = 0
    package private(set) var groupNames: [String: Int] = [:]

    /// - Parameter ignoresCase: the flag i from outside.
    package init(_ pattern: String, ignoresCase: Bool = false) throws(Fault) {
        guard pattern.utf8.count <= 1 << 16 else { throw Fault(reason: "the pattern is longer than 65,536 bytes") }
        var parser = RegularExpressionParser(pattern, ignoresCase: ignoresCase)
        let node = try parser.parse()
        groupCount = parser.groupCount
        groupNames = parser.groupNames
        var compiler = RegularExpressionCompiler()
        try compiler.emit(.group(0, node))
        compiler.append(.match)
        guard compiler.instructions.count * 2 * (groupCount + 1) <= 2_000_000 else {
            throw Fault(reason: "the pattern is too large for so many groups")
        }
        instructions = compiler.instructions
        sets = compiler.sets
        firstBytes = Self.firstBytes(instructions, sets)
    }

    /// A pattern that matches exactly this text.
    package static func literal(_ text: String, ignoresCase: Bool = false) throws(Fault) -> RegularExpression {
        var pattern = ""
        for scalar in text.unicodeScalars {
            if scalar.isASCII, !ScalarSet.has(.letter, scalar.value), !ScalarSet.has(.decimalDigit, scalar.value),
                scalar.value > 0x20
            {
                pattern.unicodeScalars.append("\\")
            }
            pattern.unicodeScalars.append(scalar)
        }
        return try RegularExpression(pattern, ignoresCase: ignoresCase)
    }

    var slotCount: Int { 2 * (groupCount + 1) }

    /// Bytes of memory that a search needs.
    package var scratchBytes: Int { RegularExpressionSearch.bytes(of: self) }
    package var memoryBytes: Int {
        instructions.count * MemoryLayout<Instruction>.stride + sets.count * MemoryLayout<ScalarSet>.stride
    }

    /// Follows the program without reading: which bytes can come first?
    private static func firstBytes(_ instructions: [Instruction], _ sets: [ScalarSet]) -> [UInt64]? {
        var bits = [UInt64](repeating: 0, count: 4)
        func add(_ byte: UInt8) { bits[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }
        func add(_ scalar: UInt32) {
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4) { bytes in
                _ = UTF8Scalars.write(scalar, to: bytes.baseAddress!)
                add(bytes[0])
            }
        }
        var (open, seen): ([Int], Set<Int>) = ([0], [])
        while let index = open.popLast() {
            guard seen.insert(index).inserted else { continue }
            let instruction = instructions[index]
            switch instruction.operation {
            case .scalar: add(UInt32(instruction.x))
            case .folded:
                let scalar = UInt32(instruction.x)
                // Any letter may fold to this one.
                for byte in UInt8(0)..<128 where ScalarCase.folded(UInt32(byte)) == scalar { add(byte) }
                for byte in UInt8(128)...255 { add(byte) }
            case .set:
                for byte in UInt8(0)..<128 where sets[Int(instruction.x)].contains(UInt32(byte)) { add(byte) }
                for byte in UInt8(128)...255 { add(byte) }
            case .notNewline, .anything, .match: return nil
            case .split: open += [Int(instruction.x), Int(instruction.y)]
            case .jump: open.append(Int(instruction.x))
            case .save, .assertion: open.append(index + 1)
            }
        }
        return bits
    }
}

/// A parsed pattern.
indirect enum RegularExpressionNode: Equatable {
    case empty
    case scalar(UInt32)
    case folded(UInt32)
    case set(ScalarSet)
    case notNewline, anything
    case assertion(RegularExpression.Assertion)
    case sequence([RegularExpressionNode])
    case alternatives([RegularExpressionNode])
    case group(Int, RegularExpressionNode)
    case repeated(RegularExpressionNode, least: Int, most: Int?, isLazy: Bool)
}

/// Turns a parsed pattern into instructions.
struct RegularExpressionCompiler {
    typealias Node = RegularExpressionNode
    typealias Fault = RegularExpression.Fault

    private(set) var instructions: [RegularExpression.Instruction] = []
    private(set) var sets: [ScalarSet] = []
    private var setIndex: [ScalarSet: Int] = [:]

    mutating func append(_ operation: RegularExpression.Operation, x: Int = 0, y: Int = 0) {
        instructions.append(.init(operation: operation, x: Int32(x), y: Int32(y)))
    }

    mutating func emit(_ node: Node) throws(Fault) {
        guard instructions.count <= RegularExpression.maxInstructions else {
            throw Fault(reason: "the pattern is too large once its counts are written out")
        }
        switch node {
        case .empty: break
        case .scalar(let value): append(.scalar, x: Int(value))
        case .folded(let value): append(.folded, x: Int(value))
        case .set(let set):
            let index = setIndex[set] ?? sets.count
            if index == sets.count {
                sets.append(set.settled())
                setIndex[set] = index
            }
            append(.set, x: index)
        case .notNewline: append(.notNewline)
        case .anything: append(.anything)
        case .assertion(let assertion): append(.assertion, x: Int(assertion.rawValue))
        case .sequence(let nodes): for node in nodes { try emit(node) }
        case .group(let index, let node):
            append(.save, x: 2 * index)
            try emit(node)
            append(.save, x: 2 * index + 1)
        case .alternatives(let nodes): try emit(alternatives: Self.factored(nodes, 0))
        case .repeated(let node, let least, let most, let isLazy):
            try emit(node, least: least, most: most, isLazy: isLazy)
        }
    }

    private mutating func emit(alternatives nodes: [Node]) throws(Fault) {
        var ends: [Int] = []
        for (index, node) in nodes.enumerated() {
            guard index < nodes.count - 1 else {
                try emit(node)
                break
            }
            let split = instructions.count
            append(.split, x: split + 1)
            try emit(node)
            ends.append(instructions.count)
            append(.jump)
            instructions[split].y = Int32(instructions.count)
        }
        for end in ends { instructions[end].x = Int32(instructions.count) }
    }

    private mutating func emit(_ node: Node, least: Int, most: Int?, isLazy: Bool) throws(Fault) {
        func way(_ split: Int, into: Int, past: Int, _ instructions: inout [RegularExpression.Instruction]) {
            (instructions[split].x, instructions[split].y) = isLazy ? (Int32(past), Int32(into)) : (Int32(into), Int32(past))
        }
        guard let most else {
            // At least one time, with a way around it if none will do: an iteration that reads nothing ends the loop.
            let entry = instructions.count
            if least == 0 { append(.split) }
            try emit(node, times: max(least, 1) - 1)
            let start = instructions.count
            try emit(node)
            append(.split)
            way(instructions.count - 1, into: start, past: instructions.count, &instructions)
            if least == 0 { way(entry, into: entry + 1, past: instructions.count, &instructions) }
            return
        }
        try emit(node, times: least)
        var splits: [Int] = []
        for _ in least..<max(most, least) {
            splits.append(instructions.count)
            append(.split)
            try emit(node)
        }
        for split in splits { way(split, into: split + 1, past: instructions.count, &instructions) }
    }

    /// What is empty is not repeated: it would take time without making the program longer.
    private mutating func emit(_ node: Node, times count: Int) throws(Fault) {
        for _ in 0..<count {
            let length = instructions.count
            try emit(node)
            guard instructions.count > length else { return }
        }
    }

    /// Neighbouring alternatives that begin alike share their beginning: a list of words becomes a tree. Their
    /// order stays, and with it which of them wins.
    private static func factored(_ nodes: [Node], _ depth: Int) -> [Node] {
        guard depth < 40 else { return nodes }
        func parts(_ node: Node) -> [Node] {
            switch node {
            case .sequence(let nodes): nodes
            case .empty: []
            default: [node]
            }
        }
        var result: [Node] = []
        var index = 0
        while index < nodes.count {
            let first = parts(nodes[index]).first
            var end = index + 1
            switch first {
            case .scalar, .folded: while end < nodes.count, parts(nodes[end]).first == first { end += 1 }
            default: break
            }
            if end - index > 1, let first {
                let rests = nodes[index..<end].map { Node.sequence(Array(parts($0).dropFirst())) }
                result.append(.sequence([first, .alternatives(factored(rests, depth + 1))]))
            } else {
                result.append(nodes[index])
            }
            index = end
        }
        return result
    }
}
