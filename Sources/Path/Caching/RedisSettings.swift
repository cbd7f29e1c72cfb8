/// Where the shared cache is and how long it may take.
package struct RedisSettings: Sendable, Equatable {
    package var host: String
    /// Default 6379.
    package var port: Int
    /// For servers with access lists; nil for the default user.
    package var user: String?
    package var password: String?
    /// Default 0.
    package var database: Int
    /// By `rediss://`.
    package var usesTLS: Bool
    /// A PEM file with the certificates to trust; nil for the system's. Of use with TLS only.
    package var trustedCertificates: String?
    /// Most that a look-up costs a request. Default 5 ms.
    package var timeout: Duration = .milliseconds(5)
    /// Most that connecting and logging in may take; no request waits for it. Default 250 ms.
    package var connectTimeout: Duration = .milliseconds(250)

    /// `redis://[[user]:password@]host[:port][/database]`, or `rediss://` for TLS. Special characters of user and
    /// password are written as in any URL, `%40` for `@`; `redis://password@host` is taken for a user without password
    /// and refused.
    package init(url: String) throws(RedisURLError) {
        let rest: Substring
        if url.hasPrefix("redis://") {
            (rest, usesTLS) = (url.dropFirst(8), false)
        } else if url.hasPrefix("rediss://") {
            (rest, usesTLS) = (url.dropFirst(9), true)
        } else {
            throw .init("it has to begin with redis:// or, for TLS, rediss://")
        }
        guard !rest.contains(where: { $0 == "?" || $0 == "#" || $0.isWhitespace }) else {
            throw .init("it has a '?', '#' or space; write those of a password as %3F, %23 and %20, and leave options out")
        }
        let path = rest.firstIndex(of: "/") ?? rest.endIndex
        var authority = rest[..<path]
        if let at = authority.lastIndex(of: "@") {
            (user, password) = try Self.credentials(authority[..<at])
            authority = authority[authority.index(after: at)...]
        } else {
            (user, password) = (nil, nil)
        }
        (host, port) = try Self.address(authority)
        database = try Self.database(rest[path...])
    }

    private static func credentials(_ text: Substring) throws(RedisURLError) -> (String?, String?) {
        guard let colon = text.firstIndex(of: ":") else {
            throw .init("it has a name but no password before the '@'; write user:password@, or :password@ without a user")
        }
        let password = try decoded(text[text.index(after: colon)...])
        guard !password.isEmpty else { throw .init("the password before the '@' is empty; leave out what is before the host") }
        return (colon == text.startIndex ? nil : try decoded(text[..<colon]), password)
    }

    private static func address(_ text: Substring) throws(RedisURLError) -> (String, Int) {
        var host = text
        var port: Substring?
        if text.first == "[" {
            guard let close = text.firstIndex(of: "]") else { throw .init("the address in brackets has no ']'") }
            host = text[text.index(after: text.startIndex)..<close]
            let behind = text[text.index(after: close)...]
            guard behind.isEmpty || behind.first == ":" else { throw .init("only a :port may follow the ']'") }
            port = behind.isEmpty ? nil : behind.dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
            guard port?.contains(":") != true else { throw .init("write an IPv6 address in brackets, as in redis://[::1]:6379") }
        }
        guard !host.isEmpty else { throw .init("the host is missing") }
        guard let port else { return (String(host), 6379) }
        guard let number = number(port), (1...65535).contains(number) else {
            throw .init("the port has to be a number from 1 to 65535")
        }
        return (String(host), number)
    }

    private static func database(_ path: Substring) throws(RedisURLError) -> Int {
        let text = path.dropFirst()
        if text.isEmpty { return 0 }
        guard let database = number(text) else { throw .init("the database behind the host's '/' has to be a number") }
        return database
    }

    /// Up to six digits and nothing else.
    private static func number(_ text: Substring) -> Int? {
        guard (1...6).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(text)
    }

    private static func decoded(_ text: Substring) throws(RedisURLError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst(), let low = rest.popFirst(),
                let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16), high != UInt8(ascii: "+")
            else { throw .init("a '%' of user and password needs two hexadecimal digits behind it; write %25 for '%' itself") }
            bytes.append(value)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .init("user and password have to be UTF-8") }
        return text
    }
}

/// What is wrong with the URL or the certificates of the shared cache, and what to do. Never quotes the URL, which may hold a password.
package struct RedisURLError: Error, Equatable, CustomStringConvertible {
    package let reason: String

    init(_ reason: String) { self.reason = reason }

    package var description: String { "the Redis URL cannot be used: \(reason)" }
}
