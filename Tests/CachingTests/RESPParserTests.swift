internal import Caching
internal import NIOCore
internal import ScoringTestKit
internal import Testing

@Suite struct RESPParserTests {
    private static let replies: [(String, RESPReply)] = [
        ("+OK\r\n", .status(Array("OK".utf8))),
        ("-ERR no\r\n", .error(Array("ERR no".utf8))),
        (":-42\r\n", .integer(-42)),
        ("$-1\r\n", .bulk(nil)),
        ("$0\r\n\r\n", .bulk([])),
        ("$5\r\na\r\nbc\r\n", .bulk(Array("a\r\nbc".utf8))),
        ("*0\r\n", .array([])),
        ("*3\r\n$2\r\nab\r\n$-1\r\n$0\r\n\r\n", .array([Array("ab".utf8), nil, []])),
    ]

    @Test func repliesAreReadHoweverTheirBytesArrive() throws {
        let bytes = Self.replies.flatMap { Array($0.0.utf8) }
        for size in 1...bytes.count {
            var parser = RESPParser()
            var buffer = ByteBuffer()
            var read: [RESPReply] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                buffer.writeBytes(bytes[start..<min(start + size, bytes.count)])
                while let reply = try parser.next(&buffer) { read.append(reply) }
                buffer.discardReadBytes()
            }
            #expect(read == Self.replies.map(\.1))
            #expect(buffer.readableBytes == 0)
        }
    }

    @Test(arguments: [
        "x\r\n", "\r\n", "+OK\n", "$1000000000\r\n", "$8193\r\n", "$-2\r\n", "$abc\r\n", "$\r\n",
        "$99999999999999999999\r\n",
        "*130\r\n", "*2147483647\r\n", "*-1\r\n", "*1\r\n:1\r\n", "*1\r\n*1\r\n", "*1\r\n+OK\r\n",
        "$2\r\nabc\r\n",
        "$3\r\nabcd\r\n",
        ":\r\n", ":1x\r\n", "+" + String(repeating: "a", count: 2000), "%1\r\n", "_\r\n",
    ])
    func whatCannotBeAReplyIsAViolation(text: String) {
        var parser = RESPParser()
        var buffer = ByteBuffer(string: text)
        #expect(throws: RESPViolation.self) { try parser.next(&buffer) }
    }

    @Test func whatIsAnnouncedTakesNoMemoryBeforeItIsThere() throws {
        var parser = RESPParser()
        var buffer = ByteBuffer(string: "*129\r\n$8192\r\n")
        #expect(try parser.next(&buffer) == nil)
        #expect(buffer.readableBytes == 0 && buffer.capacity < 1024)
    }

    /// Damaged streams in pieces of any size: a violation or replies, and never more kept than one string and one line.
    @Test func damagedBytesAreAViolationOrReplies() {
        let sound = Self.replies.flatMap { Array($0.0.utf8) }
        var random = SeededRandom(seed: 11)
        var (violations, replies) = (0, 0)
        for _ in 0..<50_000 {
            var bytes = sound
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                case 2:
                    bytes.insert(Array("*$+-:0129\r\n".utf8).randomElement(using: &random) ?? 0, at: place)
                default: bytes = Array(bytes[..<max(1, place)])
                }
            }
            var parser = RESPParser()
            var buffer = ByteBuffer()
            var offset = 0
            do throws(RESPViolation) {
                while offset < bytes.count {
                    let end = min(bytes.count, offset + Int.random(in: 1...20, using: &random))
                    buffer.writeBytes(bytes[offset..<end])
                    offset = end
                    while try parser.next(&buffer) != nil { replies += 1 }
                    #expect(buffer.readableBytes <= 8192 + 2)
                }
            } catch {
                violations += 1
            }
        }
        #expect(violations > 10_000 && replies > 50_000)
    }
}
