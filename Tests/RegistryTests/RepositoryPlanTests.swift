internal import Registry
internal import Scoring
internal import Testing

/// The plan by its events alone: no files, no threads.
@Suite struct RepositoryPlanTests {
    @Test func theFirstScanLoadsEverythingAtOnceHighestVersionsFirst() throws {
        var plan = RepositoryPlan()
        let orders = loads(plan.observe(try listing(["fraud": [1: "a", 2: "b"], "credit": [7: "c"]])))
        #expect(orders.map(\.title) == ["credit/7", "fraud/2", "fraud/1"])
        #expect(plan.index().allSatisfy { $0.state == .loading })
        #expect(plan.isLoading())
    }

    @Test func laterArrivalsAreTrustedOnceTwoScansAgree() throws {
        var plan = try servingPlan(["fraud": [1: "a"]])
        #expect(plan.observe(try listing(["fraud": [1: "a", 2: "half"]])).isEmpty)
        #expect(plan.observe(try listing(["fraud": [1: "a", 2: "whole"]])).isEmpty)
        #expect(state(plan, "fraud", "2")?.reason == "waiting until its files stop changing")
        let orders = loads(plan.observe(try listing(["fraud": [1: "a", 2: "whole"]])))
        #expect(orders.map(\.title) == ["fraud/2"])
        #expect(plan.observe(try listing(["fraud": [1: "a", 2: "whole"]])).isEmpty)
    }

    @Test func aNewModelWaitsForAllOfItsFolder() throws {
        var plan = try servingPlan(["fraud": [1: "a"]])
        #expect(plan.observe(try listing(["fraud": [1: "a"], "new": [1: "b"]])).isEmpty)
        // Version 1 is still the same, but the copy goes on: model.yaml may come last.
        #expect(plan.observe(try listing(["fraud": [1: "a"], "new": [1: "b", 2: "c"]])).isEmpty)
        var withYAML = try listing(["fraud": [1: "a"], "new": [1: "b", 2: "c"]])
        withYAML.models[try model("new")]?.manifest = try manifest("score: x")
        #expect(plan.observe(withYAML).isEmpty)
        let orders = loads(plan.observe(withYAML))
        #expect(orders.map(\.title) == ["new/2", "new/1"])
        #expect(orders.allSatisfy { $0.manifest.score == "x" })
    }

    @Test func aReplacedVersionServesUntilItsSuccessorIsReady() throws {
        var plan = try servingPlan(["fraud": [1: "a"]])
        _ = plan.observe(try listing(["fraud": [1: "b"]]))
        let order = try #require(loads(plan.observe(try listing(["fraud": [1: "b"]]))).first)
        #expect(state(plan, "fraud", "1")?.state == .ready)
        let steps = plan.finish(order, failure: nil)
        #expect(steps == [.publish(order.name, order.version, order.ticket)])
        #expect(state(plan, "fraud", "1")?.state == .ready)
    }

    @Test func aBrokenSuccessorLeavesTheOldContentServingAndSaysSo() throws {
        var plan = try servingPlan(["fraud": [1: "a"]])
        _ = plan.observe(try listing(["fraud": [1: "b"]]))
        let order = try #require(loads(plan.observe(try listing(["fraud": [1: "b"]]))).first)
        #expect(plan.finish(order, failure: .refusedModel("bad golden")).isEmpty)
        let entry = try #require(state(plan, "fraud", "1"))
        #expect(entry.state == .ready && entry.reason.contains("bad golden"))
        // Not tried again until something changes.
        #expect(plan.observe(try listing(["fraud": [1: "b"]])).isEmpty)
        _ = plan.observe(try listing(["fraud": [1: "c"]]))
        let next = try #require(loads(plan.observe(try listing(["fraud": [1: "c"]]))).first)
        _ = plan.finish(next, failure: nil)
        #expect(state(plan, "fraud", "1") == RepositoryEntry(name: "fraud", version: "1", state: .ready))
    }

    @Test func aFailedVersionIsTriedAgainWhenTheManifestChanges() throws {
        var plan = RepositoryPlan()
        let order = try #require(loads(plan.observe(try listing(["fraud": [1: "a"]]))).first)
        _ = plan.finish(order, failure: .refusedModel("no such output"))
        #expect(plan.observe(try listing(["fraud": [1: "a"]])).isEmpty)
        let changed = try listing(["fraud": [1: "a"]], yaml: "score: half")
        #expect(plan.observe(changed).isEmpty)
        #expect(loads(plan.observe(changed)).map(\.manifest.score) == ["half"])
    }

    @Test func changingOnlyWhichVersionsServeReloadsNothing() throws {
        var plan = try servingPlan(["fraud": [1: "a", 2: "b"]])
        let changed = try listing(["fraud": [1: "a", 2: "b"]], yaml: "versions: { serve: [1] }")
        #expect(plan.observe(changed).isEmpty)
        let steps = plan.observe(changed)
        #expect(withdrawals(steps) == ["fraud/2"] && loads(steps).isEmpty)
    }

    @Test func aVersionIsWithdrawnOnlyWhenAWantedOneServes() throws {
        var plan = try servingPlan(["fraud": [1: "a"]])
        let changed = try listing(["fraud": [1: "a", 2: "b"]], yaml: "versions: { serve: [2] }")
        _ = plan.observe(changed)
        let order = try #require(loads(plan.observe(changed)).first)
        #expect(state(plan, "fraud", "1")?.state == .ready)
        var failing = plan
        #expect(failing.finish(order, failure: .refusedModel("bad")).isEmpty)
        #expect(state(failing, "fraud", "1")?.state == .ready)
        #expect(state(failing, "fraud", "1")?.reason.contains("until a version that model.yaml serves is ready") == true)
        let steps = plan.finish(order, failure: nil)
        #expect(withdrawals(steps) == ["fraud/1"])
        #expect(steps.first == .publish(order.name, order.version, order.ticket))
    }

    @Test func aVersionOnTrialTakesNobodysPlace() throws {
        var plan = try servingPlan(["fraud": [1: "a"]])
        let changed = try listing(["fraud": [1: "a", 2: "b", 3: "c"]], yaml: "versions: { serve: [3], shadow: [2] }")
        _ = plan.observe(changed)
        let orders = loads(plan.observe(changed))
        #expect(orders.map(\.version.number) == [3, 2])
        #expect(plan.finish(orders[1], failure: nil) == [.publish(orders[1].name, orders[1].version, orders[1].ticket)])
        #expect(state(plan, "fraud", "1")?.state == .ready)
        #expect(withdrawals(plan.finish(orders[0], failure: nil)) == ["fraud/1"])
    }

    @Test func aModelOfVersionsOnTrialAloneSaysSo() throws {
        var plan = RepositoryPlan()
        let steps = plan.observe(try listing(["fraud": [1: "a"]], yaml: "versions: { shadow: [1] }"))
        let order = try #require(loads(steps).first)
        let reason = "all of its versions are on trial, as shadow or canary, and none may answer by default"
        #expect(plan.finish(order, failure: nil) == [.publish(order.name, order.version, order.ticket)])
        #expect(plan.absence(of: try model("fraud"), version: nil) == .notReady("model 'fraud' is not ready: \(reason)"))
    }

    @Test func labelsThatNameNothingAreUnknownVersions() throws {
        let plan = try servingPlan(["fraud": [1: "a"]])
        let error = plan.absence(of: try model("fraud"), version: .label("stable"))
        #expect(error == .unknownVersion(model: "fraud", version: "stable", hint: "it has 1"))
    }

    @Test func aMistypedLabelOrVersionGetsWhatThereIs() throws {
        var plan = RepositoryPlan()
        let found = try listing(["fraud": [1: "a", 2: "b"]], yaml: "versions: { labels: { champion: 1, challenger: 2 } }")
        for order in loads(plan.observe(found)) { _ = plan.finish(order, failure: nil) }
        let fraud = try model("fraud")
        func hint(_ version: VersionReference) -> String {
            guard case .unknownVersion(_, _, let hint) = plan.absence(of: fraud, version: version) else { return "" }
            return hint
        }
        #expect(hint(.label("champoin")) == "did you mean 'champion'?")
        #expect(hint(.label("zzz")) == "its labels are challenger, champion")
        #expect(hint(.number(try version(12))) == "it has 1, 2")
    }

    @Test func namesAreNotComparedAmongVeryManyModels() throws {
        var plan = RepositoryPlan()
        _ = plan.observe(try listing(Dictionary(uniqueKeysWithValues: (0..<200).map { ("m\($0)", [1: "a"]) })))
        #expect(plan.candidates.count == 200)
        _ = plan.observe(try listing(Dictionary(uniqueKeysWithValues: (0..<201).map { ("m\($0)", [1: "a"]) })))
        #expect(plan.candidates.isEmpty)
    }

    @Test func aTypoInTheServedVersionsTakesNothingOutOfService() throws {
        var plan = try servingPlan(["fraud": [1: "a"]])
        let changed = try listing(["fraud": [1: "a"]], yaml: "versions: { serve: [11] }")
        _ = plan.observe(changed)
        #expect(plan.observe(changed) == [.divide(try model("fraud"))])
        #expect(state(plan, "fraud", "1")?.state == .ready)
        #expect(state(plan, "fraud", "11")?.reason.hasPrefix("model.yaml names this version, but its folder 'fraud/11'") == true)
    }

    // MARK: Names of other models

    @Test func aFallbackToAModelThatComesFirstOrLastInTheAlphabetIsFine() throws {
        for other in ["aaa", "zzz"] {
            var plan = RepositoryPlan()
            var found = try listing(["fraud": [1: "a"], other: [1: "b"]])
            found.models[try model("fraud")]?.manifest = try manifest("fallback: { model: \(other) }")
            #expect(loads(plan.observe(found)).count == 2)
            #expect(plan.brokenReferences.isEmpty)
        }
    }

    @Test func aFallbackToAModelThatIsNotThereIsRefusedUntilItIs() throws {
        var plan = RepositoryPlan()
        var found = try listing(["fraud": [1: "a"], "credit": [1: "b"]])
        found.models[try model("fraud")]?.manifest = try manifest("fallback: { model: fruad_light }")
        #expect(loads(plan.observe(found)).map(\.title) == ["credit/1"])
        let reason = "model.yaml: fallback.model: the repository has no model 'fruad_light'; it has credit, fraud"
        #expect(state(plan, "fraud", "1") == RepositoryEntry(name: "fraud", version: "1", state: .unavailable, reason: reason))
        #expect(plan.brokenReferences == ["fraud: " + reason])
        #expect(plan.loadProblem(of: try model("fraud")) == .refusedModel(reason))
        #expect(plan.absence(of: try model("fraud"), version: nil).description.contains(reason))
        var complete = try listing(["fraud": [1: "a"], "credit": [1: "b"], "fruad_light": [1: "c"]])
        complete.models[try model("fraud")]?.manifest = try manifest("fallback: { model: fruad_light }")
        #expect(loads(plan.observe(complete)).map(\.title) == ["fraud/1"])
        #expect(loads(plan.observe(complete)).map(\.title) == ["fruad_light/1"])
    }

    @Test func aSlipInTheFallbackGetsTheModelThatWasMeant() throws {
        var plan = RepositoryPlan()
        var found = try listing(["fraud": [1: "a"], "credit": [1: "b"]])
        found.models[try model("fraud")]?.manifest = try manifest("fallback: { model: credti }")
        _ = plan.observe(found)
        #expect(plan.brokenReferences.first?.hasSuffix("did you mean 'credit'?") == true)
    }

    @Test func amongHundredsOfModelsNoneIsLookedForThatWasMeant() throws {
        var plan = RepositoryPlan()
        let many = (0..<200).map { ("m\($0)", [1: "a"]) } + [("fraud", [1: "a"])]
        var found = try listing(Dictionary(uniqueKeysWithValues: many))
        found.models[try model("fraud")]?.manifest = try manifest("fallback: { model: m200 }")
        _ = plan.observe(found)
        #expect(plan.brokenReferences == ["fraud: model.yaml: fallback.model: the repository has no model 'm200'"])
    }

    @Test(arguments: [
        ("fallback: { version: 7 }", "fallback.version: the model has no version 7; it has 1, 2"),
        ("fallback: { model: fraud, version: 7 }", "fallback.version: the model has no version 7; it has 1, 2"),
        ("fallback: { model: credit, version: 9 }", "fallback.version: model 'credit' has no version 9; it has 4"),
        (
            "fallback: { version: 1 }\nversions: { serve: [2] }",
            "fallback.version: version 1 is not among the versions that model.yaml serves"
        ),
    ])
    func aFallbackToAVersionThatIsNotThereIsRefused(yaml: String, reason: String) throws {
        var plan = RepositoryPlan()
        var found = try listing(["fraud": [1: "a", 2: "b"], "credit": [4: "c"]])
        found.models[try model("fraud")]?.manifest = try manifest(yaml)
        #expect(loads(plan.observe(found)).map(\.title) == ["credit/4"])
        #expect(plan.brokenReferences == ["fraud: model.yaml: " + reason])
    }

    @Test func whatServesGoesOnServingWhenItsFallbackIsRemoved() throws {
        var plan = RepositoryPlan()
        var found = try listing(["fraud": [1: "a"], "credit": [1: "b"]])
        found.models[try model("fraud")]?.manifest = try manifest("fallback: { model: credit }")
        for order in loads(plan.observe(found)) { _ = plan.finish(order, failure: nil) }
        var alone = try listing(["fraud": [1: "a"]])
        alone.models[try model("fraud")]?.manifest = try manifest("fallback: { model: credit }")
        _ = plan.observe(alone)
        #expect(withdrawals(plan.observe(alone)) == ["credit/1"])
        let entry = try #require(state(plan, "fraud", "1"))
        #expect(entry.state == .ready && entry.reason.hasPrefix("still serves as before; model.yaml: fallback.model"))
    }

    @Test func aBrokenManifestTakesNothingOutOfServiceAndLoadsNothing() throws {
        var plan = try servingPlan(["fraud": [1: "a"]])
        var broken = try listing(["fraud": [1: "a", 2: "b"]])
        broken.models[try model("fraud")]?.manifest.content = .failure(.refusedModel("model.yaml: line 1: no"))
        broken.models[try model("fraud")]?.manifest.file = FileStamp(path: "model.yaml", byteCount: 9)
        _ = plan.observe(broken)
        #expect(plan.observe(broken).isEmpty)
        #expect(
            state(plan, "fraud", "1")
                == RepositoryEntry(
                    name: "fraud", version: "1", state: .ready, reason: "still serves as before; model.yaml: line 1: no"))
        #expect(
            state(plan, "fraud", "2")
                == RepositoryEntry(
                    name: "fraud", version: "2", state: .unavailable, reason: "model.yaml: line 1: no"))
    }

    @Test func aRemovedVersionIsWithdrawnOnceTwoScansMissIt() throws {
        var plan = try servingPlan(["fraud": [1: "a", 2: "b"]])
        let fewer = try listing(["fraud": [1: "a"]])
        #expect(plan.observe(fewer).isEmpty)
        #expect(withdrawals(plan.observe(fewer)) == ["fraud/2"])
        #expect(state(plan, "fraud", "2")?.state == .unloading)
        _ = plan.drained(2)
        _ = plan.drained(1)
        #expect(plan.index().map(\.version) == ["1"])
    }

    @Test func aRemovedModelIsWithdrawnAndForgotten() throws {
        var plan = try servingPlan(["fraud": [1: "a"], "credit": [1: "b"]])
        let fewer = try listing(["credit": [1: "b"]])
        #expect(plan.observe(fewer).isEmpty)
        #expect(withdrawals(plan.observe(fewer)) == ["fraud/1"])
        #expect(plan.absence(of: try model("fraud"), version: nil) != .unknownModel("fraud"))
        for ticket in 1...2 { _ = plan.drained(ticket) }
        #expect(plan.absence(of: try model("fraud"), version: nil) == .unknownModel("fraud"))
        #expect(plan.index().map(\.name) == ["credit"])
    }

    @Test func aFolderThatIsRemovedAndPutBackBetweenScansNeverStopsServing() throws {
        var plan = try servingPlan(["fraud": [1: "a"]])
        #expect(plan.observe(try listing([:])).isEmpty)
        #expect(plan.observe(try listing(["fraud": [1: "b"]])).isEmpty)
        #expect(loads(plan.observe(try listing(["fraud": [1: "b"]]))).map(\.title) == ["fraud/1"])
        #expect(state(plan, "fraud", "1")?.state == .ready)
    }

    @Test func aRemovedVersionStaysWhileItsSuccessorIsBroken() throws {
        var plan = try servingPlan(["fraud": [1: "a"]])
        let swapped = try listing(["fraud": [2: "b"]])
        _ = plan.observe(swapped)
        let order = try #require(loads(plan.observe(swapped)).first)
        _ = plan.finish(order, failure: .refusedModel("bad"))
        _ = plan.observe(swapped)
        #expect(state(plan, "fraud", "1")?.state == .ready)
        #expect(state(plan, "fraud", "1")?.reason.contains("although its folder is gone") == true)
    }

    @Test func anUnreadableFolderChangesNothing() throws {
        var plan = try servingPlan(["fraud": [1: "a"]])
        var unreadable = try listing([:])
        var folder = ModelListing()
        folder.problem = "'fraud' cannot be listed: Input/output error"
        unreadable.models[try model("fraud")] = folder
        for _ in 0..<3 { #expect(plan.observe(unreadable).isEmpty) }
        #expect(state(plan, "fraud", "1")?.state == .ready)
        #expect(state(plan, "fraud", "1")?.reason.contains("Input/output error") == true)
    }

    @Test func whatCouldNotBeReadIsTriedAgainByItselfLessAndLessOften() throws {
        let same = try listing(["fraud": [1: "a", 2: "b"]])
        var plan = RepositoryPlan()
        for order in loads(plan.observe(same)) {
            _ = plan.finish(order, failure: order.version.number == 1 ? nil : .notReady("cannot be opened: Too many open files"))
        }
        var scans: [Int] = []
        var waited = 0
        while scans.count < 10 {
            waited += 1
            guard let order = loads(plan.observe(same)).first else { continue }
            scans.append(waited)
            waited = 0
            #expect(order.title == "fraud/2")
            #expect(plan.finish(order, failure: .notReady("cannot be opened: Too many open files")).isEmpty)
            #expect(state(plan, "fraud", "1")?.state == .ready)
        }
        #expect(scans == [1, 2, 4, 8, 16, 32, 64, 64, 64, 64])
        while state(plan, "fraud", "2")?.state != .ready {
            for order in loads(plan.observe(same)) { _ = plan.finish(order, failure: nil) }
        }
        for _ in 0..<200 { #expect(plan.observe(same).isEmpty) }
    }

    @Test func unloadingDiscardsWhatARunningLoadBrings() throws {
        var plan = RepositoryPlan()
        let order = try #require(loads(plan.observe(try listing(["fraud": [1: "a"]]))).first)
        #expect(try plan.orderUnload(model("fraud")).isEmpty)
        #expect(plan.finish(order, failure: nil).isEmpty)
        #expect(
            state(plan, "fraud", "1") == RepositoryEntry(name: "fraud", version: "1", state: .unavailable, reason: "unloaded"))
        #expect(plan.drained(order.ticket) == nil)
    }

    @Test func unloadedModelsStayUnloadedThroughChangesUntilTheyAreLoaded() throws {
        var plan = try servingPlan(["fraud": [1: "a"]])
        #expect(withdrawals(try plan.orderUnload(model("fraud"))) == ["fraud/1"])
        let changed = try listing(["fraud": [1: "b", 2: "c"]], yaml: "policy: { block: 1 }")
        for _ in 0..<3 { #expect(plan.observe(changed).isEmpty) }
        #expect(plan.absence(of: try model("fraud"), version: nil) == .notReady("model 'fraud' is unloaded"))
        let found = try #require(changed.models[model("fraud")])
        #expect(loads(plan.orderLoad(try model("fraud"), found: found)).map(\.title) == ["fraud/2", "fraud/1"])
    }

    @Test func ordersLoadAgainWhatDidNotChange() throws {
        var plan = try servingPlan(["fraud": [1: "a"]])
        let found = try #require(try listing(["fraud": [1: "a"]]).models[model("fraud")])
        let order = try #require(loads(plan.orderLoad(try model("fraud"), found: found)).first)
        // A second order while the first is being carried out is carried out after it.
        #expect(plan.orderLoad(try model("fraud"), found: found).isEmpty)
        #expect(loads(plan.finish(order, failure: nil)).map(\.title) == ["fraud/1"])
        #expect(plan.isLoading(try model("fraud")))
    }

    @Test func theOutcomeOfALoadNamesEveryVersionThatFailed() throws {
        var plan = RepositoryPlan()
        let orders = loads(plan.observe(try listing(["fraud": [1: "a", 2: "b", 3: "c"]])))
        for order in orders {
            _ = plan.finish(order, failure: order.version.number == 2 ? nil : .refusedModel("bad \(order.version)"))
        }
        #expect(plan.loadProblem(of: try model("fraud")) == .refusedModel("version 1: bad 1; version 3: bad 3"))
        #expect(plan.loadProblem(of: try model("none")) == .unknownModel("none"))
    }

    @Test func randomEventsNeverLeaveAModelWithoutAServingVersionThatHadOne() throws {
        var random = SystemRandomNumberGenerator()
        let rules = ["", "serve: [2, 4]", "serve: [1], shadow: [2]", "labels: { stable: 3 }, canary: { version: 2 }"]
        for _ in 0..<300 {
            var plan = RepositoryPlan()
            var yaml: String?
            var running: [RepositoryPlan.LoadOrder] = []
            var serving: [Int: Int] = [:]
            func take(_ steps: [RepositoryPlan.Step]) {
                for step in steps {
                    switch step {
                    case .load(let order):
                        #expect(!running.contains { $0.version == order.version }, "one load a version at a time")
                        running.append(order)
                    case .publish(_, let version, let ticket): serving[version.number] = ticket
                    case .withdraw(_, let version, let ticket):
                        #expect(serving[version.number] == ticket)
                        serving[version.number] = nil
                    case .divide: continue
                    }
                }
            }
            var content = [1: "a", 2: "a", 3: "a"]
            for _ in 0..<60 {
                let hadOne = !serving.isEmpty
                switch Int.random(in: 0..<4, using: &random) {
                case 0: content[Int.random(in: 1...4, using: &random)] = "\(Int.random(in: 0..<3, using: &random))"
                case 1 where content.count > 1: content.removeValue(forKey: Int.random(in: 1...4, using: &random))
                case 2 where !running.isEmpty:
                    let order = running.remove(at: Int.random(in: 0..<running.count, using: &random))
                    take(plan.finish(order, failure: Bool.random(using: &random) ? nil : .refusedModel("bad")))
                default:
                    if Int.random(in: 0..<8, using: &random) == 0 {
                        yaml = rules.randomElement(using: &random).map { "versions: { \($0) }" }
                    }
                    take(plan.observe(try listing(["fraud": content], yaml: yaml)))
                }
                #expect(!hadOne || !serving.isEmpty, "\(content)")
                let ready = plan.index().filter { $0.state == .ready }.compactMap { Int($0.version) }
                #expect(Set(ready) == Set(serving.keys))
            }
        }
    }

    // MARK: -

    private func listing(_ models: [String: [Int: String]], yaml: String? = nil) throws -> RepositoryListing {
        var listing = RepositoryListing()
        for (name, versions) in models {
            var found = ModelListing()
            if let yaml { found.manifest = try manifest(yaml) }
            for (number, content) in versions {
                var folder = VersionListing(path: "/models/\(name)/\(number)")
                folder.files = [FileStamp(path: content, byteCount: 1, modified: 1)]
                folder.candidates = [content]
                found.versions[try version(number)] = folder
            }
            listing.models[try model(name)] = found
        }
        return listing
    }

    private func manifest(_ yaml: String) throws -> ManifestListing {
        var manifest = ManifestListing()
        manifest.file = FileStamp(path: "model.yaml", byteCount: yaml.utf8.count, modified: 1)
        manifest.content = .success(try ModelManifest(parsing: Array(yaml.utf8)))
        return manifest
    }

    /// A plan after its first scan, with everything loaded.
    private func servingPlan(_ models: [String: [Int: String]]) throws -> RepositoryPlan {
        var plan = RepositoryPlan()
        for order in loads(plan.observe(try listing(models))) { _ = plan.finish(order, failure: nil) }
        #expect(plan.index().allSatisfy { $0.state == .ready })
        return plan
    }

    private func loads(_ steps: [RepositoryPlan.Step]) -> [RepositoryPlan.LoadOrder] {
        steps.compactMap { if case .load(let order) = $0 { order } else { nil } }
    }

    private func withdrawals(_ steps: [RepositoryPlan.Step]) -> [String] {
        steps.compactMap { if case .withdraw(let name, let version, _) = $0 { "\(name)/\(version)" } else { nil } }
    }

    private func state(_ plan: RepositoryPlan, _ name: String, _ version: String) -> RepositoryEntry? {
        plan.index().first { $0.name == name && $0.version == version }
    }
}

extension RepositoryPlan.LoadOrder {
    fileprivate var title: String { "\(name)/\(version)" }
}
