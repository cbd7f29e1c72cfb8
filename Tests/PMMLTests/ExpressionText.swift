/// Short expressions for tests.
enum ExpressionText {
    /// A call: 'quoted' arguments are strings, numbers are constants (doubles with a point), `<...>` is an
    /// expression as it is, anything else is the name of a field.
    static func apply(_ function: String, _ arguments: [String], _ attributes: String = "") -> String {
        "<Apply function=\"\(function)\" \(attributes)>" + arguments.map(argument).joined() + "</Apply>"
    }

    private static func argument(_ text: String) -> String {
        if text.hasPrefix("<") { return text }
        if text.hasPrefix("'") { return "<Constant dataType=\"string\">\(text.dropFirst().dropLast())</Constant>" }
        if text.first!.isNumber || text.first == "-" {
            return "<Constant dataType=\"\(text.contains(".") ? "double" : "integer")\">\(text)</Constant>"
        }
        return "<FieldRef field=\"\(text)\"/>"
    }
}
