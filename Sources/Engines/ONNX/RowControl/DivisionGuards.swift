internal import SwiftProtobuf

/// Writes divisions that give what they should for every divisor: the least integer divided by -1 ends the process, so
/// nothing is divided by -1. By the rule that holds for integers of fixed width, the least integer is its own negative.
struct DivisionGuards {
    /// The names of 1 and -1 by ONNX's number for their type, once nodes make them.
    private var units: [Int32: (one: String, minusOne: String)] = [:]

    /// The nodes that take the place of a Div or Mod.
    ///
    /// - Parameter element: ONNX's number for the type of what is divided.
    /// - Parameter names: The start of names that are free.
    mutating func nodes(for division: ProtoNodeProto, _ element: Int32, _ names: String) -> [ProtoNodeProto] {
        var nodes: [ProtoNodeProto] = []
        let (one, minusOne) = units(element, names, madeBy: &nodes)
        let (dividend, divisor, result) = (division.input[0], division.input[1], division.output[0])
        let (isMinusOne, safe) = (names + "is_minus_one", names + "divisor")
        nodes.append(Self.node("Equal", [divisor, minusOne], isMinusOne))
        nodes.append(Self.node("Where", [isMinusOne, one, divisor], safe))
        var guarded = division
        guarded.input[1] = safe
        // What is divided by 1 and by -1 leaves the same, nothing.
        guard division.opType == "Div" else { return nodes + [guarded] }
        let (quotient, negative) = (names + "quotient", names + "negative")
        guarded.output[0] = quotient
        nodes.append(guarded)
        nodes.append(Self.node("Neg", [dividend], negative))
        nodes.append(Self.node("Where", [isMinusOne, negative, quotient], result))
        return nodes
    }

    private mutating func units(
        _ element: Int32, _ names: String, madeBy nodes: inout [ProtoNodeProto]
    ) -> (one: String, minusOne: String) {
        if let known = units[element] { return known }
        let made = (one: names + "one", minusOne: names + "minus_one")
        for (name, value) in [(made.one, 1), (made.minusOne, -1)] {
            var attribute = ProtoAttributeProto()
            (attribute.name, attribute.type, attribute.t.dataType) = ("value", 4, element)
            if element == 7 { attribute.t.int64Data = [Int64(value)] } else { attribute.t.int32Data = [Int32(value)] }
            var constant = Self.node("Constant", [], name)
            constant.attribute = [attribute]
            nodes.append(constant)
        }
        units[element] = made
        return made
    }

    private static func node(_ operation: String, _ inputs: [String], _ output: String) -> ProtoNodeProto {
        var node = ProtoNodeProto()
        (node.opType, node.name, node.input, node.output) = (operation, output, inputs, [output])
        return node
    }
}
