package import Logging
internal import Synchronization

/// Writes one line a request, without making the request wait: connections leave records in a bounded
/// queue, and a task of the front writes them out. When it cannot keep up, records are dropped and counted.
/// Holds the request's line and the answer's size, never a body.
package final class AccessLog: Sendable {
    /// One answered request.
    package struct Record: Sendable {
        package var method: String
        /// As sent; the query is left out when the line is written.
        package var target: String
        package var status: Int
        /// Of the answer's body.
        package var bytes: Int
        /// From the request's last byte to the answer's.
        package var nanoseconds: UInt64
        package var remoteAddress: String?
        /// The value of X-Request-Id, if it could be repeated.
        package var requestID: String?

        package init(
            method: String, target: String, status: Int, bytes: Int, nanoseconds: UInt64, remoteAddress: String? = nil,
            requestID: String? = nil
        ) {
            self.method = method
            self.target = target
            self.status = status
            self.bytes = bytes
            self.nanoseconds = nanoseconds
            self.remoteAddress = remoteAddress
            self.requestID = requestID
        }
    }

    private struct Queue {
        var records: [Record] = []
        var dropped = 0
    }

    private let logger: Logger
    private let capacity: Int
    private let interval: Duration
    private let queue = Mutex(Queue())
    private let droppedInAll = Atomic<Int>(0)

    /// - Parameters:
    ///   - logger: Where the lines go, at level info.
    ///   - capacity: Records that wait at most; about 100 bytes each.
    ///   - interval: Time between two writes.
    package init(logger: Logger, capacity: Int = 16_384, interval: Duration = .milliseconds(50)) {
        self.logger = logger
        self.capacity = capacity
        self.interval = interval
        queue.withLock { $0.records.reserveCapacity(256) }
    }

    /// Records lost so far because the queue was full.
    package var droppedRecords: Int { droppedInAll.load(ordering: .relaxed) }

    /// Leaves a record. Takes a lock for as long as an append takes.
    package func add(_ record: Record) {
        queue.withLock { queue in
            if queue.records.count < capacity {
                queue.records.append(record)
            } else {
                queue.dropped += 1
            }
        }
    }

    /// Writes until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: interval)
            writeOut()
        }
    }

    /// Writes what waits.
    package func writeOut() {
        var taken: [Record] = []
        taken.reserveCapacity(256)
        let dropped = queue.withLock { queue in
            swap(&queue.records, &taken)
            defer { queue.dropped = 0 }
            return queue.dropped
        }
        for record in taken { logger.info("request", metadata: record.metadata) }
        if dropped > 0 {
            droppedInAll.add(dropped, ordering: .relaxed)
            logger.warning("access log lines were dropped", metadata: ["count": .stringConvertible(dropped)])
        }
    }
}

extension AccessLog.Record {
    private static let maxTarget = 512

    /// The line's data. The query stays out, since it may say more about a person than a log should.
    var metadata: Logger.Metadata {
        var path = target.prefix { $0 != "?" && $0 != "#" }
        if path.utf8.count > Self.maxTarget { path = path.prefix(Self.maxTarget) }
        var metadata: Logger.Metadata = [
            "method": "\(method)", "path": "\(path)", "status": .stringConvertible(status), "bytes": .stringConvertible(bytes),
            "duration_ms": .stringConvertible(Double(nanoseconds / 1000) / 1000),
        ]
        if let remoteAddress { metadata["remote"] = "\(remoteAddress)" }
        if let requestID { metadata["request_id"] = "\(requestID)" }
        return metadata
    }
}
