/// How many elements a dimension has, as far as a graph says.
enum Extent: Equatable {
    /// As many as the call has rows.
    case rows
    /// So many consecutive elements for each row: what is left where a dimension of the rows is joined with those behind.
    case bundles(Int)
    case known(Int)
    case unknown

    /// The product of known extents; nil if one is not, or the product is out of range.
    static func product(_ extents: some Sequence<Extent>) -> Int? {
        var product = 1
        for extent in extents {
            guard case .known(let count) = extent else { return nil }
            let (next, overflow) = product.multipliedReportingOverflow(by: count)
            guard !overflow else { return nil }
            product = next
        }
        return product
    }
}

/// What is known of a value of a graph: whether it depends on the rows, and along which axis it keeps them apart.
struct RowTrace: Equatable {
    enum Origin: Equatable {
        /// The same for every call.
        case fixed
        /// Depends on how many rows there are, but not on what is in them.
        case count
        /// Element i along the axis depends on row i and on nothing else of the call.
        case rows(axis: Int)
        /// Depends on several rows, or may; a sentence why.
        case mixed(String)
    }

    var origin: Origin
    /// One a dimension; nil where not even their number is known. Always known for rows.
    var shape: [Extent]?
    /// The elements of short tensors of integers, which become shapes and axes.
    var content: [Extent]?

    init(_ origin: Origin, _ shape: [Extent]? = nil, content: [Extent]? = nil) {
        (self.origin, self.shape, self.content) = (origin, shape, content)
    }

    static func mixed(_ reason: String) -> RowTrace { RowTrace(.mixed(reason)) }
    static let fixed = RowTrace(.fixed)

    /// The axis of the rows; nil where the value does not keep rows.
    var axis: Int? { if case .rows(let axis) = origin { axis } else { nil } }
    var isFixed: Bool { origin == .fixed }
    var rank: Int? { shape?.count }

    var isBundled: Bool { shape?.contains { if case .bundles = $0 { true } else { false } } ?? false }

    /// The elements, where each of them is known.
    var integers: [Int]? {
        guard let content else { return nil }
        var integers: [Int] = []
        for case .known(let integer) in content { integers.append(integer) }
        return integers.count == content.count ? integers : nil
    }

    /// The same kind of value with another shape, its rows along `axis`.
    func reshaped(_ shape: [Extent]?, axis: Int? = nil) -> RowTrace {
        guard self.axis != nil, let axis else { return RowTrace(origin, shape) }
        return RowTrace(.rows(axis: axis), shape)
    }
}

/// A node joins rows, or it is not known that it does not.
struct RowMixing: Error {
    var reason: String
    init(_ reason: String) { self.reason = reason }
}
