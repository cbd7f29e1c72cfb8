/// Scratch memory for one thread's scoring, lent to whichever model scores next, so that a model holds no
/// mutable state and scoring allocates nothing once the workspace has grown to its largest need.
@safe package final class Workspace {
    private var memory: UnsafeMutableRawPointer
    private var byteCount: Int

    package init() {
        byteCount = 4096
        unsafe memory = .allocate(byteCount: byteCount, alignment: 64)
    }

    deinit { unsafe memory.deallocate() }

    /// Memory for `byteCount` bytes, 64-byte aligned, with unspecified content. Valid until the next call.
    package func reserve(_ needed: Int) -> UnsafeMutableRawPointer {
        if needed > byteCount {
            unsafe memory.deallocate()
            byteCount = max(needed, byteCount * 2)
            unsafe memory = .allocate(byteCount: byteCount, alignment: 64)
        }
        return unsafe memory
    }
}
