internal import Scoring
internal import TextFormats

/// Reads a LightGBM text model of versions 2 to 4, line by line: a header of `key=value` lines, the trees, and
/// behind them importances, parameters and pandas levels.
struct LightGBMReader {
    private var lines: LightGBMLines
    private(set) var document = LightGBMDocument()
    private var headerKeys = TextSet()
    private var firstTreeOffset = 0
    private var announcedOffset = 0

    /// - Parameter bytes: must outlive the reader.
    init(_ bytes: UnsafeBufferPointer<UInt8>) { lines = LightGBMLines(bytes) }

    mutating func read() throws(LightGBMFailure) {
        guard let first = lines.next(), first == "tree" else {
            throw LightGBMFailure("a LightGBM model begins with 'tree'", line: 1)
        }
        var line = try readHeader()
        while let current = line, current.starts(with: "Tree=") { line = try readTree(current) }
        try readTrailer(line)
    }

    // MARK: Header

    /// Reads up to the first tree or the end of trees and returns that line.
    private mutating func readHeader() throws(LightGBMFailure) -> LightGBMText? {
        while let line = lines.next() {
            if line.starts(with: "Tree=") || line == "end of trees" { return line }
            if line.isEmpty { continue }
            let (key, value) = line.keyAndValue
            guard let name = key.string else { throw failure("not UTF-8") }
            guard headerKeys.insert(name) else { throw failure("'\(name)' is given twice") }
            try readHeaderField(name, value)
        }
        return nil
    }

    private mutating func readHeaderField(_ key: String, _ value: LightGBMText?) throws(LightGBMFailure) {
        switch key {
        case "average_output": document.averagesOutput = true
        case "version": document.version = try string(value, key)
        case "num_class": document.classes = try integer(value, key)
        case "num_tree_per_iteration": document.treesPerRound = try integer(value, key)
        case "max_feature_idx": document.highestFeature = try integer(value, key)
        case "objective":
            document.objective = try words(value, key)
            guard !document.objective.isEmpty else { throw failure("a value is missing", key) }
        case "label_index":
            _ = try integer(value, key)
            document.hasLabelIndex = true
        case "monotone_constraints": document.monotoneConstraints = try words(value, key)
        case "feature_names": document.featureNames = try words(value, key)
        case "feature_infos": document.featureInfos = try words(value, key)
        case "tree_sizes":
            document.announcedSizes = try words(value, key).map { (word) throws(LightGBMFailure) in
                guard let size = Int(word), size >= 0 else { throw failure("expected sizes in bytes", key) }
                return size
            }
        default: break
        }
    }

    private func string(_ value: LightGBMText?, _ key: String) throws(LightGBMFailure) -> String {
        guard let value else { throw failure("a value is missing", key) }
        guard let string = value.string else { throw failure("not UTF-8", key) }
        return string
    }

    private func integer(_ value: LightGBMText?, _ key: String) throws(LightGBMFailure) -> Int {
        guard let integer = value?.integer else { throw failure("expected an integer", key) }
        return integer
    }

    private func words(_ value: LightGBMText?, _ key: String) throws(LightGBMFailure) -> [String] {
        try string(value, key).split(separator: " ").map(String.init)
    }

    // MARK: Trees

    /// Reads the tree that `line` begins and returns the line behind it that is not empty.
    private mutating func readTree(_ line: LightGBMText) throws(LightGBMFailure) -> LightGBMText? {
        let index = document.trees.count
        guard line.dropFirst(5).integer == index else { throw failure("expected Tree=\(index)") }
        let start = lines.number
        try checkPlace(ofTree: index)
        var arrays = LightGBMTreeArrays(index: index, line: start)
        var following = lines.next()
        while let current = following, !current.isEmpty {
            if current.starts(with: "Tree=") || current == "end of trees" { break }
            let (key, value) = current.keyAndValue
            guard let value else { throw failure("expected key=value", "Tree=\(index)") }
            try arrays.read(key, value, line: lines.number)
            following = lines.next()
        }
        while let current = following, current.isEmpty { following = lines.next() }
        document.trees.append(try LightGBMTreeAssembly.assemble(arrays))
        LoadThrottle.step()
        return following
    }

    /// The library finds each tree by the sizes of those before it.
    private mutating func checkPlace(ofTree index: Int) throws(LightGBMFailure) {
        let offset = lines.lineOffset
        if index == 0 { (firstTreeOffset, announcedOffset) = (offset, offset) }
        guard let sizes = document.announcedSizes else { return }
        guard announcedOffset == offset else {
            throw failure(
                "the tree begins at byte \(offset - firstTreeOffset) of the trees, but tree_sizes says \(announcedOffset - firstTreeOffset)",
                "Tree=\(index)")
        }
        guard index < sizes.count else { return }
        let (next, overflow) = announcedOffset.addingReportingOverflow(sizes[index])
        guard !overflow else { throw failure("the size is too large", "tree_sizes") }
        announcedOffset = next
    }

    // MARK: Trailer

    private mutating func readTrailer(_ first: LightGBMText?) throws(LightGBMFailure) {
        var line = first
        var isInParameters = false
        while let current = line {
            if current == "end of trees" || current == "feature importances:" {
                // The latter is all that files of 2.1 have.
                document.hasEndOfTrees = true
            } else if current == "parameters:" {
                isInParameters = true
            } else if current == "end of parameters" {
                isInParameters = false
            } else if isInParameters {
                readParameter(current)
            } else if current.starts(with: "pandas_categorical:") {
                try readPandasLevels(current.dropFirst("pandas_categorical:".utf8.count))
            } else if current.starts(with: "Tree=") {
                throw failure("a tree behind the end of trees")
            }
            line = lines.next()
        }
    }

    /// `[categorical_feature: 1,2]`, in older versions `[categorical_column: ...]`.
    private mutating func readParameter(_ line: LightGBMText) {
        for name in ["[categorical_feature:", "[categorical_column:"] where line.starts(with: name) {
            guard let text = line.dropFirst(name.utf8.count).string else { return }
            let list = text.prefix { $0 != "]" }.split(separator: ",").map { Int($0.drop { $0 == " " }) }
            document.categoricalFeatures = list.contains(nil) ? nil : list.compactMap { $0 }
        }
    }

    /// A JSON array with an array of levels for each categorical pandas column, or null.
    private mutating func readPandasLevels(_ text: LightGBMText) throws(LightGBMFailure) {
        guard document.pandasLevels.isEmpty else { throw failure("pandas_categorical is given twice") }
        var reader = JSONReader(text.bytes, depthLimit: 4)
        do throws(JSONReader.Failure) {
            if try reader.peek() == .null {
                try reader.null()
            } else {
                try reader.beginArray()
                while try reader.nextElement() {
                    var levels: [LightGBMLevel] = []
                    try reader.beginArray()
                    while try reader.nextElement() { levels.append(try level(&reader, text)) }
                    document.pandasLevels.append(levels)
                }
            }
            try reader.end()
        } catch {
            throw failure(error.description, "pandas_categorical")
        }
    }

    private func level(_ reader: inout JSONReader, _ text: LightGBMText) throws(JSONReader.Failure) -> LightGBMLevel {
        switch try reader.peek() {
        case .string: return .text(try reader.string())
        case .boolean: return .boolean(try reader.boolean())
        case .number:
            let start = reader.offset
            let number = try reader.number()
            return .number(number, label: String(decoding: text.bytes[start..<reader.offset], as: UTF8.self))
        default: throw JSONReader.Failure(offset: reader.offset, reason: "a level is a string, a number or a boolean")
        }
    }

    private func failure(_ reason: String, _ place: String = "") -> LightGBMFailure {
        LightGBMFailure(reason, line: lines.number, place)
    }
}
