internal import Glibc

/// How many files and sockets this process may have open, and how many of them connections may take. It must
/// not run out: Swift's own runtime then fails to look after its threads and ends the process.
package enum OpenFiles {
    /// Raises the process' limit as far as it is allowed to, and returns it.
    package static func raiseLimit() -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// How many of `wanted` connections are possible if `limit` files may be open: some are left for models,
    /// logs, other fronts and the runtime. At least 1.
    package static func connections(wanted: Int, limit: Int) -> Int {
        let reserve = min(256, limit / 2)
        return max(1, min(wanted, limit - reserve))
    }
}
