internal import COnnxRuntime
internal import Scoring
internal import TensorRuntime

extension RuntimeModel {
    /// Longest run that finds out about outputs whose shape the file leaves open, in milliseconds.
    private static let probePatience: UInt64 = 10_000

    /// - Parameter controlled: The graph that the library gets.
    /// - Parameter proto: The graph as the file has it.
    /// - Parameter reason: Why the native engine does not evaluate the graph.
    static func load(
        _ controlled: RowControl, _ proto: ProtoModelProto, _ library: RuntimeLibrary, _ options: LoadOptions,
        because reason: RuntimeReason
    ) throws(ScoringError) -> RuntimeModel {
        let graph = try RewrittenGraph(controlled.bytes, controlled.model)
        let (session, cacheNote) = try OptimizedModelCache.session(library, graph.bytes, options.runtime)
        let (inputs, isFixed) = try RunPlan.inputs(session.inputs, options)
        var plan = RunPlan(inputs: inputs, outputs: [], isFixed: isFixed)
        plan.outputs = try outputs(session, plan)

        let (sources, places) = try sources(of: plan, graph, proto)
        let head = OutputLayout(sources).head
        guard !head.columns.isEmpty else { throw .invalidModel(reason: "there are no outputs", place: "graph.output") }
        let readers = places.enumerated().map { index, place in
            let reader = TensorReader(index, labels: sources[index].labels, in: head)
            return OutputReader(output: place.output, part: place.part, reader: reader)
        }
        let names = try InputNames.names(of: inputs.map { ($0.name, $0.width) }, options)
        let signature = head.signature(inputs: inputs.flatMap { input in input.columns.map { input.element.field(names[$0]) } })
        let rows = RowDependence(of: proto)
        var description = ModelDescription(
            format: "ONNX, IR version \(proto.irVersion)", engine: "onnxruntime \(library.version)",
            memoryBytes: controlled.bytes.count)
        description.notes = ["Evaluated by ONNX Runtime, because \(reason)."] + GraphFacts.notes(proto)
        if graph.droppedMaps > 0 { description.notes.append("Maps from classes to probabilities are given as columns.") }
        if isFixed { description.notes.append("The graph takes one row at a time; a batch is as many runs as it has rows.") }
        var grouping = RowGrouping.any
        if case .dependent(let reason) = rows {
            grouping = options.rowsTogether ? .together : .alone
            let consequence =
                options.rowsTogether
                ? "The rows of a request are computed together, as model.yaml asks, and no score is kept or shared"
                : "Each row is computed by itself"
            description.notes.append(
                "A row's scores may depend on the other rows of a run: \(reason). \(consequence).")
        }
        if library.hasTelemetry { description.notes.append("This release of ONNX Runtime has telemetry, which is switched off.") }
        if let cacheNote { description.notes.append(cacheNote) }
        return RuntimeModel(PlannedRuns(session, plan), signature, readers, description, grouping)
    }

    // MARK: Outputs

    /// One source for each tensor that the outputs hold, with its place among them.
    private static func sources(
        of plan: RunPlan, _ graph: RewrittenGraph, _ proto: ProtoModelProto
    ) throws(ScoringError) -> (sources: [OutputLayout.Source], places: [(output: Int, part: Int?)]) {
        var sources: [OutputLayout.Source] = []
        var places: [(output: Int, part: Int?)] = []
        let search = OriginSearch(proto.graph)
        for (index, output) in plan.outputs.enumerated() {
            let width = output.tensor.width
            var source = OutputLayout.Source(output.tensor)
            let original = index < proto.graph.output.count ? proto.graph.output[index].name : output.name
            source.origin = try search.origin(of: original)
            switch output.form {
            case .tensor:
                source.classes = graph.classes[index].flatMap { $0.count == width ? $0 : nil }
                source.labels = source.kind == .integer || source.kind == .text ? graph.labels[index] : nil
                if source.count != 1 { source.labels = nil }
            case .maps(let keys): source.classes = keys
            case .tensors(let count):
                // Each classifier's own; the parts of other sequences are numbers like any.
                var heads: [[String]?] = []
                for part in search.parts(of: original) ?? [] { heads.append(try search.origin(of: part)?.classes) }
                source.isHead = count > 1 && heads.count == count && heads.allSatisfy { $0?.count == width }
                for part in 0..<count {
                    source.classes = source.isHead ? heads[part] : nil
                    source.name = count == 1 ? output.name : "\(output.name)(\(part))"
                    sources.append(source)
                    places.append((index, part))
                }
                continue
            }
            sources.append(source)
            places.append((index, nil))
        }
        return (sources, places)
    }

    /// What the session gives. Two runs over made-up rows show its shapes, whatever the file says: converters declare, for
    /// example, one row for any number. Where such runs fail, what the file says is all there is.
    private static func outputs(_ session: RuntimeSession, _ plan: RunPlan) throws(ScoringError) -> [RunPlan.Output] {
        var outputs: [RunPlan.Output] = []
        var isOpen = false
        for port in session.outputs {
            let place = "output '\(port.name)'"
            switch port.kind {
            case .tensor: break
            case .sequence:
                isOpen = true
                outputs.append(
                    RunPlan.Output(tensor: TensorOutput(name: port.name, element: .float, width: 0), form: .tensors(0)))
                continue
            case .map, .other: throw .unsupportedModel("\(place) is neither a tensor nor a sequence")
            }
            let element = try element(port.element, place)
            var output = RunPlan.Output(
                tensor: TensorOutput(name: port.name, element: element, width: 1), form: .tensor)
            let rest = plan.isFixed ? port.dims[...] : port.dims.dropFirst()
            if port.dims.isEmpty || !plan.isFixed && port.dims[0] >= 0 || rest.contains(where: { $0 < 0 }) {
                isOpen = true
            } else {
                output.tensor.width = try width(rest, place)
                output.dims = port.dims
            }
            outputs.append(output)
        }
        guard !outputs.isEmpty else { throw .invalidModel(reason: "there are no outputs", place: "graph.output") }
        var seen = outputs
        for index in seen.indices { seen[index].dims = nil }
        guard try settle(&seen, session, plan, isNeeded: isOpen) else { return outputs }
        // What is as declared is computed into memory that is there before the run.
        for index in outputs.indices where outputs[index].dims != nil && outputs[index].tensor.width == seen[index].tensor.width {
            seen[index].dims = outputs[index].dims
        }
        return seen
    }

    private static func width(_ dims: ArraySlice<Int>, _ place: String) throws(ScoringError) -> Int {
        var width = 1
        for dim in dims {
            let (product, overflow) = width.multipliedReportingOverflow(by: dim)
            guard !overflow, (0...TensorInput.maxColumns).contains(product) else {
                throw .unsupportedModel("\(place) has more than \(TensorInput.maxColumns) values a row")
            }
            width = product
        }
        return width
    }

    private static func element(_ number: Int32, _ place: String) throws(ScoringError) -> TensorElement {
        guard let element = TensorElement(onnx: number) else {
            throw .unsupportedModel("\(place) has elements of type \(TensorElement.onnxName(number)), which are not supported")
        }
        return element
    }

    /// Takes the shapes of all outputs from runs. Returns false where a run fails and the shapes are not needed.
    private static func settle(
        _ outputs: inout [RunPlan.Output], _ session: RuntimeSession, _ plan: RunPlan, isNeeded: Bool
    ) throws(ScoringError) -> Bool {
        // Nothing is placed for these runs: the library shows what it makes.
        var open = plan
        open.outputs = outputs
        let runs = PlannedRuns(session, open)
        for count in plan.isFixed ? [1] : [1, 2] {
            let slot = try RunSlot(session.library, open)
            try slot.prepare(rows: count)
            for (index, input) in plan.inputs.enumerated() where input.element != .string {
                slot.memory.inputs[index].initializeMemory(as: UInt8.self, repeating: 0, count: count * input.rowBytes)
            }
            do throws(ScoringError) {
                try runs.run(slot, until: Moment.now.advanced(byMilliseconds: probePatience))
            } catch {
                guard isNeeded else { return false }
                throw .unsupportedModel(
                    "the file does not say what its outputs look like, and a run over zeros to find out failed: \(error)")
            }
            defer { slot.endRun() }
            for index in outputs.indices {
                guard let value = slot.outputs[index] else { throw .engineFailure("ONNX Runtime gave no output") }
                try see(&outputs[index], value, rows: count, session.library, isFixed: plan.isFixed)
            }
        }
        return true
    }

    /// Takes an output's shape from what a run gave.
    private static func see(
        _ output: inout RunPlan.Output, _ value: OpaquePointer, rows: Int, _ library: RuntimeLibrary, isFixed: Bool
    ) throws(ScoringError) {
        let place = "output '\(output.name)'"
        let before = output
        var tensor = value
        var parts: [OpaquePointer] = []
        defer { for part in parts { ort_release_value(library.api, part) } }
        if output.form != .tensor {
            let count = try library.partCount(value)
            guard count > 0, count <= TensorInput.maxColumns else { throw .unsupportedModel("\(place) is an empty sequence") }
            tensor = try library.part(value, 0)
            if try library.kind(of: tensor) == 3 {
                let keys = try library.map(tensor).keys.sorted { (Int($0) ?? 0, $0) < (Int($1) ?? 0, $1) }
                guard count == rows else { throw .unsupportedModel("\(place) has \(count) maps for \(rows) rows") }
                output.tensor = TensorOutput(name: output.name, element: .double, width: keys.count)
                (output.form, output.dims) = (.maps(keys: keys), nil)
                guard rows == 1 || output == before else {
                    throw .unsupportedModel("the keys of \(place) differ from row to row")
                }
                return
            }
            parts = [tensor]
            output.form = .tensors(count)
            for index in 1..<max(count, 1) {
                parts.append(try library.part(value, index))
                let shape = try library.shape(of: parts[index])
                guard try library.shape(of: tensor) == shape else {
                    throw .unsupportedModel("the tensors of \(place) differ in shape")
                }
            }
        }
        let (number, dims) = try library.shape(of: tensor)
        output.tensor.element = try element(number, place)
        guard isFixed || dims.first == rows else {
            throw .unsupportedModel("\(place) has the dimensions \(dims) for \(rows) rows; rows must come first")
        }
        output.tensor.width = try width(isFixed ? dims[...] : dims.dropFirst(), place)
        let (old, new) = (before.tensor.width, output.tensor.width)
        guard rows == 1 || old == new || old == 0 && output.form != .tensor else {
            throw .unsupportedModel("the shape of \(place) differs from row to row")
        }
    }
}
