internal import ONNX
internal import Scoring
internal import Testing

/// What must not reach ONNX Runtime, what it refuses itself, and graphs that do not score rows.
@Suite struct RuntimeRefusalTests {
    private typealias M = ModelBytes

    private func error(_ model: [UInt8]) -> String {
        do throws(ScoringError) {
            _ = try RuntimeGolden.load(model)
            return ""
        } catch {
            switch error {
            case .invalidModel, .unsupportedModel: return "\(error)"
            default: return "an unexpected kind of error: \(error)"
            }
        }
    }

    private func expect(_ model: [UInt8], _ reason: String, _ location: SourceLocation = #_sourceLocation) {
        let message = error(model)
        #expect(message.contains(reason), "\(message)", sourceLocation: location)
        #expect(!message.contains("unexpected kind"), sourceLocation: location)
    }

    private let identity = ModelBytes.node("Identity", ["X"], ["Z"])
    /// X + c.
    private let sum = ModelBytes.node("Add", ["X", "c"], ["Z"])

    @Test func aSoundGraphIsTaken() {
        #expect(error(M.model(M.graph(identity))) == "")
        let sound = M.tensor("c", dims: [2], M.field(9, [UInt8](repeating: 0, count: 8)))
        #expect(error(M.model(M.graph(sum + M.field(5, sound)))) == "")
    }

    @Test(arguments: ["/etc/passwd", "weights.bin", "../weights.bin", "*/_ORT_MEM_ADDR_/*"])
    func tensorsInOtherFilesAreRefusedWhereverTheyAre(_ location: String) {
        let external = M.external("c", location)
        let reason = "tensor 'c' lies in another file"
        expect(M.model(M.graph(sum + M.field(5, external))), reason)
        let constant = M.node("Constant", [], ["c"], more: M.attribute("value", 4, M.field(5, external)))
        expect(M.model(M.graph(constant + sum)), reason)
        let list = M.node("Identity", ["X"], ["Z"], more: M.attribute("list", 9, M.field(10, external)))
        expect(M.model(M.graph(list)), reason)
        let branch = M.field(5, external) + M.node("Identity", ["c"], ["b"]) + M.info(12, "b", [2])
        let inside = M.node("If", ["yes"], ["Z"], more: M.attribute("then_branch", 5, M.field(6, branch)))
        expect(M.model(M.graph(inside)), reason)
        let several = M.node("If", ["yes"], ["Z"], more: M.attribute("branches", 10, M.field(11, branch)))
        expect(M.model(M.graph(several)), reason)
        expect(M.model(M.graph(sum + M.field(15, M.field(1, external)))), reason)
        let function =
            M.field(1, "F") + M.field(10, "own")
            + M.node("Constant", [], ["y"], field: 7, more: M.attribute("value", 4, M.field(5, external)))
        expect(M.model(M.graph(identity), more: M.field(25, function), domains: ["own"]), reason)
        expect(M.model(M.graph(identity), more: M.field(20, M.field(1, M.field(5, external)))), reason)
    }

    @Test func partsThatReadersMayTakeDifferentlyAreRefused() {
        // A group, which some readers skip and others stop at, in front of what is to be hidden.
        let group: [UInt8] = [0x0b << 3 | 3] + M.field(1, 1) + [0x0b << 3 | 4]
        let hidden = M.field(5, group + M.external("c", "/etc/passwd"))
        expect(M.model(M.graph(sum + hidden)), "malformed")
        // A field's number beyond 29 bits, which some readers cut off.
        let number = M.varint((1 << 32) | (13 << 3 | 2)) + M.varint(2) + [0, 0]
        expect(M.model(M.graph(sum + M.field(5, M.tensor("c", dims: [2], number)))), "")
        #expect(error(M.model(M.graph(sum + M.field(5, M.tensor("c", dims: [2], number))))) != "")
    }

    @Test(arguments: [[1 << 40], [1 << 40, 1 << 40], [-1], [1_000_000_000], [3]])
    func tensorsThatAnnounceMoreThanTheyHoldAreRefused(_ dims: [Int]) {
        let tensor = M.tensor("c", dims: dims, M.field(9, [UInt8](repeating: 0, count: 8)))
        #expect(error(M.model(M.graph(sum + M.field(5, tensor)))) != "")
        let constant = M.node("Constant", [], ["c"], more: M.attribute("value", 4, M.field(5, tensor)))
        #expect(error(M.model(M.graph(constant + sum))) != "")
    }

    @Test func announcedSizesAreCheckedBeforeTheRuntimeSeesThem() {
        let tensor = M.tensor("c", dims: [1_000_000_000], M.field(9, [UInt8](repeating: 0, count: 8)))
        expect(M.model(M.graph(sum + M.field(5, tensor))), "8 bytes, but the dimensions announce 1000000000 elements")
        let packed = M.field(1, M.varint(1 << 35)) + M.field(2, 1) + M.field(8, "c") + M.field(9, [0, 0, 0, 0])
        expect(M.model(M.graph(sum + M.field(5, packed))), "announce")
    }

    @Test func cyclesAreRefused() {
        let cycle = M.node("Add", ["X", "Z"], ["a"]) + M.node("Identity", ["a"], ["Z"])
        #expect(error(M.model(M.graph(cycle))) != "")
    }

    @Test(arguments: [30, 99, 1000])
    func graphsInGraphsHaveABound(_ depth: Int) {
        var inner = M.node("Identity", ["X"], ["b"]) + M.info(12, "b", [nil, 2])
        for _ in 0..<depth {
            let branches = ["then_branch", "else_branch"].map { M.attribute($0, 5, M.field(6, inner)) }
            inner = M.node("If", ["yes"], ["b"], more: branches[0]) + M.info(12, "b", [nil, 2])
        }
        expect(M.model(M.graph(inner)), "nested more than 24 deep")
    }

    @Test func functionsThatCallThemselvesAreRefused() {
        func function(_ name: String, calls other: String) -> [UInt8] {
            M.field(
                25,
                M.field(1, name) + M.field(4, "x") + M.field(5, "y") + M.node(other, ["x"], ["y"], domain: "own", field: 7)
                    + M.field(9, M.field(1, "own") + M.field(2, 1)) + M.field(10, "own"))
        }
        let call = M.node("F", ["X"], ["Z"], domain: "own")
        expect(M.model(M.graph(call), more: function("F", calls: "F"), domains: ["own"]), "without end")
        let pair = function("F", calls: "G") + function("G", calls: "F")
        expect(M.model(M.graph(call), more: pair, domains: ["own"]), "without end")
    }

    /// Twelve functions, each of which calls the next fifteen times: 15^12 nodes once they are put in place.
    @Test func functionsThatGrowBeyondReasonAreRefusedBeforeTheLibrarySeesThem() {
        let functions = (0..<12).flatMap { level -> [UInt8] in
            let nodes = (0..<15).flatMap { call in
                M.node(
                    level == 11 ? "Identity" : "F\(level + 1)", [call == 0 ? "x" : "t\(call - 1)"],
                    [call == 14 ? "y" : "t\(call)"], domain: level == 11 ? "" : "own", field: 7)
            }
            return M.field(
                25,
                M.field(1, "F\(level)") + M.field(4, "x") + M.field(5, "y") + nodes
                    + M.field(9, M.field(1, "own") + M.field(2, 1)) + M.field(10, "own"))
        }
        let call = M.node("F0", ["X"], ["Z"], domain: "own")
        expect(M.model(M.graph(call), more: functions, domains: ["own"]), "more than 1000000 nodes")
    }

    @Test func operatorsThatNobodyKnowsAreNamed() {
        let magic = M.node("Magic", ["X"], ["Z"], domain: "com.bank")
        expect(M.model(M.graph(magic), domains: ["com.bank"]), "Magic")
        expect(M.model(M.graph(M.node("Magic", ["X"], ["Z"]))), "Magic")
    }

    @Test func graphsThatDoNotScoreRowsAreRefused() {
        expect(M.model(M.graph(identity, output: [16, 2], input: [16, 2])), "takes 16 rows at a time")
        let axes = M.attribute("axes", 7, M.field(8, 0)) + M.attribute("keepdims", 2, M.field(3, 1))
        let mean = M.node("ReduceMean", ["X"], ["Z"], more: axes)
        expect(M.model(M.graph(mean, output: [1, 2])), "'Z' has the dimensions [1, 2] for 2 rows")
        expect(M.model(M.graph(mean, output: [nil, 2])), "'Z' has the dimensions [1, 2] for 2 rows")
        // The same where the file does not say so: two rows show it.
        let silent = mean + M.field(2, "g") + M.info(11, "X", [nil, nil]) + M.field(12, M.field(1, "Z"))
        expect(M.model(silent), "does not say how many features")
        let transposed = M.node("Transpose", ["X"], ["Z"])
        expect(M.model(M.graph(transposed, output: [2, nil])), "'Z' has the dimensions [2, 1] for 1 rows")
    }

    /// What converters declare is not always what a graph gives: onnxmltools declares one row for the label of LightGBM models.
    @Test func aRunIsBelievedOverTheDeclaredShape() throws {
        let constant = M.tensor("c", dims: [2], M.field(9, [UInt8](repeating: 0, count: 4) + [0, 0, 0x80, 0x3f]))
        let graph = sum + M.field(5, constant)
        for declared in [[1], [1, 2], [1, 1], [nil, 1], [nil, nil, 2]] as [[Int?]] {
            let model = try RuntimeGolden.load(M.model(M.graph(graph, output: declared, input: [nil, 2])))
            #expect(model.signature.outputs.count == 2)
            let batch = FeatureBatch()
            batch.reset(width: 2)
            for row in 0..<3 {
                _ = batch.addRow()
                for column in 0..<2 { batch.set(Double(10 * row + column), row: row, column: column) }
            }
            let scores = ScoreBatch()
            try model.score(batch, into: scores, ScoreCall(deadline: nil, workspace: Workspace()))
            #expect((0..<3).map { scores[$0, 1] } == [2, 12, 22])
        }
    }

    private func classifier(strings: [String] = [], integers: [Int] = [], packed: Bool = false) -> [UInt8] {
        func list(_ name: String, _ values: [Int]) -> [UInt8] {
            M.attribute(
                name, 7, packed ? M.field(8, values.flatMap { M.varint($0) }) : values.flatMap { M.field(8, $0) })
        }
        func floats(_ name: String, _ bits: [Int]) -> [UInt8] {
            M.attribute(
                name, 6, M.field(7, bits.flatMap { bits in (0..<4).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) } }))
        }
        let half = 0x3f00_0000
        var more = M.attribute("nodes_modes", 8, ["BRANCH_LEQ", "LEAF", "LEAF"].flatMap { M.field(9, $0) })
        more += list("nodes_treeids", [0, 0, 0]) + list("nodes_nodeids", [0, 1, 2]) + list("nodes_featureids", [0, 0, 0])
        more += list("nodes_truenodeids", [1, 0, 0]) + list("nodes_falsenodeids", [2, 0, 0])
        more += floats("nodes_values", [half, 0, 0]) + floats("class_weights", [half, half])
        more += list("class_treeids", [0, 0]) + list("class_nodeids", [1, 2]) + list("class_ids", [0, 0])
        if !strings.isEmpty { more += M.attribute("classlabels_strings", 8, strings.flatMap { M.field(9, $0) }) }
        if !integers.isEmpty { more += list("classlabels_int64s", integers) }
        return M.node("TreeEnsembleClassifier", ["X"], ["L", "Z"], domain: "ai.onnx.ml", more: more)
    }

    /// ONNX Runtime 1.28.0 ends the process when such a model is run.
    @Test func treeClassifiersOfOneClassNeverReachTheLibrary() throws {
        let reason = "'n_L' has one class label"
        #expect(error(M.model(M.graph(classifier(strings: ["no", "yes"])))) == "")
        let models = [
            classifier(strings: ["ok"]), classifier(integers: [7]), classifier(integers: [300], packed: true),
            classifier(strings: ["ok"], integers: [1, 2]),
        ]
        for node in models {
            expect(M.model(M.graph(node)), reason)
            let branch = node + M.info(12, "Z", [nil, 2])
            expect(
                M.model(M.graph(M.node("If", ["yes"], ["Z"], more: M.attribute("then_branch", 5, M.field(6, branch))))), reason)
            for engine in [LoadOptions.Engine.automatic, .native] {
                var options = LoadOptions()
                options.engine = engine
                let artifact = ModelArtifact.file(name: "model.onnx", bytes: M.model(M.graph(node)))
                do throws(ScoringError) {
                    _ = try ONNXFormat(runtime: RuntimeLocation(path: "/nowhere")).load(artifact, options: options)
                    Issue.record("a tree classifier of one class was loaded")
                } catch {
                    #expect("\(error)".contains("one class label"), "\(error)")
                }
            }
        }
    }

    @Test func namesOfModelYAMLSettleHowManyFeaturesThereAre() throws {
        let bytes = M.model(M.graph(identity, output: [nil, nil], input: [nil, nil]))
        expect(bytes, "does not say how many features it has")
        let model = try RuntimeGolden.load(bytes) { $0.inputs = ["a", "b", "c"] }
        #expect(model.signature.inputs.map(\.name) == ["a", "b", "c"])
        #expect(model.signature.outputs.count == 3)
    }
}
