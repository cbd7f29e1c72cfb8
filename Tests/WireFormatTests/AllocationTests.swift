internal import CAllocationCount
internal import Scoring
internal import Testing
internal import TextFormats
internal import WireFormat

@Suite struct AllocationTests {
    /// From the body's bytes to the answer's: once the driver's buffers have grown, a prediction takes no memory.
    @Test(arguments: [true, false])
    func aPredictionAllocatesNothing(byName: Bool) throws {
        let fields = (0..<30).map { Field("feature_\($0)") }
        let values = (0..<30).map { "\(Double($0) * 1.37 + 0.123456789)" }
        let features =
            byName
            ? "{" + zip(fields, values).map { "\"\($0.name)\": \($1)" }.joined(separator: ", ") + "}"
            : "[" + values.joined(separator: ", ") + "]"
        let body = Array("{\"features\": \(features), \"request_id\": \"req_1\"}".utf8)
        let predictor = FakePredictor([try serve("sums", .summing(fields))])
        let driver = PredictionDriver(predictor: predictor, limits: WireLimits())
        // Without a name: the fake predictor's look-up by name allocates.
        let wanted = try #require(route("/predict"))
        var sink = ByteSink()
        var allocations: UInt = 0
        for round in 0..<50 {
            sink.removeAll()
            let before = allocation_count()
            let reply = body.withUnsafeBufferPointer {
                driver.answer(WireRequest(route: wanted, body: $0, arrival: .now), into: &sink)
            }
            if round >= 10 { allocations += UInt(allocation_count() - before) }
            guard case .written(.done(let status)) = reply, status.code == 200 else {
                Issue.record("not answered: \(sink.string)")
                return
            }
        }
        #expect(allocations == 0, "\(allocations) in 40 requests: \(sink.string)")
    }
}
