package import Scoring

/// A PMML file as typed elements: what it says, with nothing resolved yet.
package struct Document {
    package var version: String
    /// What the file says about itself, a sentence each.
    package var headerNotes: [String] = []
    package var dataFields: [DataField] = []
    package var derivedFields: [DerivedField] = []
    package var functions: [DefineFunction] = []
    /// The first model that is scorable, or the first.
    package var model: Model
    /// How many models the file has.
    package var modelCount: Int
    /// Bytes of the file.
    package var size: Int
    package var lines: LineIndex

    /// Taken for files that give no version.
    private static let newestVersion = "4.4"

    /// "line 12" of an element.
    package func line(_ place: Place) -> String { "line \(lines.line(of: Int(place)))" }

    /// - Parameter content: the bytes of the file.
    package static func read(_ content: [UInt8]) throws(ScoringError) -> Document {
        var reader = try ElementReader(content)
        try reader.enterRoot()
        guard reader.tag == .PMML else {
            throw .invalidModel(reason: "the root element is <\(reader.elementName)>, not <PMML>", place: reader.here)
        }
        // Spark MLlib writes no version attribute, though the schema requires one.
        let version = try reader.string("version") ?? reader.xml.namespaceVersion ?? Self.newestVersion
        guard let major = version.utf8.first, major == UInt8(ascii: "3") || major == UInt8(ascii: "4") else {
            throw .unsupportedModel("PMML version '\(version.prefix(10))' is not supported; versions 3.0 to 4.4 are")
        }
        var (headerNotes, models): ([String], [Model]) = ([], [])
        var (dataFields, derivedFields, functions): ([DataField], [DerivedField], [DefineFunction]) = ([], [], [])
        try reader.children { (reader, tag) throws(ScoringError) in
            switch tag {
            case .Header: headerNotes = try reader.headerNotes()
            case .DataDictionary: dataFields += try reader.dataDictionary()
            case .TransformationDictionary:
                try reader.children { (reader, tag) throws(ScoringError) in
                    switch tag {
                    case .DerivedField: derivedFields.append(try reader.derivedField())
                    case .DefineFunction: functions.append(try reader.defineFunction())
                    default: throw reader.unsupported()
                    }
                }
            case .MiningBuildTask: break
            default:
                guard let model = try reader.model(tag) else { throw reader.unsupported() }
                models.append(model)
            }
        }
        try reader.finish()
        guard let model = models.first(where: { $0.head.isScorable }) ?? models.first else {
            throw .invalidModel(reason: "the file holds no model", place: "")
        }
        return Document(
            version: version, headerNotes: headerNotes, dataFields: dataFields, derivedFields: derivedFields,
            functions: functions, model: model, modelCount: models.count, size: content.count,
            lines: LineIndex(reader.xml.bytes))
    }
}

extension ElementReader {
    /// What the current `Header` says: who wrote the file, when, and what it is.
    fileprivate mutating func headerNotes() throws(ScoringError) -> [String] {
        var notes: [String] = []
        func add(_ sentence: (String) -> String, _ text: String?) {
            guard let text = text.map(ModelExplanation.plain), !text.isEmpty else { return }
            notes.append(sentence(text))
        }
        add({ "The file describes itself: \($0)" }, try string("description"))
        add({ "The file gives the model's version: \($0)" }, try string("modelVersion"))
        add({ "Copyright by the file: \($0)" }, try string("copyright"))
        try children { (reader, tag) throws(ScoringError) in
            if tag == .Application {
                let parts = [try reader.string("name"), try reader.string("version")].compactMap(\.self)
                add({ "It was written by \($0)." }, parts.joined(separator: " "))
            } else if tag == .Timestamp {
                add({ "It was written at \($0)." }, try reader.text())
            }
        }
        return notes
    }
}

/// Where the lines of a text begin, to say where an element is long after it was read.
package struct LineIndex {
    private let starts: [Int32]

    package init(_ bytes: [UInt8]) {
        var starts: [Int32] = [0]
        for (offset, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
            starts.append(Int32(truncatingIfNeeded: offset + 1))
        }
        self.starts = starts
    }

    /// The line that a byte is in, counted from 1. O(log lines).
    package func line(of offset: Int) -> Int {
        var (low, high) = (0, starts.count)
        while low + 1 < high {
            let middle = (low + high) / 2
            if Int(starts[middle]) <= offset { low = middle } else { high = middle }
        }
        return low + 1
    }
}
