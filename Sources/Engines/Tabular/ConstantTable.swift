/// A read-only array at a fixed, 64-byte aligned address, for kernels that follow raw pointers.
///
/// `@unchecked Sendable` is safe: the memory is written in `init` only, and lives as long as the table.
package final class ConstantTable<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
    package let base: UnsafePointer<Element>
    package let count: Int
    private let memory: UnsafeMutableRawPointer

    package init(_ elements: [Element]) {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: max(1, elements.count * MemoryLayout<Element>.stride), alignment: 64)
        let typed = memory.bindMemory(to: Element.self, capacity: elements.count)
        elements.withUnsafeBufferPointer { source in
            if let start = source.baseAddress { typed.initialize(from: start, count: elements.count) }
        }
        self.count = elements.count
        self.memory = memory
        self.base = UnsafePointer(typed)
    }

    deinit { memory.deallocate() }

    package var byteCount: Int { count * MemoryLayout<Element>.stride }
}
