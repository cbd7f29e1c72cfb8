internal import Scoring

/// The types of values (`DATATYPE`).
package enum DataType: Equatable {
    case string, integer, float, double, boolean
    case date, time, dateTime
    /// `dateDaysSince[year]`
    case daysSince(year: Int)
    case timeSeconds
    /// `dateTimeSecondsSince[year]`
    case secondsSince(year: Int)

    package init?(_ text: String) {
        switch text {
        case "string": self = .string
        case "integer": self = .integer
        case "float": self = .float
        case "double": self = .double
        case "boolean": self = .boolean
        case "date": self = .date
        case "time": self = .time
        case "dateTime": self = .dateTime
        case "timeSeconds": self = .timeSeconds
        case "dateDaysSince[0]", "dateDaysSince0": self = .daysSince(year: 0)
        case "dateDaysSince[1960]": self = .daysSince(year: 1960)
        case "dateDaysSince[1970]": self = .daysSince(year: 1970)
        case "dateDaysSince[1980]": self = .daysSince(year: 1980)
        case "dateDaysSince[1990]": self = .daysSince(year: 1990)
        case "dateDaysSince[2000]": self = .daysSince(year: 2000)
        case "dateDaysSince[2010]": self = .daysSince(year: 2010)
        case "dateDaysSince[2020]": self = .daysSince(year: 2020)
        case "dateTimeSecondsSince[0]": self = .secondsSince(year: 0)
        case "dateTimeSecondsSince[1960]": self = .secondsSince(year: 1960)
        case "dateTimeSecondsSince[1970]": self = .secondsSince(year: 1970)
        case "dateTimeSecondsSince[1980]": self = .secondsSince(year: 1980)
        case "dateTimeSecondsSince[1990]": self = .secondsSince(year: 1990)
        case "dateTimeSecondsSince[2000]": self = .secondsSince(year: 2000)
        case "dateTimeSecondsSince[2010]": self = .secondsSince(year: 2010)
        case "dateTimeSecondsSince[2020]": self = .secondsSince(year: 2020)
        default: return nil
        }
    }

    /// How a value is written, for messages: "a date such as 2001-12-31".
    package var phrase: String {
        switch self {
        case .string: "a string"
        case .integer: "a whole number"
        case .float, .double: "a number"
        case .boolean: "true or false"
        case .date: "a date such as 2001-12-31"
        case .time: "a time such as 23:59:59"
        case .dateTime: "a date with a time such as 2001-12-31T23:59:59"
        case .daysSince: "a number of days, or a date such as 2001-12-31"
        case .timeSeconds: "a number of seconds, or a time such as 23:59:59"
        case .secondsSince: "a number of seconds, or a date with a time such as 2001-12-31T23:59:59"
        }
    }

    /// Whether values are numbers for arithmetic; dates count as the days or seconds they stand for.
    package var isNumeric: Bool {
        switch self {
        case .integer, .float, .double: true
        default: false
        }
    }

    /// Whether values are dates or times as a calendar and clock show them.
    package var isCalendar: Bool { self == .date || self == .time || self == .dateTime }

    package var isTemporal: Bool {
        switch self {
        case .date, .time, .dateTime, .daysSince, .timeSeconds, .secondsSince: true
        default: false
        }
    }
}

package enum OpType: String { case continuous, categorical, ordinal }

/// A range of numbers; a missing margin is open to infinity.
package struct Interval: Equatable {
    package enum Closure: String { case openOpen, openClosed, closedOpen, closedClosed }

    package var closure: Closure
    package var left: Double?
    package var right: Double?

    package init(closure: Closure, left: Double?, right: Double?) {
        self.closure = closure
        self.left = left
        self.right = right
    }

    package var includesLeft: Bool { closure == .closedOpen || closure == .closedClosed }
    package var includesRight: Bool { closure == .openClosed || closure == .closedClosed }
}

/// One listed value of a field.
package struct ListedValue {
    package enum Property: String { case valid, invalid, missing }

    package var value: String
    package var property: Property
    package var displayValue: String?
}

/// A field of the data dictionary.
package struct DataField {
    package var name: String
    package var displayName: String?
    package var type: DataType
    package var opType: OpType
    package var intervals: [Interval] = []
    package var values: [ListedValue] = []
    package var place: Place
}

extension ElementReader {
    func dataType(_ name: StaticString) throws(ScoringError) -> DataType? {
        guard let text = try string(name) else { return nil }
        guard let type = DataType(text) else { throw invalid("'\(text.prefix(40))' is no data type of PMML") }
        return type
    }

    mutating func dataDictionary() throws(ScoringError) -> [DataField] {
        var fields: [DataField] = []
        try children { (reader, tag) throws(ScoringError) in
            switch tag {
            case .DataField: fields.append(try reader.dataField())
            case .Taxonomy: break
            default: throw reader.unsupported()
            }
        }
        return fields
    }

    private mutating func dataField() throws(ScoringError) -> DataField {
        guard let type = try dataType("dataType") else { throw invalid("the attribute 'dataType' is missing") }
        var field = DataField(
            name: try required("name"), displayName: try string("displayName"), type: type,
            opType: try choice("optype", or: type == .string || type == .boolean ? .categorical : .continuous), place: place)
        try children { (reader, tag) throws(ScoringError) in
            switch tag {
            case .Interval: field.intervals.append(try reader.interval())
            case .Value: field.values.append(try reader.listedValue())
            default: throw reader.unsupported()
            }
        }
        return field
    }

    func interval() throws(ScoringError) -> Interval {
        Interval(
            closure: try choice("closure", or: .closedClosed), left: try double("leftMargin"), right: try double("rightMargin"))
    }

    mutating func listedValue() throws(ScoringError) -> ListedValue {
        ListedValue(
            value: try required("value"), property: try choice("property", or: .valid), displayValue: try string("displayValue"))
    }
}
