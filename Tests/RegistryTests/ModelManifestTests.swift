internal import Decisions
internal import Registry
internal import Scoring
internal import Testing

/// model.yaml: what it may say, and how it is refused.
@Suite struct ModelManifestTests {
    /// Whatever is done to a file, it is read or refused with a sentence about model.yaml.
    @Test func mutatedFilesAreReadOrRefused() {
        let sample = Array(
            """
            inputs: [amount, "country", age]
            score: probability(1)
            policy: { block: 0.8, review: 0.5, when: above }
            unknownFeatures: ignore
            versions:
              serve: [2, 3]
            iterations: best
            engine: onnxruntime
            onnxruntime: { optimization: basic, threads: 4, execution: parallel, arena: false, optimizedModelCache: /var/cache/verdict }
            golden: { tolerance: 1e-6 }
            """.utf8)
        let pieces = [
            "{", "[", "]", "&a", "*a", ": ", "- ", "\n", "'", "\"", "!!int ", "9999999999999999999", "\u{0}", "\u{fffd}", "#",
            "|",
        ]
        var state: UInt64 = 1
        func random(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(limit))
        }
        for _ in 0..<10_000 {
            var bytes = sample
            for _ in 0...random(4) where !bytes.isEmpty {
                let place = random(bytes.count)
                switch random(4) {
                case 0: bytes[place] = UInt8(random(256))
                case 1: bytes.insert(contentsOf: Array(pieces[random(pieces.count)].utf8), at: place)
                case 2: bytes.removeSubrange(place..<min(bytes.count, place + random(20)))
                default: bytes.replaceSubrange(place..<place, with: sample[random(sample.count)...].prefix(random(30)))
                }
            }
            do throws(ScoringError) {
                _ = try ModelManifest(parsing: bytes)
            } catch {
                guard case .refusedModel(let message) = error, message.hasPrefix("model.yaml: ") else {
                    Issue.record("\(error) for \(String(decoding: bytes, as: UTF8.self))")
                    continue
                }
            }
        }
    }

    @Test func everyKeyIsRead() throws {
        let manifest = try parse(
            """
            inputs: [amount, country]
            score: probability(1)
            policy: { block: 0.8, review: 0.5 }
            unknownFeatures: ignore
            classes: [no, 1]
            versions: { serve: [2, 10] }
            iterations: best
            engine: onnxruntime
            onnxruntime:
              { optimization: basic, threads: 4, execution: parallel, arena: false, optimizedModelCache: /var/cache/verdict,
                sizesFromRows: true }
            golden: { tolerance: 1e-4 }
            """)
        #expect(manifest.inputs == ["amount", "country"])
        #expect(manifest.score == "probability(1)")
        #expect(manifest.policy == (try ThresholdPolicy(block: 0.8, review: 0.5)))
        #expect(manifest.ignoresUnknownFeatures)
        #expect(manifest.servedVersions == [try version(2), try version(10)])
        #expect(manifest.iterations == .best)
        #expect(manifest.goldenTolerance.relative == 1e-4)
        #expect(manifest.loadOptions.inputs == ["amount", "country"] && manifest.loadOptions.classes == ["no", "1"])
        #expect(manifest.loadOptions.iterations == .best)
        #expect(manifest.loadOptions.engine == .onnxruntime)
        let runtime = manifest.loadOptions.runtime
        #expect(runtime.optimization == .basic && runtime.threads == 4 && runtime.execution == .parallel && !runtime.arena)
        #expect(runtime.optimizedModelCache == "/var/cache/verdict" && runtime.sizesFromRows)
    }

    @Test func anEmptyFileIsEveryDefault() throws {
        #expect(try parse("") == ModelManifest())
        #expect(try parse("# nothing yet\n") == ModelManifest())
        let manifest = ModelManifest()
        #expect(manifest.inputs.isEmpty && manifest.score == nil && manifest.policy == nil && manifest.servedVersions == nil)
        #expect(!manifest.ignoresUnknownFeatures && manifest.iterations == .asTrained)
        #expect(manifest.goldenTolerance == GoldenTolerance())
    }

    @Test(arguments: [("all", LoadOptions.Iterations.all), ("best", .best), ("asTrained", .asTrained), ("120", .first(120))])
    func iterationsAreWordsOrACount(text: String, iterations: LoadOptions.Iterations) throws {
        #expect(try parse("iterations: \(text)").iterations == iterations)
    }

    @Test func scorecardsDecideBelow() throws {
        let policy = try parse("policy: { block: 450, review: 520, when: below }").policy
        #expect(policy?.risk == .below)
        #expect(policy?.decision(for: 400) == .block)
    }

    @Test(arguments: [
        ("polcy: {}", "line 1: unknown key 'polcy', did you mean 'policy'?"),
        ("policy: { blok: 1 }", "unknown key 'policy.blok', did you mean 'block'?"),
        ("a: 1\npolicy: { block: 0.8 }", "unknown key 'a', the known keys are inputs, classes, score, policy"),
        ("http: { port: 1 }", "line 1: unknown key 'http': it belongs into the server's own file (--config)"),
        ("limits: { drain: 5s }", "unknown key 'limits.drain': it belongs into the server's own file (--config)"),
        ("cache: { maxBytes: 1 }", "unknown key 'cache.maxBytes': it belongs into the server's own file (--config)"),
        ("onnxruntime: /opt/ort", "onnxruntime must be a mapping; the path of the library belongs into the server's own file"),
        ("policy: 0.8", "policy must be a mapping"),
        ("policy: { block: high }", "policy.block must be a number, not 'high'"),
        ("policy: {}", "policy needs a threshold"),
        ("policy: { block: 0.5, review: 0.8 }", "policy.review (0.8) lies beyond policy.block (0.5)"),
        ("policy: { block: 0.5, when: over }", "policy.when must be one of above, below"),
        ("inputs: amount", "inputs must be a list"),
        ("inputs: []", "inputs must name at least one input"),
        ("inputs: [a, b, a]", "inputs[2] names 'a' a second time"),
        ("inputs: [a, [b]]", "inputs[1] must be text, not a list"),
        ("classes: fraud", "classes must be a list"),
        ("classes: []", "classes must name at least one class"),
        ("classes: [fraud]", "classes must name every class: a classifier has at least two"),
        ("classes: [ok, ok]", "classes[1] names 'ok' a second time"),
        ("score: [a]", "score must be text"),
        ("unknownFeatures: drop", "unknownFeatures must be one of ignore, refuse"),
        ("versions: { serve: [v2] }", "versions.serve[0] must be a version"),
        ("versions: { serve: [02] }", "versions.serve[0] must be a version"),
        ("versions: { serve: [0] }", "versions.serve[0] must be a version"),
        ("versions: { serve: [] }", "versions.serve must name at least one version"),
        ("versions: { serve: 2 }", "versions.serve must be a list"),
        ("iterations: some", "iterations must be all, best, asTrained or the number"),
        ("iterations: 0", "iterations must be all, best, asTrained or the number"),
        ("engine: tensorrt", "engine must be one of native, onnxruntime"),
        ("engine: automatic", "engine must be one of native, onnxruntime"),
        ("onnxruntime: { threads: 0 }", "onnxruntime.threads must be between 1 and 256"),
        ("onnxruntime: { optimisation: all }", "unknown key 'onnxruntime.optimisation', did you mean 'optimization'?"),
        ("onnxruntime: { optimization: most }", "onnxruntime.optimization must be one of all, extended, basic, none"),
        ("onnxruntime: { execution: fast }", "onnxruntime.execution must be one of sequential, parallel"),
        ("onnxruntime: { arena: 1 }", "onnxruntime.arena must be true or false"),
        ("onnxruntime: { optimizedModelCache: cache }", "must be the absolute path of a folder"),
        ("engine: native\nonnxruntime: { threads: 2 }", "onnxruntime has no meaning where engine is native"),
        ("golden: { absoluteTolerance: -1 }", "golden.absoluteTolerance must be a finite number of at least 0"),
        ("golden: { absoluteTolerance: .inf }", "golden.absoluteTolerance must be a number"),
        ("golden: { tolerance: -1 }", "golden.tolerance must be at least 0 and below 1"),
        ("golden: { tolerance: 1e-6, rows: 3 }", "unknown key 'golden.rows'"),
    ])
    func whatItDoesNotSayRightIsRefusedWithItsPlace(text: String, reason: String) throws {
        let error = try #require(throws: ScoringError.self) { try parse(text) }
        #expect(error.description.contains(reason), "\(error)")
        #expect(error.description.hasPrefix("model.yaml: line "))
    }

    @Test func onlyTheVersionsServedMayDifferForAnswersToBeAlike() throws {
        let manifest = try parse("policy: { block: 0.8 }\nversions: { serve: [1] }")
        #expect(manifest.answersLike(try parse("policy: { block: 0.8 }\nversions: { serve: [2] }")))
        #expect(manifest.answersLike(try parse("policy: { block: 0.8 }")))
        #expect(!manifest.answersLike(try parse("policy: { block: 0.9 }\nversions: { serve: [1] }")))
    }

    private func parse(_ text: String) throws -> ModelManifest { try ModelManifest(parsing: Array(text.utf8)) }
}
