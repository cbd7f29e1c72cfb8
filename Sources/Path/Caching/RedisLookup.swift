internal import NIOCore
internal import Scoring

/// A look-up under way. Belongs to the event loop from `RedisLink.begin` on.
///
/// `@unchecked Sendable` is safe: it is made on the caller's thread, handed to the event loop once, and touched there
/// only from then on.
final class RedisLookup: @unchecked Sendable {
    let keys: [SharedCacheKey]
    let scope: CacheScope
    let begin: Moment
    let latest: Moment
    var timer: Scheduled<Void>?
    private var scores: [CachedScore?]
    private var missing: Int
    private var completion: (@Sendable ([CachedScore?]) -> Void)?

    init(
        keys: [SharedCacheKey], scope: CacheScope, begin: Moment, latest: Moment,
        completion: @escaping @Sendable ([CachedScore?]) -> Void
    ) {
        self.keys = keys
        self.scope = scope
        self.begin = begin
        self.latest = latest
        self.completion = completion
        scores = Array(repeating: nil, count: keys.count)
        missing = keys.count
    }

    var isOver: Bool { completion == nil }

    /// Takes the scores of some of the keys; true if these were the last.
    func take(_ found: [CachedScore?], at positions: Range<Int>) -> Bool {
        guard !isOver else { return false }
        scores.replaceSubrange(positions, with: found)
        missing -= positions.count
        return missing == 0
    }

    /// Hands over what has been found; does nothing the second time.
    func end() {
        guard let completion else { return }
        timer?.cancel()
        timer = nil
        self.completion = nil
        completion(scores)
    }
}
