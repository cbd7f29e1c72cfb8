internal import Digests
package import Scoring
internal import Synchronization

/// One loaded version of a model, as the caches see it: makes the keys of its rows. Made once a load and kept beside
/// the version.
///
/// Rows are hashed by meaning, never by their text in a request: cells as doubles (1 and 1.0 are one key, -0.0 is 0.0,
/// every NaN is the one missing value), texts by their bytes. A key of this process also holds the number of the load,
/// so that a version that was loaded again never finds scores of the load before. Keys that processes share hold
/// the load's `content` instead.
package final class CacheScope: Sendable {
    package let model: ModelName
    package let version: ModelVersion
    /// Columns of the version's scores.
    package let width: Int
    /// How long its scores are kept.
    package let timeToLive: Duration

    /// The columns whose cells are indices of texts.
    let outputTexts: [Int]
    private let inputTexts: [Int]
    private let wideInputs: [Int]
    private let inputs: Int
    /// The hashes with everything but the row absorbed.
    private let local: SipHash
    private let shared: SHA256
    let tag: PurgeTag
    /// `timeToLive` in nanoseconds.
    let life: UInt64

    /// - Parameter content: Equal for loads that score every row equally and different for all others: a hash of the
    ///   version's files and of the settings it is loaded with.
    package init(
        model: ModelName, version: ModelVersion, signature: Signature, content: [UInt8], timeToLive: Duration
    ) {
        self.model = model
        self.version = version
        self.timeToLive = timeToLive
        life = timeToLive.nanoseconds
        width = signature.outputs.count
        outputTexts = signature.outputs.indices.filter { signature.outputs[$0].kind == .text }
        inputs = signature.inputs.count
        inputTexts = signature.inputs.indices.filter { signature.inputs[$0].kind == .text }
        wideInputs = signature.inputs.indices.filter { signature.inputs[$0].integers.areWide }
        tag = PurgeTag(model: model, version: version)

        var local = SipHash(key: Self.secret)
        var shared = SHA256()
        local.absorb(Self.loads.wrappingAdd(1, ordering: .relaxed).newValue)
        var name = model.text
        name.withUTF8 {
            unsafe local.absorb(UnsafeRawBufferPointer($0))
            unsafe shared.absorb(UnsafeRawBufferPointer($0))
        }
        local.absorb(UInt64(version.number))
        shared.absorb(UInt64(version.number))
        unsafe content.withUnsafeBytes { unsafe shared.absorb($0) }
        self.local = local
        self.shared = shared
    }

    /// The key of a row in this process. Takes about 4 ns a feature; allocates nothing.
    package func key(of features: FeatureBatch, row: Int) -> CacheKey {
        var hash = local
        absorb(features, row, into: &hash)
        let (high, low) = hash.finish()
        return CacheKey(high: high, low: low)
    }

    /// The key of a row in caches that processes share. Takes about 0.15 us a feature; allocates nothing.
    package func sharedKey(of features: FeatureBatch, row: Int) -> SharedCacheKey {
        var hash = shared
        absorb(features, row, into: &hash)
        let (high, low) = hash.finish()
        return SharedCacheKey(high: high, low: low)
    }

    private func absorb(_ features: FeatureBatch, _ row: Int, into hash: inout some RowHash) {
        let cells = unsafe self.cells(of: features, row: row)
        if inputTexts.isEmpty, wideInputs.isEmpty {
            for column in 0..<inputs { unsafe hash.absorb(Self.canonical(cells[column])) }
            return
        }
        for column in 0..<inputs {
            if let bits = wideInteger(features, row, column) {
                hash.absorb(Self.wideMark)
                hash.absorb(bits)
            } else if inputTexts.contains(column), var text = features.text(row: row, column: column) {
                text.withUTF8 { unsafe hash.absorb(UnsafeRawBufferPointer($0)) }
            } else {
                unsafe hash.absorb(Self.canonical(cells[column]))
            }
        }
    }

    /// What lies beside the matrix for this cell; its place there is another one in every batch.
    private func wideInteger(_ features: FeatureBatch, _ row: Int, _ column: Int) -> UInt64? {
        wideInputs.contains(column) ? features.wideInteger(row: row, column: column) : nil
    }

    private func cells(of features: FeatureBatch, row: Int) -> UnsafePointer<Double> {
        precondition(features.width == inputs && row >= 0 && row < features.count)
        return unsafe features.values + row * inputs
    }

    /// Comes before an integer beyond 2^53: the bits of no cell, so that none is taken for a double of the same bits.
    private static let wideMark: UInt64 = 0x7ff8_0000_0000_0001

    /// The bits of a cell, equal for equal values. A text's length in the same place is never one of these NaNs.
    @inline(__always)
    private static func canonical(_ value: Double) -> UInt64 {
        // Adding zero turns -0.0 into 0.0 and changes nothing else.
        value.isNaN ? 0x7ff8_0000_0000_0000 : (value + 0.0).bitPattern
    }

    /// Random for each process.
    private static let secret = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
    private static let loads = Atomic<UInt64>(0)
}

/// By which entries are found for a purge. Different models can have the same tag, one in four thousand million pairs:
/// then more is purged than was asked for, which costs hits and nothing else.
struct PurgeTag: Sendable, Equatable {
    let model: UInt32
    let version: UInt32

    init(model: ModelName, version: ModelVersion?) {
        var name = model.text
        self.model = name.withUTF8 {
            unsafe UInt32(truncatingIfNeeded: SipHash.hash(UnsafeRawBufferPointer($0), key: (0, 0)).0)
        }
        self.version = version.map { UInt32(truncatingIfNeeded: $0.number) } ?? 0
    }
}

/// What a row's key is made with.
private protocol RowHash {
    mutating func absorb(_ word: UInt64)
    /// The length, then the bytes.
    mutating func absorb(_ bytes: UnsafeRawBufferPointer)
}

extension SipHash: RowHash {}
extension SHA256: RowHash {}
