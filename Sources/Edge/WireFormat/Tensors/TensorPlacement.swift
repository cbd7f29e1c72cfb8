internal import Scoring

/// Where the elements of one tensor go: a rectangle of the batch.
struct TensorTarget {
    let rows: Int
    /// The batch's columns that the tensor's elements fill, row by row.
    let columns: Range<Int>
    /// Whether data may be nested, one array a row.
    let mayBeNested: Bool
}

/// Makes the tensors of one request the rows of a batch, whatever they are written in. The features come as one tensor of all,
/// `[rows, features]` or `[features]` for a single row, or as a tensor a feature, `[rows]` or `[rows, 1]`, by name; those without a
/// tensor are missing.
struct TensorPlacement {
    let served: ServedModel
    let signature: Signature
    let batch: FeatureBatch
    let limits: WireLimits

    /// Which inputs have had a tensor.
    private var filled: [Bool]
    private var hasMatrix = false
    /// Rows of the request; nil before the first tensor with features of the model.
    private(set) var rows: Int?

    init(_ served: ServedModel, _ batch: FeatureBatch, limits: WireLimits) {
        self.served = served
        signature = served.signature
        self.batch = batch
        self.limits = limits
        filled = [Bool](repeating: false, count: signature.inputs.count)
    }

    /// Where the tensor's elements go; nil if they are ignored. To be asked once for each tensor, in their order.
    mutating func target(of name: String, _ shape: TensorShape) throws(ScoringError) -> TensorTarget? {
        let width = signature.inputs.count
        let dimensions = shape.dimensions
        let isColumn = dimensions.count == 1 || dimensions[1] == 1
        guard !hasMatrix else { throw .invalidRequest("a tensor of all features must be the only input") }
        if let column = signature.inputNames.position(of: name), isColumn {
            guard !filled[column] else { throw .invalidRequest("two tensors are named '\(name)'") }
            filled[column] = true
            try begin(rows: dimensions[0], tensor: name)
            return TensorTarget(rows: dimensions[0], columns: column..<column + 1, mayBeNested: dimensions.count == 2)
        }
        let fits = dimensions.last == width
        guard fits, rows == nil else {
            if served.ignoresUnknownFeatures, signature.inputNames.position(of: name) == nil { return nil }
            if rows != nil {
                throw .invalidFeature(name: name, reason: "is not an input of the model\(signature.hint(insteadOf: name))")
            }
            throw .invalidRequest(
                "expected \(width) features, got tensor '\(name)' with \(dimensions.last ?? 0); "
                    + "its shape must be [rows, \(width)], or its name that of a feature\(signature.hint(insteadOf: name))")
        }
        hasMatrix = true
        let count = dimensions.count == 2 ? dimensions[0] : 1
        try begin(rows: count, tensor: name)
        return TensorTarget(rows: count, columns: 0..<width, mayBeNested: dimensions.count == 2)
    }

    /// Makes the rows with the first tensor; later ones must have as many.
    private mutating func begin(rows count: Int, tensor name: String) throws(ScoringError) {
        if let rows {
            guard rows == count else {
                throw .invalidRequest("tensor '\(name)' has \(count) rows where others have \(rows)")
            }
            return
        }
        var allowance = RowAllowance(limits)
        allowance.limitCells(of: served, limits)
        guard count <= allowance.rows else { throw allowance.error("request") }
        for _ in 0..<count { batch.addRow() }
        rows = count
    }

    /// Refuses rows without a value that the model requires. After the last tensor.
    func checkRequired() throws(ScoringError) {
        for column in signature.requiredInputs {
            for row in 0..<batch.count where batch[row, column].isNaN {
                throw .invalidFeature(name: signature.inputs[column].name, reason: "is required (row \(row))")
            }
        }
    }
}
