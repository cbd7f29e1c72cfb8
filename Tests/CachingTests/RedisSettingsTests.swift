internal import Caching
internal import Testing

@Suite struct RedisSettingsTests {
    @Test func partsOfTheURLAreTaken() throws {
        let plain = try RedisSettings(url: "redis://cache.example")
        #expect(plain.host == "cache.example" && plain.port == 6379 && plain.database == 0)
        #expect(
            !plain.usesTLS && plain.user == nil && plain.password == nil
                && plain.timeout == .milliseconds(5))

        let full = try RedisSettings(url: "rediss://verdict:p%40ss%3Aw%2Ford:x@[::1]:7000/3")
        #expect(full.host == "::1" && full.port == 7000 && full.database == 3 && full.usesTLS)
        #expect(full.user == "verdict" && full.password == "p@ss:w/ord:x")

        let old = try RedisSettings(url: "redis://:secret@127.0.0.1/")
        #expect(old.user == nil && old.password == "secret" && old.database == 0)
    }

    @Test(arguments: [
        ("", "redis://"), ("http://x", "redis://"), ("redis://", "host"), ("redis://:6379", "host"),
        ("redis://x:0", "port"),
        ("redis://x:65536", "port"), ("redis://x:", "port"), ("redis://x:+1", "port"),
        ("redis://::1", "brackets"),
        ("redis://[::1", "]"), ("redis://[::1]x", "]"), ("redis://x/a", "database"),
        ("redis://x/-1", "database"),
        ("redis://x/1/2", "database"), ("redis://secret@x", "password"), ("redis://a:@x", "empty"),
        ("redis://:a%4@x", "hexadecimal"), ("redis://:a%zz@x", "hexadecimal"),
        ("redis://:%ff@x", "UTF-8"),
        ("redis://x?timeout=1", "options"), ("redis://x y", "space"),
    ])
    func anUnusableURLIsRefusedWithWhatToDo(url: String, hint: String) {
        do throws(RedisURLError) {
            _ = try RedisSettings(url: url)
            Issue.record("taken")
        } catch {
            #expect(error.description.contains(hint), "\(error)")
        }
    }

    @Test func errorsNeverQuoteThePassword() {
        for url in [
            "redis://u:hunter2@", "redis://u:hunter2@x:0", "redis://u:hunter2%@x",
            "redis://u:hunter2@x/z", "hunter2",
        ] {
            do throws(RedisURLError) {
                _ = try RedisSettings(url: url)
                Issue.record("taken: \(url)")
            } catch {
                #expect(!error.description.contains("hunter2"))
            }
        }
    }
}
