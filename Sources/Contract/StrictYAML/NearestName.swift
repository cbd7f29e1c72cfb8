/// Finds what somebody probably meant by a name that does not exist: a configuration key, an output column,
/// a model.
package enum NearestName {
    /// Longer names are not compared: the work grows with the product of the lengths.
    private static let maxLetters = 64

    /// The candidate with the fewest edits (insert, delete, replace, swap two neighbours; case is free) from
    /// `name`, or nil where none is near enough to be a slip: at most one edit for every three characters. Else one that `name`
    /// abbreviates: `amnt` for `amount`.
    package static func to(_ name: String, among candidates: some Sequence<String>) -> String? {
        let wanted = Array(name.lowercased().unicodeScalars.prefix(maxLetters + 1))
        guard !wanted.isEmpty, wanted.count <= maxLetters else { return nil }
        var best: (edits: Int, candidate: String)?
        for candidate in candidates {
            let letters = Array(candidate.lowercased().unicodeScalars.prefix(maxLetters + 1))
            // As many edits as the lengths differ are needed at least.
            guard letters.count <= maxLetters else { continue }
            guard abs(letters.count - wanted.count) <= wanted.count / 3 else {
                let missing = letters.count - wanted.count
                if abbreviates(wanted, letters), missing < best?.edits ?? .max { best = (missing, candidate) }
                continue
            }
            let limit = min(wanted.count / 3, (best?.edits ?? .max) - 1)
            if let edits = distance(wanted, letters, atMost: limit) { best = (edits, candidate) }
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

    /// The optimal string alignment distance; nil where it is more than `limit`. O(product of the lengths) at most, less for names
    /// that have little in common: callers of a server wait for it.
    private static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar], atMost limit: Int) -> Int? {
        let width = right.count + 1
        return unsafe withUnsafeTemporaryAllocation(of: Int.self, capacity: 3 * width) { table in
            for index in 0..<3 * width { unsafe table.initializeElement(at: index, to: index % width) }
            // More than any distance, so that it is never the least.
            let far = left.count + right.count
            // Where the rows lie that are looked at: a swap of neighbours looks back two.
            var (beforeLast, last, current) = (0, width, 2 * width)
            var leastOfLast = 0
            for row in left.indices {
                // Cells farther from the diagonal than `limit` are more than that.
                let (first, end) = (max(0, row - limit), min(right.count, row + limit + 1))
                guard first < end else { return nil }
                unsafe table[current + first] = first == 0 ? row + 1 : far
                if end < right.count { unsafe table[current + end + 1] = far }
                var least = unsafe table[current + first]
                for column in first..<end {
                    var edits = unsafe min(
                        table[last + column + 1] + 1, table[current + column] + 1,
                        table[last + column] + (left[row] == right[column] ? 0 : 1))
                    if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                        edits = unsafe min(edits, table[beforeLast + column - 1] + 1)
                    }
                    unsafe table[current + column + 1] = edits
                    least = min(least, edits)
                }
                // What follows is at least as much as one of these rows, or one more than the row before.
                if least > limit, leastOfLast >= limit { return nil }
                leastOfLast = least
                (beforeLast, last, current) = (last, current, beforeLast)
            }
            let edits = unsafe table[last + right.count]
            return edits <= limit ? edits : nil
        }
    }
}
