package import Scoring
package import Tabular

/// A tree model in the internal representation, before kernels are made for it.
package struct LoweredTreeModel: Sendable {
    package var program: Program
    package var signature: Signature
    package var description: ModelDescription

    func compiled() throws(ScoringError) -> TabularModel {
        try TabularModel(program: program, signature: signature, description: description)
    }
}
