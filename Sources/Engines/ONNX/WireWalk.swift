internal import Scoring

/// Walks over the fields of one protobuf message without making anything of them.
struct WireWalk {
    struct Field {
        var number: Int
        var wireType: Int
        /// The value of a varint; the length of a length-delimited field.
        var value: Int
        /// The content of a length-delimited field, as far as it is there.
        var content: Range<Int>
    }

    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    /// Whether all fields were well-formed, once `next` gives nil. Other readers may see more in what is not.
    var isAtEnd: Bool { position >= bytes.endIndex }

    /// The next field; nil at the end and where the bytes are no field.
    mutating func next() -> Field? {
        guard let tag = varint(), tag >> 3 > 0 else { return nil }
        var field = Field(number: tag >> 3, wireType: tag & 7, value: 0, content: position..<position)
        switch field.wireType {
        case 0:
            guard let value = varint() else { return nil }
            field.value = value
        case 1: position = min(position + 8, bytes.endIndex)
        case 2:
            guard let length = varint(), length >= 0 else { return nil }
            field.value = length
            let end = position + min(length, bytes.endIndex - position)
            field.content = position..<end
            position = end
        case 5: position = min(position + 4, bytes.endIndex)
        default: return nil
        }
        return field
    }

    private mutating func varint() -> Int? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < bytes.endIndex, shift < 64 {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return Int(truncatingIfNeeded: value) }
            shift += 7
        }
        return nil
    }
}

/// Bounds what reading a file makes in memory: an empty message takes two bytes in a file but hundreds in memory.
enum WireLimits {
    static let maxNodes = 20_000
    static let maxParts = 100_000

    static func check(_ bytes: [UInt8]) throws(ScoringError) {
        var model = WireWalk(bytes[...])
        var (graphs, others) = (0, 0)
        while let field = model.next() {
            others += 1
            guard others <= maxParts else { throw tooMany("fields", "ModelProto") }
            guard field.number == 7, field.wireType == 2 else { continue }
            graphs += 1
            guard graphs == 1 else { throw .invalidModel(reason: "the model has several graphs", place: "ModelProto.graph") }
            try check(graph: bytes[field.content])
        }
    }

    static func check(graph bytes: ArraySlice<UInt8>) throws(ScoringError) {
        var graph = WireWalk(bytes)
        var (nodes, parts) = (0, 0)
        while let field = graph.next() {
            parts += 1
            if field.number == 1 { nodes += 1 }
            guard nodes <= maxNodes else { throw tooMany("nodes", "graph.node") }
            if field.number == 1 || field.number == 5 {
                var part = WireWalk(bytes[field.content])
                // Attributes, names and dimensions; numbers and strings in them are as many as their bytes.
                while let inner = part.next(), inner.wireType == 2 || inner.wireType == 0 { parts += inner.number == 6 ? 0 : 1 }
            }
            guard parts <= maxParts else { throw tooMany("parts", "graph") }
        }
    }

    private static func tooMany(_ what: String, _ place: String) -> ScoringError {
        .invalidModel(reason: "there are too many \(what)", place: place)
    }
}
