package import Scoring
package import TextFormats

/// The bodies of everything that is asked about models and the server instead of of them: Open Inference's
/// metadata, health and repository index, and the REST contract's `/models` and `/health`.
package enum MetadataDocuments {
    // MARK: Open Inference

    /// `GET /v2`.
    package static func server(version: String, into sink: inout ByteSink) {
        sink.append(#"{"name":"verdict","version":"#)
        sink.append(json: version)
        sink.append(#","extensions":["model_repository"]}"#)
    }

    /// `GET /v2/health/live` and `/health/live`.
    package static func live(_ isLive: Bool, into sink: inout ByteSink) {
        sink.append(#"{"live":"#)
        sink.append(json: isLive)
        sink.append("}")
    }

    /// `GET /v2/health/ready` and `/health/ready`. KServe's client reads the body, Triton's only the status,
    /// which is 200 or 503.
    package static func ready(_ isReady: Bool, into sink: inout ByteSink) {
        sink.append(#"{"ready":"#)
        sink.append(json: isReady)
        sink.append("}")
    }

    /// `GET /v2/models/{model}[/versions/{version}]/ready`.
    package static func modelReady(_ name: ModelName, _ isReady: Bool, into sink: inout ByteSink) {
        sink.append(#"{"name":""#)
        sink.append(text: name.text)
        sink.append(#"","ready":"#)
        sink.append(json: isReady)
        sink.append("}")
    }

    /// `GET /v2/models/{model}[/versions/{version}]`.
    /// - Parameter versions: Those that are ready.
    package static func model(_ served: ServedModel, versions: [String], into sink: inout ByteSink) {
        sink.append(#"{"name":""#)
        sink.append(text: served.name.text)
        sink.append(#"","versions":["#)
        for (index, version) in versions.enumerated() {
            if index > 0 { sink.append(",") }
            sink.append(json: version)
        }
        sink.append(#"],"platform":"verdict_"#)
        sink.append(text: served.model.description.engine)
        sink.append(#"","inputs":["#)
        for (index, field) in served.signature.inputs.enumerated() {
            if index > 0 { sink.append(",") }
            tensor(field.name, type(of: field), width: 1, into: &sink)
        }
        sink.append(#"],"outputs":["#)
        for (index, output) in InferenceOutput.standard(of: served).enumerated() {
            if index > 0 { sink.append(",") }
            tensor(output.name(in: served), output.type(in: served), width: output.width(in: served), into: &sink)
        }
        sink.append("]}")
    }

    /// `POST /v2/repository/index`: every version with its state.
    package static func index(_ entries: [RepositoryEntry], into sink: inout ByteSink) {
        sink.append("[")
        for (index, entry) in entries.enumerated() {
            if index > 0 { sink.append(",") }
            sink.append(#"{"name":"#)
            sink.append(json: entry.name)
            sink.append(#","version":"#)
            sink.append(json: entry.version)
            sink.append(#","state":""#)
            sink.append(text: entry.state.rawValue)
            sink.append(#"","reason":"#)
            sink.append(json: entry.reason)
            sink.append("}")
        }
        sink.append("]")
    }

    /// Whether a `POST /v2/repository/index` asks for ready versions only; its body may be empty.
    package static func asksForReadyOnly(_ body: UnsafeBufferPointer<UInt8>) throws(ScoringError) -> Bool {
        guard !body.isEmpty else { return false }
        var reader = unsafe RequestReader(body, memory: JSONMemory())
        var isReadyOnly = false
        try reader.beginObject()
        while let key = try reader.nextKey() {
            if key == "ready" { isReadyOnly = try reader.boolean() } else { try reader.skip() }
        }
        try reader.end()
        return isReadyOnly
    }

    /// Checks the body of a `POST /v2/repository/models/{model}/load` or `/unload`: it may be empty, and has
    /// no parameters that would change how the model is loaded, since the repository's files decide on that.
    package static func checkOrder(_ body: UnsafeBufferPointer<UInt8>) throws(ScoringError) {
        guard !body.isEmpty else { return }
        var reader = unsafe RequestReader(body, memory: JSONMemory())
        try reader.beginObject()
        while let key = try reader.nextKey() {
            guard key == "parameters", try reader.peek() == .object else {
                try reader.skip()
                continue
            }
            try reader.beginObject()
            while let name = try reader.nextKey() {
                guard name == "unload_dependents" else {
                    throw .invalidRequest(
                        "the parameter '\(Quoted.name(name))' is not supported: put files and model.yaml into the repository")
                }
                try reader.skip()
            }
        }
        try reader.end()
    }

    /// Reads the body of a `POST /models/{model}/promote` or `/rollback`: empty, or `{"by": "who ordered it"}`.
    package static func person(_ body: UnsafeBufferPointer<UInt8>) throws(ScoringError) -> String {
        let nobody = "an operator"
        guard !body.isEmpty else { return nobody }
        var person: String?
        var reader = unsafe RequestReader(body, memory: JSONMemory())
        guard try reader.peek() == .object else {
            throw .invalidRequest("expected a JSON object such as {\"by\": \"ann\"}, found \(try reader.peek().phrase)")
        }
        try reader.beginObject()
        while let key = try reader.nextKey() {
            guard key == "by" else { throw .invalidRequest("unknown member '\(Quoted.name(key))': an order has 'by' only") }
            guard try reader.peek() == .string else {
                throw .invalidRequest("'by' must be a string, found \(try reader.peek().phrase)")
            }
            let text = try reader.text()
            guard text.count <= 256 else { throw .invalidRequest("'by' is longer than 256 bytes") }
            person = text.string
        }
        try reader.end()
        return person.flatMap { $0.isEmpty ? nil : $0 } ?? nobody
    }

    // MARK: REST

    /// `GET /models`: each model once, with its versions.
    package static func models(_ entries: [RepositoryEntry], into sink: inout ByteSink) {
        sink.append(#"{"models":["#)
        var previous: String?
        for entry in entries {
            if entry.name == previous {
                sink.append(",")
            } else {
                if previous != nil { sink.append("]},") }
                sink.append(#"{"name":"#)
                sink.append(json: entry.name)
                sink.append(#","ready":"#)
                sink.append(json: entries.contains { $0.name == entry.name && $0.state == .ready })
                sink.append(#","versions":["#)
                previous = entry.name
            }
            sink.append(#"{"version":"#)
            sink.append(json: entry.version)
            sink.append(#","state":""#)
            sink.append(text: entry.state.rawValue)
            sink.append("\"")
            if !entry.reason.isEmpty {
                sink.append(#","reason":"#)
                sink.append(json: entry.reason)
            }
            sink.append("}")
        }
        if previous != nil { sink.append("]}") }
        sink.append("]}")
    }

    /// `GET /health`: whether the server takes requests, and how many model versions stand how. The status is 200
    /// or, while it is not ready, 503. A server without any model is ready, but hardly as somebody meant it to be.
    /// - Parameter problem: Why the repository cannot be read now; what serves goes on serving.
    package static func health(
        isReady: Bool, entries: [RepositoryEntry], problem: String? = nil, into sink: inout ByteSink
    ) {
        sink.append(isReady ? #"{"status":"ok","live":true,"ready":true"# : #"{"status":"unavailable","live":true,"ready":false"#)
        sink.append(#","versions":{"ready":"#)
        sink.append(integer: entries.count { $0.state == .ready })
        sink.append(#","loading":"#)
        sink.append(integer: entries.count { $0.state == .loading })
        sink.append(#","unavailable":"#)
        sink.append(integer: entries.count { $0.state == .unavailable })
        sink.append("}")
        let warning = problem ?? (isReady && entries.isEmpty ? "the model repository is empty" : nil)
        if let warning {
            sink.append(#","warning":"#)
            sink.append(json: warning)
        }
        sink.append("}")
    }

    // MARK: Tensors

    private static func tensor(_ name: String, _ type: TensorType, width: Int?, into sink: inout ByteSink) {
        sink.append(#"{"name":"#)
        sink.append(json: name)
        sink.append(#","datatype":""#)
        sink.append(text: type.rawValue)
        sink.append(#"","shape":[-1"#)
        if let width {
            sink.append(",")
            sink.append(integer: width)
        }
        sink.append("]}")
    }

    private static func type(of field: Field) -> TensorType {
        switch field.kind {
        case .number: .fp64
        case .integer: field.integers == .uint64 ? .uint64 : .int64
        case .boolean: .bool
        case .category, .text: .bytes
        }
    }
}
