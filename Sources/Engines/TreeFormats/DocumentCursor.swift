internal import TextFormats

/// Reads a document of nested named values on demand, so that JSON and UBJSON files of one model are
/// understood by the same code and nothing is built that the model does not need. Each key and element has
/// to be followed by reading or skipping its value.
protocol DocumentCursor: ~Copyable {
    mutating func beginObject() throws(DocumentFailure)
    /// The next key of the current object; nil if the object ended. The bytes are valid until the next call.
    mutating func nextKey() throws(DocumentFailure) -> JSONString?
    mutating func beginArray() throws(DocumentFailure)
    /// Goes to the next element of the current array; false if it ended.
    mutating func nextElement() throws(DocumentFailure) -> Bool
    mutating func string() throws(DocumentFailure) -> String
    mutating func integer() throws(DocumentFailure) -> Int
    /// Appends the elements of an array of integers (or booleans, as 1 and 0).
    mutating func integers(into values: inout [Int32]) throws(DocumentFailure)
    /// Appends the elements of an array of numbers, rounded once to float.
    mutating func floats(into values: inout [Float]) throws(DocumentFailure)
    mutating func skip() throws(DocumentFailure)
    /// Checks that nothing follows the document.
    mutating func end() throws(DocumentFailure)
    /// Bytes read so far.
    var offset: Int { get }
}

/// Why a document cannot be read, and where.
struct DocumentFailure: Error {
    var reason: String
    var offset: Int
    /// The position in the array that was being read at the failure, where the cursor read it as a whole.
    var element: Int?

    init(_ reason: String, at offset: Int, element: Int? = nil) {
        self.reason = reason
        self.offset = offset
        self.element = element
    }

    init(_ failure: JSONReader.Failure, element: Int? = nil) {
        self.init(failure.reason, at: failure.offset, element: element)
    }
}

/// A JSON document whose numbers may be `NaN` and infinite, as XGBoost writes them.
struct JSONCursor: DocumentCursor, ~Copyable {
    private var reader: JSONReader

    /// - Parameter bytes: must outlive the cursor.
    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        reader = JSONReader(bytes, allowsNonFinite: true)
    }

    var offset: Int { reader.offset }

    mutating func beginObject() throws(DocumentFailure) {
        do { try reader.beginObject() } catch { throw DocumentFailure(error) }
    }

    mutating func nextKey() throws(DocumentFailure) -> JSONString? {
        do { return try reader.nextKey() } catch { throw DocumentFailure(error) }
    }

    mutating func beginArray() throws(DocumentFailure) {
        do { try reader.beginArray() } catch { throw DocumentFailure(error) }
    }

    mutating func nextElement() throws(DocumentFailure) -> Bool {
        do { return try reader.nextElement() } catch { throw DocumentFailure(error) }
    }

    mutating func string() throws(DocumentFailure) -> String {
        do { return try reader.string() } catch { throw DocumentFailure(error) }
    }

    mutating func integer() throws(DocumentFailure) -> Int {
        do { return try reader.integer() } catch { throw DocumentFailure(error) }
    }

    mutating func integers(into values: inout [Int32]) throws(DocumentFailure) {
        let first = values.count
        do throws(JSONReader.Failure) {
            try reader.beginArray()
            while try reader.nextElement() {
                let value = try reader.peek() == .boolean ? (reader.boolean() ? 1 : 0) : reader.integer()
                guard let narrow = Int32(exactly: value) else {
                    throw JSONReader.Failure(offset: reader.offset, reason: "the integer is too large")
                }
                values.append(narrow)
            }
        } catch {
            throw DocumentFailure(error, element: values.count - first)
        }
    }

    mutating func floats(into values: inout [Float]) throws(DocumentFailure) {
        let first = values.count
        do {
            try reader.beginArray()
            while try reader.nextElement() { values.append(try reader.float()) }
        } catch {
            throw DocumentFailure(error, element: values.count - first)
        }
    }

    mutating func skip() throws(DocumentFailure) {
        do { try reader.skip() } catch { throw DocumentFailure(error) }
    }

    mutating func end() throws(DocumentFailure) {
        do { try reader.end() } catch { throw DocumentFailure(error) }
    }
}
