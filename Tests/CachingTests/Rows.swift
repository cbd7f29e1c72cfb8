internal import Caching
internal import Scoring

/// A scope of number columns, unless named otherwise.
func makeScope(
    _ model: String = "fraud", version: Int = 1, inputs: Int = 2, outputs: Int = 2,
    textInputs: Set<Int> = [],
    textOutputs: Set<Int> = [], content: [UInt8] = [1], life: Duration = .seconds(300)
) -> CacheScope {
    guard let name = ModelName(model), let version = ModelVersion(version) else {
        fatalError("a test's own mistake")
    }
    let signature = Signature(
        inputs: (0..<inputs).map { Field("f\($0)", textInputs.contains($0) ? .text : .number) },
        outputs: (0..<outputs).map {
            OutputColumn("o\($0)", textOutputs.contains($0) ? .text : .number)
        },
        roles: Roles(score: 0..<1))
    return CacheScope(
        model: name, version: version, signature: signature, content: content, timeToLive: life)
}

func makeRow(_ values: [Double]) -> FeatureBatch {
    let batch = FeatureBatch()
    batch.reset(width: values.count)
    batch.addRow()
    for (column, value) in values.enumerated() { batch.set(value, row: 0, column: column) }
    return batch
}

func makeTextRow(_ texts: [String?]) -> FeatureBatch {
    let batch = FeatureBatch()
    batch.reset(width: texts.count)
    batch.addRow()
    for (column, text) in texts.enumerated() {
        if let text { batch.setText(text, row: 0, column: column) }
    }
    return batch
}

func makeScores(_ values: [Double]) -> ScoreBatch {
    let batch = ScoreBatch()
    batch.reset(rows: 1, width: values.count)
    for (column, value) in values.enumerated() { batch[0, column] = value }
    return batch
}

/// A score that says which number it was made for.
func makeScore(_ number: Double, of scope: CacheScope) -> CachedScore {
    guard let score = CachedScore(makeScores([number, -number]), row: 0, of: scope) else {
        fatalError("the row did not fail")
    }
    return score
}

/// The number of a score made so, or nil if its two halves disagree.
func number(in score: CachedScore, of scope: CacheScope) -> Double? {
    let batch = makeScores([.nan, .nan])
    score.copy(into: batch, row: 0, of: scope)
    return batch[0, 0] == -batch[0, 1] ? batch[0, 0] : nil
}
