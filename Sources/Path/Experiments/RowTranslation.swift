package import Scoring

/// Rewrites rows that were read for one version into the columns of another: by name, categories by their level's text,
/// because positions mean nothing outside their own signature.
package struct RowTranslation {
    private enum Column {
        case missing
        case number(source: Int)
        /// `positions` holds the target's cell of each of the source's levels; nil where the target refuses it.
        case level(source: Int, positions: [Double?], unknown: Double?)
        /// An integer of 64 bits; the target's field takes it as it can.
        case wide(source: Int, Field.Integers, Field)
        case levelText(source: Int, table: SymbolTable)
        case text(source: Int)
        case textLevel(source: Int, levels: CategoryLevels, unknown: Double?)
        case numberLevel(source: Int, levels: CategoryLevels, unknown: Double?)
    }

    private let columns: [Column]

    /// Throws `.refusedModel` where the target needs an input that the source has not, or has in another kind.
    package init(from source: Signature, to target: Signature) throws(ScoringError) {
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
        if source.integers.areWide, source.kind == .integer {
            switch target.kind {
            case .number, .integer: return .wide(source: position, source.integers, target)
            case .boolean, .category, .text: break
            }
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
    package func add(
        row cells: ArraySlice<Double>, texts: [String], wideIntegers: [UInt64], to batch: FeatureBatch
    ) throws(ScoringError) {
        let row = batch.addRow()
        for (target, column) in columns.enumerated() {
            do throws(ScoringError) {
                try set(column, cells, texts, wideIntegers, batch, row, target)
            } catch {
                batch.removeLastRow()
                throw error
            }
        }
    }

    private func set(
        _ column: Column, _ cells: ArraySlice<Double>, _ texts: [String], _ wideIntegers: [UInt64], _ batch: FeatureBatch,
        _ row: Int, _ target: Int
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
        case .wide(let source, let integers, let field):
            guard let bits = FeatureBatch.wideInteger(of: cell(source), among: wideIntegers) else {
                return batch.set(cell(source), row: row, column: target)
            }
            if field.kind == .integer, field.integers == integers {
                batch.setInteger(bits, row: row, column: target)
            } else if field.kind == .number || field.integers == .doubles {
                batch.set(integers == .int64 ? Double(Int64(bitPattern: bits)) : Double(bits), row: row, column: target)
            } else {
                throw .invalidFeature(name: field.name, reason: "the other version does not take this integer beyond 2^53")
            }
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
