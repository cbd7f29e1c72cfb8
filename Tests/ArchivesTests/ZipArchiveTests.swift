internal import Archives
internal import Scoring
internal import Testing

/// Archives that are right read back exactly; each way of lying is refused with what is wrong and where.
@Suite struct ZipArchiveTests {
    private typealias Entry = ZipWriter.Entry

    private func unpacked(_ archive: ZipWriter, maxBytes: Int = 1 << 30) throws(ScoringError) -> ModelArtifact {
        try ModelArtifact.file(name: "a.zip", bytes: archive.written(), maxUnpackedBytes: maxBytes).unpacked()
    }

    /// What is said of the archive: as it is opened, or as its members are read.
    private func refusal(_ archive: ZipWriter, maxBytes: Int = 1 << 30) throws -> String {
        try #require(throws: ScoringError.self) {
            let artifact = try unpacked(archive, maxBytes: maxBytes)
            for member in artifact.members { _ = try artifact.member(member.path) }
        }.description
    }

    private func refusal(_ bytes: [UInt8]) throws -> String {
        try #require(throws: ScoringError.self) { try ModelArtifact.file(name: "a.zip", bytes: bytes).unpacked() }.description
    }

    private func deflated(_ path: String, _ count: Int = 1000, change: (inout Entry) -> Void = { _ in }) -> Entry {
        var random = SplitMix(seed: 1)
        var entry = Entry.deflated(path, (0..<count).map { UInt8($0 / 7 % 50) }, using: &random)
        change(&entry)
        return entry
    }

    private func stored(_ path: String, change: (inout Entry) -> Void = { _ in }) -> Entry {
        var entry = Entry(path, "content")
        change(&entry)
        return entry
    }

    // MARK: What is right

    @Test func archivesReadBackExactly() throws {
        for seed in 1...400 {
            var random = SplitMix(seed: seed)
            var archive = ZipWriter()
            archive.isLong = random.next(4) == 0
            archive.comment = Array(repeating: 0x50, count: random.next(3) * random.next(60))
            for index in 0..<random.next(8) {
                // Few different bytes have many copies, many have few.
                let (count, range) = (random.next(3) * random.next(10_000), 1 + random.next(256))
                let content = (0..<count).map { _ in UInt8(random.next(range)) }
                let path = "\(["", "trees/", "é/"][random.next(3)])\(random.next(1000))-\(index)"
                var entry = random.next(2) == 0 ? Entry(path, content) : Entry.deflated(path, content, using: &random)
                entry.isStreamed = random.next(2) == 0
                entry.isLong = random.next(3) == 0
                if random.next(3) == 0 { entry.extra = little(0x5455, 2) + little(3, 2) + [1, 2, 3] }
                archive.entries.append(entry)
            }
            if archive.entries.isEmpty { archive.entries = [Entry("one", "1")] }
            let artifact = try unpacked(archive)
            let expected = archive.entries.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
            #expect(artifact.members.map(\.path) == expected.map(\.path), "seed \(seed)")
            for entry in expected {
                #expect(artifact.findMember(entry.path)?.size == entry.content.count, "seed \(seed)")
                #expect(try artifact.member(entry.path) == entry.content, "'\(entry.path)' of seed \(seed)")
            }
        }
    }

    @Test func largeFilesAreUnpackedPieceByPiece() throws {
        let entry = deflated("a", 600_000)
        #expect(try unpacked(ZipWriter(entry)).member("a") == entry.content)
    }

    @Test func pathsAreComparedByTheirBytes() throws {
        let archive = try unpacked(ZipWriter(Entry("caf\u{e9}", "one"), Entry("cafe\u{301}", "two")))
        #expect(try archive.member("caf\u{e9}") == Array("one".utf8))
        #expect(try archive.member("cafe\u{301}") == Array("two".utf8))
        #expect(archive.findMember("cafe") == nil)
    }

    @Test func aFolderIsNotUnpacked() throws {
        let folder = ModelArtifact.folder(name: "model", files: [(path: "model.ini", bytes: [1, 2])])
        #expect(try folder.unpacked().member("model.ini") == [1, 2])
        #expect(folder.holds("model.ini") && !folder.holds("model.in"))
    }

    @Test func aFormatIsRecognisedByAMembersName() throws {
        func holds(_ bytes: [UInt8]) -> Bool { ModelArtifact.file(name: "x", bytes: bytes).holds("model.ini") }
        let bytes = ZipWriter(stored("other"), deflated("model.ini")).written()
        #expect(holds(bytes))
        // The end is missing, so that there is no directory; the format says what is wrong when it loads the file.
        #expect(holds(Array(bytes.dropLast(30))))
        #expect(!holds(ZipWriter(stored("model.inis"), stored("a/model.ini")).written()))
        #expect(!holds([]) && !holds(Array("PK".utf8)) && !holds(Array("{\"model.ini\":1}".utf8)))
    }

    @Test func aFileThatIsNoArchiveIsRefused() throws {
        #expect(try refusal(Array("tree\n".utf8)) == "this is no ZIP archive (at byte 0)")
        #expect(try refusal([]) == "this is no ZIP archive (at byte 0)")
    }

    // MARK: Names

    @Test(arguments: [
        "../model.ini", "a/../../b", "/etc/passwd", "a//b", "./a", "a/.", "..", ".", "/", "..\\model.ini", "\\a", "a/..", "../",
    ])
    func aPathThatLeavesTheFolderIsRefused(_ path: String) throws {
        #expect(try refusal(ZipWriter(stored("a"), stored(path))).contains("'\(path)' leaves the folder"))
    }

    @Test func aNameThatIsNoTextIsRefused() throws {
        #expect(try refusal(ZipWriter(stored(""))).contains("without a name"))
        #expect(try refusal(ZipWriter(stored("a\u{0}b"))).contains("control character"))
        #expect(try refusal(ZipWriter(stored(String(repeating: "a", count: 1025)))).contains("1025 bytes; at most 1024"))
        var bytes = ZipWriter(stored("model.ini")).written()
        for index in bytes.indices where bytes[index...].starts(with: "model.ini".utf8) { bytes[index] = 0xff }
        #expect(try refusal(bytes).contains("not UTF-8"))
    }

    @Test func aNameThatComesTwiceIsRefused() throws {
        #expect(
            try refusal(ZipWriter(stored("b"), stored("a"), deflated("b"))) == "the archive has two files of this name (at b)")
    }

    @Test func aSymbolicLinkIsRefused() throws {
        #expect(try refusal(ZipWriter(stored("a") { $0.mode = 0o120777 })).contains("a symbolic link instead of the file (at a)"))
    }

    @Test func aFolderWithContentIsRefused() throws {
        #expect(try refusal(ZipWriter(stored("a/"))).contains("a folder with 7 bytes"))
    }

    // MARK: What is said twice

    @Test func theFilesOwnHeaderMustSayWhatTheDirectorySays() throws {
        #expect(try refusal(ZipWriter(stored("a") { $0.localPath = "b" })).contains("different names (at a)"))
        #expect(try refusal(ZipWriter(deflated("a") { $0.localMethod = 0 })).contains("disagree on how the file is packed"))
        #expect(try refusal(ZipWriter(stored("a") { $0.localFlags = 1 })).contains("disagree on how the file is packed"))
        #expect(try refusal(ZipWriter(deflated("a") { $0.localSize = 5 })).contains("disagree on its size"))
    }

    @Test func entriesThatOverlapAreRefused() throws {
        #expect(
            try refusal(ZipWriter(stored("a"), stored("b") { ($0.localPath, $0.start) = ("a", 0) })).contains("different names"))
        // The second one's header lies within the first one's content.
        let inner = ZipWriter(stored("inner")).written()
        let place = 30 + 1
        let archive = ZipWriter(Entry("a", inner), stored("inner") { $0.start = place })
        #expect(try refusal(archive) == "the archive has this file and 'a' in the same place (at inner)")
    }

    @Test func aHeaderThatIsNotWhereItIsSaidToBeIsRefused() throws {
        #expect(try refusal(ZipWriter(stored("a") { $0.start = 3 })).contains("header is not at byte 3 (at a)"))
        #expect(try refusal(ZipWriter(stored("a") { $0.start = 0x7fff_ffff })).contains("is not at byte"))
    }

    // MARK: Contents

    @Test func aWrongChecksumIsRefused() throws {
        for entry in [stored("a") { $0.checksum = 1 }, deflated("a") { $0.checksum = 1 }] {
            #expect(try refusal(ZipWriter(entry)) == "the archive is damaged: the file's checksum is wrong (at a)")
        }
    }

    @Test func anEncryptedFileIsRefused() throws {
        for flag in [0x1, 0x40, 0x2000] {
            #expect(try refusal(ZipWriter(stored("a") { $0.flags = flag })) == "the file is encrypted in the archive (at a)")
        }
        #expect(try refusal(ZipWriter(stored("a") { $0.flags = 0x20 })).contains("a patch instead of the file (at a)"))
    }

    @Test(arguments: [1, 6, 9, 12, 14, 93, 99])
    func anotherMethodIsRefused(_ method: Int) throws {
        #expect(try refusal(ZipWriter(stored("a") { $0.method = method })).contains("by method \(method); only deflate (8)"))
    }

    @Test func compressedDataThatIsNotWhatIsAnnouncedIsRefused() throws {
        #expect(try refusal(ZipWriter(deflated("a") { $0.size = 999 })).contains("more than the 999 bytes that are announced"))
        #expect(try refusal(ZipWriter(deflated("a") { $0.size = 1001 })).contains("to 1000 bytes, and 1001 are announced"))
        #expect(try refusal(ZipWriter(deflated("a") { $0.size = 0 })).contains("more than the 0 bytes"))
        #expect(try refusal(ZipWriter(deflated("a") { $0.packed.removeLast(5) })).contains("compressed data is truncated (at a)"))
        #expect(try refusal(ZipWriter(deflated("a") { $0.packed += [0, 0] })).contains("2 bytes follow the end"))
        #expect(
            try refusal(ZipWriter(deflated("a") { $0.packed[0] |= 6 })).contains("data is damaged (invalid block type) (at a)"))
        #expect(try refusal(ZipWriter(stored("a") { $0.size = 6 })).contains("has 6 bytes and 7 in the archive (at a)"))
        #expect(try refusal(ZipWriter(stored("a") { ($0.size, $0.packedSize) = (99, 99) })).contains("99 bytes are not there"))
    }

    // MARK: Bombs

    @Test func moreThanDeflateCanHoldIsRefusedBeforeItIsUnpacked() throws {
        #expect(try refusal(ZipWriter(deflated("a") { $0.size = $0.packed.count * 1032 + 1 })).contains("more than its"))
        #expect(try refusal(ZipWriter(deflated("a") { ($0.isLong, $0.size) = (true, 1 << 40) })).contains("more than its"))
    }

    @Test func theMembersTogetherAreLimited() throws {
        let archive = ZipWriter(deflated("a", 4000), deflated("b", 4000))
        #expect(try unpacked(archive, maxBytes: 8000).size == 8000)
        #expect(try refusal(archive, maxBytes: 7999).contains("to more than the limit of 7999 bytes (at b)"))
    }

    @Test func theMembersAreLimitedByTheArchivesSize() throws {
        // Each says no more than deflate could hold, but all together more than 200 times the archive and more than 64 MiB.
        var archive = ZipWriter()
        for index in 0..<90 {
            archive.entries.append(deflated("\(index)") { ($0.packed, $0.size) = (Array(repeating: 0, count: 1000), 1_000_000) })
        }
        #expect(try refusal(archive).contains("unpacks to more than the limit of \(64 << 20) bytes"))
        archive.entries.removeLast(30)
        #expect(try unpacked(archive).size == 60_000_000)
    }

    // MARK: The end

    @Test func aTruncatedArchiveIsRefused() throws {
        var archive = ZipWriter(stored("a"), deflated("b"), stored("c"))
        for isLong in [false, true] {
            archive.isLong = isLong
            let bytes = archive.written()
            #expect(try refusal(Array(bytes.dropLast())).contains("no directory at its end: it is truncated"))
            for count in bytes.indices { _ = try refusal(Array(bytes[..<count])) }
        }
    }

    @Test func aDirectoryThatIsCutOrGrownIsRefused() throws {
        var archive = ZipWriter(stored("a"), stored("b"))
        archive.count = 3
        #expect(try refusal(archive).contains("no entry begins here"))
        archive.count = 1
        #expect(try refusal(archive).contains("more than its 1 entries"))
        archive.count = nil
        archive.directorySize = 50
        #expect(try refusal(archive).contains("does not end where its end record begins"))
        archive.directorySize = nil
        archive.directoryStart = 1
        #expect(try refusal(archive).contains("does not end where its end record begins"))
        archive.directoryStart = nil
        archive.beforeEnd = [1, 2, 3]
        #expect(try refusal(archive).contains("does not end where its end record begins"))
        archive.beforeEnd = []
        archive.beforeDirectory = [1, 2, 3]
        #expect(try unpacked(archive).members.count == 2)
    }

    @Test func anArchiveOfSeveralPartsIsRefused() throws {
        for isLong in [false, true] {
            var archive = ZipWriter(stored("a"))
            (archive.isLong, archive.disk) = (isLong, 1)
            #expect(try refusal(archive).contains("one of several parts"))
        }
        #expect(try refusal(ZipWriter(stored("a") { $0.disk = 1 })).contains("in another part of the archive (at a)"))
    }

    // MARK: zip64

    @Test func zip64FieldsThatLieAreRefused() throws {
        var archive = ZipWriter(stored("a") { $0.isLong = true })
        archive.isLong = true
        #expect(try unpacked(archive).members.count == 1)
        archive.longCount = 2
        #expect(try refusal(archive).contains("contradict each other"))
        archive.count = 0xffff
        #expect(try refusal(archive).contains("no entry begins here"))
        archive.longCount = 1_000_001
        #expect(try refusal(archive).contains("1000001 entries; at most 1000000"))
        (archive.longCount, archive.count, archive.longStart) = (nil, nil, 3)
        #expect(try refusal(archive).contains("zip64 end record is not where it is said to be"))
        archive.longStart = Int.max
        #expect(try refusal(archive).contains("beyond any file"))
        (archive.longStart, archive.directorySize) = (nil, 7)
        #expect(try refusal(archive).contains("contradict each other"))
    }

    @Test func zip64FieldsThatAreMissingOrDoubleAreRefused() throws {
        #expect(try refusal(ZipWriter(deflated("a") { $0.size = 0xffff_ffff })).contains("zip64 field that is not there (at a)"))
        let field = little(1, 2) + little(8, 2) + little(5, 8)
        #expect(try refusal(ZipWriter(stored("a") { ($0.isLong, $0.extra) = (true, field) })).contains("two zip64 fields (at a)"))
        let cut = ZipWriter(stored("a") { $0.extra = little(9, 2) + little(9, 2) })
        #expect(try refusal(cut).contains("an extra field of the file's header is truncated (at a)"))
        var archive = ZipWriter(stored("a"))
        archive.directorySize = 0xffff_ffff
        #expect(try refusal(archive).contains("zip64 end record that is not there"))
    }
}
