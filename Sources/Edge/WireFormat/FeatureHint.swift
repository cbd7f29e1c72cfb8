internal import Scoring
internal import StrictYAML

extension Signature {
    /// Looking for a name's nearest neighbour takes time on a thread that answers others: beyond this it is not looked for.
    static let maxCandidates = 500
    static let maxNameBytes = 40

    /// "; did you mean 'amount'?" for a feature that is none of the inputs; empty where none is near.
    func hint(insteadOf name: String) -> String {
        guard name.utf8.count <= Self.maxNameBytes, inputs.count <= Self.maxCandidates else { return "" }
        return NearestName.to(name, among: inputs.lazy.map(\.name)).map { "; did you mean '\(Quoted.name($0))'?" } ?? ""
    }
}
