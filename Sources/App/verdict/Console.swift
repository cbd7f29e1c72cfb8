internal import Glibc

/// The terminal: results go to standard output, everything about them to standard error.
enum Console {
    /// Whether standard error is a terminal, where progress may be drawn.
    static var isInteractive: Bool { isatty(STDERR_FILENO) == 1 }

    /// Writes to standard output at once.
    static func say(_ text: String) {
        print(text)
        fflush(stdout)
    }

    static func complain(_ text: String) {
        write(text + "\n")
    }

    /// Draws a line over the last one; empty text erases it.
    static func progress(_ text: String) {
        guard isInteractive else { return }
        write("\r\u{1b}[K" + text)
    }

    private static func write(_ text: String) {
        var text = text
        text.withUTF8 { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
