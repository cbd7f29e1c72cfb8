/// Draws a load test's progress as one line of a terminal. Pure: returns the text to be written.
package struct ProgressBar: Sendable {
    private let width: Int
    private var last: LoadProgress?
    private var rate = 0.0

    /// - Parameter width: columns of the terminal.
    package init(width: Int = 80) { self.width = min(max(width, 40), 120) }

    /// The line for this state, beginning with what erases the one before.
    package mutating func line(_ progress: LoadProgress) -> String {
        if let last, progress.elapsed > last.elapsed {
            let answers = (progress.answered &+ progress.failed) &- (last.answered &+ last.failed)
            rate = Double(answers) / (Double(progress.elapsed - last.elapsed) / 1e9)
        }
        last = progress
        let share = progress.total == 0 ? 1 : min(1, Double(progress.elapsed) / Double(progress.total))
        var text = " \(padded(Int(share * 100)))%  \(TimeText.rate(rate))/s"
        if progress.failed > 0 { text += "  \(TimeText.count(progress.failed)) failed" }
        let room = max(10, width - 3 - text.count)
        let full = Int((Double(room) * share).rounded(.down))
        return Self.erase + "[" + String(repeating: "#", count: full) + String(repeating: ".", count: room - full) + "]" + text
    }

    /// Returns to the beginning of the line and clears it.
    package static let erase = "\r\u{1b}[K"

    private func padded(_ percent: Int) -> String {
        String(repeating: " ", count: max(0, 3 - String(percent).count)) + String(percent)
    }
}
