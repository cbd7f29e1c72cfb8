internal import Scoring
internal import StrictYAML

extension Signature {
    /// Looking for a name's nearest neighbour takes time on a thread that answers others: beyond this it is not looked for.
    static let mostCandidates = 500
    static let longestName = 40

    /// "; did you mean 'amount'?" for a feature that is none of the inputs; empty where none is near.
    func hint(insteadOf name: String) -> String {
        guard name.utf8.count <= Self.longestName, inputs.count <= Self.mostCandidates else { return "" }
        return NearestName.to(name, among: inputs.lazy.map(\.name)).map { "; did you mean '\(Quoted.name($0))'?" } ?? ""
    }
}
