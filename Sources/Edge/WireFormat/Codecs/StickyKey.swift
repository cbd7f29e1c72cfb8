internal import Scoring
internal import TextFormats

/// Finds the value that decides which version answers a request. It is looked for before the features are read, since
/// only the version says what they are.
///
/// Numbers are keys as their text: `42`, `42.0` and `"42"` are one key.
@safe struct StickyKey {
    /// Found in a request; what is not there or `null` is none.
    @safe enum Value {
        case none
        /// Valid as long as a `JSONString`.
        case bytes(UnsafeBufferPointer<UInt8>)
        case text(String)
    }

    private let name: [UInt8]
    private let body: UnsafeBufferPointer<UInt8>
    /// Where the value stands among features without names.
    private let column: Int?

    /// - Parameter signature: The default version's, which features without names are taken to follow.
    init(_ name: String, body: UnsafeBufferPointer<UInt8>, signature: Signature) {
        self.name = Array(name.utf8)
        unsafe self.body = unsafe body
        column = signature.inputNames.position(of: name)
    }

    /// Reads over one request of the predict routes: the member of `context`, else the feature. Throws for malformed JSON
    /// and for a key that is no single value; what else is wrong is for the row's own reader to say.
    func find(inRow reader: inout RequestReader) throws(ScoringError) -> Value {
        var (inContext, inFeatures) = (Value.none, Value.none)
        guard try reader.peek() == .object else {
            try reader.skip()
            return .none
        }
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch (key, try reader.peek()) {
            case ("context", .object): inContext = try member(of: &reader, "context")
            case ("features", .object): inFeatures = try member(of: &reader, "features")
            case ("features", .array): inFeatures = try element(of: &reader)
            default: try reader.skip()
            }
        }
        if case .none = inContext { return inFeatures }
        return inContext
    }

    /// Reads over an Open Inference request: its parameter of that name, else the tensor of that name if it has one element.
    func find(inInference reader: inout RequestReader) throws(ScoringError) -> Value {
        var (inParameters, inTensors) = (Value.none, Value.none)
        guard try reader.peek() == .object else { return .none }
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch (key, try reader.peek()) {
            case ("parameters", .object): inParameters = try member(of: &reader, "parameters")
            case ("inputs", .array):
                try reader.beginArray()
                while try reader.nextElement() {
                    guard try reader.peek() == .object else {
                        try reader.skip()
                        continue
                    }
                    if let found = try tensor(&reader) { inTensors = found }
                }
            default: try reader.skip()
            }
        }
        if case .none = inParameters { return inTensors }
        return inParameters
    }

    private func tensor(_ reader: inout RequestReader) throws(ScoringError) -> Value? {
        var (isNamed, single) = (false, Value?.none)
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch (key, try reader.peek()) {
            case ("name", .string): isNamed = matches(try reader.text())
            case ("data", .array):
                var count = 0
                try reader.beginArray()
                while try reader.nextElement() {
                    count += 1
                    switch try reader.peek() {
                    case .object, .array: try reader.skip()
                    case .string, .number, .boolean, .null: single = try value(&reader, "inputs")
                    }
                }
                if count != 1 { single = nil }
            default: try reader.skip()
            }
        }
        return isNamed ? single : nil
    }

    private func member(of reader: inout RequestReader, _ place: StaticString) throws(ScoringError) -> Value {
        var found = Value.none
        try reader.beginObject()
        while let key = try reader.nextKey() {
            if matches(key) { found = try value(&reader, place) } else { try reader.skip() }
        }
        return found
    }

    private func element(of reader: inout RequestReader) throws(ScoringError) -> Value {
        var found = Value.none
        var position = 0
        try reader.beginArray()
        while try reader.nextElement() {
            if position == column { found = try value(&reader, "features") } else { try reader.skip() }
            position += 1
        }
        return found
    }

    private func matches(_ text: JSONString) -> Bool { unsafe text.bytes.elementsEqual(name) }

    private func value(_ reader: inout RequestReader, _ place: StaticString) throws(ScoringError) -> Value {
        switch try reader.peek() {
        case .null:
            try reader.null()
            return .none
        case .string: return unsafe .bytes(try reader.text().bytes)
        case .boolean: return .text(try reader.boolean() ? "true" : "false")
        case .number:
            let start = reader.offset
            let number = try reader.number()
            let text = unsafe UnsafeBufferPointer(rebasing: body[start..<reader.offset])
            return unsafe Self.isInteger(text) ? .bytes(text) : .text(Self.text(of: number))
        case .object, .array:
            throw .invalidRequest(
                "'\(place).\(Quoted.name(String(decoding: name, as: UTF8.self)))' chooses the version, "
                    + "so it must be a single value, found \(try reader.peek().phrase)")
        }
    }

    /// Whether a JSON number is written as an integer: digits, beyond what a double holds too.
    private static func isInteger(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        let digits = unsafe text.first == UInt8(ascii: "-") ? text.dropFirst() : text[...]
        // -0 is the same key as 0.
        if unsafe digits.count == 1, unsafe digits.first == UInt8(ascii: "0"), text.count == 2 { return false }
        return unsafe digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    private static func text(of number: Double) -> String {
        if let integer = Int64(exactly: number), abs(number) < 0x1p53 { return String(integer) }
        return "\(number)"
    }
}

extension Prediction {
    /// What finds the key in a body; nil where none is looked for.
    func stickyKey(in body: UnsafeBufferPointer<UInt8>) -> StickyKey? {
        guard let resolved, let name = resolved.division?.keyName else { return nil }
        return unsafe StickyKey(name, body: body, signature: resolved.served.signature)
    }

    /// The place of the group of a request whose key `find` looks for.
    func group(
        of body: UnsafeBufferPointer<UInt8>, _ find: (StickyKey) throws(ScoringError) -> StickyKey.Value
    ) throws(ScoringError) -> Int {
        guard let key = unsafe stickyKey(in: body) else { return unsafe group() }
        return group(for: try find(key))
    }

    /// The place of the group of a key.
    func group(for value: StickyKey.Value) -> Int {
        switch value {
        case .none: return unsafe group()
        case .bytes(let bytes): return unsafe group(forKey: UnsafeRawBufferPointer(bytes))
        case .text(var text): return text.withUTF8 { unsafe group(forKey: UnsafeRawBufferPointer($0)) }
        }
    }
}
