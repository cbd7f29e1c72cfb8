/// What an engine is called with beside the rows.
package struct ScoreCall {
    /// When the one who waits for the scores stops waiting; nil for never. Engines that can stop a run do so then,
    /// and throw `.deadlineExceeded`.
    package let deadline: Moment?
    /// Scratch memory, the engine's alone for the time of the call.
    package let workspace: Workspace

    /// Whether an engine that fails for several rows at once tries fewer of them, down to each by itself. False where the one who calls
    /// does that, between calls for others: then such a failure is thrown. Default true.
    package let retriesRows: Bool

    package init(deadline: Moment?, workspace: Workspace, retriesRows: Bool = true) {
        self.deadline = deadline
        self.workspace = workspace
        self.retriesRows = retriesRows
    }
}
