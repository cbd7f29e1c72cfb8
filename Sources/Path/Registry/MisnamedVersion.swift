internal import Scoring
internal import StrictYAML

/// Folders in a model's folder that were meant as versions and are none for their names: `v1`, `version-2`, `01`, `0`.
enum MisnamedVersion {
    private static let words = ["version", "ver", "v", ""]

    /// Whether a name that is no version's was probably meant as one.
    static func isOne(_ name: String) -> Bool { ModelVersion(name) == nil && digits(of: name) != nil }

    /// What is wrong with the folder's name, and what to call it.
    ///
    /// - Parameter versions: What is there already.
    static func sentence(about name: String, beside versions: [ModelVersion: VersionListing]) -> String {
        let rule = "the folder \(quoted(name)) is no version: a version's folder is a positive whole number without leading zeros"
        guard let digits = digits(of: name), let meant = ModelVersion(digits.drop { $0 == "0" }) else { return rule }
        guard versions[meant] == nil else {
            return "\(rule), and \(quoted(meant.description)) is there already; rename it to a free one"
        }
        return "\(rule); rename it to \(quoted(meant.description))"
    }

    /// The number behind a word for version, if any, with its zeros.
    private static func digits(of name: String) -> Substring? {
        let name = name.lowercased()
        for word in words where name.hasPrefix(word) {
            var rest = name.dropFirst(word.count)
            if !word.isEmpty, let first = rest.first, "-_. =".contains(first) { rest = rest.dropFirst() }
            if !rest.isEmpty, rest.utf8.allSatisfy({ (0x30...0x39).contains($0) }) { return rest }
        }
        return nil
    }
}
