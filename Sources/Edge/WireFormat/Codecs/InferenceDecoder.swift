internal import Scoring
internal import TextFormats

/// What an Open Inference request asks beside its features.
struct InferenceOrder {
    var id: JSONString?
    /// Empty for the model's usual outputs.
    var outputs: [InferenceOutput] = []
    /// From the reserved parameter `timeout`.
    var timeoutMicroseconds: UInt64?
}

/// Reads an Open Inference request with JSON tensors into a batch; see `TensorPlacement`.
@safe struct InferenceDecoder {
    let served: ServedModel
    let body: UnsafeBufferPointer<UInt8>
    /// For tensors whose data stands before their shape.
    let memory: JSONMemory
    private var placement: TensorPlacement

    init(
        _ served: ServedModel, _ batch: FeatureBatch, limits: WireLimits, body: UnsafeBufferPointer<UInt8>, memory: JSONMemory
    ) {
        self.served = served
        unsafe self.body = unsafe body
        self.memory = memory
        placement = TensorPlacement(served, batch, limits: limits)
    }

    mutating func read(_ reader: inout RequestReader) throws(ScoringError) -> InferenceOrder {
        var order = InferenceOrder()
        guard try reader.peek() == .object else {
            throw .invalidRequest("expected a JSON object with inputs, found \(try reader.peek().phrase)")
        }
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "id": order.id = try Self.readID(&reader)
            case "parameters": order.timeoutMicroseconds = try Self.readParameters(&reader)
            case "inputs": try readInputs(&reader)
            case "outputs": order.outputs = try readOutputs(&reader)
            // Clients send members of their own, such as model_name.
            default: try reader.skip()
            }
        }
        guard placement.rows != nil else { throw .invalidRequest("'inputs' is missing: send an array of tensors") }
        try placement.checkRequired()
        return order
    }

    // MARK: Tensors

    private mutating func readInputs(_ reader: inout RequestReader) throws(ScoringError) {
        guard try reader.peek() == .array else { throw .invalidRequest("'inputs' must be an array of tensors") }
        try reader.beginArray()
        while try reader.nextElement() { try readTensor(&reader) }
        guard placement.rows != nil else { throw .invalidRequest("'inputs' has no tensor with features of the model") }
    }

    private mutating func readTensor(_ reader: inout RequestReader) throws(ScoringError) {
        var name: String?
        var type: TensorType?
        var shape: TensorShape?
        /// The data's bytes, where they cannot be read in passing.
        var data: Range<Int>?
        var isRead = false
        guard try reader.peek() == .object else { throw .invalidRequest("an input tensor must be an object") }
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "name": name = try Self.readName(&reader)
            case "datatype": type = try Self.readType(&reader, tensor: name)
            case "shape": shape = try TensorShape(&reader, tensor: name ?? "")
            case "parameters": _ = try Self.readParameters(&reader)
            case "data":
                if let name, let type, let shape {
                    try readData(&reader, name, type, shape)
                    isRead = true
                } else {
                    let start = reader.offset
                    try reader.skip()
                    data = start..<reader.offset
                }
            default:
                throw .invalidRequest("unknown member '\(Quoted.name(key))' of an input tensor")
            }
        }
        guard let name else { throw .invalidRequest("an input tensor has no name") }
        guard let shape else { throw .invalidRequest("tensor '\(name)' has no shape") }
        guard let type else { throw .invalidRequest("tensor '\(name)' has no datatype") }
        if isRead { return }
        guard let data else { throw .invalidRequest("tensor '\(name)' has no data") }
        let upToData = unsafe UnsafeBufferPointer(rebasing: body[..<data.upperBound])
        var later = unsafe RequestReader(upToData, from: data.lowerBound, memory: memory)
        try readData(&later, name, type, shape)
    }

    private mutating func readData(
        _ reader: inout RequestReader, _ name: String, _ type: TensorType, _ shape: TensorShape
    ) throws(ScoringError) {
        guard type != .fp16, type != .bf16 else {
            throw .invalidRequest("tensor '\(name)' is \(type.rawValue), which JSON cannot carry: send FP32 or FP64")
        }
        // An element takes at least a byte: what the shape announces must be able to follow.
        guard unsafe shape.count <= body.count else {
            throw .invalidRequest("the shape of tensor '\(name)' asks for more elements than the body has")
        }
        guard let target = try placement.target(of: name, shape) else { return try reader.skip() }
        let cells = TensorCells(name: name, type: type, signature: placement.signature, batch: placement.batch)
        try TensorReader(cells: cells).readData(&reader, into: target)
    }

    // MARK: Members

    private static func readName(_ reader: inout RequestReader) throws(ScoringError) -> String {
        guard try reader.peek() == .string else { throw .invalidRequest("a tensor's name must be a string") }
        let text = try reader.text()
        return text.count <= 1024 ? text.string : Quoted.name(text)
    }

    private static func readType(_ reader: inout RequestReader, tensor: String?) throws(ScoringError) -> TensorType {
        guard try reader.peek() == .string else { throw .invalidRequest("a tensor's datatype must be a string") }
        let text = try reader.text()
        guard text.count <= 8, let type = TensorType(rawValue: text.string) else {
            throw .invalidRequest("tensor '\(tensor ?? "")' has the unknown datatype '\(Quoted.name(text))'")
        }
        return type
    }

    private static func readID(_ reader: inout RequestReader) throws(ScoringError) -> JSONString? {
        switch try reader.peek() {
        case .null:
            try reader.null()
            return nil
        case .string:
            let text = try reader.text()
            guard text.count <= RowDecoder.maxRequestID else {
                throw .invalidRequest("'id' is longer than \(RowDecoder.maxRequestID) bytes")
            }
            return text
        case .object, .array, .number, .boolean:
            throw .invalidRequest("'id' must be a string, found \(try reader.peek().phrase)")
        }
    }

    /// Checks an object of parameters, whose values are single ones, and returns `timeout`.
    private static func readParameters(_ reader: inout RequestReader) throws(ScoringError) -> UInt64? {
        var timeout: UInt64?
        if try reader.peek() == .null {
            try reader.null()
            return nil
        }
        guard try reader.peek() == .object else { throw .invalidRequest("'parameters' must be an object") }
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "timeout":
                guard try reader.peek() == .number else {
                    throw .invalidRequest("the parameter 'timeout' must be a number of microseconds")
                }
                timeout = try reader.unsigned()
            case "binary_data_size", "shared_memory_region":
                throw .invalidRequest(
                    "the parameter '\(key.string)' needs an extension that this server does not have: send JSON data")
            default:
                switch try reader.peek() {
                case .object, .array: throw .invalidRequest("the parameter '\(Quoted.name(key))' must be a single value")
                case .string, .number, .boolean, .null: try reader.skip()
                }
            }
        }
        return timeout == 0 ? nil : timeout
    }

    private func readOutputs(_ reader: inout RequestReader) throws(ScoringError) -> [InferenceOutput] {
        guard try reader.peek() == .array else { throw .invalidRequest("'outputs' must be an array") }
        var outputs: [InferenceOutput] = []
        try reader.beginArray()
        while try reader.nextElement() {
            var name: String?
            guard try reader.peek() == .object else { throw .invalidRequest("a requested output must be an object") }
            try reader.beginObject()
            while let key = try reader.nextKey() {
                switch key {
                case "name": name = try Self.readName(&reader)
                case "parameters": _ = try Self.readParameters(&reader)
                default: throw .invalidRequest("unknown member '\(Quoted.name(key))' of a requested output")
                }
            }
            guard let name else { throw .invalidRequest("a requested output has no name") }
            guard let output = InferenceOutput.named(name, of: served) else {
                throw .invalidRequest(
                    "the model has no output '\(Quoted.name(name))'\(InferenceOutput.hint(insteadOf: name, of: served))")
            }
            guard !outputs.contains(output) else { throw .invalidRequest("output '\(Quoted.name(name))' is requested twice") }
            outputs.append(output)
        }
        return outputs
    }
}
