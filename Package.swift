// swift-tools-version: 6.2
import PackageDescription

/// Imports say `internal`, `package` or `public`; existentials say `any`. Release builds do not check at run time that accesses to a
/// class's properties do not overlap: debug builds do, and requests spent an eighth of their time on it (docs/performance.md). A warning is
/// an error.
let style: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// What reaches memory by address says so with `unsafe`, where bytes come from outside.
let strict: [SwiftSetting] = style + [.strictMemorySafety()]

/// A library target of `Sources/<layer>/<name>`.
func part(_ layer: String, _ name: String, _ dependencies: [Target.Dependency] = [], without: [String] = []) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/\(layer)/\(name)", exclude: without,
        swiftSettings: ["Contract", "Edge", "Path"].contains(layer) ? strict : style)
}

/// The tests of the target with the same name.
func tests(of name: String, _ dependencies: [Target.Dependency] = [], without: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.byName(name: name)] + dependencies,
        path: "Tests/\(name)Tests", exclude: without, swiftSettings: style)
}

let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")

let package = Package(
    name: "verdict",
    products: [.executable(name: "verdict", targets: ["verdict"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        part("Contract", "Scoring"),
        part("Contract", "TextFormats", ["Scoring"]),
        part("Contract", "StrictYAML", [yams]),
        part("Contract", "Digests"),

        part("Edge", "WireFormat", ["Scoring", "TextFormats", "StrictYAML"]),
        part(
            "Edge", "HTTPFront",
            [
                "Scoring", "WireFormat", "TextFormats", nio, nioPosix, nioHTTP1, hummingbird, hummingbirdCore, httpTypes,
                log, lifecycle,
            ]),

        part("Path", "Decisions", ["Scoring"]),
        part("Path", "Batching", ["Scoring"]),
        part("Path", "Caching", ["Scoring", "Digests", nio, nioPosix, nioSSL, log]),
        part("Path", "Resilience", ["Scoring", "StrictYAML"]),
        part("Path", "Experiments", ["Scoring"]),
        part(
            "Path", "Registry",
            [
                "Scoring", "TextFormats", "StrictYAML", "Digests", "Decisions", "Batching", "Resilience", "Experiments", log,
                lifecycle,
            ]),
        part("Path", "Pipeline", ["Scoring", "Registry", "Batching", "Caching", "Resilience", "Experiments"]),

        part("Engines", "Archives", ["Scoring", "CZlib"]),
        part("Engines", "Texts", ["Scoring"]),
        part("Engines", "Tabular", ["Scoring", "Texts"]),
        part("Engines", "TreeFormats", ["Scoring", "TextFormats", "Tabular"]),
        part("Engines", "PMML", ["Scoring", "TextFormats", "Tabular", "Texts"]),
        part("Engines", "TensorRuntime", ["Scoring"]),
        part(
            "Engines", "ONNX", ["Scoring", "Digests", "Tabular", "TensorRuntime", "COnnxRuntime", protobuf],
            without: ["Protobuf/README.md", "Protobuf/model.proto"]),

        .target(name: "CMalloc", path: "Sources/Native/CMalloc"),
        .target(name: "CChildProcess", path: "Sources/Native/CChildProcess"),
        .systemLibrary(name: "CZlib", path: "Sources/Native/CZlib"),
        .target(name: "COnnxRuntime", path: "Sources/Native/COnnxRuntime"),

        part(
            "App", "Assembly",
            [
                "CMalloc", "CChildProcess", "Scoring", "TextFormats", "StrictYAML", "HTTPFront", "Registry", "Caching",
                "Pipeline", "TreeFormats",
                "PMML", "ONNX", log, lifecycle, signals, nio, nioPosix,
            ]),
        part("App", "LoadTest", ["StrictYAML", nio, nioPosix, histogram]),
        .executableTarget(
            name: "verdict",
            dependencies: ["Assembly", "LoadTest", "ONNX", "Scoring", "StrictYAML", "TextFormats", arguments, log],
            path: "Sources/App/verdict", swiftSettings: style),

        .executableTarget(
            name: "EngineBench", dependencies: ["Scoring", "TextFormats", "Tabular", "TreeFormats", "PMML", "ONNX", arguments],
            path: "Benchmarks/EngineBench", swiftSettings: style),

        .executableTarget(
            name: "BatchBench", dependencies: ["Batching", "Scoring", "ONNX"], path: "Benchmarks/BatchBench", swiftSettings: style
        ),
        .executableTarget(
            name: "CacheBench",
            dependencies: [
                "Scoring", "ScoringTestKit", "Caching", "CacheTraces", "Pipeline", "Registry", "TreeFormats", nio, nioPosix, log,
                arguments,
            ],
            path: "Benchmarks/CacheBench", swiftSettings: style),

        part("TestKit", "ScoringTestKit", ["Scoring"]),
        part("TestKit", "CacheTraces", ["ScoringTestKit"]),
        part("TestKit", "TabularReference", ["Scoring", "Tabular", "Texts"]),
        .target(name: "CAllocationCount", path: "Sources/TestKit/CAllocationCount"),

        tests(of: "Scoring"),
        tests(of: "TextFormats", ["ScoringTestKit", "Scoring"]),
        tests(of: "StrictYAML"),
        tests(of: "WireFormat", ["Scoring", "TextFormats", "CAllocationCount"]),
        tests(of: "HTTPFront", ["ScoringTestKit", "Scoring", "Resilience", nio, nioPosix, log, lifecycle]),
        tests(of: "Batching", ["ScoringTestKit", "Scoring"]),
        tests(of: "Caching", ["ScoringTestKit", "Scoring", "Digests", "CacheTraces", "CAllocationCount", nio, nioPosix, log]),
        tests(of: "Decisions", ["Scoring"]),
        tests(of: "Experiments", ["Scoring"]),
        tests(of: "Registry", ["Scoring", "Decisions", "Experiments", "Batching", "Resilience", log, lifecycle]),
        tests(of: "Resilience", ["ScoringTestKit", "Scoring", "CAllocationCount"]),
        tests(
            of: "Pipeline",
            ["Scoring", "TextFormats", "WireFormat", "Registry", "Batching", "Caching", "Resilience", "Experiments", log]),
        tests(of: "Archives", ["Scoring"], without: ["make_archives.py"]),
        tests(of: "Texts", ["Scoring"]),
        tests(of: "Tabular", ["ScoringTestKit", "Scoring", "Texts", "TabularReference", "CAllocationCount"]),
        tests(of: "TreeFormats", ["ScoringTestKit", "Scoring", "Tabular", "TextFormats"]),
        tests(of: "PMML", ["ScoringTestKit", "Scoring", "Tabular", "Texts", "TextFormats"]),
        tests(of: "TensorRuntime", ["Scoring"]),
        tests(
            of: "ONNX", ["ScoringTestKit", "Scoring", "Tabular", "TextFormats"],
            without: [
                "make_goldens.py", "make_more_goldens.py", "make_node_cases.py", "make_quantization_models.py",
                "make_row_graphs.py", "make_runtime_goldens.py",
            ]),
        tests(of: "Assembly", ["Scoring", "Caching", "HTTPFront", "Registry", log]),
        tests(of: "LoadTest", ["ScoringTestKit", nio, nioPosix]),
        // The toy format and the toy codec of docs/extending.md.
        .testTarget(
            name: "ExtendingTests", dependencies: ["Scoring", "ScoringTestKit", "TextFormats", "WireFormat", "Tabular"],
            path: "Tests/ExtendingTests", swiftSettings: style),
    ]
)
