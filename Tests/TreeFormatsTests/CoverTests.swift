internal import Foundation
internal import Scoring
internal import Tabular
internal import Testing
internal import TreeFormats

/// What the files of the libraries say of each node is what the forest keeps.
@Suite struct CoverTests {
    private static func files(_ library: String, _ ending: String) throws -> [String] {
        let folders = try FileManager.default.contentsOfDirectory(atPath: GoldenFile.folder.path)
        return try folders.filter { $0.hasPrefix(library) }.sorted().flatMap { folder in
            try FileManager.default.contentsOfDirectory(atPath: GoldenFile.folder.appending(path: folder).path)
                .filter { $0.hasSuffix(ending) }.sorted().map { "\(folder)/\($0)" }
        }
    }

    private func forest(_ bytes: [UInt8]) throws -> Forest? {
        for case .forest(let forest, _, _) in try GoldenFile.lower(bytes).program.steps { return forest }
        return nil
    }

    /// The same nodes by the way that leads to them, so that the order in the file does not matter.
    private func compare(
        _ tree: Forest.Tree, _ node: Int, _ found: Int, _ cover: (Int) -> Double, _ children: (Int) -> (Int, Int)?
    ) throws
        -> Int
    {
        #expect(try #require(tree.covers)[node] == cover(found))
        guard case .split(let split) = tree.nodes[node] else {
            #expect(children(found) == nil)
            return 1
        }
        let (left, right) = try #require(children(found))
        return 1 + (try compare(tree, split.left, left, cover, children))
            + (try compare(tree, split.right, right, cover, children))
    }

    private static func trees(_ document: Any) throws -> [[String: Any]] {
        let learner = try #require((document as? [String: Any])?["learner"] as? [String: Any])
        let booster = try #require(learner["gradient_booster"] as? [String: Any])
        let model = (booster["model"] ?? (booster["gbtree"] as? [String: Any])?["model"]) as? [String: Any]
        return try #require(model?["trees"] as? [[String: Any]])
    }

    private static func numbers(_ tree: [String: Any], _ key: String) -> [NSNumber] { tree[key] as? [NSNumber] ?? [] }

    @Test func xgboostsSumsOfSecondDerivativesAreKept() throws {
        var (withCovers, without) = (0, 0)
        for file in try Self.files("xgboost", ".json") {
            let bytes = try GoldenFile.bytes(file)
            guard let forest = try forest(bytes) else { continue }
            // XGBoost writes numbers that JSON does not have; none of them is looked at here.
            var text = String(decoding: bytes, as: UTF8.self)
            for word in ["-Infinity", "Infinity", "NaN"] { text = text.replacing(word, with: "0") }
            let trees = try Self.trees(try JSONSerialization.jsonObject(with: Data(text.utf8)))
            for (index, tree) in forest.trees.enumerated() {
                let source = trees[index]
                let covers = Self.numbers(source, "sum_hessian")
                guard !covers.isEmpty else {
                    #expect(tree.covers == nil, "\(file)")
                    without += 1
                    continue
                }
                let (left, right) = (Self.numbers(source, "left_children"), Self.numbers(source, "right_children"))
                let types = Self.numbers(source, "split_type")
                let count = try compare(tree, 0, 0) {
                    Double(Float(truncating: covers[$0]))
                } _: { node in
                    guard left[node].intValue != -1 else { return nil }
                    let children = (left[node].intValue, right[node].intValue)
                    // Members of a set go right in XGBoost, left in a forest.
                    return types.isEmpty || types[node].intValue == 0 ? children : (children.1, children.0)
                }
                #expect(count == tree.nodes.count)
                withCovers += 1
            }
        }
        // Vector leaves have none before XGBoost 3.2.
        #expect(withCovers > 300 && without > 10, "\(withCovers) trees, and \(without) without")
    }

    @Test func xgboostsBinaryFilesSayTheSame() throws {
        for file in ["xgboost-2.1.4/binary", "xgboost-3.4.1/categories-partition", "xgboost-3.4.1/dart"] {
            let json = try #require(try forest(try GoldenFile.bytes("\(file).json")))
            let binary = try #require(try forest(try GoldenFile.bytes("\(file).ubj")))
            #expect(json.trees.map(\.covers) == binary.trees.map(\.covers))
            #expect(json.trees.allSatisfy { $0.covers != nil })
        }
    }

    @Test func lightGBMsCountsAreKept() throws {
        var withCovers = 0
        for file in try Self.files("lightgbm", ".txt") {
            let bytes = try GoldenFile.bytes(file)
            let forest = try #require(try forest(bytes))
            let blocks = String(decoding: bytes, as: UTF8.self).split(separator: "\n\n").filter { $0.contains("\nnum_leaves=") }
            for (index, tree) in forest.trees.enumerated() {
                let block = blocks[index]
                func numbers(_ key: String) -> [Double] {
                    let line = block.split(separator: "\n").first { $0.hasPrefix("\(key)=") }
                    return line?.dropFirst(key.count + 1).split(separator: " ").compactMap { Double($0) } ?? []
                }
                let (leaves, splits) = (numbers("leaf_count"), numbers("internal_count"))
                let (left, right) = (numbers("left_child"), numbers("right_child"))
                guard !leaves.isEmpty else {
                    #expect(tree.covers == nil)
                    continue
                }
                // Leaves are numbered behind the splits here.
                func node(_ child: Double) -> Int { child < 0 ? splits.count - Int(child) - 1 : Int(child) }
                let count = try compare(tree, 0, 0) {
                    $0 < splits.count ? splits[$0] : leaves[$0 - splits.count]
                } _: {
                    $0 < splits.count ? (node(left[$0]), node(right[$0])) : nil
                }
                #expect(count == tree.nodes.count, "\(file)")
                withCovers += 1
            }
        }
        #expect(withCovers > 100, "\(withCovers) trees")
    }

    @Test func filesWithoutCountsHaveNoCovers() throws {
        let text = String(decoding: try GoldenFile.bytes("lightgbm-4.7.0/binary.txt"), as: UTF8.self)
        for field in ["leaf_count", "internal_count"] {
            // The sizes of the trees in bytes are not those of the shorter text.
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
                .filter { !$0.hasPrefix("\(field)=") && !$0.hasPrefix("tree_sizes=") }
            let forest = try #require(try forest(Array(lines.joined(separator: "\n").utf8)))
            #expect(forest.trees.allSatisfy { $0.covers == nil })
        }
    }

    @Test func scoresDoNotDependOnCovers() throws {
        var model = try GoldenFile.lower(try GoldenFile.bytes("lightgbm-4.7.0/binary.txt"))
        let compiled = try TabularModel(program: model.program, signature: model.signature, description: model.description)
        for index in model.program.steps.indices {
            guard case .forest(var forest, let features, let into) = model.program.steps[index] else { continue }
            for tree in forest.trees.indices { forest.trees[tree].covers = nil }
            model.program.steps[index] = .forest(forest, features: features, into: into)
        }
        let without = try TabularModel(program: model.program, signature: model.signature, description: model.description)
        // No kernel keeps them.
        #expect(compiled.description.memoryBytes == without.description.memoryBytes)
    }
}
