internal import Digests
internal import Glibc
internal import Scoring

/// Keeps graphs as ONNX Runtime optimised them, so that a large model is not optimised at every load.
///
/// A file is named for everything that the optimised graph depends on: the model's content, the library's version, the
/// options and the processor. It begins with that name again and the sum of what follows; one that disagrees is made anew.
/// Whoever can write to the folder can replace models, as in the model repository itself.
struct OptimizedModelCache {
    private static let magic = Array("verdict-onnx-1\n".utf8)

    let folder: String
    /// 32 bytes.
    let key: [UInt8]

    /// A session over the cached graph where there is a sound one, else over `bytes`, whose graph is then kept.
    /// What goes wrong with the cache is said in the note and costs nothing but the time it would have saved.
    static func session(
        _ library: RuntimeLibrary, _ bytes: [UInt8], _ options: LoadOptions.Runtime
    ) throws(ScoringError) -> (session: RuntimeSession, note: String?) {
        guard let folder = options.optimizedModelCache else { return (try session(library, bytes, options, nil), nil) }
        let cache = OptimizedModelCache(folder: folder, key: key(bytes, library.version, options))
        if let kept = cache.read() {
            var asIs = options
            asIs.optimization = .none
            if (try? GraphAudit.check(kept)) != nil, let session = try? session(library, kept, asIs, nil) {
                return (session, "The optimised graph comes from the cache.")
            }
        }
        let draft = cache.path + ".\(getpid()).\(UInt32.random(in: 0 ... .max))"
        defer { unlink(draft) }
        guard access(folder, W_OK) == 0, let session = try? session(library, bytes, options, draft) else {
            return (try session(library, bytes, options, nil), "The cache for optimised graphs, '\(folder)', cannot be used.")
        }
        let note =
            cache.keep(draft)
            ? "The optimised graph was put into the cache." : "The optimised graph could not be put into the cache."
        return (session, note)
    }

    private static func session(
        _ library: RuntimeLibrary, _ bytes: [UInt8], _ options: LoadOptions.Runtime, _ path: String?
    ) throws(ScoringError) -> RuntimeSession {
        let outcome = bytes.withUnsafeBytes { bytes in
            Result { () throws(ScoringError) in try RuntimeSession(library, bytes, options, optimizedPath: path) }
        }
        return try outcome.get()
    }

    private static func key(_ bytes: [UInt8], _ version: String, _ options: LoadOptions.Runtime) -> [UInt8] {
        let facts = Array("\(version) \(options.optimization) \(options.execution) \(options.threads) ".utf8)
        // Optimisations choose layouts by the processor's abilities.
        let processor = file("/proc/cpuinfo", atMost: 1 << 16) ?? []
        let lines = processor.split(separator: 10).filter { $0.starts(with: "flags".utf8) || $0.starts(with: "model name".utf8) }
        return SHA256.digest(of: SHA256.digest(of: bytes) + facts + Array(lines.prefix(2).joined(separator: [10])))
    }

    private var path: String {
        let name = key.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return "\(folder)/\(name).onnxcache"
    }

    private func read() -> [UInt8]? {
        let head = Self.magic + key
        guard let content = Self.file(path, atMost: 1 << 31), content.count > head.count + 32, content.starts(with: head) else {
            return nil
        }
        let graph = Array(content[(head.count + 32)...])
        return SHA256.digest(of: graph).elementsEqual(content[head.count..<head.count + 32]) ? graph : nil
    }

    /// Makes a cache file of what the library wrote; it appears whole or not at all.
    private func keep(_ draft: String) -> Bool {
        guard let graph = Self.file(draft, atMost: 1 << 31) else { return false }
        let content = Self.magic + key + SHA256.digest(of: graph) + graph
        let whole = draft + ".whole"
        defer { unlink(whole) }
        let file = open(whole, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { return false }
        var written = 0
        while written < content.count {
            let count = content.withUnsafeBytes { write(file, $0.baseAddress! + written, $0.count - written) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            written += count
        }
        return close(file) == 0 && written == content.count && rename(whole, path) == 0
    }

    private static func file(_ path: String, atMost limit: Int) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while content.count < limit {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { return content }
            content += chunk[..<count]
        }
        return nil
    }
}
