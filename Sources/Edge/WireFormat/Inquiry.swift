internal import Scoring

/// What a look-up says about a request: who answers it, or what chooses who does, and until when.
struct Inquiry {
    /// A version, and whether the experiment on the model chose it.
    struct Choice {
        let served: ServedModel
        let isChosen: Bool
    }

    let serving: Serving
    private let isVersionGiven: Bool
    private let arrival: Moment
    private let deadline: Moment?
    private let queueDelay: QueueDelay

    init(_ serving: Serving, isVersionGiven: Bool, _ request: WireRequest, deadline: Moment?) {
        self.serving = serving
        self.isVersionGiven = isVersionGiven
        arrival = request.arrival
        queueDelay = request.queueDelay
        self.deadline = deadline
    }

    /// Whether the version is to be chosen.
    var isDivided: Bool { !isVersionGiven && serving.experiment?.dividesRequests == true }

    /// What finds the key; nil where none is looked for.
    func stickyKey(in body: UnsafeBufferPointer<UInt8>) -> StickyKey? {
        serving.experiment?.keyName.map { StickyKey($0, body: body, signature: serving.model.signature) }
    }

    func choice(for value: StickyKey.Value) -> Choice {
        let chosen = serving.experiment?.served(for: value)
        return Choice(served: chosen ?? serving.model, isChosen: chosen != nil)
    }

    /// Makes an exchange ready for rows that a version answers.
    func begin(_ exchange: PredictionExchange, _ choice: Choice) {
        exchange.begin(arrival: arrival, deadline: deadline, width: choice.served.signature.inputs.count)
        exchange.queueDelay = queueDelay
        exchange.experiment = serving.experiment
        exchange.isVersionChosen = choice.isChosen
    }
}
