internal import CZlib

/// Unpacks deflate streams (RFC 1951) and computes CRC-32, with zlib; the only place that calls the library.
enum Inflater {
    enum Failure: Error {
        case damaged(String)
        case truncated
        /// The stream ends, and so many bytes of the input come after its end.
        case surplus(Int)
        /// The stream holds more than was announced.
        case longer
        /// The stream ends after so many bytes.
        case shorter(Int)
        case outOfMemory
    }

    private static let pieceBytes = 1 << 18
    /// zlib counts in 32 bits.
    private static let maxRun = 1 << 30

    /// What the stream holds, which must be `size` bytes, no more and no less. Memory grows with the bytes that come, and
    /// ends a piece of 256 KiB after `size`.
    static func inflated(_ input: ArraySlice<UInt8>, size: Int) throws(Failure) -> [UInt8] {
        // On the heap, because zlib remembers the address.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        defer {
            inflateEnd(stream)
            stream.deallocate()
        }
        // Negative: without the header and the checksum of RFC 1950.
        let status = inflateInit2_(stream, -MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { throw .outOfMemory }
        return try input.withUnsafeBufferPointer { run(stream, $0, size) }.get()
    }

    /// The pointers are valid during the call: `input` by its caller, the output by this function.
    private static func run(
        _ stream: UnsafeMutablePointer<z_stream>, _ input: UnsafeBufferPointer<UInt8>, _ size: Int
    ) -> Result<[UInt8], Failure> {
        // One byte more than is announced, so that a longer stream shows.
        let piece = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: min(size, pieceBytes) + 1)
        defer { piece.deallocate() }
        var output: [UInt8] = []
        output.reserveCapacity(min(size, input.count))
        // zlib does not write to its input.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
        var waiting = input.count
        while true {
            if stream.pointee.avail_in == 0 {
                let run = min(waiting, maxRun)
                stream.pointee.avail_in = UInt32(run)
                waiting -= run
            }
            stream.pointee.next_out = piece.baseAddress
            stream.pointee.avail_out = UInt32(piece.count)
            let status = CZlib.inflate(stream, Z_NO_FLUSH)
            output.append(contentsOf: piece[..<(piece.count - Int(stream.pointee.avail_out))])
            if output.count > size { return .failure(.longer) }
            switch status {
            case Z_OK: continue
            case Z_STREAM_END:
                let surplus = waiting + Int(stream.pointee.avail_in)
                if surplus > 0 { return .failure(.surplus(surplus)) }
                return output.count == size ? .success(output) : .failure(.shorter(output.count))
            // There is always room for output, so it is input that is missing.
            case Z_BUF_ERROR: return .failure(.truncated)
            case Z_MEM_ERROR: return .failure(.outOfMemory)
            default: return .failure(.damaged(stream.pointee.msg.map { String(cString: $0) } ?? "zlib's status is \(status)"))
            }
        }
    }

    /// The CRC-32 that ZIP archives have of their members.
    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        bytes.withUnsafeBufferPointer { bytes in
            var (sum, rest) = (crc32(0, nil, 0), bytes[...])
            while !rest.isEmpty {
                let run = UnsafeBufferPointer(rebasing: rest.prefix(maxRun))
                sum = crc32(sum, run.baseAddress, UInt32(run.count))
                rest = rest.dropFirst(maxRun)
            }
            return UInt32(truncatingIfNeeded: sum)
        }
    }
}
