internal import Scoring

/// Goes through everything in a file that ONNX Runtime would read, graphs inside nodes and functions included, and refuses
/// what must not reach it: tensors that lie in other files (or, as the library allows, at an address in memory), tensors
/// that announce more than they hold, graphs nested beyond reason, functions that call themselves or grow beyond reason where
/// they are put in the place of their calls, classifiers that would end the process.
struct GraphAudit {
    private static let deepestNesting = 24
    private static let maxParts = 2_000_000
    /// Nodes once every call of a function is replaced by the function's nodes.
    private static let maxNodes = 1_000_000

    private var parts = 0
    /// The nodes of the graph by operator, and how many there are of each.
    private var operators: [String: Int] = [:]
    /// The nodes of each function, by domain and name.
    private var calls: [String: [String: Int]] = [:]

    /// - Parameter bytes: A whole ModelProto.
    static func check(_ bytes: [UInt8]) throws(ScoringError) {
        var audit = GraphAudit()
        try audit.each(in: bytes[...], "ModelProto") { (audit, field, content) throws(ScoringError) in
            switch field.number {
            case 7: Self.add(try audit.graph(content, depth: 0), to: &audit.operators)
            case 20:
                // Training: an initialisation and an algorithm.
                try audit.each(in: content, "training_info") { (audit, field, content) throws(ScoringError) in
                    if field.number <= 2 { _ = try audit.graph(content, depth: 0) }
                }
            case 25: try audit.function(content)
            default: break
            }
        }
        try audit.checkCalls()
    }

    private typealias Visit = (inout GraphAudit, WireWalk.Field, ArraySlice<UInt8>) throws(ScoringError) -> Void

    /// Visits the length-delimited fields of a message.
    private mutating func each(in bytes: ArraySlice<UInt8>, _ place: String, _ visit: Visit) throws(ScoringError) {
        var walk = WireWalk(bytes)
        while let field = walk.next() {
            parts += 1
            guard parts <= Self.maxParts else { throw .invalidModel(reason: "there are too many parts", place: place) }
            // Field numbers have 29 bits; readers that cut them off would see another field.
            guard field.number < 1 << 29, field.wireType != 2 || field.value == field.content.count else {
                throw .invalidModel(reason: "a field is malformed", place: place)
            }
            if field.wireType == 2 { try visit(&self, field, bytes[field.content]) }
        }
        guard walk.isAtEnd else { throw .invalidModel(reason: "a field is malformed", place: place) }
    }

    /// Returns the operators that the graph's nodes name, "domain.name".
    private mutating func graph(_ bytes: ArraySlice<UInt8>, depth: Int) throws(ScoringError) -> [String: Int] {
        guard depth <= Self.deepestNesting else {
            throw .invalidModel(reason: "graphs are nested more than \(Self.deepestNesting) deep", place: "graph")
        }
        var operators: [String: Int] = [:]
        try each(in: bytes, "graph") { (audit, field, content) throws(ScoringError) in
            switch field.number {
            case 1: Self.add(try audit.node(content, depth: depth), to: &operators)
            case 5: try audit.tensor(content)
            case 15: try audit.sparseTensor(content)
            default: break
            }
        }
        return operators
    }

    private mutating func node(_ bytes: ArraySlice<UInt8>, depth: Int) throws(ScoringError) -> [String: Int] {
        var (operators, domain, name, title): ([String: Int], String, String, String) = ([:], "", "", "")
        var attributes: [ArraySlice<UInt8>] = []
        try each(in: bytes, "node") { (audit, field, content) throws(ScoringError) in
            switch field.number {
            case 3: title = String(decoding: content, as: UTF8.self)
            case 4: name = String(decoding: content, as: UTF8.self)
            case 5:
                Self.add(try audit.attribute(content, depth: depth), to: &operators)
                attributes.append(content)
            case 7: domain = String(decoding: content, as: UTF8.self)
            default: break
            }
        }
        if name == "TreeEnsembleClassifier" {
            for attribute in attributes { try Self.checkLabels(attribute, "TreeEnsembleClassifier '\(title)'") }
        }
        operators["\(domain).\(name)", default: 0] += 1
        return operators
    }

    /// With one class label, ONNX Runtime (seen in 1.28.0) reads a second one beyond the end of the list and aborts, or, of
    /// integers, gives 0 or 1 whatever the label is. Other counts, ids beyond the labels and the labels of linear models and
    /// support vector machines are checked by the library itself.
    private static func checkLabels(_ attribute: ArraySlice<UInt8>, _ place: String) throws(ScoringError) {
        var (name, count, isReference) = ("", 0, false)
        var walk = WireWalk(attribute)
        while let field = walk.next() {
            switch (field.number, field.wireType) {
            case (1, 2): name = String(decoding: attribute[field.content], as: UTF8.self)
            case (8, 2): count += attribute[field.content].count { $0 < 0x80 }
            case (8, 0), (9, 2): count += 1
            case (21, 2): isReference = true
            default: break
            }
        }
        guard name.hasPrefix("classlabels_") else { return }
        guard !isReference else {
            throw .unsupportedModel("\(place) takes its class labels from a function's caller, which is not supported")
        }
        guard count != 1 else { throw .unsupportedModel(ONNXFormat.singleClass(place)) }
    }

    private mutating func attribute(_ bytes: ArraySlice<UInt8>, depth: Int) throws(ScoringError) -> [String: Int] {
        var operators: [String: Int] = [:]
        try each(in: bytes, "attribute") { (audit, field, content) throws(ScoringError) in
            switch field.number {
            case 5, 10: try audit.tensor(content)
            case 6, 11: Self.add(try audit.graph(content, depth: depth + 1), to: &operators)
            case 22, 23: try audit.sparseTensor(content)
            default: break
            }
        }
        return operators
    }

    private mutating func sparseTensor(_ bytes: ArraySlice<UInt8>) throws(ScoringError) {
        try each(in: bytes, "sparse_tensor") { (audit, field, content) throws(ScoringError) in
            if field.number <= 2 { try audit.tensor(content) }
        }
    }

    private mutating func tensor(_ bytes: ArraySlice<UInt8>) throws(ScoringError) {
        var (name, isExternal, dataBytes) = ("", false, 0)
        var dims: [Int] = []
        var walk = WireWalk(bytes)
        while let field = walk.next() {
            guard field.number < 1 << 29, field.wireType != 2 || field.value == field.content.count else { break }
            switch (field.number, field.wireType) {
            case (1, 0): dims.append(field.value)
            case (1, 2):
                // Packed; each field in it is one varint, which a walk over fields does not read.
                var value = 0
                var shift = 0
                for byte in bytes[field.content] {
                    value |= shift < 63 ? Int(byte & 0x7f) << shift : 0
                    shift += 7
                    if byte < 0x80 {
                        dims.append(value)
                        (value, shift) = (0, 0)
                    }
                }
            case (4...7, 2), (9...11, 2): dataBytes += max(field.content.count, 1)
            case (4...7, _), (10...11, _): dataBytes += 8
            case (8, 2): name = String(decoding: bytes[field.content], as: UTF8.self)
            case (13, _): isExternal = true
            case (14, 0): isExternal = isExternal || field.value != 0
            default: break
            }
        }
        guard walk.isAtEnd else { throw .invalidModel(reason: "a field is malformed", place: "tensor '\(name)'") }
        guard !isExternal else {
            throw .unsupportedModel("tensor '\(name)' lies in another file; models with external data are not read")
        }
        var count = 1
        for dim in dims {
            let (product, overflow) = count.multipliedReportingOverflow(by: dim)
            guard dim >= 0, !overflow else {
                throw .invalidModel(reason: "a dimension is out of range", place: "tensor '\(name)'")
            }
            count = product
        }
        // The smallest elements take half a byte.
        guard count <= dataBytes * 2 else {
            throw .invalidModel(
                reason: "\(dataBytes) bytes, but the dimensions announce \(count) elements", place: "tensor '\(name)'")
        }
    }

    private mutating func function(_ bytes: ArraySlice<UInt8>) throws(ScoringError) {
        var (operators, domain, name): ([String: Int], String, String) = ([:], "", "")
        try each(in: bytes, "function") { (audit, field, content) throws(ScoringError) in
            switch field.number {
            case 1: name = String(decoding: content, as: UTF8.self)
            case 7: Self.add(try audit.node(content, depth: 0), to: &operators)
            case 10: domain = String(decoding: content, as: UTF8.self)
            case 11: Self.add(try audit.attribute(content, depth: 0), to: &operators)
            default: break
            }
        }
        Self.add(operators, to: &calls["\(domain).\(name)", default: [:]])
    }

    private static func add(_ some: [String: Int], to all: inout [String: Int]) { all.merge(some, uniquingKeysWith: +) }

    /// Functions are put in the place of their calls, which must end, and not grow without bound. Throws otherwise.
    private func checkCalls() throws(ScoringError) {
        /// Of functions, once all that they call is put in its place.
        var sizes: [String: Int] = [:]
        func expandedSize(of nodes: [String: Int], depth: Int) throws(ScoringError) -> Int {
            var sum = 0
            for (name, count) in nodes {
                var one = 1
                if let known = sizes[name] {
                    one = known
                } else if let body = calls[name] {
                    guard depth < Self.deepestNesting else {
                        throw .invalidModel(reason: "functions call each other without end or too deep", place: "'\(name)'")
                    }
                    one = try expandedSize(of: body, depth: depth + 1)
                    sizes[name] = one
                }
                let (product, overflow) = count.multipliedReportingOverflow(by: one)
                // Never beyond the bound, so that the sum cannot overflow.
                sum = min(Self.maxNodes + 1, sum + (overflow ? Self.maxNodes + 1 : min(product, Self.maxNodes + 1)))
            }
            return sum
        }
        for function in calls.keys { _ = try expandedSize(of: [function: 1], depth: 0) }
        guard try expandedSize(of: operators, depth: 0) <= Self.maxNodes else {
            throw .unsupportedModel("the graph has more than \(Self.maxNodes) nodes once its functions are put in place")
        }
    }
}
