internal import TensorRuntime

/// Where ONNX Runtime's library is looked for.
package struct RuntimeLocation: Sendable, Equatable {
    /// The library or its folder, as configured; nil for the default places.
    package var path: String?

    package init(path: String? = nil) {
        self.path = path
    }

    private static let search = LibrarySearch(file: "libonnxruntime.so", folder: "onnxruntime")

    /// What to do where the library is missing or cannot be used, for messages.
    static let remedy =
        "get it with 'scripts/fetch-runtime onnxruntime', or set VERDICT_ONNXRUNTIME (for 'serve' also --onnxruntime, or 'onnxruntime' in the "
        + "config file) to the library or its folder"

    /// The library's absolute path, or nil where none is there.
    func library() -> String? { Self.search.library(at: path) }

    /// The places that are tried, for messages.
    var searched: [String] { Self.search.searched(path) }
}
