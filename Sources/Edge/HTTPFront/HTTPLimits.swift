internal import NIOCore

/// What one server gives to its clients at most: sizes, counts and timeouts. Every default suits a server
/// behind a load balancer; a public one would shorten the timeouts.
package struct HTTPLimits: Sendable, Equatable {
    /// Bytes of a request's body. Default 4 MiB. A larger body gets a 413 before it is read. A connection's
    /// queue of pipelined requests holds about as much again.
    package var maxBodyBytes = 4 << 20
    /// Open connections; more wait in the kernel's backlog until one closes. Default 10,000, or
    /// what the limit on open files allows. One costs about 14 KiB.
    package var maxConnections = 10_000
    /// Complete requests of one connection waiting for their turn; while so many wait, the connection is not
    /// read from. Default 64.
    package var maxPipelined = 64
    /// Bytes that the server holds for clients that do not read, over all connections. Beyond it, those are closed that have
    /// gone longest without reading. Default 256 MiB.
    package var maxUnreadBytes = 256 << 20
    /// Bytes that the server holds of bodies that have not arrived whole, over all connections; small bodies do not count. A request whose
    /// body would exceed it gets a 503. Default 256 MiB.
    package var maxUnfinishedBytes = 256 << 20
    /// How long a connection may stay without a request, or leave an answer unread. Default 60 s.
    package var idleTimeout: Duration = .seconds(60)
    /// From a request's first byte to the end of its head. Default 10 s.
    package var headerTimeout: Duration = .seconds(10)
    /// From the end of a request's head to the end of its body. Default 30 s.
    package var bodyTimeout: Duration = .seconds(30)
    /// How long a shutdown waits for requests in flight before it cuts them off. Default 30 s.
    package var drain: Duration = .seconds(30)

    package init() {}

    /// The same without values that no server could work with.
    var usable: HTTPLimits {
        var limits = self
        limits.maxBodyBytes = max(0, maxBodyBytes)
        limits.maxConnections = max(1, maxConnections)
        limits.maxPipelined = max(1, maxPipelined)
        limits.maxUnreadBytes = max(0, maxUnreadBytes)
        limits.maxUnfinishedBytes = max(0, maxUnfinishedBytes)
        // A year: beyond the life of a connection, and far from the end of the clock.
        let longest = Duration.seconds(365 * 86_400)
        limits.idleTimeout = min(idleTimeout, longest)
        limits.headerTimeout = min(headerTimeout, longest)
        limits.bodyTimeout = min(bodyTimeout, longest)
        limits.drain = min(drain, longest)
        return limits
    }
}

/// What every connection is held to, fixed because no client has a use for more.
enum HeadLimits {
    /// Bytes of one header field, or of the request line.
    static let maxFieldBytes = 16 << 10
    /// Bytes of a request's whole head.
    static let maxHeadBytes = 64 << 10
    static let maxFields = 100
    /// Bytes of an X-Request-Id that is taken.
    static let maxRequestIDBytes = 256
    /// How long a connection stays half open after its last answer, so that the answer is not lost to a
    /// reset while the client is still sending.
    static let farewell: Duration = .seconds(1)
    /// How long a shutdown leaves an idle connection open: long enough for the event loop to read what has come.
    static let lastLook = TimeAmount.milliseconds(10)
    /// Bytes of bodies on one connection up to which they do not count towards `HTTPLimits.maxUnfinishedBytes`.
    static let smallBody = 64 << 10
    /// Pipelined requests that one read can bring beyond `maxPipelined`. More than fit into a receive buffer
    /// of 64 KiB; beyond it the connection is cut.
    static let pipelineSlack = 4096
    /// How much of what a client does not fetch the kernel takes before the connection counts as not writable
    /// (TCP_NOTSENT_LOWAT, tcp(7)); what is under way to the client is not part of it. Without a limit it is several MiB.
    static let unsentInKernel = (
        option: ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: 25)), bytes: SocketOptionValue(128 << 10)
    )
    /// How much of it lies here besides. Beyond `high` the connection counts as not writable, and its bytes count towards
    /// `HTTPLimits.maxUnreadBytes`.
    static let unsentHere = ChannelOptions.Types.WriteBufferWaterMark(low: 8 << 10, high: 16 << 10)
}
