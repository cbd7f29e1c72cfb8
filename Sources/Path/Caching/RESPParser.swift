package import NIOCore

/// What Redis answers to one command, as far as this client asks for it.
package enum RESPReply: Equatable {
    case status([UInt8])
    case error([UInt8])
    case integer(Int64)
    case bulk([UInt8]?)
    /// Strings and nils only: nothing here asks for other arrays.
    case array([[UInt8]?])
}

/// Bytes that are no reply this client could have asked for. The connection is useless from there on.
package struct RESPViolation: Error, Equatable {
    package let reason: String
}

/// Reads replies of Redis' protocol, RESP2 (https://redis.io/docs/latest/develop/reference/protocol-spec). Takes bytes
/// as they come, and goes on where they ended. Sizes are checked when they are announced, and memory is taken
/// only for bytes that are there, so that a server that lies costs at most one reply of the largest allowed size.
package struct RESPParser {
    package struct Limits {
        /// Most bytes of a status or error.
        package var line = 1024
        /// Most bytes of a string.
        package var bulk = StoredValue.maxBytes
        /// Most strings of an array.
        package var items = RedisCommand.maxKeys + 1

        package init() {}
    }

    private let limits: Limits
    private var items: [[UInt8]?] = []
    /// Strings that an array still lacks; nil outside of arrays.
    private var lacking: Int?
    /// The announced size of a string whose bytes are not all there.
    private var announced: Int?

    package init(limits: Limits = Limits()) { self.limits = limits }

    /// The next whole reply, taken off `input`; nil if it is not all there. What then stays in `input` is less than one
    /// line or one string.
    package mutating func next(_ input: inout ByteBuffer) throws(RESPViolation) -> RESPReply? {
        while true {
            if let size = announced {
                guard let bytes = try bulk(size, &input) else { return nil }
                announced = nil
                guard let reply = gather(bytes) else { continue }
                return reply
            }
            guard let line = try line(&input) else { return nil }
            guard let kind = line.first else { throw RESPViolation(reason: "an empty line") }
            let rest = line.dropFirst()
            if kind == UInt8(ascii: "$") {
                let size = try Self.number(rest)
                guard size >= -1, size <= limits.bulk else { throw RESPViolation(reason: "a string of \(size) bytes") }
                if size >= 0 {
                    announced = Int(size)
                } else if let reply = gather(nil) {
                    return reply
                }
                continue
            }
            guard lacking == nil else { throw RESPViolation(reason: "an array of something else than strings") }
            switch kind {
            case UInt8(ascii: "+"): return .status(Array(rest))
            case UInt8(ascii: "-"): return .error(Array(rest))
            case UInt8(ascii: ":"): return .integer(try Self.number(rest))
            case UInt8(ascii: "*"):
                let count = try Self.number(rest)
                guard count >= 0, count <= limits.items else { throw RESPViolation(reason: "an array of \(count)") }
                if count == 0 { return .array([]) }
                lacking = Int(count)
            default: throw RESPViolation(reason: "a reply of unknown kind")
            }
        }
    }

    /// Adds a string to the array it belongs to. The reply, if it is whole.
    private mutating func gather(_ bytes: [UInt8]?) -> RESPReply? {
        guard let lacking else { return .bulk(bytes) }
        items.append(bytes)
        self.lacking = lacking > 1 ? lacking - 1 : nil
        guard lacking == 1 else { return nil }
        defer { items = [] }
        return .array(items)
    }

    private func bulk(_ size: Int, _ input: inout ByteBuffer) throws(RESPViolation) -> [UInt8]? {
        guard input.readableBytes >= size + 2, let bytes = input.readBytes(length: size) else { return nil }
        guard input.readInteger(as: UInt16.self) == 0x0d0a else { throw RESPViolation(reason: "a string of another size") }
        return bytes
    }

    /// A line without its end, of at most `limits.line` bytes.
    private func line(_ input: inout ByteBuffer) throws(RESPViolation) -> [UInt8]? {
        let view = input.readableBytesView
        guard let end = view.prefix(limits.line + 2).firstIndex(of: UInt8(ascii: "\n")) else {
            guard view.count < limits.line + 2 else { throw RESPViolation(reason: "a line that does not end") }
            return nil
        }
        let length = view.distance(from: view.startIndex, to: end)
        guard length > 0, view[view.index(before: end)] == UInt8(ascii: "\r") else {
            throw RESPViolation(reason: "a line that ends without a carriage return")
        }
        let line = input.readBytes(length: length - 1)
        input.moveReaderIndex(forwardBy: 2)
        return line
    }

    /// An optional sign and up to 18 digits.
    private static func number(_ digits: ArraySlice<UInt8>) throws(RESPViolation) -> Int64 {
        let isNegative = digits.first == UInt8(ascii: "-")
        let digits = isNegative ? digits.dropFirst() : digits
        guard (1...18).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }) else {
            throw RESPViolation(reason: "no number where one has to be")
        }
        let value = digits.reduce(Int64(0)) { $0 * 10 + Int64($1 - 48) }
        return isNegative ? -value : value
    }
}
