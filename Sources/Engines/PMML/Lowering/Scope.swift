/// The fields that a model sees, by name: those of its mining schema, its own derived fields, results of
/// earlier models of a chain; then whatever the surrounding model sees. A field is lowered when it is first
/// asked for, so that what nobody uses costs nothing.
final class Scope {
    enum Entry {
        case value(Value)
        case derived(DerivedField)
        case mining(MiningField)
        /// Being lowered; asking for it again is a circle.
        case open
    }

    /// The surrounding model's scope; nil for the outermost model and for the parameters of a function.
    let parent: Scope?
    /// Whether data and transformation dictionary are seen from here; not from within a function.
    let isOutermost: Bool
    private var entries: [String: Entry] = [:]

    init(within parent: Scope) {
        self.parent = parent
        isOutermost = false
    }

    init(isOutermost: Bool) {
        parent = nil
        self.isOutermost = isOutermost
    }

    subscript(name: String) -> Entry? {
        get { entries[name] }
        set { entries[name] = newValue }
    }
}
