/// The category that most ballots name. A ballot that names none of the categories does not count. Ties go to the category that is preferred. Missing ballots do not count;
/// missing if all are.
package struct Vote: Sendable, Equatable {
    /// The slots of the ballots, each the position of a category.
    package var ballots: [Int]
    /// The slots of what each ballot counts; empty if each counts 1.
    package var weights: [Int]
    /// The categories, the most preferred first.
    package var preference: [Int]

    package init(ballots: [Int], weights: [Int], preference: [Int]) {
        (self.ballots, self.weights, self.preference) = (ballots, weights, preference)
    }
}

/// Executes a vote: adds the ballots up in their order, then looks for the winner by preference.
struct VoteKernel: Kernel {
    let vote: Vote
    let into: Int

    init(_ vote: Vote, into: Int) {
        precondition(vote.weights.isEmpty || vote.weights.count == vote.ballots.count)
        (self.vote, self.into) = (vote, into)
    }

    func scratchBytes(rows: Int) -> Int { vote.preference.count * MemoryLayout<Double>.stride }
    var memoryBytes: Int { (vote.preference.count + vote.ballots.count + vote.weights.count) * MemoryLayout<Int>.stride }

    func run(_ frames: borrowing Frames) {
        let (slots, stride, rows) = (frames.slots, frames.stride, frames.rows)
        let totals = frames.scratch.bindMemory(to: Double.self, capacity: vote.preference.count)
        vote.ballots.withUnsafeBufferPointer { ballots in
            vote.weights.withUnsafeBufferPointer { weights in
                vote.preference.withUnsafeBufferPointer { preference in
                    for row in 0..<rows {
                        let frame = slots + row * stride
                        totals.update(repeating: .nan, count: preference.count)
                        for ballot in 0..<ballots.count {
                            let named = frame[ballots[ballot]]
                            // False for NaN, too.
                            guard named >= 0, named < Double(preference.count) else { continue }
                            let category = Int(named)
                            let weight = weights.isEmpty ? 1 : frame[weights[ballot]]
                            totals[category] = totals[category].isNaN ? weight : totals[category] + weight
                        }
                        var winner = -1
                        for category in preference where !totals[category].isNaN {
                            if winner < 0 || totals[category] > totals[winner] { winner = category }
                        }
                        frame[into] = winner < 0 ? .nan : Double(winner)
                    }
                }
            }
        }
    }
}
