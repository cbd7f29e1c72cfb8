/// A loaded model: immutable, shared by all threads, freed with its last reference.
package protocol ScoringModel: AnyObject, Sendable {
    var signature: Signature { get }
    var description: ModelDescription { get }
    /// How the model wants to be called. Default: on the caller's thread, each request by itself.
    var calls: CallProfile { get }

    /// Scores every row of `rows` into `scores`, which it resets first. Row i of the result belongs to row
    /// i of the input and depends on nothing else. A row that cannot be scored is failed in `scores`; the
    /// call throws where nothing could be scored.
    ///
    /// Called from any thread; `rows`, `scores` and the call's workspace are the caller's alone for the time of the call.
    func score(_ rows: FeatureBatch, into scores: ScoreBatch, _ call: ScoreCall) throws(ScoringError)

    /// Checks the model against examples that its own file carries (PMML ModelVerification).
    /// Throws `.refusedModel` where they disagree; does nothing where there are none.
    func verify() throws(ScoringError)
}

extension ScoringModel {
    package func verify() throws(ScoringError) {}
    package var calls: CallProfile { .inline }
}

/// What calling a model costs and needs; the path behind the fronts chooses threads and batches by it.
package struct CallProfile: Sendable, Equatable {
    /// Whether a call goes into a native library: it costs something by itself, may take long or hang, and so belongs
    /// on a thread that nobody else waits for.
    package var isBlocking: Bool
    /// Whether rows of different requests may share a call. False where nothing is gained by it, or where a row's scores
    /// depend on its company.
    package var mayShareCalls: Bool
    /// Most rows of one call; callers split what has more. nil for any number.
    package var maxRows: Int?
    /// Whether a row's scores depend on nothing but the row. False only where model.yaml asks for `rows: together`; scores
    /// of such a model are never kept or shared.
    package var keepsRowsApart: Bool

    package init(isBlocking: Bool = false, mayShareCalls: Bool = true, maxRows: Int? = nil, keepsRowsApart: Bool = true) {
        self.keepsRowsApart = keepsRowsApart
        self.isBlocking = isBlocking
        self.mayShareCalls = mayShareCalls
        self.maxRows = maxRows
    }

    /// Microseconds of computing, on whatever thread asks.
    package static let inline = CallProfile()
}

/// What `verdict inspect` shows of a model beside its signature.
package struct ModelDescription: Sendable, Equatable {
    /// The file's format and version: "XGBoost UBJSON 3.2.0", "PMML 4.4".
    package var format: String
    /// What evaluates it: "native".
    package var engine: String
    /// The training objective or PMML function name, where the file says.
    package var objective: String?
    package var trees: Int?
    /// Longest path from a root to a leaf, in splits.
    package var depth: Int?
    /// Memory the compiled model holds.
    package var memoryBytes: Int
    /// Further facts worth reading, as sentences: which iterations are used, what was ignored.
    package var notes: [String]

    package init(
        format: String, engine: String = "native", objective: String? = nil, trees: Int? = nil, depth: Int? = nil,
        memoryBytes: Int = 0, notes: [String] = []
    ) {
        self.format = format
        self.engine = engine
        self.objective = objective
        self.trees = trees
        self.depth = depth
        self.memoryBytes = memoryBytes
        self.notes = notes
    }
}
