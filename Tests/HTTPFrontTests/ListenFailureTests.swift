internal import Glibc
internal import HTTPFront
internal import NIOCore
internal import Testing

/// Why an address cannot be listened on, in words and with what to do.
@Suite struct ListenFailureTests {
    @Test(arguments: [
        (EADDRINUSE, 8080, "another program listens on port 8080 already"), (EACCES, 80, "ports below 1024 need the capability"),
        (EACCES, 8080, "the system does not permit it"), (EADDRNOTAVAIL, 0, "no address of this machine"),
        (EMFILE, 8080, "raise the limit on open files"), (ENOTSOCK, 1, "Socket operation on non-socket"),
    ])
    func theSystemsErrorsAreExplained(code: Int32, port: Int, sentence: String) {
        let error = IOError(errnoCode: code, reason: "bind(descriptor:ptr:bytes:)")
        let failure = HTTPService.ListenFailure(error, host: "::1", port: port)
        #expect(failure.description.hasPrefix("cannot listen on [::1]:\(port): "))
        #expect(failure.description.contains(sentence))
        #expect(!failure.description.contains("(descriptor"))
    }

    @Test func unknownHostsAreSaidToBeUnknown() {
        let failure = #expect(throws: (any Error).self) {
            try SocketAddress.makeAddressResolvingHost("no-such-host.invalid", port: 1)
        }.map { HTTPService.ListenFailure($0, host: "no-such-host.invalid", port: 1) }
        #expect(failure?.description.hasPrefix("cannot listen on no-such-host.invalid:1: the host name is unknown") == true)
    }
}
