/// Finds what somebody probably meant by a name that does not exist: a configuration key, an output column,
/// a model.
package enum NearestName {
    /// Longer names are not compared: the work grows with the product of the lengths.
    private static let longest = 64

    /// The candidate with the fewest edits (insert, delete, replace, swap two neighbours; case is free) from
    /// `name`, or nil where none is near enough to be a slip: at most one edit for every three characters. Else one that `name`
    /// abbreviates: `amnt` for `amount`.
    package static func to(_ name: String, among candidates: some Sequence<String>) -> String? {
        let wanted = Array(name.lowercased().unicodeScalars.prefix(longest + 1))
        guard !wanted.isEmpty, wanted.count <= longest else { return nil }
        var best: (edits: Int, candidate: String)?
        for candidate in candidates {
            let letters = Array(candidate.lowercased().unicodeScalars.prefix(longest + 1))
            // As many edits as the lengths differ are needed at least.
            guard letters.count <= longest else { continue }
            guard abs(letters.count - wanted.count) <= wanted.count / 3 else {
                let missing = letters.count - wanted.count
                if abbreviates(wanted, letters), missing < best?.edits ?? .max { best = (missing, candidate) }
                continue
            }
            let edits = distance(wanted, letters)
            if edits <= wanted.count / 3, edits < best?.edits ?? .max { best = (edits, candidate) }
        }
        return best?.candidate
    }

    /// Whether a name of at least three letters is another one with some left out, but for the first: at most as many as remain.
    private static func abbreviates(_ short: [Unicode.Scalar], _ long: [Unicode.Scalar]) -> Bool {
        guard short.count >= 3, short[0] == long.first, (short.count...2 * short.count).contains(long.count) else { return false }
        var rest = short[...]
        for letter in long where letter == rest.first { rest = rest.dropFirst() }
        return rest.isEmpty
    }

    /// The optimal string alignment distance. O(product of the lengths).
    private static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var edits = min(last[column + 1] + 1, current[column] + 1, last[column] + (letter == other ? 0 : 1))
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    edits = min(edits, beforeLast[column - 1] + 1)
                }
                current.append(edits)
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}
