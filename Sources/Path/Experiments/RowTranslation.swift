internal import Scoring

/// Rewrites rows that were read for one version into the columns of another: by name, categories by their level's text,
/// because positions mean nothing outside their own signature.
struct RowTranslation {
    private enum Column {
        case missing
        case number(source: Int)
        /// `positions` holds the target's cell of each of the source's levels; nil where the target refuses it.
        case level(source: Int, positions: [Double?], unknown: Double?)
        case levelText(source: Int, table: SymbolTable)
        case text(source: Int)
        case textLevel(source: Int, levels: CategoryLevels, unknown: Double?)
        case numberLevel(source: Int, levels: CategoryLevels, unknown: Double?)
    }

    private let columns: [Column]

    /// Throws `.refusedModel` where the target needs an input that the source has not, or has in another kind.
    init(from source: Signature, to target: Signature) throws(ScoringError) {
        var columns: [Column] = []
        for field in target.inputs {
            guard let position = source.inputNames.position(of: field.name) else {
                if field.isRequired {
                    throw .refusedModel("it needs the input '\(field.name)', which the version that answers does not have")
                }
                columns.append(.missing)
                continue
            }
            columns.append(try Self.column(of: position, source.inputs[position], for: field))
        }
        self.columns = columns
    }

    private static func column(of position: Int, _ source: Field, for target: Field) throws(ScoringError) -> Column {
        let unknown: Double? =
            switch target.unknownLevel {
            case .refused: nil
            case .missing: .nan
            case .passed: FeatureBatch.unknownLevel
            }
        switch (source.kind, target.kind) {
        case (.number, .number), (.number, .integer), (.number, .boolean), (.integer, .number), (.integer, .integer),
            (.integer, .boolean), (.boolean, .number), (.boolean, .integer), (.boolean, .boolean):
            return .number(source: position)
        case (.category(let own), .category(let others)):
            let positions = own.table.symbols.map { others.position(of: $0).map(Double.init) ?? unknown }
            return .level(source: position, positions: positions, unknown: unknown)
        case (.category(let levels), .text): return .levelText(source: position, table: levels.table)
        case (.text, .text): return .text(source: position)
        case (.text, .category(let levels)): return .textLevel(source: position, levels: levels, unknown: unknown)
        case (.number, .category(let levels)), (.integer, .category(let levels)):
            return .numberLevel(source: position, levels: levels, unknown: unknown)
        case (.number, .text), (.integer, .text), (.boolean, .text), (.boolean, .category), (.category, .number),
            (.category, .integer), (.category, .boolean), (.text, .number), (.text, .integer), (.text, .boolean):
            throw .refusedModel("it takes the input '\(target.name)' in another kind than the version that answers")
        }
    }

    /// Adds a row to `batch`, whose width is the target's. Throws `.invalidFeature` for a level that the target refuses; the
    /// batch is then as before.
    func add(row cells: ArraySlice<Double>, texts: [String], to batch: FeatureBatch) throws(ScoringError) {
        let row = batch.addRow()
        for (target, column) in columns.enumerated() {
            do throws(ScoringError) {
                try set(column, cells, texts, batch, row, target)
            } catch {
                batch.removeLastRow()
                throw error
            }
        }
    }

    private func set(
        _ column: Column, _ cells: ArraySlice<Double>, _ texts: [String], _ batch: FeatureBatch, _ row: Int, _ target: Int
    ) throws(ScoringError) {
        func cell(_ source: Int) -> Double { cells[cells.startIndex + source] }
        func known(_ value: Double?) throws(ScoringError) -> Double {
            guard let value else {
                throw .invalidFeature(name: "input \(target)", reason: "the shadow version refuses this level")
            }
            return value
        }
        switch column {
        case .missing: return
        case .number(let source): batch.set(cell(source), row: row, column: target)
        case .level(let source, let positions, let unknown):
            let value = cell(source)
            guard !value.isNaN else { return }
            let position = Int(value)
            let translated = positions.indices.contains(position) ? positions[position] : unknown
            batch.set(try known(translated), row: row, column: target)
        case .levelText(let source, let table):
            let value = cell(source)
            guard !value.isNaN, (0..<table.count).contains(Int(value)) else { return }
            batch.setText(table[Int(value)], row: row, column: target)
        case .text(let source):
            let value = cell(source)
            guard !value.isNaN else { return }
            batch.setText(texts[Int(value)], row: row, column: target)
        case .textLevel(let source, let levels, let unknown):
            let value = cell(source)
            guard !value.isNaN else { return }
            batch.set(try known(levels.position(of: texts[Int(value)]).map(Double.init) ?? unknown), row: row, column: target)
        case .numberLevel(let source, let levels, let unknown):
            let value = cell(source)
            guard !value.isNaN else { return }
            batch.set(try known(levels.position(of: value).map(Double.init) ?? unknown), row: row, column: target)
        }
    }
}
