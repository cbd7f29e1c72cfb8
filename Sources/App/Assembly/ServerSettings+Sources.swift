internal import Registry
internal import Scoring
internal import StrictYAML

extension ServerSettings {
    /// Keys of the design that later versions act on; named so that they are refused for what they are.
    private static let planned = ["grpc"]

    private static let modelKeys = ForeignKeys(ModelManifest.ownKeys, of: "the model's own file, models/NAME/model.yaml")

    /// Takes what a configuration file says.
    package mutating func apply(file bytes: [UInt8], path: String) throws(SettingError) {
        do throws(YAMLError) {
            try apply(YAMLNode.parse(bytes), prefix: "", path: path)
        } catch {
            throw SettingError(description: "\(path): \(error)")
        }
    }

    private mutating func apply(_ node: YAMLNode, prefix: String, path: String) throws(YAMLError) {
        let inside = Setting.all.filter { $0.key.hasPrefix(prefix) }
        var names: [String] = []
        for setting in inside {
            let name = String(setting.key.dropFirst(prefix.count).prefix { $0 != "." })
            if !names.contains(name) { names.append(name) }
        }
        let map = try node.mapping(keys: names, planned: prefix.isEmpty ? Self.planned : [], foreign: Self.modelKeys)
        for name in names {
            guard let value = map[name] else { continue }
            guard let setting = inside.first(where: { $0.key == prefix + name }) else {
                try apply(value, prefix: prefix + name + ".", path: path)
                continue
            }
            let text = try Self.text(of: value)
            do throws(SettingError) {
                try setting.apply(&self, text)
                origins[setting.key] = "\(path) line \(value.line)"
            } catch {
                throw value.error(error.description)
            }
        }
    }

    /// The text of a setting's value. A mapping under a setting's key may be the model's key of that name: `onnxruntime`.
    private static func text(of value: YAMLNode) throws(YAMLError) -> String {
        if let keys = try? value.pairs().map(\.key) {
            _ = try value.mapping(keys: keys.filter { !modelKeys.keys.contains("\(value.path).\($0)") }, foreign: modelKeys)
        }
        return try value.string()
    }

    /// Takes what the environment says. A variable that begins with `VERDICT_` and is no setting is refused.
    package mutating func apply(environment: [String: String]) throws(SettingError) {
        let known = Setting.all.flatMap(\.variables)
        for (variable, value) in environment.sorted(by: { $0.key < $1.key }) where variable.hasPrefix("VERDICT_") {
            // Where the configuration file lies is not a setting of the file.
            if variable == Self.fileVariable || Self.isServiceLink(variable, value) { continue }
            guard let setting = Setting.all.first(where: { $0.variables.contains(variable) }) else {
                throw SettingError(
                    description: "unknown environment variable \(variable)" + Self.hint(NearestName.to(variable, among: known)))
            }
            try apply(setting, value, source: variable)
        }
    }

    /// Whether Kubernetes put the variable there for a Service that is called `verdict`: VERDICT_SERVICE_HOST,
    /// VERDICT_PORT=tcp://..., VERDICT_PORT_8080_TCP_ADDR and the like.
    private static func isServiceLink(_ variable: String, _ value: String) -> Bool {
        let protocols = ["tcp://", "udp://", "sctp://"]
        return variable.hasPrefix("VERDICT_SERVICE_") || variable.hasPrefix("VERDICT_PORT_")
            || (variable == "VERDICT_PORT" && protocols.contains { value.hasPrefix($0) })
    }

    /// The environment variable that names the configuration file.
    package static let fileVariable = "VERDICT_CONFIG"

    /// Takes flags by name, without their dashes.
    package mutating func apply(flags: [String: String]) throws(SettingError) {
        for (flag, value) in flags.sorted(by: { $0.key < $1.key }) {
            guard let setting = Setting.all.first(where: { $0.flag == flag }) else {
                throw SettingError(description: "unknown option --\(flag)" + Self.hint(Self.nearestFlag(to: flag)))
            }
            try apply(setting, value, source: "--\(flag)")
        }
    }

    /// Flags of `serve` that are no settings.
    package static let otherFlags = ["config", "check", "help"]

    /// The flag, with its dashes, that was probably meant.
    package static func nearestFlag(to flag: String) -> String? {
        let known = Setting.all.map(\.flag) + otherFlags
        // What the key says in the file, `--limits.drain`, and capitals, `--maxBodyBytes`, are the flag's words too.
        let setting = Setting.all.first { $0.key == flag || $0.key.split(separator: ".").last.map(String.init) == flag }
        return (setting?.flag ?? NearestName.to(flag, among: known)).map { "--" + $0 }
    }

    private mutating func apply(_ setting: Setting, _ value: String, source: String) throws(SettingError) {
        do throws(SettingError) {
            try setting.apply(&self, value)
            origins[setting.key] = source
        } catch {
            throw SettingError(description: "\(source) \(error)")
        }
    }

    private static func hint(_ nearest: String?) -> String {
        nearest.map { "; did you mean \($0)?" } ?? ""
    }
}
