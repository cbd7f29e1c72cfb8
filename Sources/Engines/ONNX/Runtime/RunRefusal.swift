/// Tells a row's fault from the library's own in what ONNX Runtime says of a run that failed.
package enum RunRefusal {
    /// What the library says where there is no memory, or where it was told to stop, in whatever node it was.
    private static let resources = [
        "bfc_arena", "BFCArena", "bad_alloc", "bad allocation", "Failed to allocate", "terminate flag",
    ]

    /// Whether a node refused the values that it was given. The code of the status does not say so: a division by zero has the one that a
    /// lack of memory has. What failed in no node is the library's own affair.
    package static func isOfRow(_ text: String) -> Bool {
        guard text.contains("while running "), text.contains(" node.") else { return false }
        return !resources.contains { text.contains($0) }
    }
}
