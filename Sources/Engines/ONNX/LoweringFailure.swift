internal import Scoring

/// Why a graph is not lowered to the native engine.
enum LoweringFailure: Error {
    /// The native engine does not compute the graph; ONNX Runtime may.
    case needsRuntime(RuntimeReason)
    /// The file is damaged, or `model.yaml` does not fit it: no engine takes it.
    case invalid(ScoringError)

    /// What `body` gives; its errors are `invalid`.
    static func wrapping<Value>(
        _ body: () throws(ScoringError) -> Value
    ) throws(LoweringFailure) -> Value {
        do throws(ScoringError) {
            return try body()
        } catch {
            throw .invalid(error)
        }
    }

    /// Reads a part of a graph that either engine may evaluate; nil where only ONNX Runtime does: nothing is known of it then.
    static func known<Value>(
        _ read: () throws(LoweringFailure) -> Value?
    ) throws(ScoringError) -> Value? {
        do throws(LoweringFailure) {
            return try read()
        } catch {
            switch error {
            case .needsRuntime: return nil
            case .invalid(let error): throw error
            }
        }
    }
}
