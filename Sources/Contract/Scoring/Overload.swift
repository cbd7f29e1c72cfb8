/// What takes on no more requests, and why. Costs no memory of its own, because it is made for every request refused.
package enum Overload: Sendable, Equatable {
    case server
    /// The model has as many requests in flight as it takes on.
    case requests(model: String)
    /// As many rows wait for the model as it takes on.
    case rows(model: String)
    /// Batches have their share of the model.
    case batches(model: String)
    /// The answer would come after the deadline, for what is in the queue.
    case deadline(model: String)
    /// The server is full, or the model has its share of it.
    case serverShare(model: String)
    /// The request lay unread for too long before a busy event loop.
    case unread(model: String)
}

extension Overload: CustomStringConvertible {
    package var description: String {
        switch self {
        case .server: "the server is overloaded"
        case .requests(let model): "model '\(model)' is overloaded: it has as many requests in flight as it takes on"
        case .rows(let model): "model '\(model)' is overloaded: as many rows wait as it takes on"
        case .batches(let model): "model '\(model)' is overloaded: batches have their share of it"
        case .deadline(let model): "model '\(model)' is overloaded: its answer would come after the deadline"
        case .serverShare(let model): "the server is overloaded: model '\(model)' has its share of what the server takes on"
        case .unread(let model): "the server is overloaded: the request to model '\(model)' waited too long to be read"
        }
    }
}
