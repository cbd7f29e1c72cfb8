internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import Scoring
internal import TextFormats
internal import WireFormat

/// What the router's routes need to answer.
struct ManagementDesk: Sendable {
    let predictor: any Predictor
    let repository: any ModelRepository
    let metrics: @Sendable () -> String
    /// False as soon as a shutdown begins.
    let isServing: @Sendable () -> Bool

    var isReady: Bool { isServing() && repository.isReady }
}

/// The routes beside the predict routes: health, metadata, metrics, and the orders of an operator. They are
/// asked rarely, so they go through Hummingbird's router.
struct ManagementRoutes {
    typealias Context = BasicRequestContext
    typealias Handler = @Sendable (Request, Context) async throws -> Response

    let desk: ManagementDesk

    /// Every path with the methods that it takes.
    private var table: [(path: RouterPath, method: HTTPRequest.Method, handler: Handler)] {
        let desk = desk
        return [
            ("/health", .get, { _, _ in health(desk) }),
            ("/health/live", .get, { _, _ in json(.ok) { $0.append("{\"status\":\"live\"}") } }),
            ("/health/ready", .get, { _, _ in readiness(desk) }),
            ("/metrics", .get, { _, _ in metrics(desk) }),
        ]
    }

    func router() -> Router<Context> {
        let router = Router(context: Context.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: ErrorDocuments())
        for entry in table {
            router.on(entry.path, method: entry.method, use: entry.handler)
            var allowed = [entry.method]
            if entry.method == .get { allowed.append(.head) }
            let allow = allowed.map(\.rawValue).joined(separator: ", ")
            for method in Self.methods where !allowed.contains(method) {
                router.on(entry.path, method: method) { _, _ -> Response in throw WrongMethod(allow: allow) }
            }
        }
        return router
    }

    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]
}

private struct WrongMethod: Error {
    let allow: String
}

private func health(_ desk: ManagementDesk) -> Response {
    json(.ok) { $0.append("{\"status\":\"ok\"}") }
}

private func readiness(_ desk: ManagementDesk) -> Response {
    let isReady = desk.isReady
    return json(isReady ? .ok : .serviceUnavailable) { $0.append(isReady ? "{\"status\":\"ready\"}" : "{\"status\":\"not ready\"}") }
}

private func metrics(_ desk: ManagementDesk) -> Response {
    Response(
        status: .ok, headers: [.contentType: "text/plain; version=0.0.4"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: desk.metrics())))
}

private func json(_ status: HTTPResponse.Status, _ write: (inout ByteSink) -> Void) -> Response {
    var sink = ByteSink()
    write(&sink)
    return Response(
        status: status, headers: [.contentType: "application/json"],
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: UnsafeRawBufferPointer(sink.bytes))))
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
            return answer(
                ErrorDocument(status: 404, code: "NOT_FOUND", message: "there is nothing at this path", style: style))
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
