/// Where an output's numbers come from: traced back over nodes that only move them, so that columns of one tensor are known to
/// belong together, and decision values are not taken for probabilities.
package struct ScoreOrigin: Sendable, Equatable {
    /// The tensor behind the nodes that move it.
    package var tensor: String
    /// Which of its elements of a row; nil for all of them.
    package var elements: [Int]?
    /// The classes of the classifier that computes it; nil where another node does.
    package var classes: [String]?
    /// Whether its elements are decision values, on no scale of probabilities.
    package var isMargin = false
    /// Of the two margins of two classes the one that is positive for the second.
    package var decision = 1
    /// Whether there is one element a class, in their order: support vector machines have one a pair.
    package var isByClass = true

    /// Whether this is all of a tensor, or of a pair of margins the one that counts.
    package var isWhole: Bool { elements == nil || isMargin && elements == [decision] }

    package init(tensor: String, elements: [Int]? = nil) {
        (self.tensor, self.elements) = (tensor, elements)
    }
}
