package import Scoring
internal import Synchronization

/// The places of the whole server, shared by its models so that none can take them all. Any thread; lock-free.
///
/// A model may have twice as many requests in flight as there are places free, and one in any case while there is a
/// place (dynamic thresholds: Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet switches",
/// 1998). So one overloaded model gets at most two thirds of the server, n of them leave a part in 2n + 1 free, and
/// nothing has to know which models are busy.
package final class ServerAdmission: Sendable {
    private static let share = 2

    package let limit: Int
    private let requests = Atomic<Int>(0)

    /// - Parameter limit: most requests in flight over all models, at least 1. Default 4,096: it bounds memory where
    ///   many models are overloaded at once; the models' own limits come first.
    package init(limit: Int = 4_096) { self.limit = max(1, limit) }

    package var requestsInFlight: Int { requests.load(ordering: .relaxed) }

    /// Whether a model with `own` of `total` requests in flight may have one more.
    package static func admits(own: Int, total: Int, limit: Int) -> Bool {
        guard total < limit else { return false }
        return own == 0 || own < share * (limit - total)
    }

    @inline(__always)
    func take(own: Int) -> Bool {
        let before = requests.wrappingAdd(1, ordering: .relaxed).oldValue
        if Self.admits(own: own, total: before, limit: limit) { return true }
        requests.wrappingSubtract(1, ordering: .relaxed)
        return false
    }

    @inline(__always)
    func giveBack() { requests.wrappingSubtract(1, ordering: .relaxed) }
}

/// The door of one model: who comes in is counted, who does not is told when to come again. Any thread; one short lock,
/// no allocation. What it decides is in `AdmissionPlan`.
package final class AdmissionControl: Sendable {
    private let plan: Mutex<AdmissionPlan>
    private let server: ServerAdmission?
    private let model: String

    /// - Parameter model: The model's name, for errors.
    package init(_ limits: ResilienceLimits, server: ServerAdmission? = nil, model: String = "") {
        self.model = model
        plan = Mutex(AdmissionPlan(limits))
        self.server = server
    }

    /// Lets the request in, or says why not and when to come again. The ticket has to be handed back once, whatever
    /// becomes of the request.
    package func admit(_ request: AdmissionRequest, now: Moment) -> AdmissionPlan.Step {
        plan.withLock { plan in
            plan.enter(request, now: now) { own in server?.take(own: own) ?? true }
        }
    }

    /// `admit` for those who throw: `.overloaded`, or `.deadlineExceeded` if the request is late already.
    package func enter(_ request: AdmissionRequest, now: Moment) throws(ScoringError) -> AdmissionTicket {
        switch admit(request, now: now) {
        case .admitted(let ticket): return ticket
        case .refused(let refusal): throw refusal.error(model: model)
        }
    }

    /// Throws `.overloaded` where `enter` would, as things stand; lets nothing in, so that nothing has to be handed back.
    package func screen(_ request: AdmissionRequest, now: Moment) throws(ScoringError) {
        if let refusal = plan.withLock({ $0.screen(request, now: now) }) { throw refusal.error(model: model) }
    }

    package func leave(_ ticket: AdmissionTicket, _ outcome: AdmissionOutcome, now: Moment) {
        plan.withLock { $0.leave(ticket, outcome, now: now) }
        server?.giveBack()
    }

    package var snapshot: AdmissionState { plan.withLock(\.snapshot) }
}
