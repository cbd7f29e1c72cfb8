internal import Scoring

/// How many requests a model may have in flight, found from their latencies. Pure.
///
/// An increase by addition and a decrease in proportion, once a window: while the mean latency is over its target the
/// limit is scaled by target / latency (at least halved), else, if it was in use, raised by its square root. When a
/// queue is saturated its latency is in proportion to what is in it (Little's law), so one scaling lands at the target
/// instead of hunting for it; the increase probes for more capacity.
///
/// The target is half the model's deadline where there is one: a queue is there to be used (it fills the batches), and
/// bad only when it makes answers late. Without a deadline the target is a multiple of the no-load latency, large
/// enough for full batches. The no-load latency is the least window mean, and follows upward only while the model has
/// little to do: a reference that follows under load (as an average over all requests would) lets a long overload pass
/// for the normal state.
struct ConcurrencyLimit {
    /// Without a deadline: a batch of 32 rows costs engines about eight times a single one, and nobody minds
    /// queueing for less than 5 ms.
    private static let tolerance = 8.0
    private static let harmless = 5e6
    private static let shortestWindow = 10e6
    private static let maxWindow = 1e9
    /// How fast the no-load latency follows upward, in nanoseconds.
    private static let memory = 10e9
    private static let fewestSamples = 8

    private let floor: Double
    private let ceiling: Double
    /// Nanoseconds.
    private let deadline: Double?

    private var exact: Double
    /// Least window mean in nanoseconds; 0 before the first window.
    private(set) var noLoadLatency = 0.0
    /// Recent mean in nanoseconds; 0 before the first window.
    private(set) var latency = 0.0
    /// Nanoseconds a request takes for each row that was in the system when it came, its own included.
    private(set) var timePerRow = 0.0
    /// Requests that wanted in for each one that left, in the last window; at least 1.
    private(set) var pressure = 1.0

    private var windowBegan: Moment?
    private var samples = 0
    private var latencies = 0.0
    /// Sums of latency times rows, and of rows squared.
    private var weighted = 0.0
    private var weights = 0.0
    private var peak = 0
    private var offered = 0
    private var left = 0

    init(floor: Int, ceiling: Int, deadline: UInt64?) {
        self.floor = Double(min(floor, ceiling))
        self.ceiling = Double(ceiling)
        self.deadline = deadline.map { Double($0) }
        exact = self.ceiling
    }

    /// Between floor and ceiling.
    var value: Int { Int(exact) }

    /// The mean latency that the limit steers to, in nanoseconds.
    var target: Double {
        guard let deadline else { return max(Self.harmless, Self.tolerance * noLoadLatency) }
        // A model that needs half the deadline by itself is given some of the rest; more would be too late for many.
        return min(0.75 * deadline, max(0.5 * deadline, 1.5 * noLoadLatency))
    }

    @inline(__always)
    mutating func requested() { offered += 1 }

    @inline(__always)
    mutating func entered(inFlight: Int) { if inFlight > peak { peak = inFlight } }

    /// A request left, whatever became of it.
    @inline(__always)
    mutating func leaves() { left += 1 }

    /// What a request's latency says. O(1).
    @inline(__always)
    mutating func observe(latency nanoseconds: UInt64, rowsAhead rows: Int, inFlight: Int, now: Moment) {
        samples += 1
        latencies += Double(nanoseconds)
        weighted += Double(nanoseconds) * Double(rows)
        weights += Double(rows) * Double(rows)
        guard let began = windowBegan else {
            windowBegan = now
            return
        }
        let length = Double(now.nanoseconds(since: began))
        // A change shows only after a latency: a shorter window would see the old state and decrease again.
        guard length >= min(Self.maxWindow, max(Self.shortestWindow, latency)) else { return }
        guard samples >= Self.fewestSamples || length >= 10 * Self.shortestWindow else { return }
        close(length: length, inFlight: inFlight, now: now)
    }

    private mutating func close(length: Double, inFlight: Int, now: Moment) {
        let mean = latencies / Double(samples)
        // The line through the origin with the least squares: what came to a long queue says most about queues.
        let perRow = weighted / max(1, weights)
        latency = mean
        timePerRow = timePerRow == 0 ? perRow : (timePerRow + perRow) / 2
        pressure = max(1, Double(offered) / Double(max(1, left)))
        let isIdle = Double(peak) <= exact / 2 || exact <= floor
        if noLoadLatency == 0 || mean < noLoadLatency {
            noLoadLatency = mean
        } else if isIdle {
            noLoadLatency += (mean - noLoadLatency) * min(1, length / Self.memory)
        }
        if mean > target {
            exact = max(floor, min(exact, Double(peak)) * max(0.5, target / mean))
        } else if Double(peak) >= 0.75 * exact {
            exact = min(ceiling, exact + exact.squareRoot())
        }
        windowBegan = now
        (samples, latencies, weighted, weights) = (0, 0, 0, 0)
        (offered, left, peak) = (0, 0, inFlight)
    }
}
