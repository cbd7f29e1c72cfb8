package import Scoring

/// What a POST to a path asks for, as far as predictions go.
package enum PredictRoute: Sendable, Equatable {
    /// `/predict`, `/predict/{model}`, `/predict/{model}/versions/{version}`. A version is a number or a label.
    case predict(ModelName?, VersionReference?)
    /// `/predict/batch`, `/predict/batch/{model}`, `/predict/batch/{model}/versions/{version}`. A model called
    /// "batch" can therefore be asked through `/v2` only.
    case batch(ModelName?, VersionReference?)
    /// `/v2/models/{model}/infer`, `/v2/models/{model}/versions/{version}/infer`.
    case infer(ModelName, VersionReference?)
    /// One of these, but its model or version cannot be one.
    case invalid(ScoringError, ErrorStyle)

    /// The route of a path without its query; nil if it is none of these. Model and version may be
    /// percent-encoded. O(length).
    package static func parse(path: UnsafeBufferPointer<UInt8>) -> PredictRoute? {
        var segments = PathSegments(path)
        guard let first = segments.next() else { return nil }
        if first.equals("predict") { return parsePredict(&segments) }
        if first.equals("v2"), segments.next()?.equals("models") == true { return parseInfer(&segments) }
        return nil
    }

    /// The model that the path names; nil if it names none.
    package var model: ModelName? {
        switch self {
        case .predict(let name, _), .batch(let name, _): name
        case .infer(let name, _): name
        case .invalid: nil
        }
    }

    /// How the errors of this route are written.
    package var errorStyle: ErrorStyle {
        switch self {
        case .predict, .batch: .predict
        case .infer: .inference
        case .invalid(_, let style): style
        }
    }

    private static func parsePredict(_ segments: inout PathSegments) -> PredictRoute? {
        guard var name = segments.next() else { return .predict(nil, nil) }
        let isBatch = name.equals("batch")
        if isBatch {
            guard let next = segments.next() else { return .batch(nil, nil) }
            name = next
        }
        var version: PathSegment?
        if let word = segments.next() {
            guard word.equals("versions"), let text = segments.next(), segments.next() == nil else { return nil }
            version = text
        }
        do throws(ScoringError) {
            let (model, version) = (try name.model(), try version?.version(of: name))
            return isBatch ? .batch(model, version) : .predict(model, version)
        } catch {
            return .invalid(error, .predict)
        }
    }

    private static func parseInfer(_ segments: inout PathSegments) -> PredictRoute? {
        guard let name = segments.next(), let word = segments.next() else { return nil }
        var version: PathSegment?
        if word.equals("versions") {
            guard let text = segments.next(), segments.next()?.equals("infer") == true else { return nil }
            version = text
        } else {
            guard word.equals("infer") else { return nil }
        }
        guard segments.next() == nil else { return nil }
        do throws(ScoringError) {
            return .infer(try name.model(), try version?.version(of: name))
        } catch {
            return .invalid(error, .inference)
        }
    }
}

/// The parts of a path between its slashes.
private struct PathSegments {
    private let path: UnsafeBufferPointer<UInt8>
    private var offset = 0

    init(_ path: UnsafeBufferPointer<UInt8>) { self.path = path }

    mutating func next() -> PathSegment? {
        guard offset < path.count, path[offset] == UInt8(ascii: "/") else { return nil }
        let start = offset + 1
        offset = start
        while offset < path.count, path[offset] != UInt8(ascii: "/") { offset += 1 }
        return PathSegment(bytes: UnsafeBufferPointer(rebasing: path[start..<offset]))
    }
}

private struct PathSegment {
    let bytes: UnsafeBufferPointer<UInt8>

    func equals(_ word: StaticString) -> Bool {
        guard bytes.count == word.utf8CodeUnitCount else { return false }
        for offset in 0..<bytes.count where bytes[offset] != word.utf8Start[offset] { return false }
        return true
    }

    func model() throws(ScoringError) -> ModelName { try PathName.model(text) }

    func version(of model: PathSegment) throws(ScoringError) -> VersionReference {
        try PathName.version(text, ofModel: model.text)
    }

    private var text: String { String(decoding: bytes, as: UTF8.self) }
}
