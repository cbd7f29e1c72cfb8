internal import Glibc
internal import ONNX
internal import Scoring
internal import Testing

/// A graph that is called independent gives each row the same answer alone and in company; ONNX Runtime measured it
/// (see make_row_graphs.py).
@Suite struct RowDependenceTests {
    struct Graph: Sendable, CustomTestStringConvertible {
        var name: String
        var called: String
        var measured: String
        var testDescription: String { name }
    }

    private static let folder = #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined() + "/GoldenTests/onnx-rows/"
    private static let graphs = lines("graphs.csv").dropFirst().map { line in
        let cells = line.split(separator: ",").map(String.init)
        return Graph(name: cells[0], called: cells[1], measured: cells[2])
    }

    private static func bytes(_ name: String) -> [UInt8] {
        guard let file = fopen(folder + name, "rb") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        return bytes
    }

    private static func lines(_ name: String) -> [String] {
        String(decoding: bytes(name), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test(arguments: graphs)
    func rowsAreFollowedThroughTheGraph(_ graph: Graph) throws {
        switch (graph.called, try RowDependence(ofFile: Self.bytes(graph.name + ".onnx"))) {
        case ("independent", .independent): #expect(graph.measured == "same")
        case ("independent", .dependent(let reason)): Issue.record("\(graph.name) is said to be dependent: \(reason)")
        case (_, .independent): Issue.record("\(graph.name) is said to be independent")
        case (_, .dependent(let reason)): #expect(!reason.isEmpty)
        }
    }

    @Test func noRandomGraphIsWronglyCalledIndependent() throws {
        let packed = Self.bytes("random.bin")
        let measured = Self.lines("random.csv")
        var (start, seen, proven, same) = (0, 0, 0, 0)
        while start < packed.count {
            let length = (0..<4).reduce(0) { $0 | Int(packed[start + $1]) << (8 * $1) }
            let judged = try RowDependence(ofFile: Array(packed[(start + 4)..<(start + 4 + length)]))
            if measured[seen] == "same" { same += 1 }
            if judged == .independent {
                proven += 1
                #expect(measured[seen] == "same", "random graph \(seen)")
            }
            start += 4 + length
            seen += 1
        }
        #expect(seen == measured.count && seen == 500)
        // What is not proven costs batches: most of what holds is to be seen.
        #expect(proven * 4 >= same * 3, "\(proven) of \(same)")
    }

    @Test(arguments: [
        ("mean_of_rows", "ReduceMean (node 0) joins the rows"),
        ("dynamic_quantization_inside", "DynamicQuantizeLinear (node 1) takes one scale for the whole batch"),
        ("batch_normalization_training", "BatchNormalization (node 0) is in training mode: it normalizes by the batch"),
        ("transposed_output", "the output 'Y' does not have the rows as its first dimension"),
        ("own_function", "own.Twice (node 0) is a function of the model's own, which is not looked into"),
    ])
    func theReasonNamesTheNode(_ name: String, _ reason: String) throws {
        #expect(try RowDependence(ofFile: Self.bytes(name + ".onnx")) == .dependent(because: reason))
    }

    @Test func everyGraphOfTheNativeEngineIsIndependent() throws {
        for golden in Golden.all {
            let judged = try RowDependence(ofFile: golden.bytes())
            #expect(judged == .independent, "\(golden): \(judged)")
        }
    }
}
