/// Finds what somebody probably meant by a name that does not exist: a configuration key, an output column,
/// a model.
package enum NearestName {
    /// Longer names are not compared: the work grows with the product of the lengths.
    private static let longest = 64

    /// The candidate with the fewest edits (insert, delete, replace, swap two neighbours; case is free) from
    /// `name`, or nil where none is near enough to be a slip: at most one edit for every three characters.
    package static func to(_ name: String, among candidates: some Sequence<String>) -> String? {
        let wanted = Array(name.lowercased().unicodeScalars.prefix(longest + 1))
        guard !wanted.isEmpty, wanted.count <= longest else { return nil }
        var best: (edits: Int, candidate: String)?
        for candidate in candidates {
            let letters = Array(candidate.lowercased().unicodeScalars.prefix(longest + 1))
            // As many edits as the lengths differ are needed at least.
            guard letters.count <= longest, abs(letters.count - wanted.count) <= max(1, wanted.count / 3) else { continue }
            let edits = distance(wanted, letters)
            if edits < best?.edits ?? .max { best = (edits, candidate) }
        }
        guard let best, best.edits <= max(1, wanted.count / 3) else { return nil }
        return best.candidate
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
