package import Scoring

/// Models and versions as a path names them, percent-encoded or not.
package enum PathName {
    /// Throws `.unknownModel` for what cannot be a model's name.
    package static func model(_ segment: String) throws(ScoringError) -> ModelName {
        let text = try decoded(segment)
        guard let name = ModelName(text) else { throw .unknownModel(Quoted.name(text)) }
        return name
    }

    /// Throws `.unknownVersion` for what can be neither a version's number nor a label.
    package static func version(_ segment: String, ofModel model: String) throws(ScoringError) -> VersionReference {
        let text = try decoded(segment)
        guard let version = VersionReference(text) else {
            throw .unknownVersion(
                model: Quoted.name(try decoded(model)), version: Quoted.name(text),
                hint: "a version is a positive whole number, or a label that model.yaml gives")
        }
        return version
    }

    /// The byte that two hexadecimal digits stand for.
    package static func byte(_ high: UInt8, _ low: UInt8) -> UInt8? {
        guard let high = digit(high), let low = digit(low) else { return nil }
        return high << 4 | low
    }

    private static func decoded(_ segment: String) throws(ScoringError) -> String {
        let bytes = Array(segment.utf8)
        guard bytes.contains(UInt8(ascii: "%")) else { return segment }
        var result: [UInt8] = []
        var offset = 0
        while offset < bytes.count {
            if bytes[offset] != UInt8(ascii: "%") {
                result.append(bytes[offset])
                offset += 1
                continue
            }
            guard offset + 2 < bytes.count, let byte = byte(bytes[offset + 1], bytes[offset + 2]) else {
                throw .invalidRequest("the path has a '%' without two hexadecimal digits behind it")
            }
            result.append(byte)
            offset += 3
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
