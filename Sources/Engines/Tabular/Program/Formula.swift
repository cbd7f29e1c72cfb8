package import Scoring

/// Arithmetic, comparisons, look-ups and logic over the slots of a frame, in order and without branches:
/// what transformations, regressions and scorecards are lowered to.
///
/// Values are doubles. NaN is a missing value, and any operation gives NaN where an operand that it needs is
/// missing; what differs is said at the operation. Truth is 1, 0 and, for unknown, NaN. Every instruction
/// writes slots of its own, so that nothing is computed twice: see `ProgramBuilder`.
package struct Formula: Sendable, Equatable {
    /// A slot of the frame or a constant of the formula.
    package struct Operand: Sendable, Hashable {
        /// A slot, or the complement of a constant's index.
        package let code: Int32

        package static func slot(_ slot: Int) -> Operand { Operand(code: Int32(slot)) }
        package static func constant(_ index: Int) -> Operand { Operand(code: ~Int32(index)) }

        /// The slot, or nil for a constant.
        package var slot: Int? { code >= 0 ? Int(code) : nil }
        /// The constant's index, or nil for a slot.
        package var constant: Int? { code < 0 ? Int(~code) : nil }
    }

    package struct Instruction: Sendable, Hashable {
        package var operation: Operation
        package var a: Operand
        package var b: Operand
        package var c: Operand
        /// Index of the table or list that the operation works with; -1 for none.
        package var detail: Int32
        /// The first slot that is written.
        package var into: Int32

        package init(_ operation: Operation, _ a: Operand, _ b: Operand, _ c: Operand, detail: Int32 = -1, into: Int32) {
            self.operation = operation
            self.a = a
            self.b = b
            self.c = c
            self.detail = detail
            self.into = into
        }
    }

    package var constants: [Double] = []
    package var instructions: [Instruction] = []
    package var tables: [Table] = []
    package var lists: [[Operand]] = []
    /// What rows fail with (`Operation.fail`).
    package var failures: [Failure] = []

    package init() {}

    package struct Failure: Sendable, Hashable {
        /// The input that is at fault; empty where no single one is.
        package var field: String
        package var reason: String

        package init(field: String, reason: String) {
            self.field = field
            self.reason = reason
        }

        package var error: ScoringError {
            field.isEmpty ? .invalidRequest(reason) : .invalidFeature(name: field, reason: reason)
        }
    }

    /// A function of one value, or of a row's terms, that is given by numbers.
    package enum Table: Sendable, Hashable {
        /// `values[code]` of the code `first + index`; `other` outside. For categories.
        case codes(first: Int, values: [Double], other: Double, missing: Double)
        /// The value beside the equal key; keys ascend.
        case keys(keys: [Double], values: [Double], other: Double, missing: Double)
        /// Piecewise constant: `values[2 i]` between edges i - 1 and i, `values[2 i + 1]` on edge i. Edges ascend.
        case bins(edges: [Double], values: [Double], missing: Double)
        /// Piecewise linear through the points, x ascending.
        case polyline(x: [Double], y: [Double], ends: PolylineEnds, missing: Double)
        /// coefficient * operand ^ exponent, added up in order.
        case terms([Term])
    }

    package enum PolylineEnds: Sendable, Hashable {
        /// The first and last pieces go on.
        case extended
        /// The first and last y hold.
        case held
        case missing
    }

    package struct Term: Sendable, Hashable {
        package var operand: Operand
        package var coefficient: Double
        package var exponent: Double

        package init(_ operand: Operand, coefficient: Double, exponent: Double = 1) {
            self.operand = operand
            self.coefficient = coefficient
            self.exponent = exponent
        }
    }
}
