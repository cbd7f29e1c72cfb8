/// Ranks the reasons for a score: adds up the points of equal codes, leaves out codes with negative points
/// and orders the rest from most points to least; of equals, the one named first comes first.
package struct ReasonRanking: Sendable, Equatable {
    package struct Entry: Sendable, Equatable {
        /// Slot with the position of the reason's code; anything else, as a missing value, for no reason.
        package var code: Int
        /// Slot with the points that the reason is worth.
        package var points: Int

        package init(code: Int, points: Int) {
            self.code = code
            self.points = points
        }
    }

    package var entries: [Entry]
    /// How many codes there are.
    package var codeCount: Int
    /// How many places are filled, each in a slot; places without a reason are missing.
    package var places: Int

    package init(entries: [Entry], codeCount: Int, places: Int) {
        self.entries = entries
        self.codeCount = codeCount
        self.places = places
    }
}

/// Executes a ranking. Insertion into a short sorted list: there are few places and few codes.
struct ReasonRankingKernel: Kernel {
    let ranking: ReasonRanking
    let into: Int

    func scratchBytes(rows: Int) -> Int { ranking.codeCount * MemoryLayout<Double>.stride }
    var memoryBytes: Int { ranking.entries.count * MemoryLayout<ReasonRanking.Entry>.stride }

    func run(_ frames: borrowing Frames) {
        let totals = frames.scratch.bindMemory(to: Double.self, capacity: ranking.codeCount)
        ranking.entries.withUnsafeBufferPointer { entries in
            for row in 0..<frames.rows {
                let frame = frames.slots + row * frames.stride
                totals.update(repeating: .nan, count: ranking.codeCount)
                for entry in entries {
                    let (code, points) = (frame[entry.code], frame[entry.points])
                    guard isReason(code), !points.isNaN else { continue }
                    let index = Int(code)
                    totals[index] = totals[index].isNaN ? points : totals[index] + points
                }
                let places = frame + into
                var filled = 0
                for entry in entries {
                    let code = frame[entry.code]
                    guard isReason(code), totals[Int(code)] >= 0 else { continue }
                    filled = insert(code, totals[Int(code)], places, filled, totals)
                }
                for place in filled..<max(ranking.places, filled) { places[place] = .nan }
            }
        }
    }

    /// False for NaN, too.
    private func isReason(_ code: Double) -> Bool { code >= 0 && code < Double(ranking.codeCount) }

    /// Inserts a code behind those with as many points or more, unless it is there already.
    private func insert(
        _ code: Double, _ points: Double, _ places: UnsafeMutablePointer<Double>, _ filled: Int,
        _ totals: UnsafeMutablePointer<Double>
    ) -> Int {
        for place in 0..<filled where places[place] == code { return filled }
        var place = filled
        while place > 0, totals[Int(places[place - 1])] < points {
            if place < ranking.places { places[place] = places[place - 1] }
            place -= 1
        }
        if place < ranking.places { places[place] = code }
        return min(filled + 1, ranking.places)
    }
}
