internal import Scoring

package struct Scorecard {
    package enum ReasonCodeAlgorithm: String { case pointsAbove, pointsBelow }

    package struct Characteristic {
        package var name: String?
        package var reasonCode: String?
        package var baselineScore: Double?
        package var attributes: [Attribute] = []
        package var place: Place
    }

    package struct Attribute {
        package var reasonCode: String?
        package var partialScore: Double?
        /// Comes before `partialScore`.
        package var complexPartialScore: Expression?
        package var predicate: Predicate
        package var place: Place
    }

    package var head: ModelHeader
    package var initialScore: Double
    package var usesReasonCodes: Bool
    package var algorithm: ReasonCodeAlgorithm
    package var baselineScore: Double?
    package var characteristics: [Characteristic] = []
}

extension ElementReader {
    mutating func scorecard() throws(ScoringError) -> Scorecard {
        var card = Scorecard(
            head: try modelHead(), initialScore: try double("initialScore", or: 0),
            usesReasonCodes: try boolean("useReasonCodes", or: true),
            algorithm: try choice("reasonCodeAlgorithm", or: .pointsBelow), baselineScore: try double("baselineScore"))
        try children { (reader, tag) throws(ScoringError) in
            if try reader.readCommon(tag, into: &card.head) { return }
            guard tag == .Characteristics else { throw reader.unsupported() }
            try reader.children { (reader, tag) throws(ScoringError) in
                guard tag == .Characteristic else { throw reader.unsupported() }
                card.characteristics.append(try reader.characteristic())
            }
        }
        guard !card.characteristics.isEmpty else {
            throw .invalidModel(reason: "<Scorecard>: a Characteristic is missing", place: xml.place(of: Int(card.head.place)))
        }
        return card
    }

    private mutating func characteristic() throws(ScoringError) -> Scorecard.Characteristic {
        var characteristic = Scorecard.Characteristic(
            name: try string("name"), reasonCode: try string("reasonCode"), baselineScore: try double("baselineScore"),
            place: place)
        try children { (reader, tag) throws(ScoringError) in
            guard tag == .Attribute else { throw reader.unsupported() }
            characteristic.attributes.append(try reader.scorecardAttribute())
        }
        guard !characteristic.attributes.isEmpty else {
            throw .invalidModel(
                reason: "<Characteristic>: an Attribute is missing", place: xml.place(of: Int(characteristic.place)))
        }
        return characteristic
    }

    private mutating func scorecardAttribute() throws(ScoringError) -> Scorecard.Attribute {
        let (place, code, score) = (place, try string("reasonCode"), try double("partialScore"))
        var (predicate, complex): (Predicate?, Expression?) = (nil, nil)
        try children { (reader, tag) throws(ScoringError) in
            if tag == .ComplexPartialScore {
                try reader.children { (reader, tag) throws(ScoringError) in
                    guard let found = try reader.expression(tag) else { throw reader.unsupported() }
                    complex = found
                }
            } else if let found = try reader.predicate(tag) {
                predicate = found
            } else {
                throw reader.unsupported()
            }
        }
        guard let predicate else {
            throw .invalidModel(reason: "<Attribute>: the predicate is missing", place: xml.place(of: Int(place)))
        }
        guard score != nil || complex != nil else {
            throw .invalidModel(reason: "<Attribute>: the partial score is missing", place: xml.place(of: Int(place)))
        }
        return Scorecard.Attribute(
            reasonCode: code, partialScore: score, complexPartialScore: complex, predicate: predicate, place: place)
    }
}
