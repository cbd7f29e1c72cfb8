/// Names for one line of a message: the first `limit` of them, and how many more there are.
package func listed(_ names: some Collection<String>, atMost limit: Int = 20, separator: String = ", ") -> String {
    let shown = names.prefix(limit).joined(separator: separator)
    return names.count > limit ? "\(shown) and \(names.count - limit) more" : shown
}
