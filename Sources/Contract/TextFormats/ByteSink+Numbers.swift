/// Numbers as text.
extension ByteSink {
    package mutating func append(integer value: Int) {
        if value < 0 { append(UInt8(ascii: "-")) }
        append(unsigned: UInt64(value.magnitude))
    }

    package mutating func append(unsigned value: UInt64) {
        var digits = 1
        var rest = value
        while rest >= 10 {
            rest /= 10
            digits += 1
        }
        let room = unsafe reserve(digits)
        rest = value
        for offset in (0..<digits).reversed() {
            unsafe room[offset] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        commit(digits)
    }

    /// The shortest text that reads back as the same double; not for NaN and infinity in JSON.
    package mutating func append(double value: Double) {
        var target = unsafe SinkTarget(room: reserve(SinkTarget.capacity))
        value.write(to: &target)
        commit(target.count)
    }

    /// The shortest text that reads back as the same float.
    package mutating func append(float value: Float) {
        var target = unsafe SinkTarget(room: reserve(SinkTarget.capacity))
        value.write(to: &target)
        commit(target.count)
    }

    /// Milliseconds with three decimals, rounded to the nearest microsecond.
    package mutating func append(millisecondsOf nanoseconds: UInt64) {
        let microseconds = nanoseconds / 1000 + (nanoseconds % 1000 >= 500 ? 1 : 0)
        append(unsigned: microseconds / 1000)
        let rest = microseconds % 1000
        let room = unsafe reserve(4)
        unsafe room[0] = UInt8(ascii: ".")
        unsafe room[1] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest / 100)
        unsafe room[2] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest / 10 % 10)
        unsafe room[3] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
        commit(4)
    }
}

/// Takes a number's text from the standard library's printer without the `String` that `description` makes.
@safe private struct SinkTarget: TextOutputStream {
    /// No double's or float's text is longer than 32 bytes.
    static let capacity = 64
    let room: UnsafeMutablePointer<UInt8>
    var count = 0

    mutating func write(_ string: String) {
        var string = string
        string.withUTF8 { unsafe take($0) }
    }

    /// The standard library prints numbers through this requirement of `TextOutputStream`. Were it ever gone,
    /// `write(_:)` above would be called instead, which costs an allocation and gives the same text.
    mutating func _writeASCII(_ buffer: UnsafeBufferPointer<UInt8>) { unsafe take(buffer) }

    private mutating func take(_ text: UnsafeBufferPointer<UInt8>) {
        precondition(count + text.count <= Self.capacity)
        guard let start = text.baseAddress else { return }
        unsafe (room + count).update(from: start, count: text.count)
        count += text.count
    }
}
