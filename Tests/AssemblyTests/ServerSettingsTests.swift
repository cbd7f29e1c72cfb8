internal import Assembly
internal import Caching
internal import HTTPFront
internal import Registry
internal import Scoring
internal import Testing

@Suite struct ServerSettingsTests {
    @Test func theFileSetsWhatItNames() throws {
        var settings = ServerSettings()
        try settings.apply(
            file: Array(
                "models: /srv/models\nhttp: { host: 0.0.0.0, port: 9000 }\nlimits: { maxBodyBytes: 1024, drain: 5s }\n".utf8),
            path: "verdict.yaml")
        #expect(settings.models == "/srv/models")
        #expect(settings.host == "0.0.0.0" && settings.port == 9000)
        #expect(settings.limits.maxBodyBytes == 1024 && settings.limits.drain == .seconds(5))
        #expect(settings.limits.idleTimeout == .seconds(60), "what is not named keeps its default")
    }

    @Test func flagsWinOverTheEnvironmentAndTheEnvironmentOverTheFile() throws {
        var settings = ServerSettings()
        try settings.apply(file: Array("http: { host: a, port: 1 }\nmodels: m1".utf8), path: "f")
        try settings.apply(environment: ["VERDICT_HTTP_PORT": "2", "VERDICT_HOST": "b", "HOME": "/root"])
        try settings.apply(flags: ["port": "3"])
        #expect(settings.models == "m1" && settings.host == "b" && settings.port == 3)
    }

    @Test func whereONNXRuntimeIsCanBeSaidInEveryWay() throws {
        var settings = ServerSettings()
        try settings.apply(file: Array("onnxruntime: /a".utf8), path: "f")
        #expect(settings.onnxRuntime == "/a")
        try settings.apply(environment: ["VERDICT_ONNXRUNTIME": "/b"])
        #expect(settings.onnxRuntime == "/b")
        try settings.apply(flags: ["onnxruntime": "/c"])
        #expect(settings.onnxRuntime == "/c")
    }

    @Test(arguments: [
        ("modles: x", "models"), ("http: { prot: 1 }", "port"), ("limits: { maxBodybytes: 1 }", "maxBodyBytes"),
    ])
    func unknownKeysAreRefusedWithTheNearestKnownOne(file: String, nearest: String) {
        var settings = ServerSettings()
        let error = #expect(throws: SettingError.self) { try settings.apply(file: Array(file.utf8), path: "verdict.yaml") }
        #expect(error?.description.contains(nearest) == true)
        #expect(error?.description.contains("verdict.yaml: line 1") == true)
    }

    @Test(arguments: [
        ("policy: { block: 0.5 }", "policy"), ("versions: { serve: [1] }", "versions"), ("score: probability(1)", "score"),
        ("limits: { deadline: 5ms }", "limits.deadline"), ("cache: { ttl: 5s }", "cache.ttl"),
        ("onnxruntime: { threads: 4 }", "onnxruntime.threads"),
    ])
    func keysOfAModelAreSaidToBelongIntoItsOwnFile(file: String, key: String) {
        var settings = ServerSettings()
        let error = #expect(throws: SettingError.self) { try settings.apply(file: Array(file.utf8), path: "verdict.yaml") }
        let place = "it belongs into the model's own file, models/NAME/model.yaml"
        #expect(error?.description == "verdict.yaml: line 1: unknown key '\(key)': \(place)")
    }

    /// Both files' keys are listed in two places; none may be missing in either.
    @Test func aModelFileWithAnyKeyOfTheServersSaysWhereItBelongs() throws {
        for setting in Setting.all where setting.key != "onnxruntime" {
            let words = setting.key.split(separator: ".")
            let text = words.count == 1 ? "\(words[0]): 1" : "\(words[0]): { \(words[1]): 1 }"
            let error = #expect(throws: ScoringError.self) { try ModelManifest(parsing: Array(text.utf8)) }
            #expect(error?.description.hasSuffix("it belongs into the server's own file (--config)") == true, "\(setting.key)")
        }
        let known = Set(Setting.all.map { String($0.key.prefix { $0 != "." }) })
        #expect(ModelManifest.ownKeys.allSatisfy { $0.contains(".") || !known.contains($0) })
    }

    @Test(arguments: [
        ("chek", "--check"), ("confg", "--config"), ("prot", "--port"), ("maxBodyBytes", "--limits-max-body-bytes"),
        ("limits.drain", "--limits-drain"), ("zzzzzz", nil),
    ])
    func anUnknownFlagGetsTheNearestOne(flag: String, meant: String?) {
        #expect(ServerSettings.nearestFlag(to: flag) == meant)
    }

    @Test func unknownVariablesAndFlagsAreRefusedWithTheNearestKnownOne() {
        var settings = ServerSettings()
        let variable = #expect(throws: SettingError.self) { try settings.apply(environment: ["VERDICT_MODELZ": "x"]) }
        #expect(variable?.description.contains("VERDICT_MODELS") == true)
        let flag = #expect(throws: SettingError.self) { try settings.apply(flags: ["limits-max-body-byte": "1"]) }
        #expect(flag?.description.contains("--limits-max-body-bytes") == true)
    }

    @Test func variablesThatKubernetesSetsForAServiceArePassedOver() throws {
        var settings = ServerSettings()
        try settings.apply(environment: [
            "VERDICT_SERVICE_HOST": "10.0.0.1", "VERDICT_PORT": "tcp://10.0.0.1:8080", "VERDICT_PORT_8080_TCP_PORT": "8080",
        ])
        #expect(settings == ServerSettings())
    }

    @Test func plannedKeysAreRefusedForWhatTheyAre() {
        var settings = ServerSettings()
        let error = #expect(throws: SettingError.self) {
            try settings.apply(file: Array("grpc: { port: 8081 }".utf8), path: "f")
        }
        #expect(error?.description.contains("grpc") == true)
    }

    @Test func theSharedCacheIsNamedByAURLThatErrorsDoNotRepeat() throws {
        var settings = ServerSettings()
        try settings.apply(
            file: Array("redis: { url: 'redis://:s3cret@127.0.0.1:6380/2', timeout: 2ms }\ncache: { maxBytes: 1048576 }".utf8),
            path: "f")
        #expect(settings.redis?.port == 6380)
        #expect(settings.redis?.database == 2)
        #expect(settings.redisTimeout == .milliseconds(2))
        #expect(settings.cacheBytes == 1 << 20)
        let error = #expect(throws: SettingError.self) {
            try settings.apply(flags: ["redis-url": "http://:s3cret@127.0.0.1"])
        }
        #expect(error?.description.contains("redis://") == true)
        #expect(error?.description.contains("s3cret") == false)
    }

    @Test(arguments: ["port": ["-1", "65536", "x", "", "1.5"], "limits-drain": ["5", "-1s", "s", "25h"], "log-access": ["yes"]])
    func valuesOutOfRangeAreRefusedWithWhatIsAccepted(flag: String, values: [String]) {
        for value in values {
            var settings = ServerSettings()
            let error = #expect(throws: SettingError.self) { try settings.apply(flags: [flag: value]) }
            #expect(error?.description.hasPrefix("--\(flag) must be") == true)
            #expect(settings == ServerSettings())
        }
    }

    @Test func sizesTakeUnitsAndAreReportedWithThem() throws {
        var settings = ServerSettings()
        try settings.apply(file: Array("limits: { maxBodyBytes: 64KiB, maxModelBytes: 2GiB }".utf8), path: "f")
        try settings.apply(environment: ["VERDICT_LIMITS_MAX_LOAD_BYTES": "100MB"])
        try settings.apply(flags: ["cache-max-bytes": "1.5MiB"])
        #expect(settings.limits.maxBodyBytes == 65_536 && settings.maxModelBytes == 2 << 30)
        #expect(settings.maxLoadBytes == 100_000_000 && settings.cacheBytes == 1_572_864)
        #expect(settings.value(of: "limits.maxBodyBytes") == "64KiB")
        #expect(settings.value(of: "limits.maxLoadBytes") == "100000000")
        let tooMuch = #expect(throws: SettingError.self) { try settings.apply(flags: ["limits-max-body-bytes": "2GiB"]) }
        #expect(tooMuch?.description == "--limits-max-body-bytes must be from 1 to 1GiB")
        let wrong = #expect(throws: SettingError.self) { try settings.apply(flags: ["cache-max-bytes": "4G"]) }
        #expect(wrong?.description.contains("64KiB") == true)
    }

    @Test func durationsAreWrittenAsInModelYAML() throws {
        var settings = ServerSettings()
        try settings.apply(file: Array("limits: { drain: 1.5s }".utf8), path: "f")
        try settings.apply(environment: ["VERDICT_SCAN_INTERVAL": "0.5s"])
        #expect(settings.limits.drain == .milliseconds(1500) && settings.value(of: "limits.drain") == "1500ms")
        #expect(settings.scanInterval == .milliseconds(500))
    }

    @Test func everySettingHasNamesOfItsOwn() {
        let flags = Setting.all.map(\.flag)
        let variables = Setting.all.flatMap(\.variables)
        #expect(Set(flags).count == flags.count)
        #expect(Set(variables).count == variables.count)
        #expect(flags.contains("host") && flags.contains("limits-max-body-bytes"))
    }

    @Test func everySettingIsReportedWithItsValueAndOrigin() throws {
        var settings = ServerSettings()
        let unset = ["defaultModel", "redis.url"]
        for setting in Setting.all where !unset.contains(setting.key) {
            #expect(settings.value(of: setting.key) != nil, "\(setting.key) has no value to report")
        }
        try settings.apply(flags: ["default-model": "m", "redis-url": "rediss://u:p@[::1]:1/3", "redis-timeout": "1500us"])
        #expect(settings.value(of: "defaultModel") == "m")
        #expect(settings.value(of: "redis.url") == "rediss://u:***@[::1]:1/3")
        #expect(settings.value(of: "redis.timeout") == "1500us")
        #expect(settings.report.split(separator: "\n").count == Setting.all.count)
        #expect(settings.origins["redis.timeout"] == "--redis-timeout")
    }
}
