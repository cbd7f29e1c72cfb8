internal import Glibc

/// How many processors this process may use: by its affinity and by the quota of its control group, which
/// in a container is often far less than the machine has.
package enum AvailableCores {
    /// At least 1; a quota of a fraction counts as a whole.
    package static func count() -> Int {
        let allowed = read("/proc/self/status").flatMap(affinity(status:)) ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        guard let quota = quota(read: read) else { return allowed }
        return max(1, min(allowed, quota))
    }

    /// How many processors are in the `Cpus_allowed_list` of a process' status: "0-3,8" are five.
    package static func affinity(status: String) -> Int? {
        let key = "Cpus_allowed_list:"
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(key) }) else { return nil }
        var count = 0
        for range in line.dropFirst(key.count).split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\t" }) {
            let ends = range.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, 0 <= first, first <= last,
                last < 1 << 20
            else { return nil }
            count += last - first + 1
        }
        return count > 0 ? count : nil
    }

    /// The quota of the control group that this process is in, or of the nearest group above it that has one,
    /// rounded up; nil if there is none. `read` gives a file's text.
    package static func quota(read: (String) -> String?) -> Int? {
        var smallest: Int?
        func take(_ limit: Int?) {
            guard let limit else { return }
            smallest = min(smallest ?? limit, limit)
        }
        // Version 2: "0::/path"; limits of all groups above apply too. In a container the path is "/".
        let membership = read("/proc/self/cgroup") ?? ""
        for line in membership.split(separator: "\n") where line.hasPrefix("0::") {
            var path = line.dropFirst(3)
            while true {
                take(read("/sys/fs/cgroup\(path == "/" ? "" : path)/cpu.max").flatMap(limit(version2:)))
                guard let slash = path.lastIndex(of: "/"), path != "/" else { break }
                path = slash == path.startIndex ? "/" : path[..<slash]
            }
        }
        take(read("/sys/fs/cgroup/cpu.max").flatMap(limit(version2:)))
        // Version 1.
        if let quota = read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), let period = read("/sys/fs/cgroup/cpu/cpu.cfs_period_us") {
            take(limit(version2: "\(quota.prefix { $0 != "\n" }) \(period)"))
        }
        return smallest
    }

    /// "200000 100000" is a quota of two processors, "max 100000" and -1 are none.
    private static func limit(version2 text: String) -> Int? {
        let parts = text.split { $0 == " " || $0 == "\n" }
        guard parts.count == 2, let quota = Int(parts[0]), let period = Int(parts[1]), quota > 0, period > 0 else { return nil }
        return max(1, quota / period + (quota % period == 0 ? 0 : 1))
    }

    private static func read(_ path: String) -> String? {
        guard let file = unsafe fopen(path, "r") else { return nil }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
