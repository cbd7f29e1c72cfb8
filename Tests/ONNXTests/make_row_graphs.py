#!/usr/bin/env python3
"""Writes Tests/GoldenTests/onnx-rows: graphs, and whether ONNX Runtime gives a row the same answer alone and in company.

Needs onnx 1.22.0, onnxruntime 1.28.0, numpy, scikit-learn 1.9.0 and skl2onnx 1.20.0. graphs.csv has a line for each named
graph: its file, whether it is to be called independent, and what was measured ("same" or "differs"). random.bin holds
random graphs, each behind its length (4 bytes, little-endian), and random.csv what was measured of them.
"""
import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import pathlib
import struct
import warnings

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "GoldenTests" / "onnx-rows"
WIDTH = 4
RANDOM = np.random.default_rng(11)
ROWS = 7
DATA = np.round(RANDOM.normal(0, 2, (ROWS, WIDTH)), 2).astype(np.float32)
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
node = helper.make_node


def constant(name, values, kind=np.float32):
    return numpy_helper.from_array(np.array(values, dtype=kind), name)


def model(nodes, output, constants=(), opset=17, kind=FLOAT, shape=(None, WIDTH), functions=()):
    made = helper.make_graph(
        nodes, "graph", [helper.make_tensor_value_info("X", FLOAT, list(shape))],
        [helper.make_tensor_value_info(output, kind, None)], list(constants))
    sets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3), helper.make_opsetid("com.microsoft", 1)]
    if functions:
        sets.append(helper.make_opsetid("own", 1))
    return helper.make_model(made, producer_name="verdict-tests", ir_version=9, opset_imports=sets, functions=functions)


def session(made):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return ort.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])


def rows_of(outputs, count):
    """A list of each row's values over all outputs; None where an output does not have the rows in front."""
    rows = [[] for _ in range(count)]
    for output in outputs:
        if isinstance(output, list):
            if len(output) != count:
                return None
            cells = [list(one.values()) if isinstance(one, dict) else one for one in output]
        else:
            if output.ndim == 0 or output.shape[0] != count:
                return None
            cells = [output[i] for i in range(count)]
        for row, cell in zip(rows, cells):
            row.append(np.asarray(cell))
    return rows


def same(one, other):
    for a, b in zip(one, other):
        if a.shape != b.shape:
            return False
        if a.dtype.kind in "fc":
            if not np.allclose(a, b, rtol=1e-5, atol=1e-5, equal_nan=True):
                return False
        elif not (a == b).all():
            return False
    return True


def measured(made):
    """Whether rows get the same answers in different companies: "same" or "differs"."""
    run = session(made)
    reference = [None] * ROWS
    try:
        for choice in [[i] for i in range(ROWS)] + [list(range(ROWS)), [6, 0], [3, 5, 1], [2, 2, 4, 0]]:
            rows = rows_of(run.run(None, {"X": DATA[choice]}), len(choice))
            if rows is None:
                return "differs"
            for index, row in zip(choice, rows):
                if reference[index] is None:
                    reference[index] = row
                elif not same(reference[index], row):
                    return "differs"
    except Exception:  # some number of rows is refused
        return "differs"
    return "same"


def scan_distances(state, scanned):
    body = helper.make_graph(
        [node("Identity", ["state"], ["state_out"]), node("Sub", ["state", "point"], ["difference"]),
         node("ReduceSumSquare", ["difference"], ["distance"], axes=[1], keepdims=0)],
        "body",
        [helper.make_tensor_value_info("state", FLOAT, None), helper.make_tensor_value_info("point", FLOAT, None)],
        [helper.make_tensor_value_info("state_out", FLOAT, None), helper.make_tensor_value_info("distance", FLOAT, None)])
    return node("Scan", [state, scanned], ["s", "d"], body=body, num_scan_inputs=1)


def mixing_scan():
    body = helper.make_graph(
        [node("Add", ["state", "row"], ["state_out"]), node("Identity", ["state_out"], ["y"])], "body",
        [helper.make_tensor_value_info("state", FLOAT, None), helper.make_tensor_value_info("row", FLOAT, None)],
        [helper.make_tensor_value_info("state_out", FLOAT, None), helper.make_tensor_value_info("y", FLOAT, None)])
    return node("Scan", ["zero", "X"], ["s", "Y"], body=body, num_scan_inputs=1)


def branch(name):
    return helper.make_graph(
        [node(name, ["X"], ["b"])], "branch", [], [helper.make_tensor_value_info("b", FLOAT, None)])


W = constant("W", RANDOM.normal(size=(WIDTH, 3)))
BIAS = constant("bias", RANDOM.normal(size=3))
AXES1, AXES0 = constant("axes", [1], np.int64), constant("axes", [0], np.int64)
POINTS = constant("points", RANDOM.normal(size=(5, WIDTH)))
STATISTICS = [constant("s", np.ones(WIDTH)), constant("b", np.zeros(WIDTH)), constant("m", np.zeros(WIDTH)), constant("v", np.ones(WIDTH))]
PER_ROW = [
    node("Abs", ["X"], ["a"]), node("ReduceMax", ["a"], ["m"], axes=[-1], keepdims=1), node("Max", ["m", "least"], ["r"]),
    node("Div", ["X", "r"], ["d"]), node("QuantizeLinear", ["d", "unit", "zero"], ["q"]),
    node("MatMulInteger", ["q", "Q", "zero", "zero"], ["p"]), node("Cast", ["p"], ["f"], to=FLOAT),
    node("Mul", ["f", "scale"], ["g"]), node("Mul", ["g", "r"], ["Y"])]
PER_ROW_CONSTANTS = [
    constant("least", 1e-20), constant("unit", 1 / 127), constant("zero", 128, np.uint8),
    constant("Q", RANDOM.integers(1, 256, (WIDTH, 3)), np.uint8), constant("scale", [0.01, 0.02, 0.03])]
DYNAMIC = [
    node("DynamicQuantizeLinear", ["X"], ["q", "scale", "zero"]),
    node("MatMulInteger", ["q", "Q", "zero"], ["p"]), node("Cast", ["p"], ["f"], to=FLOAT), node("Mul", ["f", "scale"], ["Y"])]
DYNAMIC_CONSTANTS = [constant("Q", RANDOM.integers(1, 256, (WIDTH, 3)), np.uint8)]
NBITS = node("MatMulNBits", ["X", "Q", "S"], ["Y"], domain="com.microsoft", K=WIDTH, N=3, bits=8, block_size=16, accuracy_level=4)
NBITS_CONSTANTS = [constant("Q", RANDOM.integers(1, 256, (3, 1, 16)), np.uint8), constant("S", np.ones((3, 1)) / 100)]


def shaped(nodes_after, target):
    """X with a shape computed from its own."""
    return [node("Shape", ["X"], ["shape"]), node("Gather", ["shape", "first"], ["n"]), *nodes_after, *target]


INDEPENDENT = {
    "elementwise": ([node("Mul", ["X", "X"], ["a"]), node("Sigmoid", ["a"], ["Y"])], []),
    "one_for_all": ([node("Add", ["X", "c"], ["Y"])], [constant("c", [1, 2, 3, 4])]),
    "one_row_for_all": ([node("Add", ["X", "c"], ["Y"])], [constant("c", [[1, 2, 3, 4]])]),
    "reduce_columns": ([node("ReduceMean", ["X"], ["Y"], axes=[1])], []),
    "softmax": ([node("Softmax", ["X"], ["Y"])], []),
    "argmax": ([node("ArgMax", ["X"], ["Y"], axis=1)], []),
    "topk": ([node("TopK", ["X", "k"], ["Y", "i"])], [constant("k", [2], np.int64)]),
    "cumsum": ([node("CumSum", ["X", "axis"], ["Y"])], [constant("axis", 1, np.int64)]),
    "layer_normalization": ([node("LayerNormalization", ["X", "c"], ["Y"])], [constant("c", [1, 2, 3, 4])]),
    "batch_normalization": ([node("BatchNormalization", ["X", "s", "b", "m", "v"], ["Y"])], STATISTICS),
    "matmul": ([node("MatMul", ["X", "W"], ["Y"])], [W]),
    "gemm": ([node("Gemm", ["X", "W", "bias"], ["Y"])], [W, BIAS]),
    "transposed_weights": (
        [node("Transpose", ["V"], ["W"], perm=[1, 0]), node("MatMul", ["X", "W"], ["Y"])], [constant("V", RANDOM.normal(size=(3, WIDTH)))]),
    "turned_product": (
        [node("Transpose", ["X"], ["t"], perm=[1, 0]), node("MatMul", ["V", "t"], ["p"]), node("Transpose", ["p"], ["Y"], perm=[1, 0])],
        [constant("V", RANDOM.normal(size=(3, WIDTH)))]),
    "attention": (
        [node("Reshape", ["X", "three"], ["a"]), node("Transpose", ["a"], ["t"], perm=[0, 2, 1]), node("MatMul", ["a", "t"], ["p"]),
         node("Softmax", ["p"], ["w"]), node("MatMul", ["w", "a"], ["c"]), node("Flatten", ["c"], ["Y"])],
        [constant("three", [0, 2, 2], np.int64)]),
    "flatten": ([node("Flatten", ["X"], ["Y"])], []),
    "reshape_free_rows": ([node("Reshape", ["X", "t"], ["Y"])], [constant("t", [-1, 2, 2], np.int64)]),
    "reshape_from_shape": (
        shaped([node("Unsqueeze", ["n", "zero"], ["u"]), node("Concat", ["u", "rest"], ["t"], axis=0)], [node("Reshape", ["X", "t"], ["Y"])]),
        [constant("first", 0, np.int64), constant("zero", [0], np.int64), constant("rest", [-1], np.int64)]),
    "expand_to_rows": (
        shaped([node("Unsqueeze", ["n", "zero"], ["u"]), node("Concat", ["u", "rest"], ["t"], axis=0), node("Expand", ["c", "t"], ["e"])],
               [node("Concat", ["X", "e"], ["Y"], axis=1)]),
        [constant("first", 0, np.int64), constant("zero", [0], np.int64), constant("rest", [2], np.int64), constant("c", [[1, 2]])]),
    "columns": ([node("Gather", ["X", "i"], ["Y"], axis=1)], [constant("i", [2, 0], np.int64)]),
    "embedding": (
        [node("Cast", ["X"], ["c"], to=INT64), node("Clip", ["c", "low", "high"], ["i"]), node("Gather", ["points", "i"], ["g"]),
         node("Flatten", ["g"], ["Y"])], [POINTS, constant("low", 0, np.int64), constant("high", 4, np.int64)]),
    "concat_columns": ([node("Neg", ["X"], ["n"]), node("Concat", ["X", "n"], ["Y"], axis=1)], []),
    "slice_all_rows": (
        [node("Slice", ["X", "from", "to", "axes"], ["Y"])],
        [constant("from", [0, 1], np.int64), constant("to", [2**63 - 1, 3], np.int64), constant("axes", [0, 1], np.int64)]),
    "split_columns": ([node("Split", ["X"], ["a", "b"], axis=1), node("Sub", ["a", "b"], ["Y"])], []),
    "squeeze_column": (
        [node("Gather", ["X", "i"], ["g"], axis=1), node("Squeeze", ["g", "axes"], ["Y"])], [constant("i", [1], np.int64), AXES1]),
    "einsum": ([node("Einsum", ["X", "W"], ["Y"], equation="nk,km->nm")], [W]),
    "per_row_int8": (PER_ROW, PER_ROW_CONSTANTS),
    "matmul_nbits": ([NBITS], NBITS_CONSTANTS),
    "scan_over_points": ([scan_distances("X", "points"), node("Transpose", ["d"], ["Y"], perm=[1, 0])], [POINTS]),
    "unused_mixing": ([node("ReduceSum", ["X", "axes"], ["unused"]), node("Relu", ["X"], ["Y"])], [AXES0]),
    "conv": (
        [node("Reshape", ["X", "t"], ["a"]), node("Conv", ["a", "kernel"], ["c"]), node("Flatten", ["c"], ["Y"])],
        [constant("t", [0, 1, 4], np.int64), constant("kernel", RANDOM.normal(size=(2, 1, 3)))]),
    "normalizer": ([node("Normalizer", ["X"], ["Y"], domain="ai.onnx.ml", norm="MAX")], []),
    "gather_elements": (
        [node("ArgMax", ["X"], ["i"], axis=1), node("GatherElements", ["X", "i"], ["Y"], axis=1)], []),
}

DEPENDENT = {
    "mean_of_rows": ([node("ReduceMean", ["X"], ["m"], axes=[0]), node("Sub", ["X", "m"], ["Y"])], []),
    "mean_of_all": ([node("ReduceMean", ["X"], ["m"]), node("Sub", ["X", "m"], ["Y"])], []),
    "softmax_rows": ([node("Softmax", ["X"], ["Y"], axis=0)], []),
    "old_softmax_rows": ([node("Softmax", ["X"], ["Y"], axis=0)], [], 11),
    "argmax_rows": ([node("ArgMax", ["X"], ["i"]), node("Cast", ["i"], ["c"], to=FLOAT), node("Add", ["X", "c"], ["Y"])], []),
    "topk_rows": ([node("TopK", ["X", "k"], ["v", "i"], axis=0), node("Sub", ["X", "v"], ["Y"])], [constant("k", [1], np.int64)]),
    "cumsum_rows": ([node("CumSum", ["X", "axis"], ["Y"])], [constant("axis", 0, np.int64)]),
    "norm_rows": ([node("LpNormalization", ["X"], ["Y"], axis=0)], []),
    "dynamic_quantization": (DYNAMIC, DYNAMIC_CONSTANTS),
    "dynamic_quantization_inside": ([node("Relu", ["X"], ["r"])] + [
        helper.make_node(n.op_type, ["r" if i == "X" else i for i in n.input], n.output, **{a.name: helper.get_attribute_value(a) for a in n.attribute})
        for n in DYNAMIC], DYNAMIC_CONSTANTS),
    "batch_normalization_training": (
        [node("BatchNormalization", ["X", "s", "b", "m", "v"], ["Y", "nm", "nv"], training_mode=1)], STATISTICS),
    "covariance": ([node("Transpose", ["X"], ["t"], perm=[1, 0]), node("MatMul", ["t", "X"], ["p"]), node("MatMul", ["X", "p"], ["Y"])], []),
    "similarity": ([node("Transpose", ["X"], ["t"], perm=[1, 0]), node("MatMul", ["X", "t"], ["p"]), node("MatMul", ["p", "X"], ["Y"])], []),
    "gemm_transposed": ([node("Gemm", ["X", "X"], ["p"], transA=1), node("MatMul", ["X", "p"], ["Y"])], []),
    "first_row": ([node("Gather", ["X", "i"], ["g"]), node("Sub", ["X", "g"], ["Y"])], [constant("i", [0], np.int64)]),
    "row_slice": (
        [node("Slice", ["X", "from", "to"], ["s"]), node("Sub", ["X", "s"], ["Y"])], [constant("from", [0], np.int64), constant("to", [1], np.int64)]),
    "rows_below": ([node("Concat", ["X", "X"], ["Y"], axis=0)], []),
    "row_of_everything": ([node("Reshape", ["X", "t"], ["f"]), node("ReduceMax", ["f"], ["m"], axes=[1]), node("Sub", ["X", "m"], ["Y"])], [constant("t", [1, -1], np.int64)]),
    "fewer_rows": ([node("Reshape", ["X", "t"], ["Y"])], [constant("t", [-1, 2], np.int64)]),
    "transposed_output": ([node("Transpose", ["X"], ["Y"], perm=[1, 0])], []),
    "flatten_all": ([node("Flatten", ["X"], ["Y"], axis=0)], []),
    "squeeze_anything": ([node("Squeeze", ["X"], ["Y"])], []),
    "count_of_rows": (
        [node("Shape", ["X"], ["s"]), node("Gather", ["s", "i"], ["n"]), node("Cast", ["n"], ["c"], to=FLOAT), node("Div", ["X", "c"], ["Y"])],
        [constant("i", 0, np.int64)]),
    "number_of_the_row": (
        [node("Shape", ["X"], ["s"]), node("Gather", ["s", "i"], ["n"]), node("Range", ["i", "n", "one"], ["r"]),
         node("Cast", ["r"], ["c"], to=FLOAT), node("Unsqueeze", ["c", "axes"], ["u"]), node("Add", ["X", "u"], ["Y"])],
        [constant("i", 0, np.int64), constant("one", 1, np.int64), AXES1]),
    "row_beside_its_constant": ([node("Add", ["X", "c"], ["Y"])], [constant("c", np.arange(ROWS * WIDTH).reshape(ROWS, WIDTH))]),
    "outer_sum": (
        [node("ReduceSum", ["X", "axes"], ["s"], keepdims=0), node("ReduceSum", ["X", "axes"], ["k"]), node("Add", ["s", "k"], ["o"]),
         node("ReduceMax", ["o"], ["Y"], axes=[1])], [AXES1]),
    "cumulative_scan": ([mixing_scan()], [constant("zero", np.zeros(WIDTH))]),
    "distances_between_rows": ([node("CDist", ["X", "X"], ["d"], domain="com.microsoft"), node("ReduceSum", ["d", "axes"], ["Y"])], [AXES1]),
    "branch_on_rows": (
        [node("ReduceSum", ["X"], ["s"], keepdims=0), node("Greater", ["s", "zero"], ["c"]),
         node("If", ["c"], ["Y"], then_branch=branch("Neg"), else_branch=branch("Abs"))], [constant("zero", 0)]),
    "whitening": ([node("MeanVarianceNormalization", ["X"], ["Y"], axes=[0])], []),
}

# Row by row, but not shown to be: what is not looked into counts as mixing.
UNPROVEN = {
    "branch_on_a_constant": (
        [node("If", ["c"], ["Y"], then_branch=branch("Neg"), else_branch=branch("Abs"))], [constant("c", True, np.bool_)]),
    "own_function": (
        [node("Twice", ["X"], ["Y"], domain="own")], [], 17,
        [helper.make_function("own", "Twice", ["a"], ["b"], [node("Add", ["a", "a"], ["b"])], [helper.make_opsetid("", 17)])]),
    "round_about": (
        [node("Flatten", ["X"], ["f"], axis=0), node("Reshape", ["f", "t"], ["Y"])], [constant("t", [-1, 4], np.int64)]),
}


def converted():
    """What skl2onnx writes; its labels and probabilities are outputs of their own."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import IsolationForest
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from skl2onnx import to_onnx

    warnings.filterwarnings("ignore")
    x = RANDOM.normal(size=(40, WIDTH)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    for name, estimator in {
        "sklearn_neighbors": KNeighborsClassifier(3), "sklearn_isolation": IsolationForest(n_estimators=2, random_state=0),
        "sklearn_network": make_pipeline(StandardScaler(), MLPClassifier((5,), max_iter=20, random_state=0)),
        "sklearn_isotonic": CalibratedClassifierCV(LogisticRegression(), method="isotonic", cv=2),
    }.items():
        estimator.fit(x, y)
        yield name, to_onnx(estimator, x[:1], target_opset={"": 17, "ai.onnx.ml": 3})


STEPS = [
    ("Relu", 1, lambda: {}), ("Sigmoid", 1, lambda: {}), ("Add", 2, lambda: {}), ("Mul", 2, lambda: {}), ("Max", 2, lambda: {}),
    ("MatMul", 2, lambda: {}), ("Gemm", 2, lambda: {"transA": RANDOM.integers(2), "transB": RANDOM.integers(2)}),
    ("Transpose", 1, lambda: {}), ("Transpose", 1, lambda: {"perm": list(RANDOM.permutation(3))}),
    ("Softmax", 1, lambda: {"axis": RANDOM.integers(-2, 2)}), ("CumSum", "axis", lambda: {}),
    ("ReduceMean", 1, lambda: {"axes": [RANDOM.integers(-2, 2)], "keepdims": RANDOM.integers(2)}),
    ("ReduceMax", 1, lambda: {"axes": [RANDOM.integers(-2, 2)], "keepdims": RANDOM.integers(2)}),
    ("Flatten", 1, lambda: {"axis": RANDOM.integers(0, 3)}), ("Reshape", "shape", lambda: {}), ("Unsqueeze", "axes", lambda: {}),
    ("Squeeze", "axes", lambda: {}), ("Concat", 2, lambda: {"axis": RANDOM.integers(-1, 2)}),
    ("Gather", "places", lambda: {"axis": RANDOM.integers(-1, 2)}), ("LpNormalization", 1, lambda: {"axis": RANDOM.integers(-2, 2)}),
    ("LayerNormalization", "one", lambda: {"axis": RANDOM.integers(-2, 2)}), ("Expand", "shape", lambda: {}),
    ("Slice", "cut", lambda: {}), ("Einsum", 2, lambda: {"equation": str(RANDOM.choice(["ab,bc->ac", "ab,ab->a", "ab,cb->ac", "ab,ac->bc"]))}),
]


def random_graph():
    """A graph of a few random nodes that runs for one row and for several."""
    constants = [constant("k0", RANDOM.normal(size=(WIDTH, WIDTH))), constant("k1", RANDOM.normal(size=WIDTH)), constant("k2", RANDOM.normal(size=(1, WIDTH))), constant("one", 1)]
    nodes, values = [], ["X"]
    for _ in range(40):
        if len(nodes) >= 5:
            break
        operation, inputs, attributes = STEPS[RANDOM.integers(len(STEPS))]
        name = f"v{len(nodes)}"
        taken = [str(RANDOM.choice(values[-2:]))]
        extra = []
        if inputs == 2:
            taken.append(str(RANDOM.choice(values + ["k0", "k1", "k2"])))
            if RANDOM.random() < 0.2:
                taken.reverse()
        elif inputs == "one":
            taken.append("one")
        elif inputs != 1:
            extra = {
                "axis": lambda: [constant(f"{name}_axis", RANDOM.integers(-1, 2), np.int64)],
                "axes": lambda: [constant(f"{name}_axes", [RANDOM.integers(-1, 3)], np.int64)],
                "shape": lambda: [constant(f"{name}_shape", [[-1, 4], [0, -1], [-1], [0, 2, 2], [1, -1], [4, -1], [-1, 2, 2], [-1, 1, 4], [1, 1]][RANDOM.integers(9)], np.int64)],
                "places": lambda: [constant(f"{name}_places", [[0], [0, 1], 0, [[1], [0]]][RANDOM.integers(4)], np.int64)],
                "cut": lambda: [constant(f"{name}_from", [0], np.int64), constant(f"{name}_to", [[1], [2**63 - 1], [-1]][RANDOM.integers(3)], np.int64), constant(f"{name}_on", [RANDOM.integers(2)], np.int64)],
            }[inputs]()
            taken += [one.name for one in extra]
        made = nodes + [node(operation, taken, [name], **attributes())]
        try:
            attempt = model(made, name, constants + extra)
            run = session(attempt)
            for count in (1, 3):
                if run.run(None, {"X": DATA[:count]})[0].size > 10_000:
                    raise ValueError
        except Exception:
            continue
        nodes, constants = made, constants + extra
        values.append(name)
    used = {name for one in nodes for name in one.input}
    return model(nodes, values[-1], [one for one in constants if one.name in used]) if nodes else None


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    lines = ["graph,called,measured\n"]

    def save(name, made, called):
        outcome = measured(made)
        print(name, called, outcome)
        (FOLDER / f"{name}.onnx").write_bytes(made.SerializeToString())
        lines.append(f"{name},{called},{outcome}\n")
        assert called != "independent" or outcome == "same", name

    for called, graphs in (("independent", INDEPENDENT), ("dependent", DEPENDENT), ("unproven", UNPROVEN)):
        for name, (nodes, constants, *more) in graphs.items():
            save(name, model(nodes, "Y", constants, opset=more[0] if more else 17, functions=more[1] if len(more) > 1 else (),
                             kind=INT64 if name == "argmax" else FLOAT), called)
    for name, made in converted():
        save(name, made, "independent")
    (FOLDER / "graphs.csv").write_text("".join(lines))

    outcomes, packed, counts = [], b"", {"same": 0, "differs": 0}
    while sum(counts.values()) < 500:
        made = random_graph()
        if made is None:
            continue
        outcome = measured(made)
        if outcome == "differs" and counts["differs"] >= 300:
            continue
        counts[outcome] += 1
        data = made.SerializeToString()
        packed += struct.pack("<I", len(data)) + data
        outcomes.append(outcome + "\n")
    (FOLDER / "random.bin").write_bytes(packed)
    (FOLDER / "random.csv").write_text("".join(outcomes))
    print(counts, len(packed), "bytes")


if __name__ == "__main__":
    main()
