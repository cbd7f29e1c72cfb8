internal import Glibc

/// A text that equals only a text of the same bytes. Swift's `String` also takes `é` and `e` with an accent behind it for
/// equal, which no training library, file format or protocol does: what a model or a request names is compared as this.
package struct ExactText: Hashable, Sendable {
    package let string: String

    package init(_ string: String) { self.string = string }

    package static func == (left: ExactText, right: ExactText) -> Bool { left.string.isExactly(right.string) }

    package func hash(into hasher: inout Hasher) {
        var string = string
        string.withUTF8 { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension String {
    /// Whether both are the same bytes of UTF-8.
    package func isExactly(_ other: String) -> Bool {
        let equal = unsafe utf8.withContiguousStorageIfAvailable { left in
            unsafe other.utf8.withContiguousStorageIfAvailable { right in
                unsafe left.count == right.count
                    && (left.isEmpty || memcmp(left.baseAddress!, right.baseAddress!, left.count) == 0)
            }
        }
        return (equal ?? nil) ?? utf8.elementsEqual(other.utf8)
    }
}

extension Optional<String> {
    /// Whether both are the same bytes of UTF-8, or neither is there.
    package func isExactly(_ other: String?) -> Bool {
        guard let text = self, let other else { return self == nil && other == nil }
        return text.isExactly(other)
    }
}

extension Collection<String> {
    /// The first position of exactly these bytes. O(n).
    package func firstIndex(ofExactly text: String) -> Index? { firstIndex { $0.isExactly(text) } }
}

/// A dictionary whose keys are compared byte by byte (`ExactText`).
package struct TextMap<Value> {
    private var values: [ExactText: Value] = [:]

    package init() {}

    /// The first of equal keys counts.
    package init(_ pairs: some Sequence<(String, Value)>) {
        for (key, value) in pairs where values[ExactText(key)] == nil { values[ExactText(key)] = value }
    }

    package subscript(key: String) -> Value? {
        get { values[ExactText(key)] }
        set { values[ExactText(key)] = newValue }
        _modify { yield &values[ExactText(key)] }
    }

    package subscript(key: String, default value: @autoclosure () -> Value) -> Value {
        get { values[ExactText(key), default: value()] }
        _modify { yield &values[ExactText(key), default: value()] }
    }

    package var count: Int { values.count }
    package var isEmpty: Bool { values.isEmpty }
    package var keys: some Collection<String> { values.keys.lazy.map(\.string) }
    package var pairs: some Collection<(key: String, value: Value)> { values.lazy.map { ($0.key.string, $0.value) } }

    package func contains(_ key: String) -> Bool { values[ExactText(key)] != nil }

    /// The value that was there before.
    @discardableResult
    package mutating func updateValue(_ value: Value, forKey key: String) -> Value? {
        values.updateValue(value, forKey: ExactText(key))
    }

    package func compactMapValues<Other>(_ transform: (Value) throws -> Other?) rethrows -> TextMap<Other> {
        var result = TextMap<Other>()
        for (key, value) in values { result[key.string] = try transform(value) }
        return result
    }

    package func mapValues<Other>(_ transform: (Value) throws -> Other) rethrows -> TextMap<Other> {
        var result = TextMap<Other>()
        for (key, value) in values { result[key.string] = try transform(value) }
        return result
    }
}

extension TextMap: Sendable where Value: Sendable {}
extension TextMap: Equatable where Value: Equatable {}

extension TextMap: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, Value)...) { self.init(elements) }
}

/// A set of texts that are compared byte by byte (`ExactText`).
package struct TextSet: Sendable, Equatable {
    private var members: Set<ExactText> = []

    package init() {}
    package init(_ texts: some Sequence<String>) { members = Set(texts.map(ExactText.init)) }

    package var count: Int { members.count }
    package var isEmpty: Bool { members.isEmpty }
    package func contains(_ text: String) -> Bool { members.contains(ExactText(text)) }

    package func union(_ other: TextSet) -> TextSet {
        var result = self
        result.formUnion(other)
        return result
    }

    package mutating func formUnion(_ other: TextSet) { members.formUnion(other.members) }

    /// Whether the text was not there before.
    @discardableResult
    package mutating func insert(_ text: String) -> Bool { members.insert(ExactText(text)).inserted }
}

extension TextSet: ExpressibleByArrayLiteral {
    package init(arrayLiteral elements: String...) { self.init(elements) }
}
