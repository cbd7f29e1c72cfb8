internal import Scoring

/// What a text that is no number was probably meant as, for messages. Says how it is written, not what it says: messages never
/// quote a feature's value.
package enum NumberSlip {
    /// Longer texts are not looked at.
    private static let maxBytes = 256

    /// "; it has a decimal comma, and numbers have a decimal point"; empty where nothing suggests itself.
    package static func hint(_ text: UnsafeBufferPointer<UInt8>) -> String {
        guard text.count <= maxBytes else { return "" }
        if unsafe isList(text) { return "; it is a list, and a feature takes one number" }
        if unsafe hasComma(text) { return "; it has a comma, and numbers have a decimal point and no separator of thousands" }
        return ""
    }

    /// Digits with commas among them, and points: `28,38`, `1,234.5`, `1.234,5`.
    private static func hasComma(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var (commas, digits) = (0, 0)
        for index in text.indices {
            let byte = unsafe text[index]
            switch byte {
            case UInt8(ascii: ","): commas += 1
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digits += 1
            case UInt8(ascii: "."): continue
            case UInt8(ascii: "-"), UInt8(ascii: "+"): if index > 0 { return false }
            default: return false
            }
        }
        return commas > 0 && digits > 0
    }

    /// Two numbers or more with commas, semicolons or spaces between them, in brackets or not: `1, 2`, `[1,2]`, `0.5 1`, `1;2`. One
    /// comma between digits without a space is no list, but a decimal comma.
    private static func isList(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var text = unsafe text[...]
        let opens = unsafe text.first.map { [UInt8(ascii: "["), UInt8(ascii: "("), UInt8(ascii: "{")].contains($0) } ?? false
        if opens { unsafe text = unsafe text.dropFirst().dropLast() }
        let separators = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "|")]
        let parts = unsafe text.split(whereSeparator: { separators.contains($0) })
        guard unsafe parts.count > 1 || opens && !parts.isEmpty, unsafe parts.count <= maxBytes else { return false }
        let areNumbers = unsafe parts.allSatisfy { part in
            unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: part.count) { copy in
                _ = unsafe copy.initialize(fromContentsOf: part)
                return unsafe DecimalParser.double(UnsafeBufferPointer(copy)) != nil
            }
        }
        guard areNumbers else { return false }
        if unsafe opens || text.contains(where: { $0 != UInt8(ascii: ",") && separators.contains($0) }) { return true }
        // Groups of three digits are thousands.
        return unsafe parts.count > 2 && parts.dropFirst().contains { unsafe $0.count != 3 }
    }
}
