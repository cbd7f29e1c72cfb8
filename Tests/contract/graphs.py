"""ONNX graphs that go wrong for some rows, and only for those: what warm-ups try passes."""

from onnx import TensorProto, helper

# Rows over this value make a graph fail, hang or give NaN. Warm-ups stay below.
TRIGGER = 1e6
BAD = 1e7
# For model.yaml of graphs in which a row decides how long they compute, which are refused without it.
TRUSTING = "onnxruntime: { sizesFromRows: true }\n"


def value(name, shape=(None, 1), kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def constant(name, values, kind=TensorProto.FLOAT, shape=None):
    return helper.make_tensor(name, kind, [len(values)] if shape is None else shape, values)


def model(nodes, *constants):
    """The bytes of a graph from `x`, a feature, to `y`, the score."""
    graph = helper.make_graph(nodes, "fault", [value("x")], [value("y")], list(constants))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def throwing():
    """Scores x + 1; a row over the trigger reads beyond the end of a table, which ONNX Runtime refuses in the middle of a run."""
    return model(
        [
            helper.make_node("Greater", ["x", "trigger"], ["is_bad"]),
            helper.make_node("Where", ["is_bad", "beyond", "first"], ["place"]),
            helper.make_node("Gather", ["table", "place"], ["one"]),
            helper.make_node("Add", ["x", "one"], ["y"]),
        ],
        constant("trigger", [TRIGGER], shape=[]), constant("beyond", [99], TensorProto.INT64, []),
        constant("first", [0], TensorProto.INT64, []), constant("table", [1.0, 2.0]),
    )


def dividing():
    """Scores a / b of whole numbers: ONNX Runtime refuses a row whose b is 0."""
    kind = TensorProto.INT64
    inputs = [value("a", kind=kind), value("b", kind=kind)]
    graph = helper.make_graph([helper.make_node("Div", ["a", "b"], ["y"])], "division", inputs, [value("y", kind=kind)])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def far_away(first):
    """Scores x - first for the whole x `first` and the next one, and refuses all others: what is made up never is one of them."""
    return model(
        [
            helper.make_node("Sub", ["x", "first"], ["offset"]),
            helper.make_node("Cast", ["offset"], ["place"], to=TensorProto.INT64),
            helper.make_node("Gather", ["table", "place"], ["y"]),
        ],
        constant("first", [float(first)], shape=[]), constant("table", [0.0, 1.0]),
    )


def without_number():
    """Scores x; the logarithm of a negative number, NaN, for rows over the trigger."""
    return model(
        [
            helper.make_node("Greater", ["x", "trigger"], ["is_bad"]),
            helper.make_node("Where", ["is_bad", "negative", "one"], ["argument"]),
            helper.make_node("Log", ["argument"], ["zero"]),
            helper.make_node("Add", ["x", "zero"], ["y"]),
        ],
        constant("trigger", [TRIGGER], shape=[]), constant("negative", [-1.0], shape=[]), constant("one", [1.0], shape=[]),
    )


def endless(trigger=TRIGGER):
    """Scores x; never ends for a batch with a value over the trigger, but heeds an order to stop."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["go_on"]), helper.make_node("Identity", ["v"], ["w"])],
        "body",
        [value("i", [], TensorProto.INT64), value("on", [], TensorProto.BOOL), value("v", None)],
        [value("go_on", None, TensorProto.BOOL), value("w", None)],
    )
    return model(
        [
            helper.make_node("ReduceMax", ["x"], ["most"], keepdims=0),
            helper.make_node("Greater", ["most", "bound"], ["is_on"]),
            helper.make_node("Loop", ["", "is_on", "x"], ["looped"], body=body),
            helper.make_node("Identity", ["looped"], ["y"]),
        ],
        constant("bound", [trigger], shape=[]),
    )


def deaf(size):
    """Scores x; multiplies matrices of `size` squared values in one node, which heeds nobody, for a value over the trigger.

    Other rows multiply small ones, for some hundred microseconds: too long for the event loop.
    """
    return model(
        [
            helper.make_node("ReduceMax", ["x"], ["most"], keepdims=0),
            helper.make_node("Greater", ["most", "bound"], ["is_bad"]),
            helper.make_node("Where", ["is_bad", "large", "small"], ["shape"]),
            helper.make_node("ConstantOfShape", ["shape"], ["matrix"]),
            helper.make_node("MatMul", ["matrix", "matrix"], ["product"]),
            helper.make_node("ReduceMax", ["product"], ["zero"], keepdims=0),
            helper.make_node("Add", ["x", "zero"], ["y"]),
        ],
        constant("bound", [TRIGGER], shape=[]), constant("large", [size, size], TensorProto.INT64),
        constant("small", [200, 200], TensorProto.INT64),
    )
