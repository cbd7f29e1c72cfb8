internal import Scoring

/// Results in order, each name once: a later result takes the place of an earlier one of its name, at the end.
struct LatestByName<Element> {
    private var elements: [Element?] = []
    private var positions = TextMap<Int>()

    /// O(1).
    mutating func append(_ element: Element, named name: String) {
        if let earlier = positions[name] { elements[earlier] = nil }
        positions[name] = elements.count
        elements.append(element)
    }

    /// O(n).
    var all: [Element] { elements.compactMap(\.self) }

    subscript(name: String) -> Element? { positions[name].flatMap { elements[$0] } }
}
