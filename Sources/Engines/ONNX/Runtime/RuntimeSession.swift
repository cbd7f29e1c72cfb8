internal import COnnxRuntime
internal import Scoring

/// A graph as ONNX Runtime compiled it. Runs may be made on any number of threads at once.
///
/// Unchecked: the pointer and the facts are set once; the library promises that `Run` may be called concurrently.
final class RuntimeSession: @unchecked Sendable {
    /// An input or output as the session knows it.
    struct Port {
        enum Kind: Equatable { case tensor, sequence, map, other }

        var name: String
        var kind: Kind
        /// ONNX's number for the type of a tensor's elements.
        var element: Int32 = 0
        /// A tensor's dimensions, -1 for those that differ from run to run. Empty where nothing is known, too.
        var dims: [Int] = []
    }

    let library: RuntimeLibrary
    let pointer: OpaquePointer
    private(set) var inputs: [Port] = []
    private(set) var outputs: [Port] = []

    /// - Parameter optimizedPath: Where the graph as optimised is written to.
    init(
        _ library: RuntimeLibrary, _ bytes: UnsafeRawBufferPointer, _ options: LoadOptions.Runtime, optimizedPath: String? = nil
    ) throws(ScoringError) {
        let api = library.api
        let settings = try library.made { ort_create_session_options(api, &$0) }
        defer { ort_release_session_options(api, settings) }
        try library.check(ort_set_intra_threads(api, settings, Int32(options.threads)))
        let isParallel = options.execution == .parallel
        try library.check(ort_set_execution_mode(api, settings, isParallel ? 1 : 0))
        try library.check(ort_set_inter_threads(api, settings, isParallel ? Int32(options.threads) : 1))
        try library.check(ort_set_optimization(api, settings, options.optimization.level))
        // A pattern is kept for every number of rows that was ever seen.
        try library.check(ort_disable_memory_pattern(api, settings))
        if !options.arena { try library.check(ort_disable_arena(api, settings)) }
        // Threads that wait do so without using a processor, which others have a use for.
        for pool in ["intra", "inter"] {
            try library.check(ort_add_session_entry(api, settings, "session.\(pool)_op.allow_spinning", "0"))
        }
        if let optimizedPath { try library.check(ort_set_optimized_model_path(api, settings, optimizedPath)) }
        self.library = library
        do throws(ScoringError) {
            pointer = try library.made {
                ort_create_session(api, library.environment, bytes.baseAddress, bytes.count, settings, &$0)
            }
        } catch {
            throw Self.refusal(error)
        }
        var (inputCount, outputCount) = (0, 0)
        try library.check(ort_input_count(api, pointer, &inputCount))
        try library.check(ort_output_count(api, pointer, &outputCount))
        for index in 0..<inputCount { inputs.append(try port(index, isInput: true)) }
        for index in 0..<outputCount { outputs.append(try port(index, isInput: false)) }
    }

    deinit { ort_release_session(library.api, pointer) }

    /// Why the library does not take a model: it lacks an operator, or the file is wrong.
    private static func refusal(_ error: ScoringError) -> ScoringError {
        guard case .engineFailure(let message) = error else { return error }
        let lacks = ["not a registered", "NOT_IMPLEMENTED", "not implemented", "Could not find an implementation", "Unsupported"]
        if lacks.contains(where: { message.contains($0) }) { return .unsupportedModel(message) }
        return .invalidModel(reason: message, place: "")
    }

    private func port(_ index: Int, isInput: Bool) throws(ScoringError) -> Port {
        let api = library.api
        var text: UnsafeMutablePointer<CChar>?
        try library.check(
            isInput
                ? ort_input_name(api, pointer, index, library.allocator, &text)
                : ort_output_name(api, pointer, index, library.allocator, &text))
        guard let text else { throw .engineFailure("ONNX Runtime: a name is missing") }
        var port = Port(name: String(cString: text), kind: .other)
        try library.check(ort_free(api, library.allocator, text))
        let type = try library.made {
            isInput ? ort_input_type(api, pointer, index, &$0) : ort_output_type(api, pointer, index, &$0)
        }
        defer { ort_release_type_info(api, type) }
        var kind: Int32 = 0
        try library.check(ort_kind(api, type, &kind))
        switch kind {
        case 1:
            port.kind = .tensor
            let info = try library.made { ort_tensor_info(api, type, &$0) }
            (port.element, port.dims) = try library.shape(info)
        case 2: port.kind = .sequence
        case 3: port.kind = .map
        default: port.kind = .other
        }
        return port
    }
}

extension RuntimeLibrary {
    /// The type of a tensor's elements and its dimensions.
    func shape(_ info: OpaquePointer) throws(ScoringError) -> (element: Int32, dims: [Int]) {
        var element: Int32 = 0
        try check(ort_element_type(api, info, &element))
        var rank = 0
        try check(ort_rank(api, info, &rank))
        guard rank > 0 else { return (element, []) }
        var dims = [Int64](repeating: 0, count: rank)
        try check(ort_dimensions(api, info, &dims, rank))
        return (element, dims.map { Int($0) })
    }
}

extension LoadOptions.Runtime.Optimization {
    fileprivate var level: Int32 {
        switch self {
        case .none: 0
        case .basic: 1
        case .extended: 2
        case .all: 99
        }
    }
}
