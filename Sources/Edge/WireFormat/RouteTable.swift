package import Scoring

/// What a path means: a codec, and the model and version that it names.
package struct PredictionRoute: Sendable {
    package let codec: any PredictionCodec
    /// nil for the server's only or default model.
    package let model: ModelName?
    /// nil for the one that answers by default.
    package let version: VersionReference?
    /// What callers need for it.
    package let scope: Scopes
    /// Why the model or version of the path cannot be one.
    package let error: ScoringError?
}

/// The prediction routes: which path is whose. A word of a pattern comes before `{model}` in its place, so that a model called "batch" can
/// be asked through `/v2` only.
package struct RouteTable: Sendable {
    /// A path: `/word/{model}/versions/{version}`.
    package struct Route: Sendable {
        let pattern: StaticString
        let codec: any PredictionCodec
        let scope: Scopes

        package init(_ pattern: StaticString, _ codec: any PredictionCodec, scope: Scopes = .predict) {
            self.pattern = pattern
            self.codec = codec
            self.scope = scope
        }
    }

    /// A place in a path.
    private struct Node {
        var words: [(word: [UInt8], next: Int)] = []
        var model: Int?
        var version: Int?
        var route: Route?
    }

    package static let standard = RouteTable([
        Route("/predict", RowCodec()),
        Route("/predict/{model}", RowCodec()),
        Route("/predict/{model}/versions/{version}", RowCodec()),
        Route("/predict/batch", BatchCodec()),
        Route("/predict/batch/{model}", BatchCodec()),
        Route("/predict/batch/{model}/versions/{version}", BatchCodec()),
        Route("/v2/models/{model}/infer", InferenceCodec()),
        Route("/v2/models/{model}/versions/{version}/infer", InferenceCodec()),
    ])

    private var nodes = [Node()]

    package init(_ routes: [Route]) {
        for route in routes { add(route) }
    }

    private mutating func add(_ route: Route) {
        var place = 0
        let pattern = unsafe UnsafeBufferPointer(start: route.pattern.utf8Start, count: route.pattern.utf8CodeUnitCount)
        var segments = unsafe PathSegments(pattern)
        while let segment = segments.next() {
            let node = nodes[place]
            let isModel = segment.equals("{model}")
            let isVersion = segment.equals("{version}")
            let known = isModel ? node.model : isVersion ? node.version : node.words.first { segment.equals($0.word) }?.next
            if let known {
                place = known
                continue
            }
            nodes.append(Node())
            let next = nodes.count - 1
            if isModel {
                nodes[place].model = next
            } else if isVersion {
                nodes[place].version = next
            } else {
                unsafe nodes[place].words.append((Array(segment.bytes), next))
            }
            place = next
        }
        nodes[place].route = route
    }

    /// The route of a path without its query; nil if it is none of these. Model and version may be percent-encoded. O(length).
    package func route(path: UnsafeBufferPointer<UInt8>) -> PredictionRoute? {
        var segments = unsafe PathSegments(path)
        var place = 0
        var model: PathSegment?
        var version: PathSegment?
        while let segment = segments.next() {
            if let next = nodes[place].words.first(where: { segment.equals($0.word) })?.next {
                place = next
            } else if let next = nodes[place].model {
                model = segment
                place = next
            } else if let next = nodes[place].version {
                version = segment
                place = next
            } else {
                return nil
            }
        }
        guard place != 0, let route = nodes[place].route else { return nil }
        do throws(ScoringError) {
            return PredictionRoute(
                codec: route.codec, model: try model.map { segment throws(ScoringError) in try PathName.model(segment.text) },
                version: try version.map { segment throws(ScoringError) in
                    try PathName.version(segment.text, ofModel: model?.text ?? "")
                }, scope: route.scope, error: nil)
        } catch {
            return PredictionRoute(codec: route.codec, model: nil, version: nil, scope: route.scope, error: error)
        }
    }
}

/// The parts of a path between its slashes.
@safe private struct PathSegments {
    private let path: UnsafeBufferPointer<UInt8>
    private var offset = 0

    init(_ path: UnsafeBufferPointer<UInt8>) { unsafe self.path = unsafe path }

    mutating func next() -> PathSegment? {
        guard unsafe offset < path.count, unsafe path[offset] == UInt8(ascii: "/") else { return nil }
        let start = offset + 1
        offset = start
        while unsafe offset < path.count, unsafe path[offset] != UInt8(ascii: "/") { offset += 1 }
        return unsafe PathSegment(bytes: UnsafeBufferPointer(rebasing: path[start..<offset]))
    }
}

@safe private struct PathSegment {
    let bytes: UnsafeBufferPointer<UInt8>

    func equals(_ word: StaticString) -> Bool {
        unsafe bytes.count == word.utf8CodeUnitCount
            && bytes.elementsEqual(UnsafeBufferPointer(start: word.utf8Start, count: bytes.count))
    }

    func equals(_ word: [UInt8]) -> Bool { unsafe bytes.elementsEqual(word) }

    var text: String { unsafe String(decoding: bytes, as: UTF8.self) }
}
