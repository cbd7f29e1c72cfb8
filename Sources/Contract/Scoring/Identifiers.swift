/// The name of a model: 1 to 128 of `A-Z a-z 0-9 _ - .`, not starting with a dot. What passes is safe as a
/// folder name, in a URL path, as a metric label and in a log line.
package struct ModelName: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    package init?(_ text: some StringProtocol) {
        guard (1...128).contains(text.utf8.count), text.utf8.first != UInt8(ascii: ".") else { return nil }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
                continue
            default: return nil
            }
        }
        self.text = String(text)
    }

    package var description: String { text }
}

/// A model's version: a positive integer without leading zeros, as folders of a model repository are named.
package struct ModelVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let number: Int

    package init?(_ number: Int) {
        guard number > 0 else { return nil }
        self.number = number
    }

    package init?(_ text: some StringProtocol) {
        guard let first = text.utf8.first, first != UInt8(ascii: "0"), text.utf8.count <= 18,
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let number = Int(text)
        else { return nil }
        self.number = number
    }

    package static func < (left: Self, right: Self) -> Bool { left.number < right.number }
    package var description: String { String(number) }
}

/// A version as a request names it: by its number or by one of the labels that model.yaml gives.
package enum VersionReference: Hashable, Sendable, CustomStringConvertible {
    case number(ModelVersion)
    case label(String)

    /// nil for what can be neither.
    package init?(_ text: String) {
        if let version = ModelVersion(text) {
            self = .number(version)
        } else if Self.isLabel(text) {
            self = .label(text)
        } else {
            return nil
        }
    }

    /// Labels are 1 to 64 of `A-Z a-z 0-9 _ - .`, do not start with a dot and are no number.
    package static func isLabel(_ text: String) -> Bool {
        ModelName(text) != nil && text.utf8.count <= 64
            && !text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    package var description: String {
        switch self {
        case .number(let version): version.description
        case .label(let label): label
        }
    }
}
