internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Says in plain words why a connection could not be made or was lost.
package enum ConnectionFault {
    package static func reason(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return reason(first.error) }
            return error.dnsAError == nil && error.dnsAAAAError == nil
                ? "the connection failed" : "the host name is unknown; check redis.url"
        case is SocketAddressError, is SocketAddressError.UnknownHost: return "the host name is unknown; check redis.url"
        case let error as IOError: return reason(errno: error.errnoCode)
        case ChannelError.connectTimeout: return "no answer in time; is the machine up, and does a firewall let the port through?"
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: return tlsReason(error)
        default: return "\(error)"
        }
    }

    private static func reason(errno code: Int32) -> String {
        switch code {
        case ECONNREFUSED: "connection refused: nothing listens on that port"
        case ECONNRESET, EPIPE: "the connection was cut off from the other side"
        case ENETUNREACH, EHOSTUNREACH: "no route to the host"
        case ETIMEDOUT: "no answer in time; is the machine up, and does a firewall let the port through?"
        case EADDRNOTAVAIL: "no local port is left"
        case EMFILE, ENFILE: "no file descriptor is left; raise the limit on open files"
        default: unsafe String(cString: strerror(code))
        }
    }

    /// The library's words follow: they name the certificate's fault.
    private static func tlsReason(_ error: any Error) -> String {
        "TLS failed; check that the server speaks TLS (rediss://) and that its certificate is trusted and names the host (\(error))"
    }
}
