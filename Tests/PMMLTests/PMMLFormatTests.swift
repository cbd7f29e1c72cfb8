import PMML
import Scoring
import Testing

@Suite struct PMMLFormatTests {
    func recognises(_ text: String) -> Bool { recognises(Array(text.utf8)) }
    func recognises(_ bytes: [UInt8]) -> Bool { PMMLFormat().recognises(.file(name: "model", bytes: bytes)) }

    @Test func pmmlIsRecognisedByItsRootElement() {
        #expect(recognises("<?xml version=\"1.0\"?>\n<!-- a comment with <PMML> --><PMML version=\"4.4\">"))
        #expect(recognises("\u{FEFF}<PMML>"))
        #expect(recognises("  <p:PMML xmlns:p='x'>"))
        #expect(recognises([0xFE, 0xFF] + "<?xml?><PMML>".utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }))
        #expect(recognises("<!DOCTYPE PMML [ ]><PMML>"))
    }

    @Test func nothingElseIsRecognised() {
        for text in [
            "", "{\"learner\":{}}", "tree\nversion=v3", "<html><PMML/></html>", "<PMMLX>", "PK\u{3}\u{4}", "<", "<?xml", "<!--",
            "PMML", "{\"a\": \"<PMML>\"}",
        ] {
            #expect(!recognises(text), "\(text)")
        }
        #expect(!PMMLFormat().recognises(.folder(name: "PMML", files: [])))
    }

    @Test func aFolderIsNoPMML() {
        #expect(throws: ScoringError.self) { try PMMLFormat().load(.folder(name: "PMML", files: []), options: LoadOptions()) }
    }

    @Test func modelsScoreBlocksLikeSingleRows() throws {
        let model = try ScorecardTests.sample("sklearn_gradient_boosting.pmml")
        let table = Table(
            String(decoding: try #require(contents(of: "\(ScorecardTests.folder)/sklearn_gradient_boosting.csv")), as: UTF8.self))
        let rows = (0..<20).flatMap { _ in table.rows.map { Dictionary(uniqueKeysWithValues: zip(table.header, $0)) } }
        let together = try score(model, rows)
        for (index, row) in rows.enumerated().prefix(40) {
            let alone = try score(model, [row])
            for column in model.signature.outputs.indices {
                for copy in stride(from: index, to: rows.count, by: 40) {
                    #expect(alone[0, column].bitPattern == together[copy, column].bitPattern)
                }
            }
        }
    }
}
