"""Graphs for ONNX Runtime in which a row could end the process, or take all memory: they answer right, or are refused."""

import json

import pytest
from graphs import TRUSTING
from identity_models import features, identity
from onnx import TensorProto, helper
from serving import Server, bare_environment, run_verdict

LEAST = {TensorProto.INT64: -(2 ** 63), TensorProto.INT32: -(2 ** 31)}


def value(name, kind, shape=(None, 1)):
    return helper.make_tensor_value_info(name, kind, shape)


def graph(nodes, inputs, outputs, constants=(), opset=17, functions=()):
    made = helper.make_graph(nodes, "control", inputs, outputs, list(constants))
    sets = [helper.make_opsetid("", opset)] + [helper.make_opsetid("own", 1)] * bool(functions)
    return helper.make_model(made, opset_imports=sets, ir_version=8, functions=functions).SerializeToString()


def division(operation, kind, inside=False):
    """Gives a / b or a mod b of integers, as such."""
    node = helper.make_node(operation, ["a", "b"], ["y"])
    if inside:
        branch = helper.make_graph([node], "branch", [], [value("y", kind)])
        node = helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch)
    yes = helper.make_tensor("yes", TensorProto.BOOL, [], [True])
    return graph([node], [value("a", kind), value("b", kind)], [value("y", kind)], [yes] if inside else [])


def quotient(a, b, bits):
    """a / b towards zero, as fixed width gives it: the least integer is its own negative."""
    exact = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return (exact + 2 ** (bits - 1)) % 2 ** bits - 2 ** (bits - 1)


def publish(folder, name, content, manifest=""):
    version = folder / name / "1"
    version.mkdir(parents=True)
    (folder / name / "model.yaml").write_text(manifest + "engine: onnxruntime\n")
    (version / "model.onnx").write_bytes(content)


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("kind", LEAST)
@pytest.mark.parametrize("operation", ["Div", "Mod"])
def test_the_least_integer_divided_by_minus_one_is_answered(operation, kind, inside, tmp_path):
    publish(tmp_path, "m", division(operation, kind, inside))
    least, bits = LEAST[kind], 64 if kind == TensorProto.INT64 else 32
    pairs = [(7, 2), (-7, 2), (7, -2), (least, -1), (-8, -1), (least, 1), (5, -1), (0, -1), (-(2 ** 30), -1), (least, 3)]
    with Server(tmp_path) as server:
        server.wait_for("m", 1, "READY")

        def request(pairs):
            datatype = f"INT{bits}"
            columns = zip(*pairs)
            inputs = [{"name": name, "shape": [len(pairs), 1], "datatype": datatype, "data": list(column)}
                      for name, column in zip("ab", columns)]
            return server.post("/v2/models/m/infer", {"inputs": inputs})

        wanted = [quotient(a, b, bits) if operation == "Div" else a % b for a, b in pairs]
        answer = request(pairs)
        assert answer.status == 200, answer
        assert answer.json["outputs"][0]["data"] == wanted
        # Division by zero is an error of that row, and the server serves on.
        assert request([(3, 0)]).status >= 400
        assert request([(7, 2)]).status == 200
        assert server.stop() == 0


def sized(operation, constants=(), inputs=("k",), kind=TensorProto.INT64, **attributes):
    """Scores x, after a node that takes an operand from the row."""
    nodes = [
        helper.make_node("ReduceMax", ["k"], ["most"], keepdims=0),
        helper.make_node(operation, list(inputs), ["made"], **attributes),
        helper.make_node("Shape", ["made"], ["extents"]),
        helper.make_node("ReduceMin", ["extents"], ["least"], keepdims=0),
        helper.make_node("Cast", ["least"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["x", "number"], ["y"]),
    ]
    return graph(nodes, [value("x", TensorProto.FLOAT), value("k", kind)], [value("y", TensorProto.FLOAT)], constants)


def number(name, value, kind=TensorProto.INT64, shape=()):
    return helper.make_tensor(name, kind, shape, [value])


SIZED = {
    "range": (sized("Range", [number("zero", 0), number("one", 1)], ["zero", "most", "one"]), "Range (node 1) takes its limit"),
    "expand": (
        graph(
            [
                helper.make_node("Reshape", ["k", "flat"], ["shape"]), helper.make_node("Expand", ["one", "shape"], ["made"]),
                helper.make_node("ReduceMax", ["made"], ["number"], keepdims=0), helper.make_node("Add", ["x", "number"], ["y"]),
            ],
            [value("x", TensorProto.FLOAT), value("k", TensorProto.INT64)], [value("y", TensorProto.FLOAT)],
            [number("one", 1.0, TensorProto.FLOAT), number("flat", -1, shape=[1])]),
        "Expand (node 1) takes its shape"),
    "trilu": (sized("Trilu", inputs=["x", "most"]), "Trilu (node 1) takes its offset"),
}


@pytest.mark.parametrize("name", SIZED)
def test_graphs_whose_sizes_a_row_decides_are_refused(name, tmp_path):
    content, reason = SIZED[name]
    publish(tmp_path, "sized", content)
    publish(tmp_path, "trusted", content, TRUSTING)
    result = run_verdict("check", tmp_path, "--json", env=bare_environment())
    found = {one["model"]: one for one in json.loads(result.stdout)["versions"]}
    assert reason in found["sized"]["reason"]
    if name == "trilu":
        # No caller is trusted with the process.
        assert "end ONNX Runtime" in found["trusted"]["reason"]
    else:
        assert "sizesFromRows" in found["sized"]["reason"] and found["trusted"]["result"] == "ok", found


def test_what_a_row_may_leave_empty_does_not_end_the_process(tmp_path):
    """Rows with a one pass the trial load; the others would divide by the number of those that are none."""
    nodes = [
        helper.make_node("Compress", ["x", "is"], ["picked"], axis=1),
        helper.make_node("Transpose", ["picked"], ["turned"]),
        helper.make_node("LpNormalization", ["turned"], ["scaled"], axis=0),
        helper.make_node("ReduceSum", ["scaled"], ["sum"], keepdims=0),
        helper.make_node("Add", ["x", "sum"], ["y"]),
    ]
    found = [
        helper.make_node("Equal", ["x", "zero"], ["matches"]), helper.make_node("Reshape", ["matches", "flat"], ["is"]), *nodes]
    content = graph(
        found, [value("x", TensorProto.FLOAT, (1, 1))], [value("y", TensorProto.FLOAT, (1, 1))],
        [number("zero", 0.0, TensorProto.FLOAT), number("flat", -1, shape=[1])])
    publish(tmp_path, "m", content)
    result = run_verdict("check", tmp_path, env=bare_environment())
    assert result.returncode == 1 and "a row decides whether 'turned' has elements" in result.stdout + result.stderr


def test_the_server_serves_the_others(tmp_path):
    publish(tmp_path, "trilu", SIZED["trilu"][0])
    (tmp_path / "m" / "1").mkdir(parents=True)
    (tmp_path / "m" / "1" / "model.json").write_text(identity(0))
    with Server(tmp_path) as server:
        assert server.post("/predict/m", {"features": features(3)}).status == 200
        entry = server.index()[("trilu", "1")]
        assert entry["state"] == "UNAVAILABLE" and "takes its offset from the values of a row" in entry["reason"]


def test_a_clipped_offset_and_size_are_computed(tmp_path):
    nodes = [
        helper.make_node("ReduceMax", ["k"], ["most"], keepdims=0),
        helper.make_node("Clip", ["most", "zero", "bound"], ["offset"]),
        helper.make_node("Range", ["zero", "offset", "one"], ["places"]),
        helper.make_node("ReduceSum", ["places"], ["sum"], keepdims=0),
        helper.make_node("Trilu", ["x", "offset"], ["upper"]),
        helper.make_node("Cast", ["sum"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["upper", "number"], ["y"]),
    ]
    constants = [number("zero", 0), number("one", 1), number("bound", 10)]
    publish(tmp_path, "m", graph(
        nodes, [value("x", TensorProto.FLOAT), value("k", TensorProto.INT64)], [value("y", TensorProto.FLOAT)], constants))
    with Server(tmp_path) as server:
        server.wait_for("m", 1, "READY")
        for k, wanted in ((0, 2.5), (4, 6), (-(2 ** 63), 2.5), (2 ** 63 - 1, 45)):
            assert server.post("/predict/m", {"features": {"x": 2.5, "k": k}}).json["prediction"] == [wanted]


def clipped(nodes, last):
    """Adds the limit of a Range to x; `nodes` make it, `last`, from k."""
    squeezed = [helper.make_node("Squeeze", ["k"], ["one_k"])]
    counted = [
        helper.make_node("Range", ["zero", last, "one"], ["places"]),
        helper.make_node("ReduceSum", ["places"], ["sum"], keepdims=0),
        helper.make_node("Cast", ["sum"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["x", "number"], ["y"]),
    ]
    constants = [number("zero", 0), number("one", 1), number("bound", 10)]
    return graph(
        squeezed + nodes + counted, [value("x", TensorProto.FLOAT), value("k", TensorProto.INT64, (1, 1))],
        [value("y", TensorProto.FLOAT)], constants)


def shaped():
    """A list of one number is a shape, however it is clipped."""
    nodes = [
        helper.make_node("Reshape", ["k", "flat"], ["list"]), helper.make_node("Clip", ["list", "zero", "bound"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["zeros"]), helper.make_node("ReduceSum", ["zeros"], ["sum"], keepdims=0),
        helper.make_node("Add", ["x", "sum"], ["y"]),
    ]
    constants = [number("zero", 0), number("bound", 10), number("flat", 1, shape=[1])]
    return graph(
        nodes, [value("x", TensorProto.FLOAT), value("k", TensorProto.INT64, (1, 1))], [value("y", TensorProto.FLOAT)], constants)


CLIP = helper.make_node("Clip", ["one_k", "zero", "bound"], ["clipped"])
BOUNDED = {
    "clip": (clipped([CLIP], "clipped"), ""),
    "min and max": (clipped([
        helper.make_node("Min", ["one_k", "bound"], ["low"]), helper.make_node("Max", ["low", "zero"], ["clipped"])], "clipped"), ""),
    "moved": (clipped([
        CLIP, helper.make_node("Constant", [], ["axes"], value_ints=[0]),
        helper.make_node("Unsqueeze", ["clipped", "axes"], ["list"]), helper.make_node("Squeeze", ["list"], ["moved"])], "moved"), ""),
    "above alone": (clipped([helper.make_node("Min", ["one_k", "bound"], ["low"])], "low"), "Range"),
    "computed with": (clipped([CLIP, helper.make_node("Add", ["clipped", "one"], ["more"])], "more"), "Range"),
    "list of one": (shaped(), "ConstantOfShape"),
}


@pytest.mark.parametrize("name", BOUNDED)
def test_clipping_bounds_single_numbers_until_they_are_computed_with(name, tmp_path):
    """The rule of docs/onnx.md."""
    content, refused = BOUNDED[name]
    publish(tmp_path, "m", content)
    result = run_verdict("check", tmp_path, env=bare_environment())
    assert (result.returncode == 0) == (not refused), result
    assert not refused or f"refused  m/1: {refused}" in result.stdout, result


def test_a_function_that_divides_integers_is_refused(tmp_path):
    own = helper.make_function(
        "own", "Share", ["a", "b"], ["y"], [helper.make_node("Div", ["a", "b"], ["y"])], [helper.make_opsetid("", 17)])
    kind = TensorProto.INT64
    publish(tmp_path, "m", graph(
        [helper.make_node("Share", ["a", "b"], ["y"], domain="own")], [value("a", kind), value("b", kind)], [value("y", kind)],
        functions=[own]))
    result = run_verdict("check", tmp_path, env=bare_environment())
    assert result.returncode == 1 and "inline_local_functions" in result.stdout + result.stderr


def test_an_index_that_a_row_chooses_is_left_to_the_library(tmp_path):
    """The library counts negative indices from the end and refuses others; a position that the graph itself finds stays native."""
    table = helper.make_tensor("table", TensorProto.FLOAT, [3], [0.25, 0.5, 0.75])
    chosen = graph([helper.make_node("Gather", ["table", "a"], ["y"])], [value("a", TensorProto.INT64)],
                   [value("y", TensorProto.FLOAT)], [table])
    found = graph([helper.make_node("ArgMax", ["a"], ["place"], axis=1), helper.make_node("Gather", ["table", "place"], ["y"])],
                  [value("a", TensorProto.FLOAT, (None, 3))], [value("y", TensorProto.FLOAT)], [table])
    engines = {}
    for name, content in {"chosen": chosen, "found": found}.items():
        (tmp_path / name / "1").mkdir(parents=True)
        (tmp_path / name / "1" / "model.onnx").write_bytes(content)
        told = run_verdict("inspect", "--json", str(tmp_path / name / "1" / "model.onnx"))
        engines[name] = json.loads(told.stdout)["engine"]
    assert engines["found"] == "native" and engines["chosen"] != "native", engines
    with Server(tmp_path) as server:
        for row, score in [(0, 0.25), (2, 0.75), (-1, 0.75), (-3, 0.25)]:
            assert server.post("/predict/chosen", {"features": [row]}).json["prediction"] == [score]
        for row in [3, -4, 2 ** 40]:
            assert server.post("/predict/chosen", {"features": [row]}).status == 400
        assert server.post("/predict/found", {"features": [1, 3, 2]}).json["prediction"] == [0.5]
