internal import TextFormats

/// A JSON document as a tree, read by the project's own reader: what tests look into.
enum JSONValue: Equatable {
    case object([String: JSONValue])
    case array([JSONValue])
    case string(String)
    case number(Double)
    case boolean(Bool)
    case null

    init(_ bytes: [UInt8]) throws {
        self = try bytes.withUnsafeBufferPointer { buffer throws(JSONReader.Failure) in
            var reader = JSONReader(buffer)
            let value = try JSONValue(&reader)
            try reader.end()
            return value
        }
    }

    private init(_ reader: inout JSONReader) throws(JSONReader.Failure) {
        switch try reader.peek() {
        case .object:
            var members: [String: JSONValue] = [:]
            try reader.beginObject()
            while let key = try reader.nextKey() { members[key.string] = try JSONValue(&reader) }
            self = .object(members)
        case .array:
            var elements: [JSONValue] = []
            try reader.beginArray()
            while try reader.nextElement() { elements.append(try JSONValue(&reader)) }
            self = .array(elements)
        case .string: self = .string(try reader.string())
        case .number: self = .number(try reader.number())
        case .boolean: self = .boolean(try reader.boolean())
        case .null:
            try reader.null()
            self = .null
        }
    }

    subscript(_ key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    subscript(_ index: Int) -> JSONValue? {
        if case .array(let elements) = self, elements.indices.contains(index) { elements[index] } else { nil }
    }

    var keys: Set<String> {
        if case .object(let members) = self { Set(members.keys) } else { [] }
    }

    var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    var count: Int {
        switch self {
        case .object(let members): members.count
        case .array(let elements): elements.count
        case .string, .number, .boolean, .null: 0
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral, ExpressibleByIntegerLiteral
{
    init(stringLiteral value: String) { self = .string(value) }
    init(floatLiteral value: Double) { self = .number(value) }
    init(integerLiteral value: Int) { self = .number(Double(value)) }
    init(booleanLiteral value: Bool) { self = .boolean(value) }
    init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(Dictionary(uniqueKeysWithValues: elements)) }
    init(nilLiteral: ()) { self = .null }
}
