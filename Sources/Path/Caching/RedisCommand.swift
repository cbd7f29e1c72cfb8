internal import NIOCore
internal import Scoring

/// Writes the commands this client sends, as arrays of strings, and names the keys it uses:
///
/// - `verdict:score:<model>:<32 hexadecimal digits>`: one row's `StoredValue`.
/// - `verdict:generation:<model>`: 16 hexadecimal digits. Values of another generation count as absent, so that setting
///   a new one purges the model at once, in every process, without looking for its keys.
enum RedisCommand {
    /// Most rows of one MGET.
    static let maxKeys = 128

    static func handshake(_ settings: RedisSettings, to buffer: inout ByteBuffer) -> Int {
        var count = 1
        if let password = settings.password {
            write(["AUTH"] + (settings.user.map { [$0] } ?? []) + [password], to: &buffer)
            count += 1
        }
        if settings.database != 0 {
            write(["SELECT", String(settings.database)], to: &buffer)
            count += 1
        }
        write(["PING"], to: &buffer)
        return count
    }

    static func ping(to buffer: inout ByteBuffer) { write(["PING"], to: &buffer) }

    /// The generation, then the values of the keys.
    static func fetch(_ keys: ArraySlice<SharedCacheKey>, of model: ModelName, to buffer: inout ByteBuffer) {
        begin(keys.count + 2, to: &buffer)
        write("MGET", to: &buffer)
        write(generationKey(model), to: &buffer)
        for key in keys { write(scoreKey(key, model), to: &buffer) }
    }

    static func store(
        _ value: [UInt8], for key: SharedCacheKey, of model: ModelName, milliseconds: UInt64, to buffer: inout ByteBuffer
    ) {
        begin(5, to: &buffer)
        write("SET", to: &buffer)
        write(scoreKey(key, model), to: &buffer)
        buffer.writeString("$\(value.count)\r\n")
        buffer.writeBytes(value)
        buffer.writeString("\r\n")
        write("PX", to: &buffer)
        write(String(milliseconds), to: &buffer)
    }

    /// Sets a model's generation; with `ifAbsent` only where there is none.
    static func setGeneration(_ generation: UInt64, of model: ModelName, ifAbsent: Bool, to buffer: inout ByteBuffer) {
        write(["SET", generationKey(model), hexadecimal(generation)] + (ifAbsent ? ["NX"] : []), to: &buffer)
    }

    /// The generation in a reply; nil where it is none.
    static func generation(_ bytes: [UInt8]) -> UInt64? {
        guard bytes.count == 16, bytes.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else { return nil }
        return UInt64(String(decoding: bytes, as: UTF8.self), radix: 16)
    }

    private static func scoreKey(_ key: SharedCacheKey, _ model: ModelName) -> String {
        "verdict:score:\(model.text):\(hexadecimal(key.high))\(hexadecimal(key.low))"
    }

    private static func generationKey(_ model: ModelName) -> String { "verdict:generation:\(model.text)" }

    private static func hexadecimal(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    private static func begin(_ count: Int, to buffer: inout ByteBuffer) { buffer.writeString("*\(count)\r\n") }

    private static func write(_ texts: [String], to buffer: inout ByteBuffer) {
        begin(texts.count, to: &buffer)
        for text in texts { write(text, to: &buffer) }
    }

    private static func write(_ text: String, to buffer: inout ByteBuffer) {
        buffer.writeString("$\(text.utf8.count)\r\n\(text)\r\n")
    }
}
