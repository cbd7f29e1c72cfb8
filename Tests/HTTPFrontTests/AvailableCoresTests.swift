internal import HTTPFront
internal import Testing

@Suite struct AvailableCoresTests {
    @Test(arguments: [
        ("0", 1), ("0-3", 4), ("0-3,8", 5), ("2,4-5", 3), ("0-3,8-11", 8),
    ])
    func theAffinityIsCounted(_ list: String, _ count: Int) {
        #expect(AvailableCores.affinity(status: "Name:\tverdict\nCpus_allowed_list:\t\(list)\nMems_allowed_list:\t0\n") == count)
    }

    @Test(arguments: ["", "x", "3-1", "1-2-3", "-1", "0-99999999999"])
    func anAffinityThatCannotBeReadIsNone(_ list: String) {
        #expect(AvailableCores.affinity(status: "Cpus_allowed_list:\t\(list)\n") == nil)
    }

    private func quota(_ files: [String: String]) -> Int? { AvailableCores.quota { files[$0] } }

    @Test func theQuotaOfTheGroupIsRoundedUp() {
        #expect(quota(["/sys/fs/cgroup/cpu.max": "max 100000\n"]) == nil)
        #expect(quota(["/sys/fs/cgroup/cpu.max": "200000 100000\n"]) == 2)
        #expect(quota(["/sys/fs/cgroup/cpu.max": "250000 100000\n"]) == 3)
        #expect(quota(["/sys/fs/cgroup/cpu.max": "50000 100000\n"]) == 1)
        #expect(quota(["/sys/fs/cgroup/cpu.max": "junk"]) == nil)
        #expect(quota([:]) == nil)
    }

    @Test func theTightestGroupAboveCounts() {
        let files = [
            "/proc/self/cgroup": "0::/system.slice/verdict.service\n",
            "/sys/fs/cgroup/system.slice/verdict.service/cpu.max": "800000 100000",
            "/sys/fs/cgroup/system.slice/cpu.max": "300000 100000",
        ]
        #expect(quota(files) == 3)
    }

    @Test func theFirstVersionOfControlGroupsIsUnderstood() {
        let path = "/sys/fs/cgroup/cpu/cpu.cfs_"
        #expect(quota(["\(path)quota_us": "150000\n", "\(path)period_us": "100000\n"]) == 2)
        #expect(quota(["\(path)quota_us": "-1\n", "\(path)period_us": "100000\n"]) == nil)
    }

    @Test func thereIsAlwaysOne() {
        #expect(AvailableCores.count() >= 1)
    }
}

@Suite struct OpenFilesTests {
    @Test func connectionsLeaveFilesForTheRest() {
        #expect(OpenFiles.connections(wanted: 10_000, limit: 1_048_576) == 10_000)
        #expect(OpenFiles.connections(wanted: 10_000, limit: 1_024) == 768)
        #expect(OpenFiles.connections(wanted: 100, limit: 1_024) == 100)
        #expect(OpenFiles.connections(wanted: 100, limit: 64) == 32)
        #expect(OpenFiles.connections(wanted: 100, limit: 0) == 1)
    }
}
