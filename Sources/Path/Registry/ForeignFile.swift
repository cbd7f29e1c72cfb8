/// A file that no format reads, but that people often take for a model: what it is and how to get one that is read.
/// Found by the first bytes alone; nothing in the file is unpacked or run.
enum ForeignFile: Equatable {
    case pickle(library: Library?)
    case compressed(by: String)
    case torch
    case zip
    case hdf5
    case gitLFSPointer
    case xgboostDump
    case lightGBMDump
    case catBoost
    case htmlPage
    case utf16
    case byteOrderMark

    enum Library: String, CaseIterable {
        case xgboost, lightgbm, catboost, sklearn, torch
    }

    /// - Parameter head: the first bytes of the file, some thousands.
    init?(_ head: ArraySlice<UInt8>) {
        if let archive = Self.archive(head) {
            self = archive
        } else if Self.isPickle(head) {
            // The class of the outermost object comes first.
            let mentions = Library.allCases.compactMap { library in
                head.position(ofASCII: library.rawValue).map { (library, position: $0) }
            }
            self = .pickle(library: mentions.min { $0.position < $1.position }?.0)
        } else if let text = Self.text(head) {
            self = text
        } else {
            return nil
        }
    }

    private static func archive(_ head: ArraySlice<UInt8>) -> ForeignFile? {
        let signatures: [(bytes: [UInt8], file: ForeignFile)] = [
            ([0x1f, 0x8b], .compressed(by: "gzip")), (Array("BZh".utf8), .compressed(by: "bzip2")),
            ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], .compressed(by: "xz")), ([0x28, 0xb5, 0x2f, 0xfd], .compressed(by: "zstd")),
            ([0x04, 0x22, 0x4d, 0x18], .compressed(by: "lz4")), ([0x89] + Array("HDF\r\n".utf8) + [0x1a, 0x0a], .hdf5),
            (Array("CBM1".utf8), .catBoost),
        ]
        if let match = signatures.first(where: { head.starts(with: $0.bytes) }) { return match.file }
        if head.starts(with: Array("PK".utf8) + [3, 4]) { return head.contains(ascii: "data.pkl") ? .torch : .zip }
        // RFC 1950, 2.2: deflate with a window of 32 KiB and no dictionary; both bytes together are a multiple of 31.
        let start = Array(head.prefix(2))
        if start.count == 2, start[0] == 0x78, start[1] & 0x20 == 0, (Int(start[0]) << 8 + Int(start[1])) % 31 == 0 {
            return .compressed(by: "zlib")
        }
        return nil
    }

    /// Protocols 2 to 5 begin with their number, the older ones with what they import.
    private static func isPickle(_ head: ArraySlice<UInt8>) -> Bool {
        if head.first == 0x80, let number = head.dropFirst().first { return (2...5).contains(number) }
        return ["ccopy_reg\n", "ccopyreg\n", "c__builtin__\n"].contains { head.starts(with: Array($0.utf8)) }
    }

    private static func text(_ head: ArraySlice<UInt8>) -> ForeignFile? {
        if head.starts(with: [0xef, 0xbb, 0xbf]) { return .byteOrderMark }
        if head.starts(with: [0xff, 0xfe]) || head.starts(with: [0xfe, 0xff]) { return .utf16 }
        if head.starts(with: Array("version https://git-lfs".utf8)) { return .gitLFSPointer }
        let text = head.drop { $0 == 0x20 || (0x09...0x0d).contains($0) }
        let start = String(decoding: text.prefix(16), as: UTF8.self).lowercased()
        if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") { return .htmlPage }
        if start.hasPrefix("booster[0]") { return .xgboostDump }
        if start.hasPrefix("["), text.contains(ascii: "\"nodeid\"") || text.contains(ascii: "\"leaf\"") { return .xgboostDump }
        guard start.hasPrefix("{") else { return nil }
        if text.contains(ascii: "\"num_tree_per_iteration\"") { return .lightGBMDump }
        return text.contains(ascii: "\"oblivious_trees\"") ? .catBoost : nil
    }

    /// What it is and what to do, for the end of a sentence.
    var hint: String {
        switch self {
        case .pickle(let library):
            "it is a Python pickle (as joblib writes it too), which is a program and is never run here: load it in Python and "
                + Self.export(library)
        case .compressed(let program):
            "it is compressed with \(program): unpack it; if joblib wrote it, load it in Python and " + Self.export(nil)
        case .torch: "it is a PyTorch file: load it in Python and \(Self.export(.torch))"
        case .zip: "it is a zip archive: unpack it and give the model inside"
        case .hdf5: "it is an HDF5 file, as Keras writes it: convert the model to ONNX (tf2onnx)"
        case .gitLFSPointer: "it is a Git LFS pointer, not the file itself: fetch the file with 'git lfs pull'"
        case .xgboostDump:
            "it is what XGBoost's dump_model writes, which leaves out the objective and the base score: save the model "
                + "with save_model(\"model.json\")"
        case .lightGBMDump: "it is what LightGBM's dump_model writes: save the model with save_model(\"model.txt\")"
        case .catBoost: "it is a CatBoost model: \(Self.export(.catboost))"
        case .htmlPage: "it is an HTML page, as a failed download leaves one: download the model again"
        case .utf16: "it is a text in UTF-16, as PowerShell's '>' writes it: write it with save_model, or convert it to UTF-8"
        case .byteOrderMark:
            "it begins with a byte order mark, which its library did not write: save the file as UTF-8 without one"
        }
    }

    private static func export(_ library: Library?) -> String {
        switch library {
        case .xgboost: "save the model with save_model(\"model.json\")"
        case .lightgbm: "save the model with save_model(\"model.txt\") (of a scikit-learn wrapper: model.booster_.save_model)"
        case .catboost: "save the model with save_model(\"model.onnx\", format=\"onnx\")"
        case .sklearn: "convert the model to ONNX with skl2onnx, or to PMML"
        case .torch: "export the model with torch.onnx.export"
        case nil: "save the model with its library's save_model, or convert it to ONNX or PMML"
        }
    }
}

extension ArraySlice<UInt8> {
    fileprivate func contains(ascii word: String) -> Bool { position(ofASCII: word) != nil }

    fileprivate func position(ofASCII word: String) -> Int? {
        let word = Array(word.utf8)
        guard count >= word.count else { return nil }
        return indices.dropLast(word.count - 1).first { self[$0] == word[0] && self[$0...].starts(with: word) }
    }
}
