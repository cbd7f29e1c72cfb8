internal import Yams

// Parsing is libyaml's, through Yams. What can make it expensive is taken away before and after: files are
// small, nesting is shallow, and aliases, which multiply what a few bytes say, are refused.
extension YAMLNode {
    /// Larger files are refused: nobody writes that much configuration.
    package static let maxBytes = 64 * 1024
    private static let deepestNesting = 16
    /// Bounds what the parser may expand before the tree is seen and its anchors are refused.
    private static let maxAliasMarks = 16

    /// The value of a whole file; an empty mapping for an empty file.
    package static func parse(_ bytes: [UInt8]) throws(YAMLError) -> YAMLNode {
        guard bytes.count <= maxBytes else {
            throw YAMLError("the file is larger than \(maxBytes / 1024) KiB")
        }
        let content = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes[...]
        guard let text = String(validating: content, as: UTF8.self) else {
            throw YAMLError("the file is not valid UTF-8")
        }
        guard aliasMarks(in: content) <= maxAliasMarks else {
            throw YAMLError("aliases are not supported (more than \(maxAliasMarks) words begin with '*')")
        }
        let source = YAMLSource(text)
        if let (line, directive) = source.directive {
            throw YAMLError(line: line, "directives such as \(quoted(directive)) are not supported")
        }
        do {
            // The basic resolver interprets nothing: the typed accessors of `YAMLNode` do.
            let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
            // Anchors live as long as the parser.
            return try withExtendedLifetime(parser) {
                guard let root = try parser.singleRoot() else {
                    return YAMLNode(path: "", line: 1, content: .mapping([]))
                }
                let node = try YAMLNode(root, in: source, path: "", depth: 0)
                return node.isNull ? YAMLNode(path: "", line: 1, content: .mapping([])) : node
            }
        } catch let error as YAMLError {
            throw error
        } catch {
            throw YAMLError(parserError: error)
        }
    }

    /// How many aliases the text can have at most: every `*` with a name right behind it, quoted or not.
    private static func aliasMarks(in bytes: ArraySlice<UInt8>) -> Int {
        var marks = 0
        var previous: UInt8 = 0
        for byte in bytes {
            if previous == UInt8(ascii: "*") {
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    marks += 1
                default: break
                }
            }
            previous = byte
        }
        return marks
    }

    private init(_ node: Node, in source: YAMLSource, path: String, depth: Int) throws(YAMLError) {
        let line = node.mark?.line ?? 1
        try source.refuseTag(of: node)
        guard node.anchor == nil else {
            throw YAMLError(line: line, "anchors and aliases (& and *) are not supported; write the value out, or quote it")
        }
        guard depth <= Self.deepestNesting else {
            throw YAMLError(line: line, "the file is nested more than \(Self.deepestNesting) levels deep")
        }
        switch node {
        case .scalar(let scalar):
            self.init(path: path, line: line, content: .scalar(scalar.string, isPlain: scalar.style == .plain))
        case .sequence(let sequence):
            var items: [YAMLNode] = []
            for item in sequence {
                items.append(try YAMLNode(item, in: source, path: "\(path)[\(items.count)]", depth: depth + 1))
            }
            self.init(path: path, line: line, content: .list(items))
        case .mapping(let mapping):
            var pairs: [(key: String, value: YAMLNode)] = []
            var keys: Set<String> = []
            for (keyNode, valueNode) in mapping {
                let keyLine = keyNode.mark?.line ?? line
                guard keyNode.anchor == nil, case .scalar(let scalar) = keyNode else {
                    throw YAMLError(line: keyLine, "keys must be plain text")
                }
                try source.refuseTag(of: keyNode)
                let key = scalar.string
                guard keys.insert(key).inserted else {
                    throw YAMLError(line: keyLine, "the key \(quoted(key)) is there twice")
                }
                let value = try YAMLNode(
                    valueNode, in: source, path: path.isEmpty ? key : "\(path).\(key)", depth: depth + 1)
                // A mapping starts at its first key; the key is what a reader looks for.
                pairs.append((key, YAMLNode(path: value.path, line: keyLine, content: value.content)))
            }
            self.init(path: path, line: line, content: .mapping(pairs))
        case .alias:
            throw YAMLError(line: line, "aliases are not supported")
        }
    }
}

extension YAMLError {
    /// libyaml's own words, without the excerpt of the file that Yams adds: it could be a secret.
    fileprivate init(parserError error: any Error) {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
            // Which character it was is not said; it is a tab nearly always.
            let hint = problem.contains("cannot start any token") ? " (YAML is indented with spaces, not with tabs)" : ""
            self.init(line: mark.line, "not valid YAML: \(problem)\(hint)")
        case .reader(let problem, _, _, _):
            self.init("not valid YAML: \(problem)")
        case .duplicatedKeysInMapping(let keys, let context):
            self.init(line: context.mark.line, "the key \(quoted(keys.first ?? "")) is there twice")
        default:
            self.init("not valid YAML")
        }
    }
}
