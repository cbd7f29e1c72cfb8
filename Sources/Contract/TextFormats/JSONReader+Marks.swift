/// Going back to a place in the document: to read a value again after it turned out to be wrong.
extension JSONReader {
    /// A place between two values.
    @safe package struct Mark {
        let next: UnsafePointer<UInt8>
        let depth: Int
        let frame: JSONMemory.Frame
        let isAtFirst: Bool
        let keyCount: Int
        let decodedNext: UnsafeMutablePointer<UInt8>?
    }

    /// The place that the reader is at: before a value, or before an array's next element.
    package func mark() -> Mark {
        unsafe Mark(next: next, depth: depth, frame: frame, isAtFirst: isAtFirst, keyCount: keyCount, decodedNext: decodedNext)
    }

    /// Goes back to a place inside the objects and arrays that have stayed open since, as if nothing had been
    /// read after it. Also of use after an error. Strings decoded after the place are no longer valid.
    package mutating func rewind(to mark: Mark) {
        if keyCount > mark.keyCount, memory.indexedKeys > 0 { memory.remove(from: keyCount, downTo: mark.keyCount) }
        unsafe next = unsafe mark.next
        depth = mark.depth
        frame = mark.frame
        isAtFirst = mark.isAtFirst
        keyCount = mark.keyCount
        unsafe decodedNext = unsafe mark.decodedNext
    }
}
