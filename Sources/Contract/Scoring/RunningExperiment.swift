/// What runs on a model's versions beside serving them: which of them answers a request that names none, and what is learned
/// from the answers. Of one moment: it and the versions in it do not change. Any thread.
package protocol RunningExperiment: AnyObject, Sendable {
    /// Whether requests that name no version have one chosen for them, by a key or by lot.
    var dividesRequests: Bool { get }
    /// The member of `context`, or else the feature, whose value is a request's key; nil where each request is drawn by
    /// itself.
    var keyName: String? { get }
    /// Whether answers are kept beside others, so that their requests' identifiers are wanted.
    var keepsAnswers: Bool { get }

    /// The version that was chosen for a key; nil where that one is not ready and the default has to answer.
    /// - Parameter key: The bytes of the key as text. nil or empty draws.
    func served(forKey key: UnsafeRawBufferPointer?) -> ServedModel?

    /// Takes note of an answered request. Called once, before the answer is written.
    func learn(from exchange: PredictionExchange, answeredBy served: ServedModel, nanoseconds: UInt64)
    /// Takes note of a request that a version failed to answer, whether or not something else did.
    func learn(failure: ScoringError, rows: Int, of served: ServedModel, wasChosen: Bool)
}
