package import Scoring

/// What tells the scores of one load from those of another in caches that processes share: a hash of the file and the
/// options it is read with, written field by field. Nothing here depends on how Swift prints a value, so processes of
/// different compilers and builds agree.
package enum LoadContent {
    /// Written first, so that no key is like one that was written by other rules. Raise it whenever the bytes below
    /// change their meaning.
    package static let version: UInt8 = 2

    /// The bytes; empty where the file has no digest.
    package static func bytes(digest: [UInt8], options: LoadOptions) -> [UInt8] {
        guard !digest.isEmpty else { return [] }
        var writer = Writer()
        writer.bytes.append(version)
        writer.add(digest)
        writer.add(options.inputs)
        writer.add(options.classes)
        switch options.iterations {
        case .asTrained: writer.bytes.append(0)
        case .all: writer.bytes.append(1)
        case .best: writer.bytes.append(2)
        case .first(let rounds):
            writer.bytes.append(3)
            writer.add(rounds)
        }
        switch options.engine {
        case .automatic: writer.bytes.append(0)
        case .native: writer.bytes.append(1)
        case .onnxruntime: writer.bytes.append(2)
        }
        writer.add(options.runtime)
        writer.add(options.rowsTogether)
        writer.add(options.describesWithoutLibrary)
        return writer.bytes
    }

    /// Numbers as eight bytes, lowest first; texts and lists after their lengths.
    private struct Writer {
        var bytes: [UInt8] = []

        mutating func add(_ number: Int) {
            let bits = UInt64(bitPattern: Int64(number))
            for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: bits >> shift)) }
        }

        mutating func add(_ flag: Bool) { bytes.append(flag ? 1 : 0) }

        mutating func add(_ other: [UInt8]) {
            add(other.count)
            bytes += other
        }

        mutating func add(_ text: String) { add(Array(text.utf8)) }

        mutating func add(_ texts: [String]) {
            add(texts.count)
            for text in texts { add(text) }
        }

        mutating func add(_ runtime: LoadOptions.Runtime) {
            switch runtime.optimization {
            case .all: bytes.append(0)
            case .extended: bytes.append(1)
            case .basic: bytes.append(2)
            case .none: bytes.append(3)
            }
            add(runtime.threads)
            switch runtime.execution {
            case .sequential: bytes.append(0)
            case .parallel: bytes.append(1)
            }
            add(runtime.arena)
            add(runtime.optimizedModelCache != nil)
            if let folder = runtime.optimizedModelCache { add(folder) }
            add(runtime.sizesFromRows)
        }
    }
}
