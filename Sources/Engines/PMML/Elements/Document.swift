package import Scoring

/// A PMML file as typed elements: what it says, with nothing resolved yet.
package struct Document {
    package var version: String
    /// Name and version of the program that wrote the file.
    package var application: String?
    package var dataFields: [DataField] = []
    package var derivedFields: [DerivedField] = []
    package var functions: [DefineFunction] = []
    /// The first model that is scorable, or the first.
    package var model: Model
    /// How many models the file has.
    package var modelCount: Int
    package var lines: LineIndex

    /// "line 12" of an element.
    package func line(_ place: Place) -> String { "line \(lines.line(of: Int(place)))" }

    /// - Parameter content: the bytes of the file.
    package static func read(_ content: [UInt8]) throws(ScoringError) -> Document {
        var reader = try ElementReader(content)
        try reader.enterRoot()
        guard reader.tag == .PMML else {
            throw .invalidModel(reason: "the root element is <\(reader.elementName)>, not <PMML>", place: reader.here)
        }
        let version = try reader.string("version") ?? ""
        guard let major = version.utf8.first, version.isEmpty || major == UInt8(ascii: "3") || major == UInt8(ascii: "4") else {
            throw .unsupportedModel("PMML version '\(version.prefix(10))' is not supported; versions 3.0 to 4.4 are")
        }
        var (application, models): (String?, [Model]) = (nil, [])
        var (dataFields, derivedFields, functions): ([DataField], [DerivedField], [DefineFunction]) = ([], [], [])
        try reader.children { (reader, tag) throws(ScoringError) in
            switch tag {
            case .Header: application = try reader.application()
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
            version: version, application: application, dataFields: dataFields, derivedFields: derivedFields,
            functions: functions, model: model, modelCount: models.count, lines: LineIndex(reader.xml.bytes))
    }
}

extension ElementReader {
    /// The writing program's name and version, from the current `Header`.
    fileprivate mutating func application() throws(ScoringError) -> String? {
        var application: String?
        try children { (reader, tag) throws(ScoringError) in
            guard tag == .Application else { return }
            application = [try reader.string("name"), try reader.string("version")].compactMap(\.self).joined(separator: " ")
        }
        return application
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
