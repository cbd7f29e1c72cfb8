import LoadTest
import ScoringTestKit
import Testing

/// Where responses end, however they arrive.
@Suite struct ResponseReaderTests {
    private static let wholeResponses: [(text: String, status: Int, keepsAlive: Bool)] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, true),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, true),
        ("HTTP/1.1 304\r\nContent-Length: 9\r\n\r\n", 304, true),
        ("HTTP/1.1 429 Too Many\r\ncontent-length:  2 \r\nRetry-After: 1\r\n\r\nno", 429, true),
        ("HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, true),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 200, false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, false),
        ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok", 200, true),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\n1", 201, true),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\nA;x=y\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n", 200,
            true
        ),
        ("HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n2\r\nno\r\n0\r\n\r\n", 503, true),
    ]

    @Test(arguments: wholeResponses.indices)
    func aResponseEndsAtTheSamePlaceHoweverItIsCut(index: Int) throws {
        let (text, status, keepsAlive) = Self.wholeResponses[index]
        let bytes = Array(text.utf8)
        for cut in 0..<bytes.count {
            let reader = Feed()
            #expect(try !reader.read([Array(bytes[..<cut])]))
            #expect(try reader.read([Array(bytes[cut...])]))
            #expect(reader.status == status)
            #expect(reader.keepsAlive == keepsAlive)
        }
        let reader = Feed()
        #expect(try reader.read(bytes.map { [$0] }))
        reader.reset()
        #expect(try reader.read([bytes]))
    }

    @Test func aBodyWithoutALengthEndsWithTheConnection() throws {
        let reader = Feed()
        #expect(try !reader.read([Array("HTTP/1.1 200 OK\r\n\r\nsome".utf8)]))
        #expect(reader.readEnd())
        #expect(!reader.keepsAlive)
        let cut = Feed()
        #expect(try !cut.read([Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome".utf8)]))
        #expect(!cut.readEnd())
    }

    @Test func answersToHeadHaveNoBody() throws {
        let reader = Feed(answersHaveNoBody: true)
        #expect(try reader.read([Array("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n".utf8)]))
    }

    @Test func theBeginningOfAFailuresBodyIsKeptAndNoMore() throws {
        let reader = Feed()
        let body = String(repeating: "e", count: 1000)
        #expect(try reader.read([Array("HTTP/1.1 400 Bad\r\nContent-Length: 1000\r\n\r\n\(body)".utf8)]))
        #expect(reader.excerpt.count == ResponseReader.maxExcerptBytes)
        reader.reset()
        #expect(try reader.read([Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8)]))
        #expect(reader.excerpt.isEmpty)
    }

    @Test(
        arguments: [
            ("SSH-2.0-OpenSSH\r\n", .statusLine), ("HTTP/2 200\r\n", .statusLine), ("HTTP/1.1 20 OK\r\n", .statusLine),
            ("HTTP/1.1 999 No\r\n", .statusLine), ("HTTP/1.1 2000\r\n", .statusLine), ("\r\n", .statusLine),
            ("HTTP/1.1 200 OK\r\nno colon\r\n", .header),
            ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", .length), ("HTTP/1.1 200 OK\r\nContent-Length: 1e9\r\n", .length),
            ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n", .length),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n", .length),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n", .length),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", .chunk),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", .chunk),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", .chunk),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", .chunk),
            ("HTTP/1.1 101 Switching\r\n\r\n", .upgrade),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc", .bytesAfterResponse),
        ] as [(String, ResponseReader.Malformed)])
    func whatIsNoResponseIsSaidToBeNone(text: String, error: ResponseReader.Malformed) {
        #expect(throws: error) {
            _ = try Feed().read([Array(text.utf8)])
        }
    }

    @Test func anEndlessHeadIsNotReadToItsEnd() {
        let line = Array("X-Filler: 0123456789012345678901234567890123456789\r\n".utf8)
        #expect(throws: ResponseReader.Malformed.tooLongHead) {
            _ = try Feed().read([Array("HTTP/1.1 200 OK\r\n".utf8)] + Array(repeating: line, count: 5000))
        }
        #expect(throws: ResponseReader.Malformed.tooLongHead) {
            _ = try Feed().read([Array("HTTP/1.1 200 OK\r\nX: ".utf8)] + Array(repeating: [0x41], count: 70_000))
        }
    }

    @Test func mutatedResponsesNeverTrap() {
        var random = SeededRandom(seed: 7)
        for _ in 0..<20_000 {
            var bytes = Array(Self.wholeResponses[Int(random.next() % UInt64(Self.wholeResponses.count))].text.utf8)
            for _ in 0...(random.next() % 4) {
                let place = Int(random.next() % UInt64(bytes.count))
                switch random.next() % 3 {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: place)
                default: bytes.insert(bytes[place], at: place)
                }
            }
            let cut = Int(random.next() % UInt64(bytes.count))
            let reader = Feed()
            let pieces = [Array(bytes[..<cut]), Array(bytes[cut...])]
            if (try? reader.read(pieces)) == true { #expect((100...599).contains(reader.status)) }
        }
    }
}

/// A reader that takes several pieces.
private final class Feed {
    private var reader: ResponseReader

    init(answersHaveNoBody: Bool = false) { reader = ResponseReader(answersHaveNoBody: answersHaveNoBody) }

    var status: Int { reader.status }
    var keepsAlive: Bool { reader.keepsAlive }
    var excerpt: [UInt8] { reader.excerpt }

    func reset() { reader.reset() }
    func readEnd() -> Bool { reader.readEnd() }

    /// Returns whether the response is complete after the last piece.
    func read(_ pieces: [[UInt8]]) throws(ResponseReader.Malformed) -> Bool {
        var isComplete = false
        for piece in pieces {
            let result: Result<Bool, ResponseReader.Malformed> = piece.withUnsafeBytes { bytes in
                do throws(ResponseReader.Malformed) { return .success(try reader.read(bytes)) } catch { return .failure(error) }
            }
            isComplete = try result.get()
        }
        return isComplete
    }
}
