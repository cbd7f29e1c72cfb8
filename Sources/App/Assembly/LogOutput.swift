internal import Glibc
internal import Synchronization

/// Where log lines go. A reader that has stopped, or a disk that is full, loses lines; it never holds up those who write them,
/// event loops among them. How many were lost is said with the first line that gets through again.
///
/// Safe for threads; lines do not mix.
package final class LogOutput: Sendable {
    package static let standardError = LogOutput(descriptor: STDERR_FILENO)

    private struct State {
        /// The reader did not take the last line within the patience.
        var isStalled = false
        /// The last line was written in part.
        var isCutOff = false
        var lost = 0
    }

    /// How long a reader that was in time so far is waited for, in milliseconds. A burst of lines is longer than a pipe holds.
    private static let patience: Int32 = 20
    /// What a pipe takes without blocking whenever it is writable (pipe(7)).
    private static let atOnce = 4096

    private let descriptor: Int32
    private let state = Mutex(State())

    package init(descriptor: Int32) { self.descriptor = descriptor }

    /// Writes a line, with its end. Takes at most 20 ms for each 4 KiB, and no time while the reader is known to have stopped.
    ///
    /// - Parameter note: Makes a line of how many were lost before this one.
    package func write(_ line: UnsafeBufferPointer<UInt8>, note: (_ lost: Int) -> [UInt8]) {
        state.withLock { state in
            guard isWritable(&state) else {
                state.lost += 1
                return
            }
            if state.isCutOff { state.isCutOff = !put([UInt8(ascii: "\n")], &state) }
            if !state.isCutOff, state.lost > 0, put(note(state.lost), &state) { state.lost = 0 }
            let isSent = !state.isCutOff && state.lost == 0 && put(UnsafeRawBufferPointer(line), &state)
            if !isSent { state.lost += 1 }
        }
    }

    private func isWritable(_ state: inout State) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        let count = poll(&entry, 1, state.isStalled ? 0 : Self.patience)
        // Interrupted: whether it is writable is seen by writing a line later.
        if count < 0, errno == EINTR { return false }
        state.isStalled = count == 0
        return count > 0 && entry.revents & Int16(POLLOUT) != 0
    }

    private func put(_ bytes: [UInt8], _ state: inout State) -> Bool {
        bytes.withUnsafeBytes { put($0, &state) }
    }

    /// False if not all of it could be written.
    private func put(_ bytes: UnsafeRawBufferPointer, _ state: inout State) -> Bool {
        var written = 0
        while written < bytes.count, written == 0 || isWritable(&state) {
            let rest = bytes[written...].prefix(Self.atOnce)
            let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            written += count
        }
        if written > 0, written < bytes.count { state.isCutOff = true }
        return written == bytes.count
    }
}
