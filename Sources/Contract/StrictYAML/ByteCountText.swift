/// Numbers of bytes as people write them, in every file, variable and flag alike: a number and a unit, `64KiB`, `10MB`,
/// `1.5GiB`, in capitals or not; without a unit they are bytes.
package enum ByteCountText {
    /// Continues "must be".
    package static let expectation = "a number of bytes such as 4194304, 64KiB, 10MB or 4GiB"

    private static let units: [(name: String, bytes: Double)] = [
        ("", 1), ("b", 1), ("kb", 1e3), ("mb", 1e6), ("gb", 1e9), ("tb", 1e12), ("kib", 1024), ("mib", 1_048_576),
        ("gib", 1_073_741_824), ("tib", 1_099_511_627_776),
    ]

    /// nil for anything else, for parts of bytes, and for 2^53 and more.
    package static func bytes(_ text: some StringProtocol) -> Int? {
        guard let quantity = Quantity(text), let unit = units.first(where: { $0.name == quantity.unit.lowercased() }) else {
            return nil
        }
        let bytes = quantity.amount * unit.bytes
        guard bytes < 9_007_199_254_740_992, bytes == bytes.rounded() else { return nil }
        return Int(bytes)
    }

    /// In the largest power of 1,024 that leaves no fraction.
    package static func text(_ bytes: Int) -> String {
        guard bytes != 0 else { return "0" }
        for (unit, size) in [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] where bytes % size == 0 {
            return "\(bytes / size)\(unit)"
        }
        return String(bytes)
    }
}
