internal import Yams

/// The text of a YAML file by libyaml's lines and columns, to see what its events no longer show: a tag of an own
/// shorthand, the non-specific tag `!`, directives.
struct YAMLSource {
    private var lines: [[Unicode.Scalar]] = [[]]

    init(_ text: String) {
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n" where previous == "\r": break
            case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": lines.append([])
            default: lines[lines.count - 1].append(scalar)
            }
            previous = scalar
        }
    }

    /// The first directive but `%YAML`, and its line. Directives stand in front of the document.
    var directive: (line: Int, name: String)? {
        for (index, line) in lines.enumerated() {
            let text = String(String.UnicodeScalarView(line))
            if line.first == "%" {
                let name = text.prefix { $0 != " " && $0 != "\t" }
                if name != "%YAML" { return (index + 1, String(name)) }
            } else if !text.allSatisfy(\.isWhitespace), text.first(where: { !$0.isWhitespace }) != "#", !text.hasPrefix("...") {
                return nil
            }
        }
        return nil
    }

    /// Throws where the node begins with a tag. Nothing else that a node can begin with is a `!`.
    func refuseTag(of node: Node) throws(YAMLError) {
        guard let mark = node.mark, lines.indices.contains(mark.line - 1) else { return }
        let line = lines[mark.line - 1]
        guard line.indices.contains(mark.column - 1), line[mark.column - 1] == "!" else { return }
        let tag = String(String.UnicodeScalarView(line[(mark.column - 1)...])).prefix { !$0.isWhitespace }
        throw YAMLError(line: mark.line, "tags such as \(quoted(String(tag))) are not supported")
    }
}
