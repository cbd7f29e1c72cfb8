internal import Glibc

/// Looks at a shared library's file before the dynamic linker does: one that is cut off would end the process, since
/// the linker maps pages that are not there, and one of another project would run code when it is opened.
package struct SharedObjectFile {
    package struct Problem: Error {
        package let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    private struct Section {
        var type: UInt32
        var link: Int
        var offset: UInt64
        var size: UInt64
    }

    private let bytes: UnsafeRawBufferPointer

    /// Throws unless the file is a whole 64-bit shared library of this machine with a symbol of this name.
    package static func check(_ path: String, symbol: String) throws(Problem) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Problem(String(cString: strerror(errno))) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw Problem("it is no file") }
        let size = Int(status.st_size)
        guard size >= 64 else { throw Problem("it is no shared library") }
        // Only pages that are read here are mapped; they lie within the size that was just asked for.
        guard let memory = mmap(nil, size, PROT_READ, MAP_PRIVATE, file, 0), memory != MAP_FAILED else {
            throw Problem("it cannot be read")
        }
        defer { munmap(memory, size) }
        try SharedObjectFile(bytes: UnsafeRawBufferPointer(start: memory, count: size)).check(symbol)
    }

    private func check(_ symbol: String) throws(Problem) {
        guard bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]), bytes[4] == 2, bytes[5] == 1, read(16, as: UInt16.self) == 3 else {
            throw Problem("it is no 64-bit shared library")
        }
        #if arch(x86_64)
            let machine: UInt16 = 62
        #elseif arch(arm64)
            let machine: UInt16 = 183
        #endif
        guard read(18, as: UInt16.self) == machine else { throw Problem("it is for another kind of processor") }
        let programs = try table(read(32, as: UInt64.self), count: read(56, as: UInt16.self), size: read(54, as: UInt16.self), 56)
        for start in programs where read(start, as: UInt32.self) == 1 {
            try checkExtent(read(start + 8, as: UInt64.self), read(start + 32, as: UInt64.self))
        }
        let places = try table(read(40, as: UInt64.self), count: read(60, as: UInt16.self), size: read(58, as: UInt16.self), 64)
        let sections = places.map { start in
            Section(
                type: read(start + 4, as: UInt32.self), link: Int(read(start + 40, as: UInt32.self)),
                offset: read(start + 24, as: UInt64.self), size: read(start + 32, as: UInt64.self))
        }
        // A section without content in the file is of type 8.
        for section in sections where section.type != 8 { try checkExtent(section.offset, section.size) }
        guard sections.contains(where: { $0.type == 11 && names(of: $0, sections, contain: symbol) }) else {
            throw Problem("it is another library: it has no function \(symbol)")
        }
    }

    /// Whether the table of names that a table of dynamic symbols belongs to has this name.
    private func names(of symbols: Section, _ sections: [Section], contain name: String) -> Bool {
        guard symbols.link < sections.count else { return false }
        let names = sections[symbols.link]
        guard names.type == 3, names.size > 0 else { return false }
        let text = UnsafeRawBufferPointer(rebasing: bytes[Int(names.offset)..<Int(names.offset + names.size)])
        let wanted = [0] + Array(name.utf8) + [0]
        var start = 0
        while start + wanted.count <= text.count {
            if memcmp(text.baseAddress! + start, wanted, wanted.count) == 0 { return true }
            start += 1
        }
        return false
    }

    /// The places of a table's entries, all within the file.
    private func table(_ offset: UInt64, count: UInt16, size: UInt16, _ expected: UInt16) throws(Problem) -> [Int] {
        guard count > 0, size == expected else { throw Problem("it is no shared library that can be checked") }
        try checkExtent(offset, UInt64(count) * UInt64(size))
        return (0..<Int(count)).map { Int(offset) + $0 * Int(size) }
    }

    private func checkExtent(_ offset: UInt64, _ size: UInt64) throws(Problem) {
        let (end, overflow) = offset.addingReportingOverflow(size)
        guard !overflow, end <= UInt64(bytes.count) else { throw Problem("it is cut off") }
    }

    private func read<Value: BitwiseCopyable>(_ offset: Int, as type: Value.Type) -> Value {
        bytes.loadUnaligned(fromByteOffset: offset, as: type)
    }
}
