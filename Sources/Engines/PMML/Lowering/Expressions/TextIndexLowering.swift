internal import Scoring
internal import Tabular
internal import Texts

/// Counts of terms in texts (PMML 4.4, Transformations, TextIndex). A text is split into words once a row; all
/// terms that are asked for are then counted in one pass over them.
struct TextIndexLowering: PartLowering {
    let context: LoweringContext

    /// A table that is applied again and again may take so many passes until nothing changes; then the row fails.
    static let maxPasses = 32

    func lower(_ index: TextIndex, in scope: Scope) throws(ScoringError) -> Value {
        guard index.tokenize else { throw unsupported("<TextIndex> with tokenize=\"false\"", index.place) }
        guard (0...64).contains(index.maxLevenshteinDistance) else {
            throw invalid("<TextIndex>: the maxLevenshteinDistance is out of range", index.place)
        }
        let value = try value(of: index.field, in: scope, index.place)
        let term = try lower(index.term, as: .string, in: scope)
        var text = try register(of: value, index.place)
        for normalization in index.normalizations { text = try normalized(text, normalization, index) }

        let expression = try expression(index.word ?? index.wordSeparator, index.place)
        let tokenizer = Tokenizer(
            expression: expression, matchesWords: index.word != nil, ignoresCase: !index.isCaseSensitive)
        let words = builder.text(.words(text, tokenizer: self.tokenizer(tokenizer)))
        let matching = TermMatching(
            maxDistance: index.maxLevenshteinDistance, countsBestOnly: index.countHits == .bestHits)
        let count = try occurrences(of: term, in: words, tokenizer, matching, index.place)
        return weighted(count, words, index.localTermWeights)
    }

    private func tokenizer(_ tokenizer: Tokenizer) -> Int {
        if let index = builder.texts.tokenizers.firstIndex(of: tokenizer) { return index }
        builder.texts.tokenizers.append(tokenizer)
        return builder.texts.tokenizers.count - 1
    }

    private func occurrences(
        of term: Value, in words: TextProgram.Register, _ tokenizer: Tokenizer, _ matching: TermMatching, _ place: Place
    ) throws(ScoringError) -> Formula.Operand {
        guard let known = builder.value(of: term.operand) else {
            let term = builder.text(.words(try register(of: term, place), tokenizer: self.tokenizer(tokenizer)))
            return builder.measure(.termCount(words: words, term: term, matching))
        }
        guard let text = text(of: known, term.type) else { return constant(.nan) }
        guard isQuick(builder.texts.expressions[tokenizer.expression], on: [text]) else {
            throw unsupported("a term that takes so long to split", place)
        }
        let found = TextProgram.words(
            of: text, builder.texts.expressions[tokenizer.expression], matchesWords: tokenizer.matchesWords,
            ignoresCase: tokenizer.ignoresCase)
        guard let found, found.count <= 64 else { throw unsupported("a term with more than 64 words", place) }
        let count = builder.count(found.bytes, wordCount: found.count, in: words, matching)
        return count
    }

    private func weighted(_ count: Formula.Operand, _ words: TextProgram.Register, _ weight: TextIndex.Weight) -> Value {
        let binary = builder.apply(.greater, count, constant(0))
        switch weight {
        case .termFrequency: return Value(count, .integer)
        case .binary: return Value(binary, .integer)
        case .logarithmic: return Value(builder.apply(.logarithm10, builder.apply(.add, constant(1), count)), .double)
        case .augmentedNormalizedTermFrequency:
            // 0.5 (whether it occurs + its count over that of the most frequent word).
            let highest = builder.measure(.highestCount(words))
            let share = builder.apply(.divide, count, builder.apply(.clamp, highest, constant(1), constant(.infinity)))
            return Value(builder.apply(.multiply, constant(0.5), builder.apply(.add, binary, share)), .double)
        }
    }

    /// The text after the rows of a normalisation's table were applied to it in their order.
    private func normalized(
        _ text: TextProgram.Register, _ normalization: TextIndexNormalization, _ index: TextIndex
    ) throws(ScoringError) -> TextProgram.Register {
        guard (normalization.maxLevenshteinDistance ?? 0) == 0 else {
            throw unsupported("<TextIndexNormalization> with a maxLevenshteinDistance", index.place)
        }
        let table = normalization.table
        guard let from = table.column(normalization.inField), let to = table.column(normalization.outField) else {
            throw invalid("<TextIndexNormalization>: the table has not the columns that it names", index.place)
        }
        let isRegular = table.column(normalization.regexField)
        let ignoresCase = !(normalization.isCaseSensitive ?? index.isCaseSensitive)
        var rules: [TextProgram.Rewrite] = []
        for row in table.rows.indices {
            guard let pattern = table.text(row: row, column: from), let template = table.text(row: row, column: to) else {
                throw invalid("<TextIndexNormalization>: a row of the table lacks a cell", index.place)
            }
            let isExpression = isRegular.flatMap { table.text(row: row, column: $0) }?.lowercased() == "true"
            let expression = try expression(pattern, ignoresCase: ignoresCase, isLiteral: !isExpression, index.place)
            rules.append(.init(expression: expression, replacement: try replacement(template, for: expression, index.place)))
        }
        guard !rules.isEmpty else { return text }
        return builder.text(.rewrite(text, rules, maxPasses: normalization.isRecursive ? Self.maxPasses : 1))
    }
}
