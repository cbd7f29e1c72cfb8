internal import Scoring

/// Character and entity references. Only the five entities of XML itself exist: without a document type
/// there can be no others.
extension XMLReader {
    /// Replaces references, line ends and, in attributes, white space (XML 1.0 sections 2.11 and 3.3.3).
    func decoded(_ range: Range<Int>, isAttribute: Bool) throws(ScoringError) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(range.count)
        var next = range.lowerBound
        while next < range.upperBound {
            let byte = bytes[next]
            switch byte {
            case UInt8(ascii: "&"):
                next = try appendReference(at: next, limit: range.upperBound, to: &result)
                continue
            case 0x0D:
                let isPair = next + 1 < range.upperBound && bytes[next + 1] == 0x0A
                if !isPair { result.append(isAttribute ? 0x20 : 0x0A) }
            case 0x09, 0x0A: result.append(isAttribute ? 0x20 : byte)
            default: result.append(byte)
            }
            next += 1
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Appends what the reference stands for and returns where the text goes on.
    private func appendReference(at start: Int, limit: Int, to result: inout [UInt8]) throws(ScoringError) -> Int {
        var end = start + 1
        while end < limit, bytes[end] != UInt8(ascii: ";"), end - start <= 10 { end += 1 }
        guard end < limit, bytes[end] == UInt8(ascii: ";") else {
            throw failure("'&' must begin a reference such as &amp;", at: start)
        }
        let name = start + 1..<end
        if !name.isEmpty, bytes[name.lowerBound] == UInt8(ascii: "#") {
            guard let scalar = scalar(name.dropFirst()) else {
                throw failure("a character reference names no character of XML", at: start)
            }
            result.append(contentsOf: Array(String(scalar).utf8))
        } else if equals(name, "amp") {
            result.append(UInt8(ascii: "&"))
        } else if equals(name, "lt") {
            result.append(UInt8(ascii: "<"))
        } else if equals(name, "gt") {
            result.append(UInt8(ascii: ">"))
        } else if equals(name, "quot") {
            result.append(UInt8(ascii: "\""))
        } else if equals(name, "apos") {
            result.append(UInt8(ascii: "'"))
        } else {
            throw failure("the entity '&\(string(name));' is not defined", at: start)
        }
        return end + 1
    }

    /// The character that `#65` or `#x41` (without the `#`) names.
    private func scalar(_ digits: Range<Int>) -> Unicode.Scalar? {
        var digits = digits
        let isHexadecimal = digits.count > 1 && bytes[digits.lowerBound] == UInt8(ascii: "x")
        if isHexadecimal { digits = digits.dropFirst() }
        guard !digits.isEmpty, digits.count <= 8 else { return nil }
        var code: UInt32 = 0
        for index in digits {
            let digit: UInt32
            switch bytes[index] {
            case let byte where byte &- UInt8(ascii: "0") < 10: digit = UInt32(byte &- UInt8(ascii: "0"))
            case let byte where isHexadecimal && (byte | 0x20) &- UInt8(ascii: "a") < 6:
                digit = UInt32((byte | 0x20) &- UInt8(ascii: "a")) + 10
            default: return nil
            }
            let (product, overflow) = code.multipliedReportingOverflow(by: isHexadecimal ? 16 : 10)
            let (sum, carry) = product.addingReportingOverflow(digit)
            if overflow || carry { return nil }
            code = sum
        }
        guard code >= 0x20 || code == 0x09 || code == 0x0A || code == 0x0D, code != 0xFFFE, code != 0xFFFF else { return nil }
        return Unicode.Scalar(code)
    }
}
