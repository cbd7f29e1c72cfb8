internal import Glibc

/// The terminal: results go to standard output, everything about them to standard error.
enum Console {
    /// Whether standard error is a terminal, where progress may be drawn.
    static var isInteractive: Bool { isatty(STDERR_FILENO) == 1 }

    /// Writes to standard output at once.
    static func say(_ text: String) {
        write(text + "\n", to: STDOUT_FILENO)
    }

    static func complain(_ text: String) {
        write(text + "\n", to: STDERR_FILENO)
    }

    /// Draws a line over the last one; empty text erases it.
    static func progress(_ text: String) {
        guard isInteractive else { return }
        write("\r\u{1b}[K" + text, to: STDERR_FILENO)
    }

    private static func write(_ text: String, to file: Int32) {
        var text = text
        text.withUTF8 { _ = Glibc.write(file, $0.baseAddress, $0.count) }
    }
}
