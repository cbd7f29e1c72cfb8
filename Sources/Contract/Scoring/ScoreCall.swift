/// What an engine is called with beside the rows.
package struct ScoreCall {
    /// When the one who waits for the scores stops waiting; nil for never. Engines that can stop a run do so then,
    /// and throw `.deadlineExceeded`.
    package let deadline: Moment?
    /// Scratch memory, the engine's alone for the time of the call.
    package let workspace: Workspace

    package init(deadline: Moment?, workspace: Workspace) {
        self.deadline = deadline
        self.workspace = workspace
    }
}
