/// A reader of one family of model files.
package protocol ModelFormat: Sendable {
    /// For messages: "XGBoost", "PMML".
    var name: String { get }

    /// The keys of model.yaml that mean something for files of this format. Others are refused by name before a file is loaded.
    var keys: Set<LoadOptions.Key> { get }

    /// Whether the content looks like this format. Looks at a file's first bytes (`ModelArtifact.head`) or at the names of the
    /// members of a folder or an archive, never at the name of the file or folder, and never claims another format's.
    func recognises(_ artifact: ModelArtifact) -> Bool

    /// Reads, checks and compiles the model. Whatever the bytes are, it returns or throws
    /// `.invalidModel` or `.unsupportedModel` in bounded time and memory.
    func load(_ artifact: ModelArtifact, options: LoadOptions) throws(ScoringError) -> any ScoringModel

    /// Reads the content as far as this program's own code does. Default: `load`, since most formats need nothing else.
    func prepare(_ artifact: ModelArtifact, options: LoadOptions) throws(ScoringError) -> PreparedModel
}

extension ModelFormat {
    package func prepare(_ artifact: ModelArtifact, options: LoadOptions) throws(ScoringError) -> PreparedModel {
        .loaded(try load(artifact, options: options))
    }
}

/// A model file that was read, before code of others has seen it.
package enum PreparedModel {
    case loaded(any ScoringModel)
    /// A native library has to compile the model. A file can crash or hang such a library, so that a server tries it in
    /// another process first.
    case uncompiled(() throws(ScoringError) -> any ScoringModel)
}

/// What model.yaml says that changes how a file is read.
package struct LoadOptions: Sendable, Equatable {
    /// Which boosting rounds of a model trained with early stopping are used.
    package enum Iterations: Sendable, Equatable {
        /// What the library call that wrote the file would use (default).
        case asTrained
        /// All rounds in the file, as `Booster.predict` does.
        case all
        /// Up to the best iteration, as the scikit-learn wrappers do. An error if the file names none.
        case best
        /// The first so many rounds.
        case first(Int)
    }

    /// What evaluates a model that could be evaluated by either.
    package enum Engine: String, Sendable, CaseIterable {
        /// The native engine where it can, else the library (default).
        case automatic
        case native
        /// ONNX Runtime; only for ONNX files.
        case onnxruntime
    }

    /// How ONNX Runtime evaluates a model.
    package struct Runtime: Sendable, Equatable {
        /// How much of the graph is rewritten at load. Default: all of what the library knows.
        package enum Optimization: String, Sendable, CaseIterable {
            case all, extended, basic, none
        }

        /// Whether nodes that do not need each other may run at the same time. Default: one after the other.
        package enum Execution: String, Sendable, CaseIterable {
            case sequential, parallel
        }

        package var optimization: Optimization = .all
        /// Threads that share the work of one run, 1 to 256. Default 1: the caller's own, and none is started.
        package var threads = 1
        package var execution: Execution = .sequential
        /// Whether memory of a run is kept for the next one. Default true; without it a run is slower and a large one
        /// leaves nothing behind.
        package var arena = true
        /// Absolute path of a folder that keeps optimised graphs, so that a model is optimised once and not at every
        /// load. Who can write there can replace models. Default: none is kept.
        package var optimizedModelCache: String?
        /// Whether the values of a row may decide how large a graph's tensors become and how often its loops turn. Default
        /// false: such a graph is refused, since one row could take all memory.
        package var sizesFromRows = false

        package init() {}
    }

    /// Names for the inputs of a file that carries none; empty for the file's own.
    package var inputs: [String] = []
    /// Names for the classes of a file that numbers them, in the order of the numbers; empty for the numbers.
    package var classes: [String] = []
    package var iterations: Iterations = .asTrained
    package var engine: Engine = .automatic
    package var runtime = Runtime()
    /// Whether all rows of a request go into one call of a model whose rows may depend on one another. Default false: each
    /// row is computed by itself. Only for models that ONNX Runtime evaluates.
    package var rowsTogether = false
    /// Whether a model is described by what its file declares where the library that evaluates it is not there. Default
    /// false: loading fails. Such a model cannot score.
    package var describesWithoutLibrary = false

    package init() {}
}

extension LoadOptions {
    /// The keys of model.yaml that say how a file is read.
    package enum Key: String, Sendable, CaseIterable { case inputs, classes, iterations, engine, onnxruntime, rows }

    /// The keys that ask for something else than the default. The native engine can be asked for whatever the format.
    package var keys: Set<Key> {
        var keys: Set<Key> = []
        if !inputs.isEmpty { keys.insert(.inputs) }
        if !classes.isEmpty { keys.insert(.classes) }
        if iterations != .asTrained { keys.insert(.iterations) }
        if engine == .onnxruntime { keys.insert(.engine) }
        if runtime != Runtime() { keys.insert(.onnxruntime) }
        if rowsTogether { keys.insert(.rows) }
        return keys
    }
}
