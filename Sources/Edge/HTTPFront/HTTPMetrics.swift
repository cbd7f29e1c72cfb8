internal import Logging
internal import Scoring
internal import Synchronization

/// What the front counts of its own: connections, what they leave unread, and answers with an error status that no model gave.
/// Any thread.
final class HTTPMetrics: Sendable {
    /// Statuses with a series of their own; others share one.
    private static let statuses = [400, 404, 405, 408, 413, 415, 417, 431, 500, 501, 503]

    private let errors = CounterTable(count: statuses.count + 1)
    private let opened = Atomic<UInt64>(0)
    private let openNow = Atomic<Int>(0)
    /// Answers that clients do not read.
    let unread: HeldBytes
    /// Bodies of requests that have not arrived whole, or wait for their turn.
    let unfinished: HeldBytes

    init(_ limits: HTTPLimits, logger: Logger) {
        unread = HeldBytes(
            limit: limits.maxUnreadBytes, logger: logger,
            message: "connections were closed because their clients do not read the answers")
        unfinished = HeldBytes(
            limit: limits.maxUnfinishedBytes, maxReserved: limits.maxUnfinishedBytes, logger: logger,
            message: "connections were closed because their clients do not finish their requests")
    }

    func connectionOpened() {
        opened.wrappingAdd(1, ordering: .relaxed)
        openNow.wrappingAdd(1, ordering: .relaxed)
    }

    var openConnections: Int { max(0, openNow.load(ordering: .relaxed)) }

    func connectionClosed() { openNow.wrappingSubtract(1, ordering: .relaxed) }

    /// Counts an answer of the front or the router if it is an error.
    func answered(_ status: Int) {
        guard status >= 400 else { return }
        errors.increment(Self.statuses.firstIndex(of: status) ?? Self.statuses.count)
    }

    /// The metrics in Prometheus' text format 0.0.4.
    var text: String {
        let (unread, unfinished) = (unread.figures, unfinished.figures)
        var text = """
            # HELP verdict_http_open_connections Connections of clients that are open.
            # TYPE verdict_http_open_connections gauge
            verdict_http_open_connections \(openConnections)
            # HELP verdict_http_connections_total Connections of clients that were accepted.
            # TYPE verdict_http_connections_total counter
            verdict_http_connections_total \(opened.load(ordering: .relaxed))
            # HELP verdict_http_unread_bytes What the server holds for clients that do not read their answers.
            # TYPE verdict_http_unread_bytes gauge
            verdict_http_unread_bytes \(unread.bytes)
            # HELP verdict_http_unread_closed_total Connections that were closed because too much lay unread.
            # TYPE verdict_http_unread_closed_total counter
            verdict_http_unread_closed_total \(unread.closed)
            # HELP verdict_http_unfinished_bytes Large bodies of requests that have not arrived whole.
            # TYPE verdict_http_unfinished_bytes gauge
            verdict_http_unfinished_bytes \(unfinished.bytes)
            # HELP verdict_http_unfinished_closed_total Connections that were closed because too much was unfinished.
            # TYPE verdict_http_unfinished_closed_total counter
            verdict_http_unfinished_closed_total \(unfinished.closed)
            # HELP verdict_http_errors_total Answers with an error status that no model gave, by status.
            # TYPE verdict_http_errors_total counter

            """
        for (status, count) in zip(Self.statuses.map { "\($0)" } + ["other"], errors.values()) {
            text += "verdict_http_errors_total{status=\"\(status)\"} \(count)\n"
        }
        return text
    }
}
