/// A cache of so many items, to compare hit rates with.
package protocol Rival {
    init(capacity: Int)
    /// Asks for an item, which is there from then on. True for a hit.
    mutating func ask(_ item: UInt64) -> Bool
}

extension Rival {
    package static func hitRate(on trace: [UInt64], capacity: Int) -> Double {
        var rival = Self(capacity: capacity)
        return Double(trace.count { rival.ask($0) }) / Double(trace.count)
    }
}

/// A doubly linked list of items by position, which the rivals below share.
private struct ItemList {
    struct Node {
        var item: UInt64
        var next = -1
        var previous = -1
        var isVisited = false
    }

    var nodes: [Node] = []
    var positions: [UInt64: Int] = [:]
    var newest = -1
    var oldest = -1

    mutating func unlink(_ position: Int) {
        let node = nodes[position]
        if node.next >= 0 { nodes[node.next].previous = node.previous } else { oldest = node.previous }
        if node.previous >= 0 { nodes[node.previous].next = node.next } else { newest = node.next }
    }

    mutating func pushNewest(_ position: Int) {
        nodes[position].previous = -1
        nodes[position].next = newest
        if newest >= 0 { nodes[newest].previous = position } else { oldest = position }
        newest = position
    }
}

/// Plain LRU: what was asked for longest ago makes room.
package struct LeastRecentlyUsed: Rival {
    private let capacity: Int
    private var list = ItemList()

    package init(capacity: Int) { self.capacity = capacity }

    package mutating func ask(_ item: UInt64) -> Bool {
        if let position = list.positions[item] {
            list.unlink(position)
            list.pushNewest(position)
            return true
        }
        var position = list.nodes.count
        if position == capacity {
            position = list.oldest
            list.unlink(position)
            list.positions[list.nodes[position].item] = nil
            list.nodes[position].item = item
        } else {
            list.nodes.append(.init(item: item))
        }
        list.positions[item] = position
        list.pushNewest(position)
        return false
    }
}

/// SIEVE (Zhang, Yang, Yue, Vigfusson, Rashmi, NSDI 2024): a hand walks from the oldest to the newest and takes the first
/// item not asked for since it last came by.
package struct Sieve: Rival {
    private let capacity: Int
    private var list = ItemList()
    private var hand = -1

    package init(capacity: Int) { self.capacity = capacity }

    package mutating func ask(_ item: UInt64) -> Bool {
        if let position = list.positions[item] {
            list.nodes[position].isVisited = true
            return true
        }
        var position = list.nodes.count
        if position == capacity {
            position = hand >= 0 ? hand : list.oldest
            while list.nodes[position].isVisited {
                list.nodes[position].isVisited = false
                position = list.nodes[position].previous >= 0 ? list.nodes[position].previous : list.oldest
            }
            hand = list.nodes[position].previous
            list.unlink(position)
            list.positions[list.nodes[position].item] = nil
            list.nodes[position] = .init(item: item)
        } else {
            list.nodes.append(.init(item: item))
        }
        list.positions[item] = position
        list.pushNewest(position)
        return false
    }
}
