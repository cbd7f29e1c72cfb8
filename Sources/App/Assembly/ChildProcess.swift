internal import CChildProcess
internal import Glibc
internal import Scoring

/// A child process of this program, from its start to its end. What it writes is kept within bounds. Used by one thread.
final class ChildProcess {
    enum End: Equatable {
        case exited(Int32)
        case killed(Int32)
        /// It was still running at the deadline, and was killed.
        case late
    }

    struct StartFailure: Error {
        let reason: String
    }

    private static let maxOutput = 64 << 10
    private static let maxLastWords = 600

    private let ends: ChildProcessEnds
    private var output: [UInt8] = []
    private var errors: [UInt8] = []

    /// Starts this program again. The child gets no file or socket of this process, and its standard input ends with this
    /// process.
    /// - Parameter arguments: The first is the program's name.
    init(_ arguments: [String]) throws(StartFailure) {
        var words = arguments.map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var ends = ChildProcessEnds()
        let problem = child_process_start(words, &ends)
        guard problem == 0 else { throw StartFailure(reason: String(cString: strerror(problem))) }
        self.ends = ends
    }

    deinit {
        for end in [ends.input, ends.output, ends.errors] { close(end) }
    }

    /// What it wrote to standard output, without the line's end.
    var said: String { Self.text(output) }
    /// The end of what it wrote to standard error, on one line.
    var lastWords: String {
        String(Self.text(errors).map { $0.isNewline ? " " : $0 }.suffix(Self.maxLastWords))
    }

    private static func text(_ bytes: [UInt8]) -> String {
        var text = String(decoding: bytes, as: UTF8.self)
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }

    /// Waits for its end, for at most until the deadline. Called once.
    func wait(until deadline: Moment) -> End {
        var files = [ends.output, ends.errors].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        // The pipes' ends tell that it is ending; something that closes them and goes on is found by the deadline.
        while files.contains(where: { $0.fd >= 0 }) {
            guard let patience = Self.milliseconds(until: deadline) else { return endLate() }
            let ready = poll(&files, nfds_t(files.count), patience)
            guard ready > 0 else { continue }
            for index in files.indices where files[index].fd >= 0 && files[index].revents != 0 {
                if !readSome(from: index) { files[index].fd = -1 }
            }
        }
        while true {
            if let end = reap(WNOHANG) { return end }
            guard Self.milliseconds(until: deadline) != nil else { return endLate() }
            usleep(1_000)
        }
    }

    private static func milliseconds(until deadline: Moment) -> Int32? {
        let rest = deadline.nanoseconds(since: .now)
        return rest > 0 ? Int32(clamping: rest / 1_000_000 + 1) : nil
    }

    /// False at the end.
    private func readSome(from index: Int) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 4096)
        let count = read(index == 0 ? ends.output : ends.errors, &chunk, chunk.count)
        guard count > 0 else { return count < 0 && errno == EINTR }
        if index == 0 {
            output += chunk.prefix(min(count, Self.maxOutput - output.count))
        } else {
            errors += chunk.prefix(count)
            if errors.count > Self.maxOutput { errors.removeFirst(errors.count - Self.maxOutput / 2) }
        }
        return true
    }

    private func endLate() -> End {
        kill(ends.process, SIGKILL)
        while reap(0) == nil {}
        return .late
    }

    /// Its end, if it has come or `options` wait for it.
    private func reap(_ options: Int32) -> End? {
        var status: Int32 = 0
        guard waitpid(ends.process, &status, options) == ends.process else { return nil }
        let signal = status & 0x7f
        return signal == 0 ? .exited((status >> 8) & 0xff) : .killed(signal)
    }
}
