internal import Registry
internal import Scoring
internal import Testing

@Suite struct LoadContentTests {
    private let digest: [UInt8] = [0xab, 0xcd]

    private func bytes(_ change: (inout LoadOptions) -> Void = { _ in }) -> [UInt8] {
        var options = LoadOptions()
        change(&options)
        return LoadContent.bytes(digest: digest, options: options)
    }

    private func number(_ value: UInt8) -> [UInt8] { [value, 0, 0, 0, 0, 0, 0, 0] }

    /// Processes of different builds must write these very bytes: change them only together with the version.
    @Test func theBytesAreThese() {
        let start = [2] + number(2) + digest
        let runtime = [0] + number(1) + [0, 1, 0]
        #expect(bytes() == start + number(0) + number(0) + [0, 0] + runtime + [0, 0])
        let changed = bytes {
            $0.inputs = ["a"]
            $0.classes = ["no", "yes"]
            $0.iterations = .first(7)
            $0.engine = .onnxruntime
            $0.runtime.optimization = .none
            $0.runtime.threads = 4
            $0.runtime.execution = .parallel
            $0.runtime.arena = false
            $0.runtime.optimizedModelCache = "/c"
            $0.rowsTogether = true
            $0.describesWithoutLibrary = true
        }
        let names = number(1) + number(1) + [0x61] + number(2) + number(2) + Array("no".utf8) + number(3) + Array("yes".utf8)
        #expect(
            changed == start + names + [3] + number(7) + [2] + [3] + number(4) + [1, 0, 1] + number(2) + Array("/c".utf8) + [
                1, 1,
            ])
    }

    @Test func everyOptionIsPartOfTheBytes() {
        let all: [[UInt8]] = [
            bytes(), bytes { $0.inputs = ["ab"] }, bytes { $0.inputs = ["a", "b"] }, bytes { $0.classes = ["ab"] },
            bytes { $0.iterations = .all }, bytes { $0.iterations = .best }, bytes { $0.iterations = .first(0) },
            bytes { $0.iterations = .first(1) }, bytes { $0.engine = .native }, bytes { $0.engine = .onnxruntime },
            bytes { $0.runtime.optimization = .extended }, bytes { $0.runtime.optimization = .basic },
            bytes { $0.runtime.optimization = .none }, bytes { $0.runtime.threads = 2 },
            bytes { $0.runtime.execution = .parallel }, bytes { $0.runtime.arena = false },
            bytes { $0.runtime.optimizedModelCache = "" }, bytes { $0.runtime.optimizedModelCache = "x" },
            bytes { $0.rowsTogether = true }, bytes { $0.describesWithoutLibrary = true },
            LoadContent.bytes(digest: [0xab], options: LoadOptions()),
        ]
        #expect(Set(all).count == all.count)
        // An option that is added must be written, too.
        let fields = Mirror(reflecting: LoadOptions()).children.compactMap(\.label)
        #expect(
            fields == ["inputs", "classes", "iterations", "engine", "runtime", "rowsTogether", "describesWithoutLibrary"])
        let runtime = Mirror(reflecting: LoadOptions.Runtime()).children.compactMap(\.label)
        #expect(runtime == ["optimization", "threads", "execution", "arena", "optimizedModelCache"])
    }

    @Test func aFileWithoutADigestHasNone() {
        #expect(LoadContent.bytes(digest: [], options: LoadOptions()).isEmpty)
    }
}
