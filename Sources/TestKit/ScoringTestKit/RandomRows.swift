package import Scoring

/// Rows that a model's inputs take, with what engines trip over: missing and huge values, infinities, zeros of both signs, unknown
/// categories, integers beyond 2^53, texts that are empty or no ASCII.
package struct RandomRows {
    private static let numbers: [Double] = [
        0, -0.0, 1, -1, 0.5, 0x1p-1040, .leastNonzeroMagnitude, 1e38, -1e300, .infinity, -.infinity, 16_777_217, 0x1p53,
    ]
    private static let texts = ["", " ", "a", "A", "word word", "\u{e9}", "e\u{301}", "\u{1F600}", "2020-02-30", "1.5"]

    private var random: SeededRandom

    package init(seed: UInt64) { random = SeededRandom(seed: seed) }

    /// So many rows for these inputs.
    package mutating func batch(_ count: Int, for inputs: [Field]) -> FeatureBatch {
        let batch = FeatureBatch()
        batch.reset(width: inputs.count)
        for _ in 0..<count {
            let row = batch.addRow()
            for (column, input) in inputs.enumerated() { fill(input, batch, row, column) }
        }
        return batch
    }

    private mutating func fill(_ input: Field, _ batch: FeatureBatch, _ row: Int, _ column: Int) {
        if !input.isRequired, random.below(8) == 0 { return }
        switch input.kind {
        case .number:
            let isOdd = random.below(5) == 0
            let odd = Self.numbers[random.below(Self.numbers.count)]
            batch.set(isOdd ? odd : Double.random(in: -100...100, using: &random), row: row, column: column)
        case .integer:
            if input.integers.areWide, random.below(6) == 0 {
                let bits = UInt64(1) << 53 + 1 + random.below(UInt64(1) << 60)
                return batch.setInteger(bits, row: row, column: column)
            }
            let least = input.integers == .uint64 ? 0 : -50
            batch.set(Double(Int.random(in: least...50, using: &random)), row: row, column: column)
        case .boolean: batch.set(Double(random.below(2)), row: row, column: column)
        case .category(let levels):
            if input.unknownLevel == .passed, random.below(8) == 0 {
                batch.set(FeatureBatch.unknownLevel, row: row, column: column)
            } else if levels.count > 0 {
                batch.set(Double(random.below(levels.count)), row: row, column: column)
            }
        case .text: batch.setText(Self.texts[random.below(Self.texts.count)], row: row, column: column)
        }
    }
}

extension FeatureBatch {
    /// Appends a row of another batch for the same inputs.
    package func addRow(_ row: Int, of other: FeatureBatch, _ inputs: [Field]) {
        let new = addRow()
        for (column, input) in inputs.enumerated() {
            if input.kind == .text {
                if let text = other.text(row: row, column: column) { setText(text, row: new, column: column) }
            } else if input.integers.areWide, let bits = other.wideInteger(row: row, column: column) {
                setInteger(bits, row: new, column: column)
            } else {
                set(other[row, column], row: new, column: column)
            }
        }
    }
}
