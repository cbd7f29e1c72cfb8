internal import Scoring
internal import TextFormats

/// Puts the elements of one tensor into a batch: what an element type may carry, and what an input takes of it. A cell that nothing is put
/// into is missing.
struct TensorCells {
    let name: String
    let type: TensorType
    let signature: Signature
    let batch: FeatureBatch

    /// Whether a column takes the type's numbers as they are.
    func isPlain(_ column: Int) -> Bool { type == .fp64 && signature.numberInputs[column] }

    func set(plain number: Double, row: Int, column: Int) { batch.set(number, row: row, column: column) }

    func set(text bytes: UnsafeBufferPointer<UInt8>, row: Int, column: Int) throws(ScoringError) {
        unsafe try batch.set(text: bytes, of: signature.inputs[column], row: row, column: column)
    }

    func set(boolean: Bool, row: Int, column: Int) throws(ScoringError) {
        try batch.set(boolean: boolean, of: signature.inputs[column], row: row, column: column)
    }

    /// An element of `UINT64`.
    func set(magnitude: UInt64, row: Int, column: Int) throws(ScoringError) {
        try batch.set(whole: WholeNumber(magnitude: magnitude), of: signature.inputs[column], row: row, column: column)
    }

    /// An element of the other integer types.
    func set(integer: Int, row: Int, column: Int) throws(ScoringError) {
        guard type.integers?.contains(integer) == true else {
            throw .invalidRequest("row \(row) of tensor '\(name)' has a number outside \(type.rawValue)")
        }
        try batch.set(whole: WholeNumber(integer), of: signature.inputs[column], row: row, column: column)
    }

    /// An element of the floating-point types, as that type holds it. NaN is missing.
    func set(float number: Double, row: Int, column: Int) throws(ScoringError) {
        let field = signature.inputs[column]
        if case .integer = field.kind, field.integers != .doubles { try checkIsExact(number, field) }
        try batch.set(number: number, of: field, row: row, column: column)
    }

    /// Larger floats stand for several whole numbers each.
    private func checkIsExact(_ number: Double, _ field: Field) throws(ScoringError) {
        let bits = type == .fp32 ? 24 : 53
        guard number.magnitude >= Double(1 << bits) else { return }
        throw .invalidFeature(
            name: field.name, reason: "a tensor of \(type.rawValue) has whole numbers below 2^\(bits) only; send INT64 or UINT64")
    }
}
