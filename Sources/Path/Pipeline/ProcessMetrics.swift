internal import Glibc

/// The process's own use of the machine, under the names that Prometheus' client libraries give it, behind `verdict_`.
enum ProcessMetrics {
    static func write(into text: inout PrometheusText) {
        var usage = rusage()
        unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let cpu = nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime)
        text.family("verdict_process_cpu_seconds_total", .counter, "User and system CPU time spent.")
        text.sample("verdict_process_cpu_seconds_total", [], seconds: cpu)

        let pages = numbers(in: "/proc/self/statm")
        let pageSize = UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))
        if pages.count >= 2 {
            text.family("verdict_process_virtual_memory_bytes", .gauge, "Virtual memory size.")
            text.sample("verdict_process_virtual_memory_bytes", [], pages[0] * pageSize)
            text.family("verdict_process_resident_memory_bytes", .gauge, "Resident memory size.")
            text.sample("verdict_process_resident_memory_bytes", [], pages[1] * pageSize)
        }
        if let open = openFiles() {
            text.family("verdict_process_open_fds", .gauge, "Open file descriptors.")
            text.sample("verdict_process_open_fds", [], open)
        }
        var limit = rlimit()
        if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            text.family("verdict_process_max_fds", .gauge, "Most file descriptors the process may open.")
            text.sample("verdict_process_max_fds", [], UInt64(limit.rlim_cur))
        }
        text.family("verdict_process_start_time_seconds", .gauge, "When the process started, in seconds since 1970.")
        text.sample("verdict_process_start_time_seconds", [], seconds: startTime)
    }

    /// Nanoseconds since 1970.
    private static let startTime: UInt64 = {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        // Field 22 of stat: clock ticks between boot and the start of the process. The name in field 2 may hold
        // anything, so fields are counted from its closing parenthesis.
        guard let stat = content(of: "/proc/self/stat"), let close = stat.lastIndex(of: UInt8(ascii: ")")) else {
            return UInt64(now.tv_sec) * 1_000_000_000
        }
        let fields = stat[(close + 1)...].split(separator: UInt8(ascii: " "))
        let ticks = fields.count > 19 ? UInt64(String(decoding: fields[19], as: UTF8.self)) ?? 0 : 0
        var uptime = timespec()
        unsafe clock_gettime(CLOCK_BOOTTIME, &uptime)
        let running = UInt64(uptime.tv_sec) * 1_000_000_000 + UInt64(uptime.tv_nsec)
        let started = ticks * (1_000_000_000 / UInt64(max(1, sysconf(Int32(_SC_CLK_TCK)))))
        let age = running > started ? running - started : 0
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec) - age
    }()

    private static func nanoseconds(_ time: timeval) -> UInt64 {
        UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_usec) * 1000
    }

    private static func numbers(in path: String) -> [UInt64] {
        guard let bytes = content(of: path) else { return [] }
        return bytes.split(whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") })
            .map { UInt64(String(decoding: $0, as: UTF8.self)) ?? 0 }
    }

    /// The first 4 KiB of a file of /proc.
    private static func content(of path: String) -> [UInt8]? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = unsafe read(file, &bytes, bytes.count)
        return count > 0 ? Array(bytes[..<count]) : nil
    }

    private static func openFiles() -> UInt64? {
        guard let folder = unsafe opendir("/proc/self/fd") else { return nil }
        defer { unsafe closedir(folder) }
        // "." and "..", and the folder being read.
        var count = -3
        while unsafe readdir(folder) != nil { count += 1 }
        return UInt64(max(0, count))
    }
}
