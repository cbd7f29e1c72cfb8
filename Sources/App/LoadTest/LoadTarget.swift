/// Where a load test sends its requests: a plain `http://` URL, taken apart.
package struct LoadTarget: Sendable, Equatable {
    /// As it was written.
    package let url: String
    /// Without the brackets of an IPv6 address.
    package let host: String
    package let port: Int
    /// Path and query, at least "/".
    package let path: String

    /// The value of the `Host` header.
    package var authority: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return port == 80 ? host : "\(host):\(port)"
    }

    package init(_ url: String) throws(LoadError) {
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw .wrongArgument("the URL has a space or a character outside ASCII; write such characters as %XX")
        }
        guard let scheme = Self.split(url, at: "://") else {
            throw .wrongArgument("'\(url)' is no URL; write it like http://127.0.0.1:8080/predict")
        }
        switch scheme.before.lowercased() {
        case "http": break
        case "https":
            throw .wrongArgument(
                "https is not spoken here, since its cost would be the client's as much as the server's; "
                    + "use the server's plain http:// port")
        default: throw .wrongArgument("'\(scheme.before)://' is not spoken here; only http:// is")
        }

        let rest = scheme.after.prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let path = rest.dropFirst(authority.count)
        guard !authority.contains("@") else {
            throw .wrongArgument("user and password in a URL are not sent; use --header 'Authorization: ...'")
        }
        let (host, port) = try Self.hostAndPort(authority, of: url)
        self.url = url
        self.host = host
        self.port = port
        self.path = path.first == "/" ? String(path) : "/" + path
    }

    private static func hostAndPort(_ authority: Substring, of url: String) throws(LoadError) -> (String, Int) {
        var host = authority
        var port: Substring?
        if authority.first == "[" {
            guard let close = authority.firstIndex(of: "]") else {
                throw .wrongArgument("'\(url)': the IPv6 address has no closing bracket")
            }
            host = authority[authority.index(after: authority.startIndex)..<close]
            let after = authority[authority.index(after: close)...]
            guard after.isEmpty || after.first == ":" else {
                throw .wrongArgument("'\(url)': only a port can follow the address in brackets")
            }
            port = after.isEmpty ? nil : after.dropFirst()
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            port = authority[authority.index(after: colon)...]
        }
        guard !host.isEmpty else { throw .wrongArgument("'\(url)' names no host") }
        guard let port else { return (String(host), 80) }
        guard let number = Int(port), (1...65535).contains(number) else {
            throw .wrongArgument("'\(url)': the port must be a number from 1 to 65535")
        }
        return (String(host), number)
    }

    private static func split(_ text: String, at separator: String) -> (before: Substring, after: Substring)? {
        var index = text.startIndex
        while index < text.endIndex {
            if text[index...].hasPrefix(separator) {
                return (text[..<index], text[text.index(index, offsetBy: separator.count)...])
            }
            index = text.index(after: index)
        }
        return nil
    }
}
