package import Texts

/// The one internal representation of a model. Format readers lower to it, kernels execute it.
///
/// A row is scored in a *frame*: a fixed number of double-valued slots, of which the first are the row's
/// features in the order of the signature's inputs. Steps run in order; each reads some slots and writes
/// others. NaN is a missing value; a category is the position of its level. At the end the output slots
/// are the row's results, in the order of the signature's outputs.
package struct Program: Sendable {
    package var inputCount: Int
    package var slotCount: Int
    package var steps: [Step]
    /// The slot of each output column.
    package var outputs: [Int]

    package init(inputCount: Int) {
        self.inputCount = inputCount
        self.slotCount = inputCount
        self.steps = []
        self.outputs = []
    }

    /// Reserves `count` adjacent slots and returns the first.
    package mutating func addSlots(_ count: Int = 1) -> Int {
        defer { slotCount += count }
        return slotCount
    }
}

/// One computation over a frame.
package enum Step: Sendable {
    /// The sums of a forest over the slots `features` (by the forest's feature index) go to the slots from `into`.
    case forest(Forest, features: [Int], into: Int)
    /// The sums of a linear function over the slots `features` go to the slots from `into`.
    case linear(LinearFunction, features: [Int], into: Int)
    /// Applies a link function to `count` adjacent slots and writes as many.
    case link(Link, from: Int, count: Int, into: Int)
    /// 1 - x, in the given precision.
    case complement(of: Int, precision: Forest.Precision, into: Int)
    /// The position of the greatest of `count` adjacent slots; the first of equals; NaN if one is NaN.
    case highest(from: Int, count: Int, into: Int)
    /// 1 where the slot is greater than the threshold, else 0; NaN where it is NaN.
    case exceeds(slot: Int, threshold: Double, into: Int)
    /// Arithmetic, comparisons and look-ups; each instruction says where its result goes.
    case formula(Formula)
    /// Functions of strings.
    case texts(TextProgram)
    /// Walks through graphs; none needs another's results.
    case decide([GraphWalk])
    /// The node that a row ends in and the averages of its ways go to the slots from `into`.
    case mix(TreeMixture, into: Int)
    /// The positions of the highest ranking reason codes go to the slots from `into`.
    case rankReasons(ReasonRanking, into: Int)
    /// The outputs of a network of neurons over the slots `inputs` go to the slots from `into`.
    case network(LayeredNetwork, inputs: [Int], into: Int)
    /// The sums of kernel machines over the slots `features` go to the slots from `into`, one a machine.
    case kernelMachines(KernelMachines, features: [Int], into: Int)
    /// The points nearest to the slots `features` go to the slots from `into`; see `PointSearch`.
    case search(PointSearch, features: [Int], into: Int)
    /// The category that wins a vote.
    case vote(Vote, into: Int)
    /// Probabilities of classes from those of pairs go to the slots from `into`.
    case couple(PairwiseCoupling, into: Int)
}
