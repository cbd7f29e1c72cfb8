internal import Scoring
internal import Tabular

/// The training instances of a model, by field.
struct Instances {
    let table: InlineTable
    private(set) var columns: TextMap<Int> = [:]

    init(_ model: NearestNeighborModel) {
        table = model.table
        for field in model.instanceFields { columns[field.field] = table.column(field.column) }
    }

    func column(of field: String) -> Int? { columns[field] }

    /// The texts of these columns, row by row; every row must have them.
    func texts(_ wanted: [Int], _ lowering: LoweringContext, _ place: Place) throws(ScoringError) -> [[String]] {
        var texts: [[String]] = []
        texts.reserveCapacity(table.rows.count)
        var cells = [String?](repeating: nil, count: table.columns.count)
        for (row, given) in table.rows.enumerated() {
            for cell in given where cells[cell.column] == nil { cells[cell.column] = cell.text }
            var line: [String] = []
            for column in wanted {
                guard let text = cells[column] else {
                    throw lowering.invalid("the training instance \(row + 1) has no '\(table.columns[column])'", place)
                }
                line.append(text)
            }
            texts.append(line)
            for cell in given { cells[cell.column] = nil }
            LoadThrottle.step()
        }
        return texts
    }
}

/// Derives fields of training instances with the program that derives them of rows.
struct InstanceTransformation {
    private let lowering: LoweringContext
    private let model: TabularModel
    private let values: [Value]
    private let place: Place

    init(_ fields: [ComparisonField], of model: NearestNeighborModel, in document: TypedDocument) throws(ScoringError) {
        let lowering = LoweringContext(document)
        let scope = try lowering.scope(of: model.head, in: nil)
        values = try fields.map { (field) throws(ScoringError) in try lowering.value(of: field.field, in: scope, field.place) }
        let signature = Signature(
            inputs: lowering.finishInputs(), outputs: fields.map { OutputColumn($0.field, .number) },
            roles: Roles(score: 0..<fields.count))
        let program = lowering.builder.finish(outputs: values.map(\.operand))
        self.model = try TabularModel(
            program: program, signature: signature, description: ModelDescription(format: "training instances"))
        self.lowering = lowering
        place = model.head.place
    }

    /// The fields of every instance, as texts that read back as the same values.
    func texts(of instances: Instances) throws(ScoringError) -> [[String]] {
        let (table, signature) = (instances.table, model.signature)
        let (batch, scores) = (FeatureBatch(), ScoreBatch())
        batch.reset(width: signature.inputs.count)
        for row in table.rows.indices {
            let index = batch.addRow()
            for (column, input) in signature.inputs.enumerated() {
                guard let cell = instances.column(of: input.name), let text = table.text(row: row, column: cell) else { continue }
                CellText.set(text, of: input, in: batch, row: index, column: column)
            }
            LoadThrottle.step()
        }
        try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
        return try table.rows.indices.map { (row) throws(ScoringError) in
            if let failure = scores.failure(row: row) {
                throw lowering.invalid("the training instance \(row + 1) is not valid: \(failure)", place)
            }
            return try values.indices.map { (index) throws(ScoringError) in
                let (value, type) = (scores[row, index], values[index].type)
                let text = type == .string ? (value >= 0 ? lowering.symbols[Int(value)] : nil) : value.isNaN ? nil : "\(value)"
                guard let text else {
                    throw lowering.invalid(
                        "the training instance \(row + 1) has no '\(signature.outputs[index].name)'", place)
                }
                return text
            }
        }
    }
}
