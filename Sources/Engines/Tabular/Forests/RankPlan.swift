internal import Scoring

/// Turns the features of a row into 16-bit ranks, so that every split of a forest becomes the one question
/// `rank[column] > bound` (yes: right).
///
/// For a numeric feature the forest's thresholds are sorted; a value's rank is how many of them it does not
/// go left of, and the split at the k-th threshold sends it right exactly if its rank is greater than k. That
/// holds for `<` and `<=`, float32 and double alike, and it is exact: only the order of values counts.
/// Missing values get the lowest or highest rank in a column of their own for each direction, and membership in
/// a category set is a column of its own with rank 0 (member) or 1, copied from a table by category.
///
/// Ranks are stored as signed numbers, 32,768 less than counted, because vector units compare signed.
struct RankPlan: Sendable {
    /// Column c of a single row is at `ranks[c << rowShift]`.
    static let rowShift = 1
    /// Column c of the r-th of eight rows is at `ranks[c << eightShift + r]`.
    static let eightShift = 3

    /// Columns of a row.
    let width: Int
    private let features: [NumericFeature]
    private let columns: ConstantTable<Column>
    /// Where each level of each feature's search tree begins in the table of thresholds.
    private let levels: ConstantTable<Int>
    private let thresholds32: ConstantTable<Float>
    private let thresholds64: ConstantTable<Double>
    /// Whether inputs and thresholds are float32, so that the narrow table is the one in use.
    private let isNarrow: Bool
    private let precision: Forest.Precision
    private let comparison: Forest.Comparison
    private let categorical: [CategoricalFeature]
    private let categoryRounding: Forest.CategoryRounding

    /// A numeric feature's search tree and columns.
    private struct NumericFeature: Sendable {
        var slot: Int
        var firstLevel: Int
        var levelCount: Int
        var firstColumn: Int
        var columnCount: Int
        /// Whether any column takes zero for missing.
        var hasZeroColumns: Bool
    }

    /// What a missing value's rank is in one column.
    private struct Column: Sendable, BitwiseCopyable {
        var missingRank: Int16
        var takesZeroForMissing: Bool
    }

    /// A feature whose columns are copied from a table: a row for each code, then the special ones.
    private struct CategoricalFeature: Sendable {
        var slot: Int
        var firstColumn: Int
        var columnCount: Int
        var codes: Int
        var table: ConstantTable<Int16>
    }

    /// Rows of a membership table behind those of the codes, for values whose meaning depends on the split's rule.
    private enum SpecialRow: Int, CaseIterable {
        /// In no set, and not missing.
        case noCategory
        /// NaN: missing, or category 0 where nothing is missing.
        case missing
        /// Within `Forest.zeroBound` of 0: category 0, or missing.
        case zero
        /// The same below 0, where negative values are no category.
        case negativeZero
    }

    var memoryBytes: Int {
        thresholds32.byteCount + thresholds64.byteCount + columns.byteCount + categorical.reduce(0) { $0 + $1.table.byteCount }
    }

    /// Writes the ranks of one row, column c to `ranks[c << shift]`; `frame` holds the row's slots.
    @inline(__always)
    func rank<Rank: FixedWidthInteger>(_ frame: UnsafePointer<Double>, into ranks: UnsafeMutablePointer<Rank>, shift: Int) {
        // Trees without splits ask column 0 as well, also where no feature has ranks; it must hold one.
        ranks[0] = Rank(truncatingIfNeeded: Int16.min)
        switch (precision, comparison, isNarrow) {
        case (.float32, .less, true): rankNumbers(frame, ranks, shift, thresholds32.base, OrEqual.self, .float32)
        case (.float32, .lessOrEqual, true): rankNumbers(frame, ranks, shift, thresholds32.base, Only.self, .float32)
        case (.float32, .less, false): rankNumbers(frame, ranks, shift, thresholds64.base, OrEqual.self, .float32)
        case (.float32, .lessOrEqual, false): rankNumbers(frame, ranks, shift, thresholds64.base, Only.self, .float32)
        case (.float64, .less, _): rankNumbers(frame, ranks, shift, thresholds64.base, OrEqual.self, .float64)
        case (.float64, .lessOrEqual, _): rankNumbers(frame, ranks, shift, thresholds64.base, Only.self, .float64)
        }
        for feature in categorical { copyMembership(of: feature, frame, ranks, shift) }
    }

    @inline(__always)
    private func rankNumbers<Number: Threshold, Passing: PassingRule, Rank: FixedWidthInteger>(
        _ frame: UnsafePointer<Double>, _ ranks: UnsafeMutablePointer<Rank>, _ shift: Int, _ thresholds: UnsafePointer<Number>,
        _ passing: Passing.Type, _ precision: Forest.Precision
    ) {
        features.withUnsafeBufferPointer { features in
            for feature in features {
                let value = precision == .float32 ? Number(Float(frame[feature.slot])) : Number(frame[feature.slot])
                var block = 0
                for level in 0..<feature.levelCount {
                    let start = levels.base[feature.firstLevel &+ level] &+ block &* 32
                    block = block &* 32 &+ Number.passed(thresholds + start, value, passing)
                }
                let rank = Rank(truncatingIfNeeded: block &- 32_768)
                let isMissing = value.isNaN
                let isZero = feature.hasZeroColumns && abs(Double(value)) <= Forest.zeroBound
                for index in 0..<feature.columnCount {
                    let column = feature.firstColumn &+ index
                    let rule = columns.base[column]
                    ranks[column &<< shift] =
                        isMissing || (isZero && rule.takesZeroForMissing) ? Rank(truncatingIfNeeded: rule.missingRank) : rank
                }
            }
        }
    }

    @inline(__always)
    private func copyMembership<Rank: FixedWidthInteger>(
        of feature: CategoricalFeature, _ frame: UnsafePointer<Double>, _ ranks: UnsafeMutablePointer<Rank>, _ shift: Int
    ) {
        let value = precision == .float32 ? Double(Float(frame[feature.slot])) : frame[feature.slot]
        let row: Int
        if value.isNaN {
            row = feature.codes + SpecialRow.missing.rawValue
        } else if abs(value) <= Forest.zeroBound {
            let isCategory = Forest.categoryCode(value, rounding: categoryRounding) != nil
            row = feature.codes + (isCategory ? SpecialRow.zero : .negativeZero).rawValue
        } else if let code = Forest.categoryCode(value, rounding: categoryRounding), code < feature.codes {
            row = code
        } else {
            row = feature.codes + SpecialRow.noCategory.rawValue
        }
        let memberships = feature.table.base + row * feature.columnCount
        for column in 0..<feature.columnCount {
            ranks[(feature.firstColumn &+ column) &<< shift] = Rank(truncatingIfNeeded: memberships[column])
        }
    }
}

// MARK: - Counting in a block

/// When a value has passed a threshold, that is, does not go left of it.
private protocol PassingRule {
    static func passed(_ thresholds: SIMD16<Float>, _ value: Float) -> SIMDMask<SIMD16<Int32>>
    static func passed(_ thresholds: SIMD16<Double>, _ value: Double) -> SIMDMask<SIMD16<Int64>>
}

/// The threshold itself has been passed: `<` goes left.
private enum OrEqual: PassingRule {
    @inline(__always)
    static func passed(_ thresholds: SIMD16<Float>, _ value: Float) -> SIMDMask<SIMD16<Int32>> { thresholds .<= value }
    @inline(__always)
    static func passed(_ thresholds: SIMD16<Double>, _ value: Double) -> SIMDMask<SIMD16<Int64>> { thresholds .<= value }
}

/// The threshold itself has not been passed: `<=` goes left.
private enum Only: PassingRule {
    @inline(__always)
    static func passed(_ thresholds: SIMD16<Float>, _ value: Float) -> SIMDMask<SIMD16<Int32>> { thresholds .< value }
    @inline(__always)
    static func passed(_ thresholds: SIMD16<Double>, _ value: Double) -> SIMDMask<SIMD16<Int64>> { thresholds .< value }
}

/// A number type that thresholds are stored in.
private protocol Threshold: BinaryFloatingPoint, BitwiseCopyable, Sendable {
    /// How many of 32 sorted thresholds the value has passed. All are compared at once: no branch to guess and no
    /// chain of loads to wait for, as a binary search has.
    static func passed<Passing: PassingRule>(_ block: UnsafePointer<Self>, _ value: Self, _: Passing.Type) -> Int
}

extension Float: Threshold {
    @inline(__always)
    fileprivate static func passed<Passing: PassingRule>(_ block: UnsafePointer<Float>, _ value: Float, _: Passing.Type) -> Int {
        let halves = UnsafeRawPointer(block).assumingMemoryBound(to: SIMD16<Float>.self)
        let zero = SIMD16<Int32>.zero
        let first = zero.replacing(with: 1, where: Passing.passed(halves[0], value))
        return Int((first &+ zero.replacing(with: 1, where: Passing.passed(halves[1], value))).wrappedSum())
    }
}

extension Double: Threshold {
    @inline(__always)
    fileprivate static func passed<Passing: PassingRule>(_ block: UnsafePointer<Double>, _ value: Double, _: Passing.Type) -> Int
    {
        let halves = UnsafeRawPointer(block).assumingMemoryBound(to: SIMD16<Double>.self)
        let zero = SIMD16<Int64>.zero
        let first = zero.replacing(with: 1, where: Passing.passed(halves[0], value))
        return Int((first &+ zero.replacing(with: 1, where: Passing.passed(halves[1], value))).wrappedSum())
    }
}

// MARK: - Planning

extension RankPlan {
    /// The question a split asks of a row of ranks.
    struct Question: Hashable, Sendable {
        var column: UInt16
        var bound: Int16

        /// What a leaf asks.
        static let neverRight = Question(column: 0, bound: .max)
    }

    /// Twice a column's number fits 16 bits.
    static let maxColumns = 32_767
    /// The most bytes that membership tables may take; forests beyond are left to the reference evaluator.
    static let maxTableBytes = 64 << 20

    private struct ColumnKey: Hashable {
        var missing: Forest.Missing
        var goesLeft: Bool
    }

    private struct SetKey: Hashable {
        var words: [UInt32]
        var missing: Forest.Missing
        var goesLeft: Bool

        func contains(_ code: Int) -> Bool { Forest.CategorySet(words: words).contains(code) }
    }

    /// Plans the ranks for a forest and answers, for each tree, the question of each node.
    /// nil if the forest has more columns, thresholds or categories than 16 bits can tell apart, or NaN thresholds.
    /// - Parameter slots: the frame slot of each of the forest's features.
    static func make(for forest: Forest, slots: [Int]) -> (plan: RankPlan, questions: [[Question]])? {
        var thresholds = [[Double]](repeating: [], count: forest.featureCount)
        var numericColumns = [[ColumnKey]](repeating: [], count: forest.featureCount)
        var sets = [[SetKey]](repeating: [], count: forest.featureCount)
        var setPositions = [[SetKey: Int]](repeating: [:], count: forest.featureCount)
        for tree in forest.trees {
            LoadThrottle.step()
            for case .split(let split) in tree.nodes {
                switch split.condition {
                case .threshold(let threshold):
                    guard !threshold.isNaN else { return nil }
                    thresholds[split.feature].append(threshold)
                    let key = ColumnKey(missing: split.missing, goesLeft: split.missingGoesLeft)
                    if !numericColumns[split.feature].contains(key) { numericColumns[split.feature].append(key) }
                case .categories(let set):
                    let key = SetKey(words: tree.categorySets[set].words, missing: split.missing, goesLeft: split.missingGoesLeft)
                    if setPositions[split.feature][key] == nil {
                        setPositions[split.feature][key] = sets[split.feature].count
                        sets[split.feature].append(key)
                    }
                }
            }
        }
        for feature in thresholds.indices { thresholds[feature].sortAndRemoveDuplicates() }
        let width = numericColumns.reduce(0) { $0 + $1.count } + sets.reduce(0) { $0 + $1.count }
        guard width <= maxColumns, thresholds.allSatisfy({ $0.count < 65_535 }) else { return nil }

        var builder = Builder(forest: forest)
        for feature in 0..<forest.featureCount where !thresholds[feature].isEmpty {
            builder.addNumeric(
                slot: slots[feature], feature: feature, thresholds: thresholds[feature], columns: numericColumns[feature]
            )
        }
        for feature in 0..<forest.featureCount where !sets[feature].isEmpty {
            guard builder.addCategorical(slot: slots[feature], feature: feature, sets: sets[feature]) else { return nil }
        }

        let questions = forest.trees.map { tree -> [Question] in
            LoadThrottle.step()
            return tree.nodes.map { node in
                guard case .split(let split) = node else { return Question.neverRight }
                return builder.question(for: split, in: tree, columns: numericColumns, sets: setPositions)
            }
        }
        return (builder.plan(width: width), questions)
    }

    /// Lays out columns and tables.
    private struct Builder {
        let forest: Forest
        var features: [NumericFeature] = []
        var columns: [Column] = []
        var levels: [Int] = []
        /// Blocks of 32 of all search trees, filled up with NaN, which no value passes.
        var blocks: [Double] = []
        var categorical: [CategoricalFeature] = []
        var firstColumn: [Int: Int] = [:]
        var firstSetColumn: [Int: Int] = [:]
        /// The thresholds of each numeric feature.
        var sorted: [Int: [Double]] = [:]
        var nextColumn = 0
        var tableBytes = 0

        init(forest: Forest) { self.forest = forest }

        mutating func addNumeric(slot: Int, feature: Int, thresholds: [Double], columns keys: [ColumnKey]) {
            firstColumn[feature] = nextColumn
            let firstLevel = levels.count
            let levelCount = addSearchTree(thresholds)
            features.append(
                NumericFeature(
                    slot: slot, firstLevel: firstLevel, levelCount: levelCount, firstColumn: nextColumn, columnCount: keys.count,
                    hasZeroColumns: keys.contains { $0.missing == .zeroOrNaN }))
            sorted[feature] = thresholds
            // The rank of 0, which NaN is taken for where nothing is missing.
            let zeroRank = thresholds.count { forest.comparison == .less ? $0 <= 0 : $0 < 0 }
            for key in keys {
                let missingRank = key.missing == .none ? zeroRank : (key.goesLeft ? 0 : 65_535)
                columns.append(Column(missingRank: Int16(missingRank - 32_768), takesZeroForMissing: key.missing == .zeroOrNaN))
            }
            nextColumn += keys.count
        }

        /// Lays out sorted thresholds as blocks of 32 under levels of blocks that hold every block's last threshold,
        /// top level first; a search counts how many of a block a value has passed and so finds the next block.
        /// Returns the number of levels.
        private mutating func addSearchTree(_ thresholds: [Double]) -> Int {
            var tree = [thresholds]
            while tree[0].count > 32 {
                tree.insert(stride(from: 31, to: tree[0].count, by: 32).map { tree[0][$0] }, at: 0)
            }
            for level in tree {
                levels.append(blocks.count)
                blocks += level + [Double](repeating: .nan, count: 32 - level.count % 32)
            }
            return tree.count
        }

        /// False if the table would be too large.
        mutating func addCategorical(slot: Int, feature: Int, sets: [SetKey]) -> Bool {
            let codes = sets.reduce(0) { max($0, $1.words.count * 32) }
            let rows = codes + SpecialRow.allCases.count
            tableBytes += rows * sets.count * MemoryLayout<Int16>.stride
            guard tableBytes <= RankPlan.maxTableBytes else { return false }
            var table: [Int16] = []
            table.reserveCapacity(rows * sets.count)
            for code in 0..<codes {
                for set in sets { table.append(set.contains(code) ? .min : .min + 1) }
            }
            for row in SpecialRow.allCases {
                for set in sets {
                    let goesLeft =
                        switch (row, set.missing) {
                        case (.noCategory, _), (.negativeZero, .nan), (.negativeZero, .none): false
                        case (.missing, .none), (.zero, .nan), (.zero, .none): set.contains(0)
                        case (.missing, .nan), (.missing, .zeroOrNaN), (.zero, .zeroOrNaN), (.negativeZero, .zeroOrNaN):
                            set.goesLeft
                        }
                    table.append(goesLeft ? .min : .min + 1)
                }
            }
            firstSetColumn[feature] = nextColumn
            categorical.append(
                CategoricalFeature(
                    slot: slot, firstColumn: nextColumn, columnCount: sets.count, codes: codes, table: ConstantTable(table)))
            nextColumn += sets.count
            return true
        }

        func question(
            for split: Forest.Split, in tree: Forest.Tree, columns: [[ColumnKey]], sets: [[SetKey: Int]]
        ) -> Question {
            switch split.condition {
            case .threshold(let threshold):
                let key = ColumnKey(missing: split.missing, goesLeft: split.missingGoesLeft)
                let column = firstColumn[split.feature]! + columns[split.feature].firstIndex(of: key)!
                return Question(
                    column: UInt16(column), bound: Int16(sorted[split.feature]!.firstPosition(notBelow: threshold) - 32_768))
            case .categories(let set):
                let key = SetKey(words: tree.categorySets[set].words, missing: split.missing, goesLeft: split.missingGoesLeft)
                return Question(column: UInt16(firstSetColumn[split.feature]! + sets[split.feature][key]!), bound: .min)
            }
        }

        func plan(width: Int) -> RankPlan {
            let isNarrow = forest.inputPrecision == .float32 && blocks.allSatisfy { $0.isNaN || Double(Float($0)) == $0 }
            return RankPlan(
                width: max(width, 1), features: features, columns: ConstantTable(columns), levels: ConstantTable(levels),
                thresholds32: ConstantTable(isNarrow ? blocks.map { Float($0) } : []),
                thresholds64: ConstantTable(isNarrow ? [] : blocks), isNarrow: isNarrow, precision: forest.inputPrecision,
                comparison: forest.comparison,
                categorical: categorical, categoryRounding: forest.categoryRounding)
        }
    }
}

extension [Double] {
    /// Equal values, -0 and 0 among them, become one.
    fileprivate mutating func sortAndRemoveDuplicates() {
        sort()
        var kept = 0
        for value in self where kept == 0 || self[kept - 1] != value {
            self[kept] = value
            kept += 1
        }
        removeLast(count - kept)
    }

    /// By binary search.
    fileprivate func firstPosition(notBelow value: Double) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
