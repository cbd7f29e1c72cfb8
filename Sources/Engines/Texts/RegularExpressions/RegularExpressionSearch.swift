/// One search for a match: all ways through the pattern are followed at once, position by position, in the
/// order of their priority, so that a text of n bytes takes at most n times the pattern's size in steps.
/// Works in memory that the caller lends; allocates nothing.
package struct RegularExpressionSearch {
    package enum Result: Equatable {
        case found
        case none
        /// The budget of steps is used up.
        case exhausted
    }

    private typealias Index = UnsafeMutablePointer<Int32>

    /// Ways that wait at one position, most preferred first.
    private struct Ways {
        var count = 0
        let programs: Index
        let positions: Index
        /// The slots of each way.
        let slots: Index
    }

    private let expression: RegularExpression
    private let slotCount: Int
    private var now: Ways
    private var then: Ways
    /// Instructions yet to be followed, with slots to be set back.
    private let stack: Index
    private let current: Index
    /// The bounds of the match and of its groups: byte offsets, -1 for a group that took no part.
    package let bounds: UnsafeMutablePointer<Int32>
    /// Steps that are left.
    package var budget: Int

    static func bytes(of expression: RegularExpression) -> Int {
        let (count, slots) = (expression.instructions.count, expression.slotCount)
        return (2 * (2 * count + count * slots) + 3 * (2 * count + 2) + 2 * slots) * MemoryLayout<Int32>.stride
    }

    /// - Parameter memory: `scratchBytes` of the expression; must outlive the search.
    package init(_ expression: RegularExpression, memory: UnsafeMutableRawPointer, budget: Int) {
        let (count, slots) = (expression.instructions.count, expression.slotCount)
        self.expression = expression
        slotCount = slots
        self.budget = budget
        let words = memory.bindMemory(to: Int32.self, capacity: Self.bytes(of: expression) / 4)
        var next = words
        func take(_ count: Int) -> Index {
            defer { next += count }
            return next
        }
        now = Ways(programs: take(count), positions: take(count), slots: take(count * slots))
        then = Ways(programs: take(count), positions: take(count), slots: take(count * slots))
        stack = take(3 * (2 * count + 2))
        current = take(slots)
        bounds = take(slots)
        // Membership is checked against the list itself, but must be initialised.
        now.positions.update(repeating: 0, count: count)
        then.positions.update(repeating: 0, count: count)
    }

    /// The first match that begins at `start` or later; its bounds are left in `bounds`.
    /// - Parameter isTest: only whether there is one matters.
    package mutating func find(_ text: UnsafeBufferPointer<UInt8>, from start: Int, isTest: Bool = false) -> Result {
        expression.instructions.withUnsafeBufferPointer { program in
            expression.sets.withUnsafeBufferPointer { sets in
                run(text, start, isTest, program, sets)
            }
        }
    }

    private mutating func run(
        _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ isTest: Bool,
        _ program: UnsafeBufferPointer<RegularExpression.Instruction>, _ sets: UnsafeBufferPointer<ScalarSet>
    ) -> Result {
        (now.count, then.count) = (0, 0)
        var (position, hasFound) = (start, false)
        while true {
            if !hasFound {
                if now.count == 0, let bits = expression.firstBytes {
                    while position < text.count, bits[Int(text[position] >> 6)] >> UInt64(text[position] & 63) & 1 == 0 {
                        position += 1
                    }
                    if position == text.count { return .none }
                    // Not in the middle of a character.
                    while position < text.count, text[position] & 0xC0 == 0x80 { position += 1 }
                }
                current.update(repeating: -1, count: slotCount)
                now.count = follow(0, position, text, program, into: now)
            }
            if now.count == 0 { return hasFound ? .found : .none }
            guard budget >= 0 else { return .exhausted }
            let isAtEnd = position >= text.count
            let (scalar, length): (UInt32, Int) = isAtEnd ? (0, 1) : UTF8Scalars.scalar(text, at: position)
            budget -= now.count
            way: for way in 0..<now.count {
                let index = Int(now.programs[way])
                let instruction = program[index]
                let isHit: Bool
                switch instruction.operation {
                case .match:
                    // Ways that come later are worse than this match.
                    if isTest { return .found }
                    bounds.update(from: now.slots + way * slotCount, count: slotCount)
                    hasFound = true
                    break way
                case .scalar: isHit = !isAtEnd && scalar == UInt32(bitPattern: instruction.x)
                case .folded:
                    isHit = !isAtEnd && ScalarCase.folded(scalar) == UInt32(bitPattern: instruction.x)
                    if scalar >= 128 { budget -= 16 }
                case .set:
                    isHit = !isAtEnd && sets[Int(instruction.x)].contains(scalar)
                    // Properties of characters take their time.
                    if scalar >= 128 { budget -= 8 * sets[Int(instruction.x)].cost }
                case .notNewline: isHit = !isAtEnd && scalar != 0x0A
                case .anything: isHit = !isAtEnd
                case .split, .jump, .save, .assertion: isHit = false
                }
                if isHit {
                    current.update(from: now.slots + way * slotCount, count: slotCount)
                    then.count = follow(index + 1, position + length, text, program, into: then)
                }
            }
            swap(&now, &then)
            then.count = 0
            if isAtEnd { return hasFound ? .found : .none }
            position += length
        }
    }

    /// Adds the ways that lead on from an instruction without reading anything; returns how many there are now.
    private mutating func follow(
        _ entry: Int, _ position: Int, _ text: UnsafeBufferPointer<UInt8>,
        _ program: UnsafeBufferPointer<RegularExpression.Instruction>, into list: Ways
    ) -> Int {
        var ways = list
        var top = 0
        func push(_ index: Int32, _ slot: Int32, _ old: Int32) {
            stack[3 * top] = index
            stack[3 * top + 1] = slot
            stack[3 * top + 2] = old
            top += 1
        }
        push(Int32(entry), -1, 0)
        while top > 0 {
            top -= 1
            let (index, slot) = (Int(stack[3 * top]), stack[3 * top + 1])
            if slot >= 0 {
                current[Int(slot)] = stack[3 * top + 2]
                continue
            }
            // Whether the instruction was reached at this position already, by a better way.
            budget -= 1
            let known = Int(ways.positions[index])
            if known < ways.count, ways.programs[known] == Int32(index) { continue }
            ways.positions[index] = Int32(ways.count)
            ways.programs[ways.count] = Int32(index)
            (ways.slots + ways.count * slotCount).update(from: current, count: slotCount)
            ways.count += 1
            let instruction = program[index]
            switch instruction.operation {
            case .jump: push(instruction.x, -1, 0)
            case .split:
                push(instruction.y, -1, 0)
                push(instruction.x, -1, 0)
            case .save:
                let slot = instruction.x
                push(0, slot, current[Int(slot)])
                current[Int(slot)] = Int32(truncatingIfNeeded: position)
                push(Int32(index + 1), -1, 0)
            case .assertion:
                if holds(instruction.x, position, text) { push(Int32(index + 1), -1, 0) }
            case .scalar, .folded, .set, .notNewline, .anything, .match: break
            }
        }
        return ways.count
    }

    private func holds(_ assertion: Int32, _ position: Int, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
        switch RegularExpression.Assertion(rawValue: assertion)! {
        case .textStart: position == 0
        case .textEnd: position == text.count
        case .textEndOrLastNewline: position == text.count || position == text.count - 1 && text[position] == 0x0A
        case .lineStart: position == 0 || text[position - 1] == 0x0A
        case .lineEnd: position == text.count || text[position] == 0x0A
        case .wordBoundary: isBoundary(position, text, isUnicode: false)
        case .noWordBoundary: !isBoundary(position, text, isUnicode: false)
        case .unicodeWordBoundary: isBoundary(position, text, isUnicode: true)
        case .noUnicodeWordBoundary: !isBoundary(position, text, isUnicode: true)
        }
    }

    private func isBoundary(_ position: Int, _ text: UnsafeBufferPointer<UInt8>, isUnicode: Bool) -> Bool {
        let before = position > 0 && isWord(at: UTF8Scalars.start(before: position, text), text, isUnicode)
        let after = position < text.count && isWord(at: position, text, isUnicode)
        return before != after
    }

    private func isWord(at index: Int, _ text: UnsafeBufferPointer<UInt8>, _ isUnicode: Bool) -> Bool {
        let scalar = UTF8Scalars.scalar(text, at: index).value
        if scalar < 128 {
            return scalar == 0x5F || scalar &- 0x30 < 10 || (scalar | 0x20) &- 0x61 < 26
        }
        return isUnicode && ScalarSet.has(.word, scalar)
    }
}

/// What stands in place of each match: text and groups (`$1`, `${name}`, `$0`; `$$` and `\$` are a dollar).
package struct RegularExpressionReplacement: Sendable {
    package enum Part: Sendable, Equatable {
        case text([UInt8])
        case group(Int)
    }

    package private(set) var parts: [Part] = []

    /// The greatest number of a group that is named; 0 where none is.
    var greatestGroup: Int {
        parts.reduce(0) { greatest, part in if case .group(let group) = part { max(greatest, group) } else { greatest } }
    }

    package init(_ template: String, for expression: RegularExpression) throws(RegularExpression.Fault) {
        let bytes = Array(template.utf8)
        var (index, literal): (Int, [UInt8]) = (0, [])
        func digit(at index: Int) -> Int? {
            index < bytes.count && bytes[index] &- 0x30 < 10 ? Int(bytes[index] - 0x30) : nil
        }
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "\\"), index < bytes.count {
                literal.append(bytes[index])
                index += 1
                continue
            }
            guard byte == UInt8(ascii: "$"), index < bytes.count else {
                literal.append(byte)
                continue
            }
            if bytes[index] == UInt8(ascii: "$") {
                literal.append(byte)
                index += 1
                continue
            }
            var group: Int?
            if bytes[index] == UInt8(ascii: "{"), let end = bytes[index...].firstIndex(of: UInt8(ascii: "}")) {
                let name = String(decoding: bytes[index + 1..<end], as: UTF8.self)
                group = expression.groupNames[name] ?? Int(name)
                index = end + 1
            } else if let first = digit(at: index) {
                // As many digits as name a group.
                var number = first
                index += 1
                while let next = digit(at: index), number * 10 + next <= expression.groupCount {
                    number = number * 10 + next
                    index += 1
                }
                group = number
            }
            guard let group, (0...expression.groupCount).contains(group) else {
                throw RegularExpression.Fault(reason: "the replacement names a group that is not there")
            }
            if !literal.isEmpty { parts.append(.text(literal)) }
            literal = []
            parts.append(.group(group))
        }
        if !literal.isEmpty { parts.append(.text(literal)) }
    }
}
