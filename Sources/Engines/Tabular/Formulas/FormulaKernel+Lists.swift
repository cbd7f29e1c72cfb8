/// The operations over lists of operands.
extension FormulaPass {
    typealias Members = UnsafeBufferPointer<Formula.Operand>

    @inline(__always)
    private func value(_ operand: Formula.Operand, _ row: Int) -> Double { lane(operand)[row] }

    /// Combines the members that are not missing, from the first one on.
    @inline(__always)
    private func fold(_ instruction: Formula.Instruction, _ members: Members, _ combine: (Double, Double) -> Double) {
        each(instruction) { row in
            var result = Double.nan
            for member in members {
                let value = value(member, row)
                if !value.isNaN { result = result.isNaN ? value : combine(result, value) }
            }
            return result
        }
    }

    func run(_ instruction: Formula.Instruction, over members: Members) {
        switch instruction.operation {
        case .sum: fold(instruction, members) { $0 + $1 }
        case .product: fold(instruction, members) { $0 * $1 }
        case .minimum: fold(instruction, members) { min($0, $1) }
        case .maximum: fold(instruction, members) { max($0, $1) }
        case .average:
            each(instruction) { row in
                var (sum, count) = (0.0, 0)
                for member in members {
                    let value = value(member, row)
                    if !value.isNaN { (sum, count) = (sum + value, count + 1) }
                }
                return sum / Double(count)
            }
        case .strictSum:
            each(instruction) { row in
                var sum = 0.0
                for member in members { sum += value(member, row) }
                return sum
            }
        case .missingCount:
            each(instruction) { row in
                var count = 0
                for member in members where value(member, row).isNaN { count += 1 }
                return Double(count)
            }
        case .highest:
            each(instruction) { row in
                var (best, position) = (-Double.infinity, -1)
                for (index, member) in members.enumerated() {
                    let value = value(member, row)
                    if value > best || position < 0 && !value.isNaN { (best, position) = (value, index) }
                }
                return position < 0 ? .nan : Double(position)
            }
        case .first:
            each(instruction) { row in
                for member in members {
                    let value = value(member, row)
                    if !value.isNaN { return value }
                }
                return .nan
            }
        case .median: median(instruction, members)
        case .weightedMedian: weightedMedian(instruction, members)
        case .softmax: softmax(instruction, members)
        case .share: share(instruction, members)
        default: preconditionFailure("the operation does not work on a list")
        }
    }

    private func median(_ instruction: Formula.Instruction, _ members: Members) {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: members.count) { sorted in
            each(instruction) { row in
                var count = 0
                for member in members {
                    let value = value(member, row)
                    if value.isNaN { continue }
                    sorted[count] = value
                    count += 1
                }
                guard count > 0 else { return .nan }
                var used = UnsafeMutableBufferPointer(rebasing: sorted[..<count])
                used.sort()
                return count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2
            }
        }
    }

    private func weightedMedian(_ instruction: Formula.Instruction, _ members: Members) {
        withUnsafeTemporaryAllocation(of: (value: Double, weight: Double).self, capacity: members.count / 2) { sorted in
            each(instruction) { row in
                var (count, total) = (0, 0.0)
                for index in 0..<members.count / 2 {
                    let value = value(members[2 * index], row)
                    if value.isNaN { continue }
                    sorted[count] = (value, self.value(members[2 * index + 1], row))
                    total += sorted[count].weight
                    count += 1
                }
                guard count > 0 else { return .nan }
                var used = UnsafeMutableBufferPointer(rebasing: sorted[..<count])
                used.sort { $0.value < $1.value }
                var reached = 0.0
                for entry in used {
                    reached += entry.weight
                    if reached >= total / 2 { return entry.value }
                }
                return used[count - 1].value
            }
        }
    }

    private func softmax(_ instruction: Formula.Instruction, _ members: Members) {
        for row in 0..<rows {
            Softmax.apply(count: members.count, into: slots + row * stride + Int(instruction.into)) { value(members[$0], row) }
        }
    }

    private func share(_ instruction: Formula.Instruction, _ members: Members) {
        for row in 0..<rows {
            let results = slots + row * stride + Int(instruction.into)
            var sum = 0.0
            for member in members { sum += value(member, row) }
            for (index, member) in members.enumerated() { results[index] = value(member, row) / sum }
        }
    }
}
