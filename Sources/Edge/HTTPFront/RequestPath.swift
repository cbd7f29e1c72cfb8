internal import WireFormat

/// Who answers a request's target.
enum TargetRoute {
    case prediction(PredictionRoute)
    /// The router, which is asked for `target`.
    case router(target: String)
    /// Nobody: the path has a segment without a name.
    case none
}

/// Finds the route of a request's target. Clients ask for the same one again and again, so a
/// connection remembers the latest.
struct RouteMemory {
    private var target = ""
    private var route = TargetRoute.router(target: "")

    mutating func route(of target: String) -> TargetRoute {
        if target == self.target { return route }
        self.target = target
        route = Self.find(target)
        return route
    }

    private static func find(_ target: String) -> TargetRoute {
        var target = target
        let (prediction, normalized): (PredictionRoute?, [UInt8]?) = target.withUTF8 { bytes in
            let path = unsafe RequestPath.path(of: bytes)
            guard unsafe RequestPath.needsNormalizing(path) else { return unsafe (RouteTable.standard.route(path: path), nil) }
            let normalized = unsafe RequestPath.normalized(path)
            return unsafe (normalized.withUnsafeBufferPointer { unsafe RouteTable.standard.route(path: $0) }, normalized)
        }
        if let normalized, RequestPath.hasEmptySegment(normalized) { return .none }
        if let prediction { return .prediction(prediction) }
        return .router(target: normalized.map { String(decoding: $0, as: UTF8.self) } ?? target)
    }
}

/// The path of a request's target, in the one spelling that routes are compared with: characters that need no
/// percent-encoding are decoded (RFC 3986 section 6.2.2.2), and a slash at the end is passed over.
enum RequestPath {
    /// The path of a request target in origin form or absolute form, without its query.
    static func path(of target: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        var start = 0
        if let first = unsafe target.first, first != UInt8(ascii: "/") {
            // http://authority/path; anything else has no path.
            guard let colon = unsafe target.firstIndex(of: UInt8(ascii: ":")), colon + 2 < target.count,
                unsafe target[colon + 1] == UInt8(ascii: "/"), unsafe target[colon + 2] == UInt8(ascii: "/"),
                let slash = unsafe target[(colon + 3)...].firstIndex(of: UInt8(ascii: "/"))
            else { return unsafe UnsafeBufferPointer(rebasing: target[..<0]) }
            start = slash
        }
        let rest = unsafe target[start...]
        let end = unsafe rest.firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") } ?? rest.endIndex
        return unsafe UnsafeBufferPointer(rebasing: rest[..<end])
    }

    static func needsNormalizing(_ path: UnsafeBufferPointer<UInt8>) -> Bool {
        guard path.count > 1 else { return false }
        if unsafe path[path.count - 1] == UInt8(ascii: "/") { return true }
        var previous: UInt8 = 0
        for index in path.indices {
            let byte = unsafe path[index]
            if byte == UInt8(ascii: "%") || (byte == UInt8(ascii: "/") && previous == byte) { return true }
            previous = byte
        }
        return false
    }

    /// What is no percent-encoding stays as it is, and so does what stands for a character that would mean
    /// something else if it were decoded, such as a slash.
    static func normalized(_ path: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(path.count)
        var offset = 0
        while offset < path.count {
            if unsafe path[offset] == UInt8(ascii: "%"), offset + 2 < path.count,
                let byte = unsafe PathName.byte(path[offset + 1], path[offset + 2]), isUnreserved(byte)
            {
                result.append(byte)
                offset += 3
            } else {
                unsafe result.append(path[offset])
                offset += 1
            }
        }
        if result.count > 1, result.last == UInt8(ascii: "/") { result.removeLast() }
        return result
    }

    static func hasEmptySegment(_ path: [UInt8]) -> Bool {
        guard path.count > 1 else { return false }
        var previous: UInt8 = 0
        for byte in path {
            if byte == UInt8(ascii: "/") && previous == byte { return true }
            previous = byte
        }
        return previous == UInt8(ascii: "/")
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
