internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import Scoring
internal import TextFormats
internal import WireFormat

/// What the router's routes need to answer.
struct AdminHandler: Sendable {
    let version: String
    let backend: HTTPService.Backend
    let metrics: HTTPMetrics
    /// False as soon as a shutdown begins.
    let isServing: @Sendable () -> Bool

    var isReady: Bool { isServing() && backend.repository.isReady }
}

/// The routes beside the predict routes: health, metadata, metrics, and the orders of an operator. They are
/// asked rarely, so they go through Hummingbird's router.
struct ManagementRoutes {
    typealias Context = BasicRequestContext
    typealias Handler = @Sendable (Request, Context) async throws -> Response

    let adminHandler: AdminHandler

    func router() -> Router<Context> {
        let router = Router(context: Context.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: ErrorDocuments())
        for (path, method, handler) in health + metadata + orders + admin {
            router.on(path, method: method, use: handler)
            let allowed = method == .get ? [method, .head] : [method]
            let allow = allowed.map(\.rawValue).joined(separator: ", ")
            for other in Self.methods where !allowed.contains(other) {
                router.on(path, method: other) { _, _ -> Response in throw WrongMethod(allow: allow) }
            }
        }
        return router
    }

    private typealias Entry = (path: RouterPath, method: HTTPRequest.Method, handler: Handler)

    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]

    private var health: [Entry] {
        let live: Handler = { _, _ in json { MetadataDocuments.live(true, into: &$0) } }
        let ready: Handler = { [adminHandler] _, _ in
            let isReady = adminHandler.isReady
            return json(isReady ? .ok : .serviceUnavailable) { MetadataDocuments.ready(isReady, into: &$0) }
        }
        let health: Handler = { [adminHandler] _, _ in
            let isReady = adminHandler.isReady
            let entries = adminHandler.backend.repository.index()
            return json(isReady ? .ok : .serviceUnavailable) {
                MetadataDocuments.health(
                    isReady: isReady, entries: entries, problem: adminHandler.backend.repository.problem, into: &$0)
            }
        }
        let metrics: Handler = { [adminHandler] _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: adminHandler.backend.metrics() + adminHandler.metrics.text)))
        }
        return [
            ("/health", .get, health), ("/health/live", .get, live), ("/health/ready", .get, ready),
            ("/v2/health/live", .get, live), ("/v2/health/ready", .get, ready), ("/metrics", .get, metrics),
        ]
    }

    private var metadata: [Entry] {
        let server: Handler = { [adminHandler] _, _ in json { MetadataDocuments.server(version: adminHandler.version, into: &$0) }
        }
        let models: Handler = { [adminHandler] _, _ in
            let entries = adminHandler.backend.repository.index()
            return json { MetadataDocuments.models(entries, into: &$0) }
        }
        let model: Handler = { [adminHandler] _, context in
            let (name, version) = try context.model()
            let served = try adminHandler.backend.predictor.resolve(RequestInfo(model: name, version: version, arrival: .now))
                .served
            let ready = adminHandler.backend.repository.index().filter { $0.name == name.text && $0.state == .ready }
            return json { MetadataDocuments.model(served, versions: ready.map(\.version), into: &$0) }
        }
        let modelReady: Handler = { [adminHandler] _, context in
            let (name, version) = try context.model()
            var isReady = adminHandler.isServing()
            do throws(ScoringError) {
                _ = try adminHandler.backend.predictor.resolve(RequestInfo(model: name, version: version, arrival: .now))
            } catch .notReady {
                isReady = false
            }
            return json(isReady ? .ok : .serviceUnavailable) { [isReady] in
                MetadataDocuments.modelReady(name, isReady, into: &$0)
            }
        }
        return [
            ("/v2", .get, server), ("/models", .get, models),
            ("/v2/models/{model}", .get, model), ("/v2/models/{model}/versions/{version}", .get, model),
            ("/v2/models/{model}/ready", .get, modelReady),
            ("/v2/models/{model}/versions/{version}/ready", .get, modelReady),
        ]
    }

    private var admin: [Entry] {
        guard let admin = adminHandler.backend.admin else { return [] }
        let model: Handler = { _, context in
            let (name, _) = try context.model()
            let status = try admin.status(of: name)
            return json { StatusDocument.write(status, into: &$0) }
        }
        let cache: Handler = { _, _ in
            let status = admin.cacheStatus
            return json { StatusDocument.write(status, into: &$0) }
        }
        let purge: Handler = { request, context in
            unsafe try await request.withBody(MetadataDocuments.checkOrder)
            let (name, _) = try context.model()
            let removed = try await admin.purgeCache(of: name)
            return json { StatusDocument.write(.members([("purged", .count(UInt64(removed)))]), into: &$0) }
        }
        func order(_ order: CanaryOrder) -> Handler {
            { request, context in
                let person = unsafe try await request.withBody(MetadataDocuments.person)
                let (name, _) = try context.model()
                let status = try admin.carryOut(order, on: name, by: person)
                return json { StatusDocument.write(status, into: &$0) }
            }
        }
        return [
            ("/models/{model}", .get, model), ("/cache/stats", .get, cache), ("/models/{model}/cache/purge", .post, purge),
            ("/models/{model}/promote", .post, order(.promote)), ("/models/{model}/rollback", .post, order(.rollback)),
        ]
    }

    private var orders: [Entry] {
        let index: Handler = { [adminHandler] request, _ in
            let isReadyOnly = unsafe try await request.withBody(MetadataDocuments.asksForReadyOnly)
            let entries = adminHandler.backend.repository.index().filter { !isReadyOnly || $0.state == .ready }
            return json { MetadataDocuments.index(entries, into: &$0) }
        }
        let load: Handler = { [adminHandler] request, context in
            unsafe try await request.withBody(MetadataDocuments.checkOrder)
            let (name, _) = try context.model()
            try await carryOut { try await adminHandler.backend.repository.load(name) }
            return json { $0.append("{}") }
        }
        let unload: Handler = { [adminHandler] request, context in
            unsafe try await request.withBody(MetadataDocuments.checkOrder)
            let (name, _) = try context.model()
            try await carryOut { try await adminHandler.backend.repository.unload(name) }
            return json { $0.append("{}") }
        }
        return [
            ("/v2/repository/index", .post, index),
            ("/v2/repository/models/{model}/load", .post, load),
            ("/v2/repository/models/{model}/unload", .post, unload),
        ]
    }
}

/// Waits for an operator's order, but lets it go on alone if the server cannot wait any longer.
private func carryOut(_ order: @escaping @Sendable () async throws -> Void) async throws {
    let (end, ending) = AsyncThrowingStream.makeStream(of: Never.self)
    Task {
        do {
            try await order()
            ending.finish()
        } catch {
            ending.finish(throwing: error)
        }
    }
    for try await _ in end {}
    try Task.checkCancellation()
}

private struct WrongMethod: Error {
    let allow: String
}

private func json(_ status: HTTPResponse.Status = .ok, _ write: (inout ByteSink) -> Void) -> Response {
    var sink = ByteSink()
    write(&sink)
    return unsafe Response(
        status: status, headers: [.contentType: "application/json"],
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: UnsafeRawBufferPointer(sink.bytes))))
}

extension BasicRequestContext {
    /// The model and version that the path names.
    fileprivate func model() throws(ScoringError) -> (ModelName, VersionReference?) {
        let text = parameters.get("model") ?? ""
        let name = try PathName.model(text)
        guard let version = parameters.get("version") else { return (name, nil) }
        return (name, try PathName.version(version, ofModel: text))
    }
}

extension Request {
    /// Gives the whole body to `read`. The lane has collected and limited it before.
    fileprivate func withBody<Value>(
        _ read: (UnsafeBufferPointer<UInt8>) throws(ScoringError) -> Value
    ) async throws -> Value {
        let buffer = try await body.collect(upTo: .max)
        return unsafe try buffer.withUnsafeReadableBytes { unsafe try read($0.bindMemory(to: UInt8.self)) }
    }
}

/// Turns whatever a route throws into an error document.
private struct ErrorDocuments: RouterMiddleware {
    typealias Context = ManagementRoutes.Context

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let style = ErrorStyle(target: request.uri.path)
        do {
            return try await next(request, context)
        } catch let error as ScoringError {
            return answer(ErrorDocument(error, style: style))
        } catch let error as WrongMethod {
            var response = answer(Refusal.methodNotAllowed(allow: error.allow).document(target: request.uri.path))
            response.headers[.allow] = error.allow
            return response
        } catch let error as HTTPError where error.status == .notFound {
            return answer(Refusal.notFound.document(target: request.uri.path))
        } catch {
            context.logger.error("a request failed", metadata: ["error": "\(error)"])
            return answer(
                ErrorDocument(status: 500, code: "INTERNAL", message: "the server failed to answer", style: style))
        }
    }

    private func answer(_ document: ErrorDocument) -> Response {
        var response = json(.init(code: document.status.code)) { document.write(into: &$0) }
        if let retryAfter = document.status.retryAfter { response.headers[.retryAfter] = String(retryAfter) }
        return response
    }
}
