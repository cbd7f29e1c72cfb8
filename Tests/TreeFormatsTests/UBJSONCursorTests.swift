internal import Testing
internal import Scoring
internal import Tabular
internal import TreeFormats

/// UBJSON as other writers than XGBoost's may write it: every count's and type's marker.
@Suite struct UBJSONTests {
    /// An XGBoost model of one leaf; `array` writes the tree's `split_conditions`, `key` an object's key.
    private func model(
        conditions: [UInt8], key: (String) -> [UInt8] = { [UInt8(ascii: "i"), UInt8($0.utf8.count)] + Array($0.utf8) }
    ) -> [UInt8] {
        func text(_ value: String) -> [UInt8] {
            Array("S".utf8) + [UInt8(ascii: "U"), UInt8(value.utf8.count)] + Array(value.utf8)
        }
        func object(_ members: (String, [UInt8])...) -> [UInt8] {
            Array("{".utf8) + members.flatMap { key($0.0) + $0.1 } + Array("}".utf8)
        }
        func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
        let zero = bytes("[#i\u{1}i\u{0}")
        let leaf = bytes("[$l#i\u{1}") + [0xff, 0xff, 0xff, 0xff]
        let tree = object(
            ("id", bytes("i\u{0}")), ("left_children", leaf), ("right_children", leaf), ("split_indices", zero),
            ("split_conditions", conditions), ("default_left", bytes("[T]")), ("tree_param", object(("num_nodes", text("1")))))
        let gbtree = object(
            ("name", text("gbtree")), ("model", object(("tree_info", zero), ("trees", bytes("[") + tree + bytes("]")))))
        let parameters = object(("base_score", text("0")), ("num_feature", text("1")))
        return object(
            (
                "learner",
                object(
                    ("learner_model_param", parameters), ("gradient_booster", gbtree),
                    ("objective", object(("name", text("reg:squarederror")))))
            ),
            (
                "skipped",
                bytes("[Z") + bytes("N") + bytes("F") + object(("x", bytes("[$U#i\u{2}ab"))) + bytes("{$i#i\u{1}i\u{1}a\u{5}]")
            ))
    }

    private func leafValue(_ bytes: [UInt8]) throws -> Double {
        guard case .forest(let forest, _, _)? = try GoldenFile.lower(bytes).program.steps.first else { return .nan }
        return forest.trees[0].values[0]
    }

    @Test func everyMarkerOfNumbersAndCountsIsRead() throws {
        let arrays: [[UInt8]] = [
            Array("[$d#i\u{1}".utf8) + [0x3f, 0xc0, 0, 0],
            Array("[$D#U\u{1}".utf8) + [0x3f, 0xf8, 0, 0, 0, 0, 0, 0],
            Array("[#I\u{0}\u{1}d".utf8) + [0x3f, 0xc0, 0, 0],
            Array("[#l\u{0}\u{0}\u{0}\u{1}D".utf8) + [0x3f, 0xf8, 0, 0, 0, 0, 0, 0],
            Array("[NNd".utf8) + [0x3f, 0xc0, 0, 0] + Array("N]".utf8),
        ]
        for array in arrays { #expect(try leafValue(model(conditions: array)) == 1.5) }
        #expect(try leafValue(model(conditions: Array("[$i#L\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{1}".utf8) + [0xfe])) == -2)
        #expect(try leafValue(model(conditions: Array("[I\u{1}\u{0}]".utf8))) == 256)
        #expect(try leafValue(model(conditions: Array("[U".utf8) + [0xff] + Array("]".utf8))) == 255)
    }

    @Test func announcedSizesBeyondTheFileAreRefused() {
        let huge: [UInt8] = [0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
        let arrays: [[UInt8]] = [
            Array("[$d#L".utf8) + huge, Array("[$l#L".utf8) + huge, Array("[#L".utf8) + huge,
            Array("[$U#l".utf8) + [0x7f, 0xff, 0xff, 0xff],
            Array("[$Z#L".utf8) + huge, Array("[$T#L".utf8) + huge, Array("[$N#i\u{1}".utf8), Array("[$d#i".utf8) + [0xff],
            Array("[$d".utf8), Array("[$d#d".utf8) + [0, 0, 0, 0],
        ]
        for array in arrays {
            #expect {
                try leafValue(model(conditions: array))
            } throws: { error in
                guard case .invalidModel(_, let place) = error as? ScoringError else { return false }
                return place.contains("trees[0].split_conditions")
            }
        }
        #expect(throws: ScoringError.self) {
            try leafValue(model(conditions: [], key: { _ in [UInt8(ascii: "L")] + huge + Array("learner".utf8) }))
        }
    }

    @Test func everyTruncationIsRefused() throws {
        let bytes = model(conditions: Array("[$d#i\u{1}".utf8) + [0x3f, 0xc0, 0, 0])
        for length in 10..<bytes.count {
            #expect(throws: ScoringError.self, "the first \(length) bytes are read") {
                try GoldenFile.lower(Array(bytes.prefix(length)))
            }
        }
    }

    @Test func deepNestingIsRefused() {
        let nested = Array(repeating: UInt8(ascii: "["), count: 100_000)
        #expect(throws: ScoringError.self) { try GoldenFile.lower(Array("{i\u{7}learner".utf8) + nested) }
        #expect {
            try GoldenFile.lower(Array("{i\u{7}version[]i\u{7}learner{i\u{1}x".utf8) + nested)
        } throws: { error in
            "\(error as? ScoringError)".contains("nested too deeply")
        }
        let objects = Array(String(repeating: "{\"a\":", count: 100_000).utf8)
        #expect(throws: ScoringError.self) { try GoldenFile.lower(Array("{\"learner\":".utf8) + objects) }
    }

    @Test func duplicateKeysAndInvalidTextAreRefused() {
        #expect {
            try GoldenFile.lower(Array("{i\u{7}learner{}i\u{7}learner{}}".utf8))
        } throws: { error in
            "\(error as? ScoringError)".contains("duplicate key")
        }
        #expect {
            try GoldenFile.lower(Array("{i\u{7}learner{i\u{1}".utf8) + [0xff] + Array("Z}}".utf8))
        } throws: { error in
            "\(error as? ScoringError)".contains("UTF-8")
        }
    }
}
