/// Decides which entry makes room: S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi, "FIFO queues are all you need for cache
/// eviction", SOSP 2023). New entries wait in a small queue of a tenth of the bytes. Those asked for again before its
/// end move to the main queue; the others go, and only their keys are remembered for a while: who comes back in that
/// time enters the main queue at once. The main queue gives an entry another round for each use, up to three.
/// So rows that are seen once, most of a scan, never push out rows that are seen often, and a hit changes one
/// small number instead of moving the entry.
///
/// Pure: knows entries by position and cost only.
struct EvictionQueues {
    /// An entry's place in its queue.
    struct Place {
        var next: Int32 = -1
        var previous: Int32 = -1
        var cost: UInt32 = 0
        /// Uses since it was added or last given another round; at most 3.
        var uses: UInt8 = 0
        var isMain = false
    }

    private struct Queue {
        /// Where entries are added, and where they leave.
        var newest: Int32 = -1
        var oldest: Int32 = -1
        var bytes = 0
    }

    private var small = Queue()
    private var main = Queue()
    private let smallBytes: Int

    init(bytes: Int) { smallBytes = bytes / 10 }

    var bytes: Int { small.bytes + main.bytes }

    /// Adds an entry. `returns` says that its key was remembered.
    mutating func add(_ entry: Int32, cost: UInt32, returns: Bool, in places: UnsafeMutablePointer<CacheSlot>) {
        unsafe places[Int(entry)].place = Place(cost: cost, isMain: returns)
        unsafe push(entry, in: places)
    }

    @inline(__always)
    static func use(_ place: inout Place) { if place.uses < 3 { place.uses += 1 } }

    mutating func remove(_ entry: Int32, in places: UnsafeMutablePointer<CacheSlot>) {
        let place = unsafe places[Int(entry)].place
        if place.next >= 0 { unsafe places[Int(place.next)].place.previous = place.previous }
        if place.previous >= 0 { unsafe places[Int(place.previous)].place.next = place.next }
        if place.isMain {
            Self.unlink(entry, place, from: &main)
        } else {
            Self.unlink(entry, place, from: &small)
        }
    }

    /// The entry to evict, still in its queue, and whether its key is to be remembered; nil if there is none.
    mutating func victim(in places: UnsafeMutablePointer<CacheSlot>) -> (entry: Int32, isRemembered: Bool)? {
        while true {
            if small.oldest >= 0, small.bytes > smallBytes || main.oldest < 0 {
                let entry = small.oldest
                guard unsafe places[Int(entry)].place.uses > 0 else { return (entry, true) }
                unsafe remove(entry, in: places)
                unsafe places[Int(entry)].place.isMain = true
                unsafe places[Int(entry)].place.uses = 0
                unsafe push(entry, in: places)
            } else if main.oldest >= 0 {
                let entry = main.oldest
                guard unsafe places[Int(entry)].place.uses > 0 else { return (entry, false) }
                unsafe remove(entry, in: places)
                unsafe places[Int(entry)].place.uses -= 1
                unsafe push(entry, in: places)
            } else {
                return nil
            }
        }
    }

    private mutating func push(_ entry: Int32, in places: UnsafeMutablePointer<CacheSlot>) {
        if unsafe places[Int(entry)].place.isMain {
            unsafe Self.link(entry, to: &main, in: places)
        } else {
            unsafe Self.link(entry, to: &small, in: places)
        }
    }

    private static func link(_ entry: Int32, to queue: inout Queue, in places: UnsafeMutablePointer<CacheSlot>) {
        unsafe places[Int(entry)].place.previous = -1
        unsafe places[Int(entry)].place.next = queue.newest
        if queue.newest >= 0 { unsafe places[Int(queue.newest)].place.previous = entry }
        queue.newest = entry
        if queue.oldest < 0 { queue.oldest = entry }
        unsafe queue.bytes += Int(places[Int(entry)].place.cost)
    }

    private static func unlink(_ entry: Int32, _ place: Place, from queue: inout Queue) {
        if queue.newest == entry { queue.newest = place.next }
        if queue.oldest == entry { queue.oldest = place.previous }
        queue.bytes -= Int(place.cost)
    }
}
