internal import Foundation
internal import ONNX
internal import Scoring
internal import Testing

/// Graphs in which a row decides how much is computed, or may end the process, do not reach ONNX Runtime.
@Suite struct RowControlTests {
    private typealias M = ModelBytes

    struct Listed: Sendable, CustomTestStringConvertible {
        var domain: String
        var operation: String
        var operand: ControlOperand
        var testDescription: String { "\(domain) \(operation) \(operand.name)" }
    }

    private static func listed(_ domain: String, _ table: [String: [ControlOperand]]) -> [Listed] {
        table.sorted { $0.key < $1.key }.flatMap { entry in
            entry.value.map { Listed(domain: domain, operation: entry.key, operand: $0) }
        }
    }

    private static let table =
        listed("", ControlOperand.standard) + listed("com.microsoft", ControlOperand.microsoft)

    private static func constant(_ name: String, _ integers: [Int], type: Int = 7, dims: [Int] = []) -> [UInt8] {
        let data = integers.flatMap { M.field(type == 7 ? 7 : 5, $0) }
        return M.field(5, dims.flatMap { M.field(1, $0) } + M.field(2, type) + M.field(8, name) + data)
    }

    /// What is said of a graph; empty where it is taken.
    private static func refusal(
        _ content: [UInt8], more: [UInt8] = [], domains: [String] = [], sizesFromRows: Bool = false, rowsTogether: Bool = true
    )
        -> String
    {
        do throws(ScoringError) {
            _ = try RowControl(
                ofFile: M.model(M.graph(content), more: more, domains: domains), sizesFromRows: sizesFromRows,
                rowsTogether: rowsTogether)
            return ""
        } catch {
            if case .unsupportedModel(let message) = error { return message }
            return "an unexpected kind of error: \(error)"
        }
    }

    private static let cast = M.node("Cast", ["X"], ["i"], more: M.attribute("to", 2, M.field(3, 7)))

    /// A node of a listed operator whose operand is `name`, all others constants.
    private static func node(_ listed: Listed, _ name: String, field: Int = 1) -> [UInt8] {
        let inputs = (0...max(listed.operand.position, 2)).map { $0 == listed.operand.position ? name : "c" }
        return M.node(listed.operation, inputs, ["Z"], domain: listed.domain, field: field)
    }

    @Test(arguments: table)
    func operandsThatDecideSizesDoNotComeFromRows(_ listed: Listed) {
        let constants = Self.constant("c", [1])
        let fromRow = Self.refusal(constants + Self.cast + Self.node(listed, "i"))
        #expect(
            fromRow.contains("\(listed.operation) 'n_Z' takes its \(listed.operand.name) from the values of a row"), "\(fromRow)")
        let fromShape = M.node("Shape", ["i"], ["s"]) + Self.node(listed, "s")
        #expect(Self.refusal(constants + Self.cast + fromShape) == "")
        #expect(Self.refusal(constants + Self.cast + Self.node(listed, "c")) == "")
        let trusted = Self.refusal(constants + Self.cast + Self.node(listed, "i"), sizesFromRows: true)
        #expect((trusted == "") == (listed.operand.consequence == .unbounded), "\(trusted)")
        let bounds = Self.constant("least", [0]) + Self.constant("most", [1_000])
        let clipped = M.node("Clip", ["i", "least", "most"], ["b"]) + Self.node(listed, "b")
        #expect((Self.refusal(constants + bounds + Self.cast + clipped) == "") == (listed.operand.most != nil))
    }

    @Test(arguments: table)
    func rowsAreFollowedIntoBranchesAndFunctions(_ listed: Listed) {
        let reason = "takes its \(listed.operand.name) from the values of a row"
        let branch = Self.node(listed, "i") + M.info(12, "Z", [nil])
        let branches = ["then_branch", "else_branch"].map { M.attribute($0, 5, M.field(6, branch)) }.flatMap { $0 }
        let inside =
            Self.constant("c", [1]) + Self.constant("yes", [1], type: 9) + Self.cast
            + M.node("If", ["yes"], ["Z"], more: branches)
        #expect(Self.refusal(inside).contains(reason))
        let function = M.field(
            25,
            M.field(1, "F") + M.field(4, "i") + M.field(4, "c") + M.field(5, "Z") + Self.node(listed, "i", field: 7)
                + M.field(10, "own") + M.field(9, M.field(2, 17)))
        let call = { (name: String) in M.node("F", [name, "c"], ["Z"], domain: "own") }
        let constants = Self.constant("c", [1])
        #expect(Self.refusal(constants + Self.cast + call("i"), more: function, domains: ["own"]).contains(reason))
        #expect(Self.refusal(constants + Self.cast + call("c"), more: function, domains: ["own"]) == "")
    }

    @Test func whatARowDecidesIsFromTheRow() {
        let branch = { (name: String) in M.node("Identity", [name], ["b"]) + M.info(12, "b", [nil]) }
        let branches =
            M.attribute("then_branch", 5, M.field(6, branch("c"))) + M.attribute("else_branch", 5, M.field(6, branch("c")))
        let bool = M.node("Cast", ["X"], ["is"], more: M.attribute("to", 2, M.field(3, 9)))
        let chosen = Self.constant("c", [1]) + bool + M.node("If", ["is"], ["n"], more: branches)
        #expect(Self.refusal(chosen + M.node("ConstantOfShape", ["n"], ["Z"])).contains("takes its shape"))
    }

    /// A loop whose body is `while`: its condition is handed on as `next` makes it.
    private static func loop(_ turns: String, _ condition: String, next: [UInt8]) -> [UInt8] {
        let inputs = M.info(11, "turn", []) + M.info(11, "on", []) + M.info(11, "v", [nil, 2])
        let body = inputs + next + M.node("Identity", ["v"], ["w"]) + M.info(12, "go_on", []) + M.info(12, "w", [nil, 2])
        return M.node("Loop", [turns, condition, "X"], ["Z"], more: M.attribute("body", 5, M.field(6, body)))
    }

    @Test func loopsTurnAsOftenAsConstantsAndShapesSay() {
        let constants =
            Self.constant("yes", [1], type: 9) + Self.constant("few", [100]) + Self.constant("many", [Int.max])
            + Self.cast + M.node("Cast", ["X"], ["is"], more: M.attribute("to", 2, M.field(3, 9)))
            + M.node("Size", ["X"], ["size"])
        let same = M.node("Identity", ["on"], ["go_on"])
        let row = M.node("Cast", ["v"], ["go_on"], more: M.attribute("to", 2, M.field(3, 9)))
        for turns in ["few", "many", "size"] { #expect(Self.refusal(constants + Self.loop(turns, "yes", next: same)) == "") }
        #expect(Self.refusal(constants + Self.loop("i", "yes", next: same)).contains("Loop 'n_Z' takes its number of turns"))
        let bounds = Self.constant("least", [0])
        let clipped = bounds + M.node("Clip", ["i", "least", "few"], ["b"]) + Self.loop("b", "yes", next: same)
        #expect(Self.refusal(constants + clipped) == "")
        for condition in ["is", "yes"] {
            for turns in ["", "many"] {
                let refused = Self.refusal(constants + Self.loop(turns, condition, next: row))
                #expect(refused.contains("takes its condition from the values of a row") && refused.contains("never end"))
                #expect(Self.refusal(constants + Self.loop(turns, condition, next: row), sizesFromRows: true) == "")
            }
            for turns in ["few", "size"] { #expect(Self.refusal(constants + Self.loop(turns, condition, next: row)) == "") }
        }
        #expect(Self.refusal(constants + Self.loop("", "is", next: same)).contains("takes its condition"))
    }

    /// The value that a loop hands on is from a row only after its second turn.
    @Test func whatALoopHandsOnIsFollowed() {
        let inputs = M.info(11, "turn", []) + M.info(11, "on", []) + M.info(11, "v", []) + M.info(11, "u", [])
        let body =
            inputs + M.node("Identity", ["on"], ["go_on"]) + M.node("Identity", ["u"], ["v2"]) + M.node("Identity", ["i"], ["u2"])
            + M.node("ConstantOfShape", ["v"], ["t"]) + M.info(12, "go_on", []) + M.info(12, "v2", []) + M.info(12, "u2", [])
        let constants = Self.constant("yes", [1], type: 9) + Self.constant("few", [3]) + Self.cast
        let loop = M.node("Loop", ["few", "yes", "few", "few"], ["Z", "q"], more: M.attribute("body", 5, M.field(6, body)))
        #expect(Self.refusal(constants + loop).contains("ConstantOfShape 'n_t' takes its shape"))
    }

    @Test(arguments: ["StringSplit", "Tokenizer"]) func textsAreSplitWhereRowsAreAlone(_ operation: String) {
        let node = M.node(operation, ["X"], ["Z"], domain: operation == "Tokenizer" ? "com.microsoft" : "")
        #expect(Self.refusal(node).contains("takes its texts"))
        #expect(Self.refusal(node, rowsTogether: false) == "")
    }

    // MARK: Values without elements

    private static let some = M.node("NonZero", ["X"], ["found"]) + constant("one", [1], dims: [1])

    @Test func whatARowMayLeaveEmptyDoesNotReachOperatorsThatEndTheProcessWithIt() {
        let fatal = [
            M.node("TopK", ["found", "one"], ["Z"]), M.node("Transpose", ["found"], ["t"]) + M.node("TopK", ["t", "one"], ["Z"]),
            M.node("LpNormalization", ["found"], ["Z"]), M.node("LSTM", ["found", "one", "one"], ["Z"]),
            M.node("LSTM", ["X", "found", "one"], ["Z"]), M.node("InstanceNormalization", ["found", "one", "one"], ["Z"]),
            M.node("ConvTranspose", ["found", "one"], ["Z"]), M.node("GridSample", ["found", "one"], ["Z"]),
            M.node("RoiAlign", ["found", "one", "one"], ["Z"], more: M.attribute("sampling_ratio", 2, M.field(3, 2))),
            M.node("FeatureVectorizer", ["X", "found"], ["Z"], domain: "ai.onnx.ml"),
            M.node("SequenceAt", ["X", "found"], ["Z"]), M.node("SequenceInsert", ["X", "X", "found"], ["Z"]),
            M.node("Unique", ["found"], ["Z"], more: M.attribute("axis", 2, M.field(3, 0))),
            M.node("StringSplit", ["X"], ["t"], more: M.attribute("maxsplit", 2, M.field(3, 3)))
                + M.node("Cast", ["t"], ["n"], more: M.attribute("to", 2, M.field(3, 1)))
                + M.node("LpNormalization", ["n"], ["Z"]),
            // What is not known to survive it.
            M.node("QuantizeLinear", ["found", "one"], ["Z"]), M.node("Own", ["found"], ["Z"], domain: "own"),
            M.node("Shape", ["found"], ["s"]) + M.node("ConstantOfShape", ["s"], ["t"]) + M.node("TopK", ["t", "one"], ["Z"]),
            cast(M.node("Slice", ["one", "i", "one"], ["t"])) + M.node("TopK", ["t", "one"], ["Z"]),
            cast(M.node("Compress", ["one", "i"], ["t"])) + M.node("TopK", ["t", "one"], ["Z"]),
        ]
        for content in fatal {
            let said = Self.refusal(Self.some + content)
            #expect(said.contains("a row decides whether") && said.contains("has elements"), "\(said)")
        }
        let harmless = [
            M.node("TopK", ["X", "one"], ["Z"]), M.node("Gather", ["one", "found"], ["Z"]),
            M.node("Unique", ["found"], ["Z"]),
            M.node("ScatterND", ["X", "found", "one"], ["t"]) + M.node("TopK", ["t", "one"], ["Z"]),
            M.node("Slice", ["X", "one", "one"], ["t"]) + M.node("TopK", ["t", "one"], ["Z"]),
        ]
        for content in harmless { #expect(Self.refusal(Self.some + content) == "") }
    }

    private func cast(_ more: [UInt8]) -> [UInt8] { Self.cast + more }

    // MARK: Divisions

    private static func guardCount(_ content: [UInt8]) throws -> Int {
        let bytes = M.model(M.graph(content))
        let controlled = try RowControl(ofFile: bytes, sizesFromRows: false)
        let text = String(decoding: controlled.bytes, as: UTF8.self)
        #expect(text.contains("guarded_division_") || controlled.bytes == bytes)
        return text.components(separatedBy: "_divisor").count / 3
    }

    private static let int32 = M.node("Cast", ["X"], ["j"], more: M.attribute("to", 2, M.field(3, 6)))
    private static let outcome = M.node("Cast", ["q"], ["Z"], more: M.attribute("to", 2, M.field(3, 1)))

    @Test(arguments: ["i", "j"]) func divisionsOfIntegersAreGuarded(_ name: String) throws {
        let casts = Self.cast + Self.int32
        for operation in ["Div", "Mod"] {
            let node = M.node(operation, [name, name], ["q"])
            #expect(try Self.guardCount(casts + node + Self.outcome) == 1)
        }
        let real = M.node("Mod", [name, name], ["q"], more: M.attribute("fmod", 2, M.field(3, 1)))
        #expect(try Self.guardCount(casts + real + Self.outcome) == 0)
        #expect(try Self.guardCount(M.node("Div", ["X", "X"], ["Z"])) == 0)
    }

    @Test func divisorsThatAreNeverMinusOneNeedNoGuard() throws {
        for (values, count) in [([2], 0), ([2, 7], 0), ([-1], 1), ([-2, 3], 1), ([-3, -2], 0)] {
            let divisor = Self.constant("d", values, dims: [values.count])
            #expect(try Self.guardCount(divisor + Self.cast + M.node("Div", ["i", "d"], ["q"]) + Self.outcome) == count)
            let back = M.node("Reshape", ["d", "shape"], ["e"]) + M.node("Div", ["i", "e"], ["q"]) + Self.outcome
            #expect(try Self.guardCount(divisor + Self.constant("shape", [-1]) + Self.cast + back) == count)
        }
        let one = Self.constant("one", [1]) + Self.cast
        #expect(
            try Self.guardCount(one + M.node("Max", ["i", "one"], ["d"]) + M.node("Div", ["i", "d"], ["q"]) + Self.outcome) == 0)
        #expect(
            try Self.guardCount(one + M.node("Min", ["i", "one"], ["d"]) + M.node("Div", ["i", "d"], ["q"]) + Self.outcome) == 1)
        #expect(
            try Self.guardCount(Self.cast + M.node("Shape", ["X"], ["d"]) + M.node("Div", ["i", "d"], ["q"]) + Self.outcome) == 0)
    }

    @Test func divisionsThatCannotBeGuardedAreRefused() {
        let function = M.field(
            25,
            M.field(1, "F") + M.field(4, "a") + M.field(5, "b") + M.node("Div", ["a", "a"], ["b"], field: 7)
                + M.field(10, "own") + M.field(9, M.field(2, 17)))
        let call = M.node("F", ["i"], ["q"], domain: "own") + Self.outcome
        #expect(Self.refusal(Self.cast + call, more: function, domains: ["own"]).contains("inline_local_functions"))
        let real = M.node("F", ["X"], ["Z"], domain: "own")
        #expect(Self.refusal(real, more: function, domains: ["own"]) == "")
        let unknown = M.node("Magic", ["X"], ["m"], domain: "com.bank") + M.node("Div", ["m", "m"], ["Z"])
        #expect(Self.refusal(unknown, domains: ["com.bank"]).contains("is unknown; add it"))
        // The file declares that they are floats, and the library checks that.
        let declared = unknown + M.info(13, "m", [nil, 2])
        #expect(Self.refusal(declared, domains: ["com.bank"]) == "")
    }

    @Test func whatMayDivideByZeroIsTold() throws {
        let divisor = Self.cast + M.node("Div", ["i", "i"], ["q"]) + Self.outcome
        let controlled = try RowControl(ofFile: M.model(M.graph(divisor)), sizesFromRows: false)
        #expect(controlled.zeroDivision == "Div 'n_q'")
        let constant = Self.constant("d", [7]) + Self.cast + M.node("Div", ["i", "d"], ["q"]) + Self.outcome
        #expect(try RowControl(ofFile: M.model(M.graph(constant)), sizesFromRows: false).zeroDivision == nil)
    }

    // MARK: Models

    /// No model that was made by a library of machine learning is refused or changed.
    @Test func modelsOfTheGoldensAreTakenAsTheyAre() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "GoldenTests")
        var seen = 0
        let files = try #require(FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil))
        for case let file as URL in files where file.pathExtension == "onnx" {
            let bytes = [UInt8](try Data(contentsOf: file))
            #expect(try RowControl(ofFile: bytes, sizesFromRows: false).bytes == bytes, "\(file.lastPathComponent)")
            seen += 1
        }
        #expect(seen > 100)
    }
}
