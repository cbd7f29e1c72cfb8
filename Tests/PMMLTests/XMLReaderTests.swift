import PMML
import Scoring
import Testing

@Suite struct XMLReaderTests {
    /// The events of a document, written short: `<a`, `a>`, text as it is.
    func events(_ text: String) throws -> [String] { try events(Array(text.utf8)) }

    func events(_ bytes: [UInt8]) throws -> [String] {
        var reader = try XMLReader(bytes)
        var events: [String] = []
        while true {
            switch try reader.nextEvent() {
            case .start:
                var event = "<" + reader.string(reader.name.whole)
                for attribute in reader.attributes {
                    event += " \(reader.string(attribute.name))=\(try reader.value(of: attribute))"
                }
                events.append(event)
            case .end: events.append(reader.string(reader.name.whole) + ">")
            case .text: events.append(try reader.textString())
            case .finish: return events
            }
        }
    }

    func reason(_ text: String) -> String {
        do {
            _ = try events(text)
            return "accepted"
        } catch { return "\(error)" }
    }

    @Test func elementsAttributesAndTextComeInOrder() throws {
        #expect(try events("<a x='1' y = \"2\"><b/>t<c></c ></a >") == ["<a x=1 y=2", "<b", "b>", "t", "<c", "c>", "a>"])
    }

    @Test func declarationsCommentsAndInstructionsArePassedOver() throws {
        #expect(try events("<?xml version=\"1.0\"?>\n<!-- x --><?p i?><a><!-- <b> --><?q?></a>\n<!--end-->") == ["<a", "a>"])
    }

    @Test func aByteOrderMarkIsPassedOver() throws {
        #expect(try events([0xEF, 0xBB, 0xBF] + Array("<a/>".utf8)) == ["<a", "a>"])
    }

    @Test func referencesAreReplacedInTextAndAttributes() throws {
        #expect(try events("<a x='&lt;&amp;&#65;&quot;'>&gt;&apos;&#x20AC;&#x1F600;</a>") == ["<a x=<&A\"", ">'€😀", "a>"])
    }

    @Test func whiteSpaceInAttributesBecomesSpacesAndLineEndsAreOne() throws {
        #expect(try events("<a x='1\n2\t3\r\n4'>a\r\nb\rc</a>") == ["<a x=1 2 3 4", "a\nb\nc", "a>"])
    }

    @Test func characterDataIsTakenAsItIs() throws {
        #expect(try events("<a><![CDATA[<&]]]]></a>") == ["<a", "<&]]", "a>"])
    }

    @Test func namesAreFoundByTheirLocalPart() throws {
        var reader = try XMLReader(Array("<p:a xmlns:p='http://www.dmg.org/PMML-4_4' xmlns='x'><b/><p:c/></p:a>".utf8))
        #expect(try reader.nextEvent() == .start)
        #expect(reader.string(reader.name.local) == "a")
        #expect(!reader.isForeign)
        #expect(try reader.nextEvent() == .start)
        #expect(reader.isForeign)
        _ = try reader.nextEvent()
        #expect(try reader.nextEvent() == .start)
        #expect(!reader.isForeign)
    }

    @Test(arguments: [
        ("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "document type"),
        ("<a>&x;</a>", "not defined"),
        ("<a>&#0;</a>", "no character"),
        ("<a>&#xD800;</a>", "no character"),
        ("<a>&#99999999999;</a>", "reference"),
        ("<a>& b</a>", "reference"),
        ("<a", "truncated"),
        ("<a>", "truncated"),
        ("<a><b></a>", "ended by"),
        ("</a>", "no start tag"),
        ("<a/><b/>", "second root"),
        ("<a/>x", "outside"),
        ("x<a/>", "outside"),
        ("", "no element"),
        ("<a x=1/>", "quoted"),
        ("<a x/>", "'='"),
        ("<a x='1'y='2'/>", "white space"),
        ("<a x='1' x='2'/>", "twice"),
        ("<a x='<'/>", "not allowed"),
        ("<a x='1/>", "does not end"),
        ("<a>]]></a>", "not allowed"),
        ("<a><!-- -- --></a>", "'--'"),
        ("<a><!-- </a>", "does not end"),
        ("<a><![CDATA[</a>", "does not end"),
        ("<a><?x</a>", "does not end"),
        ("<a><!ELEMENT b></a>", "markup"),
        ("<1/>", "start with"),
        ("<a:/>", "colon"),
        ("<:a/>", "colon"),
        ("<a:b:c/>", "colon"),
        ("<p:a/>", "not declared"),
        ("<a/ >", "'/'"),
        ("<a>\u{1}</a>", "control"),
    ])
    func malformedDocumentsAreRefused(_ text: String, _ part: String) {
        #expect(reason(text).contains(part), "\(reason(text))")
    }

    @Test func errorsSayLineAndColumn() {
        #expect(reason("<a>\n  <b x='1' x='2'/>\n</a>").contains("line 2, column 12"))
    }

    @Test func bytesThatAreNoUTF8AreRefused() {
        #expect(throws: ScoringError.self) { try events([0x3C, 0x61, 0x3E, 0xFF, 0x3C, 0x2F, 0x61, 0x3E]) }
    }

    @Test func latin1AndUTF16AreRead() throws {
        let latin = Array("<?xml version='1.0' encoding='ISO-8859-1'?><a>".utf8) + [0xE9] + Array("</a>".utf8)
        #expect(try events(latin) == ["<a", "é", "a>"])
        let text = "<?xml version='1.0' encoding='UTF-16'?><a x='€'>😀</a>"
        let big: [UInt8] = [0xFE, 0xFF] + text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
        let little: [UInt8] = [0xFF, 0xFE] + text.utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        #expect(try events(big) == ["<a x=€", "😀", "a>"])
        #expect(try events(little) == ["<a x=€", "😀", "a>"])
    }

    /// Each name with bytes and the text that they are.
    static let encoded: [(String, [UInt8], String)] = [
        ("windows-1252", [0x80, 0xE9, 0x93], "€é“"), ("Windows-1251", [0xCF, 0xF0], "Пр"), ("cp1250", [0xE8, 0x9E], "čž"),
        // A letter that an accent could follow is kept back until the end.
        ("windows-1258", [0x61, 0xEC, 0x61], "a\u{301}a"), ("ISO-8859-15", [0xA4], "€"), ("iso_8859-2", [0xB3], "ł"),
        ("GBK", [0xC4, 0xE3, 0xBA, 0xC3], "你好"), ("GB2312", [0xC4, 0xE3], "你"), ("GB18030", [0x94, 0x39, 0xFC, 0x36], "😀"),
        ("Shift_JIS", [0x83, 0x5C, 0x5C], "ソ\\"), ("EUC-JP", [0xA5, 0xBD], "ソ"), ("Big5", [0xA7, 0x41], "你"),
        ("EUC-KR", [0xB0, 0xA1], "가"), ("KOI8-R", [0xF0], "П"),
    ]

    @Test(arguments: encoded)
    func otherCharacterSetsAreRead(_ name: String, _ bytes: [UInt8], _ text: String) throws {
        let document = Array("<?xml version='1.0' encoding='\(name)'?><a x='".utf8) + bytes + Array("'/>".utf8)
        let found = try events(document)
        #expect(found.count == 2)
        // Composed or not, it is the same text.
        #expect(found[0] == "<a x=\(text)")
    }

    @Test func textsLongerThanABlockAreConvertedWhole() throws {
        let letters = [UInt8](repeating: 0x80, count: 200_000)
        let found = try events(Array("<?xml version='1.0' encoding='windows-1252'?><a>".utf8) + letters + Array("</a>".utf8))
        #expect(found == ["<a", String(repeating: "€", count: 200_000), "a>"])
    }

    @Test func bytesThatACharacterSetDoesNotHaveAreRefusedWithTheirPlace() {
        let head = Array("<?xml version='1.0' encoding='windows-1252'?><a>".utf8)
        let error = #expect(throws: ScoringError.self) { try events(head + [0x81] + Array("</a>".utf8)) }
        #expect("\(error!)".contains("windows-1252") && "\(error!)".contains("byte \(head.count)"))
        let cut = Array("<?xml version='1.0' encoding='GBK'?><a></a>".utf8) + [0xC4]
        #expect(throws: ScoringError.self) { try events(cut) }
    }

    @Test func otherEncodingsAreRefusedByName() {
        #expect(reason("<?xml version='1.0' encoding='EBCDIC-CP-US'?><a/>").contains("EBCDIC"))
        for name in ["UTF-7", "UTF-8//TRANSLIT", "../../x", "ISO-2022-JP", "ISO-8859-12"] {
            #expect(reason("<?xml version='1.0' encoding='\(name)'?><a/>").contains("not supported"), "\(name)")
        }
    }

    @Test func depthAttributesAndNamesAreLimited() {
        #expect(reason(String(repeating: "<a>", count: 5_000)).contains("nested deeper"))
        #expect(reason("<a " + (0..<300).map { "x\($0)='' " }.joined() + "/>").contains("attributes"))
        #expect(reason("<\(String(repeating: "a", count: 2_000))/>").contains("name"))
    }

    @Test func depthOfAThousandIsRead() throws {
        let text = String(repeating: "<a>", count: 1_000) + String(repeating: "</a>", count: 1_000)
        #expect(try events(text).count == 2_000)
    }
}
