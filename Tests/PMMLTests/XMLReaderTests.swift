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

    @Test func otherEncodingsAreRefusedByName() {
        #expect(reason("<?xml version='1.0' encoding='EBCDIC-CP-US'?><a/>").contains("EBCDIC"))
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
