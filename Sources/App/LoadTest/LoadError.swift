/// Why a load test could not be run. What goes wrong with single requests is counted instead, in `LoadTally`.
package enum LoadError: Error, Sendable, Equatable {
    /// An argument is wrong; the message says which and what to write instead.
    case wrongArgument(String)
    /// The server could not be reached at all.
    case unreachable(String)
}

extension LoadError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .wrongArgument(let message), .unreachable(let message): message
        }
    }
}
