#!/usr/bin/env python3
"""Writes Tests/GoldenTests/onnxruntime: models that ONNX Runtime evaluates, rows, and what its Python interface answers.

Needs scikit-learn 1.9.1, skl2onnx 1.20.0, onnx 1.22.0 and onnxruntime 1.28.0. rows.csv begins with the names of the
features, expected.csv with the names of Verdict's outputs, which are stated here for each model by the order of the
graph's outputs and their elements. An empty cell is NaN.
"""
import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import pathlib
import shutil

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T
from onnx import helper

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "GoldenTests" / "onnxruntime"
RANDOM = np.random.default_rng(7)
N = 24


def text(value):
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return "" if np.isnan(value) else repr(float(value))
    return str(value)


def write(path, names, columns):
    lines = [names] + [[text(column[row]) for column in columns] for row in range(len(columns[0]))]
    path.write_text("".join(",".join(line) + "\n" for line in lines))


def flat(array, rows):
    """The elements of a tensor as columns."""
    return list(np.asarray(array).reshape(rows, -1).T)


def save(name, model, inputs, features, outputs, row_by_row=False):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    rows = len(next(iter(inputs.values())))
    if row_by_row:
        answers = [session.run(None, {k: v[i:i + 1] for k, v in inputs.items()}) for i in range(rows)]
        results = [np.concatenate([answer[i] for answer in answers]) for i in range(len(answers[0]))]
    else:
        results = session.run(None, inputs)
    columns = []
    for result in results:
        if isinstance(result, list) and isinstance(result[0], dict):
            columns += [[row[key] for row in result] for key in result[0]]
        elif isinstance(result, list):
            for part in result:
                columns += flat(part, rows)
        else:
            columns += flat(result, rows)
    assert len(columns) == len(outputs), (name, len(columns), outputs)
    cells = [column for value in inputs.values() for column in flat(value, rows)]
    assert len(cells) == len(features), (name, len(cells), features)
    folder = FOLDER / name
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    write(folder / "rows.csv", features, cells)
    write(folder / "expected.csv", outputs, columns)


def graph(nodes, inputs, outputs, constants=(), functions=(), domains=()):
    """`inputs` and `outputs` are (name, type, dims); a dimension None is open, dims None are unknown."""
    made = helper.make_graph(
        nodes, "graph", [helper.make_tensor_value_info(*i) for i in inputs],
        [o if isinstance(o, onnx.ValueInfoProto) else helper.make_tensor_value_info(*o) for o in outputs], list(constants))
    return helper.make_model(
        made, producer_name="verdict-tests", ir_version=9, functions=list(functions),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
        + [helper.make_opsetid(domain, 1) for domain in domains])


def floats(*shape):
    return (RANDOM.integers(-8, 9, shape) / 4).astype(np.float32)


def constant(name, array):
    return onnx.numpy_helper.from_array(np.asarray(array), name)


def exported():
    import pandas
    from skl2onnx import to_onnx
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import IsolationForest
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    x = RANDOM.normal(size=(120, 4)).astype(np.float32)
    binary = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(int)
    three = np.array(["allow", "review", "block"])[np.digitize(x[:, 0], [-0.5, 0.5])]
    some = {"X": RANDOM.normal(size=(N, 4)).astype(np.float32)}
    four = ["f0", "f1", "f2", "f3"]
    save("knn_classifier", to_onnx(KNeighborsClassifier(3).fit(x, three), x[:1]), some, four,
         ["label", "probability(allow)", "probability(block)", "probability(review)"])
    save("knn_regressor", to_onnx(KNeighborsRegressor(3).fit(x, x[:, 0]), x[:1]), some, four, ["prediction"])
    process = GaussianProcessRegressor(RBF(1.0), alpha=0.1).fit(x[:40], x[:40, 0])
    save("gaussian_process", to_onnx(process, x[:1], target_opset=17), some, four, ["prediction"])
    save("isolation_forest", to_onnx(
        IsolationForest(n_estimators=8, random_state=1).fit(x), x[:1], target_opset={"": 17, "ai.onnx.ml": 3}), some, four,
        ["label", "prediction"])
    network = MLPClassifier((8,), max_iter=300, random_state=1)
    save("mlp_without_map", to_onnx(network.fit(x, three), x[:1], options={"zipmap": False}), some, four,
         ["label", "probability(allow)", "probability(block)", "probability(review)"])

    frame = pandas.DataFrame({"amount": x[:, 0], "age": x[:, 1], "country": np.array(["NL", "DE", "Zürich"])[
        np.digitize(x[:, 3], [-0.5, 0.5])]})
    columns = ColumnTransformer([
        ("numbers", StandardScaler(), ["amount", "age"]), ("words", OneHotEncoder(handle_unknown="ignore"), ["country"])])
    pipeline = make_pipeline(columns, MLPClassifier((6,), max_iter=300, random_state=1)).fit(frame, binary)
    save("mlp_pipeline", to_onnx(pipeline, frame[:1]), {
        "amount": floats(N, 1), "age": floats(N, 1),
        "country": RANDOM.choice(["NL", "DE", "Zürich", "unknown", ""], (N, 1)).astype(object),
    }, ["amount", "age", "country"], ["label", "probability(0)", "probability(1)"])


def hand_built():
    node = helper.make_node
    whole = ("X", T.FLOAT, [None, 3])
    three = ["f0", "f1", "f2"]

    inputs = {
        "f": floats(N, 2), "d": RANDOM.normal(size=(N, 1)), "l": RANDOM.integers(-5, 6, N),
        "i": RANDOM.integers(-5, 6, (N, 1)).astype(np.int32), "b": RANDOM.random((N, 1)) > 0.5,
        "u": RANDOM.integers(0, 256, (N, 1)).astype(np.uint8),
        "s": RANDOM.choice(["", "a", "Łódź", "日本", "a b"], (N, 1)).astype(object),
    }
    inputs["f"][3, 1] = np.nan
    save("mixed_inputs", graph(
        [node("Cast", [name], [name + "_f"], to=T.FLOAT) for name in ["d", "l", "i", "b", "u"]]
        + [node("Reshape", ["l_f", "column"], ["l_c"]), node("Concat", ["f", "d_f", "l_c", "i_f", "b_f", "u_f"], ["all"], axis=1),
           node("ReduceSum", ["all", "one"], ["total"], keepdims=1), node("Identity", ["s"], ["same"]),
           node("Greater", ["total", "two"], ["large"]), node("Add", ["l", "l"], ["twice"]),
           node("Reshape", ["f", "square"], ["cube"])],
        [("f", T.FLOAT, [None, 2]), ("d", T.DOUBLE, [None, 1]), ("l", T.INT64, [None]), ("i", T.INT32, [None, 1]),
         ("b", T.BOOL, [None, 1]), ("u", T.UINT8, [None, 1]), ("s", T.STRING, [None, 1])],
        [("total", T.FLOAT, [None, 1]), ("same", T.STRING, [None, 1]), ("large", T.BOOL, [None, 1]),
         ("twice", T.INT64, [None]), ("cube", T.FLOAT, [None, 2, 1])],
        [constant("column", np.array([-1, 1])), constant("one", np.array([1])), constant("two", np.float32([[2]])),
         constant("square", np.array([-1, 2, 1]))]),
        inputs, ["f_0", "f_1", "d", "l", "i", "b", "u", "s"], ["prediction", "same", "large", "twice", "cube(0)", "cube(1)"])

    save("cube", graph(
        [node("MatMul", ["X", "w"], ["a"]), node("ReduceSum", ["a", "one"], ["Z"], keepdims=0)],
        [("X", T.FLOAT, [None, 2, 3])], [("Z", T.FLOAT, [None, 2])], [constant("w", floats(3, 2)), constant("one", np.array([1]))]),
        {"X": floats(N, 2, 3)}, [f"f{i}" for i in range(6)], ["prediction(0)", "prediction(1)"])
    save("one_row_at_a_time", graph(
        [node("MatMul", ["X", "w"], ["a"]), node("Squeeze", ["a", "zero"], ["Z"])],
        [("X", T.FLOAT, [1, 3])], [("Z", T.FLOAT, [2])], [constant("w", floats(3, 2)), constant("zero", np.array([0]))]),
        {"X": floats(N, 3)}, three, ["prediction(0)", "prediction(1)"], row_by_row=True)
    sequence = helper.make_tensor_sequence_value_info("Z", T.FLOAT, None)
    save("sequence_of_tensors", graph(
        [node("Add", ["X", "X"], ["a"]), node("Mul", ["X", "X"], ["b"]), node("SequenceConstruct", ["a", "b"], ["Z"])],
        [whole], [sequence]), {"X": floats(N, 3)}, three,
        ["prediction(0)", "prediction(1)", "prediction(2)", "Z(1)(0)", "Z(1)(1)", "Z(1)(2)"])
    maps = onnx.ValueInfoProto(name="Z")
    maps.type.sequence_type.elem_type.map_type.key_type = T.STRING
    maps.type.sequence_type.elem_type.map_type.value_type.tensor_type.elem_type = T.FLOAT
    save("maps_of_inputs", graph(
        [node("ZipMap", ["X"], ["Z"], domain="ai.onnx.ml", classlabels_strings=["a", "b", "c"])], [whole], [maps]),
        {"X": floats(N, 3)}, three, ["probability(a)", "probability(b)", "probability(c)"])
    save("open_shapes", graph(
        [node("Shape", ["X"], ["s"], start=0, end=1), node("Concat", ["s", "rest"], ["shape"], axis=0),
         node("Tile", ["X", "times"], ["t"]), node("Reshape", ["t", "shape"], ["Z"])],
        [whole], [("Z", T.FLOAT, None)], [constant("rest", np.array([2, -1])), constant("times", np.array([1, 2]))]),
        {"X": floats(N, 3)}, three, [f"prediction({i})" for i in range(6)])
    save("encoder", graph(
        [node("LabelEncoder", ["X"], ["Z"], domain="ai.onnx.ml", keys_strings=["NL", "DE"], values_strings=["near", "far"],
              default_string="elsewhere")],
        [("X", T.STRING, [None, 1])], [("Z", T.STRING, [None, 1])]),
        {"X": RANDOM.choice(["NL", "DE", "XX"], (N, 1)).astype(object)}, ["X"], ["label"])
    swish = helper.make_function(
        "com.bank", "Swish", ["x"], ["y"], [node("Sigmoid", ["x"], ["s"]), node("Mul", ["x", "s"], ["y"])],
        [helper.make_opsetid("", 17)])
    save("own_function", graph(
        [node("Swish", ["X"], ["Z"], domain="com.bank")], [whole], [("Z", T.FLOAT, [None, 3])], functions=[swish],
        domains=["com.bank"]), {"X": floats(N, 3)}, three, [f"prediction({i})" for i in range(3)])
    save("passed_on", graph([node("Identity", ["X"], ["Z"])], [whole], [("Z", T.FLOAT, [None, 3])]),
         {"X": floats(N, 3)}, three, [f"prediction({i})" for i in range(3)])
    save("half", graph([node("Add", ["X", "X"], ["Z"])], [("X", T.FLOAT16, [None, 3])], [("Z", T.FLOAT16, [None, 3])]),
         {"X": floats(N, 3).astype(np.float16)}, three, [f"prediction({i})" for i in range(3)])
    body = helper.make_graph(
        [node("Add", ["state", "element"], ["next"]), node("Identity", ["next"], ["out"])], "body",
        [helper.make_tensor_value_info(n, T.FLOAT, [None]) for n in ["state", "element"]],
        [helper.make_tensor_value_info(n, T.FLOAT, [None]) for n in ["next", "out"]])
    save("scan", graph(
        [node("ReduceSum", ["X", "one"], ["zero"], keepdims=0), node("Scan", ["zero", "X"], ["last", "Z"], body=body,
                                                                     num_scan_inputs=1, scan_input_axes=[1], scan_output_axes=[1])],
        [whole], [("Z", T.FLOAT, [None, 3]), ("last", T.FLOAT, [None])], [constant("one", np.array([1]))]),
        {"X": floats(N, 3)}, three, ["prediction(0)", "prediction(1)", "prediction(2)", "last"])
    save("known_categories", graph(
        [node("OneHotEncoder", ["X"], ["Z"], domain="ai.onnx.ml", cats_int64s=[1, 2, 3], zeros=0)],
        [("X", T.INT64, [None])], [("Z", T.FLOAT, [None, 3])]),
        {"X": RANDOM.integers(1, 4, N)}, ["X"], [f"prediction({i})" for i in range(3)])


def endless():
    """A loop without an end, for deadlines."""
    node = helper.make_node
    body = helper.make_graph(
        [node("Identity", ["go"], ["on"]), node("Add", ["v", "v"], ["w"])], "body",
        [helper.make_tensor_value_info("step", T.INT64, []), helper.make_tensor_value_info("go", T.BOOL, []),
         helper.make_tensor_value_info("v", T.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("on", T.BOOL, []), helper.make_tensor_value_info("w", T.FLOAT, [None, 3])])
    model = graph(
        [node("Loop", ["", "yes", "X"], ["Z"], body=body)], [("X", T.FLOAT, [None, 3])], [("Z", T.FLOAT, [None, 3])],
        [constant("yes", np.array(True))])
    (FOLDER / "endless.onnx").write_bytes(model.SerializeToString())


def network(folder, *layers):
    """A plain network for measurements; it is not committed."""
    constants, nodes, last = [], [], "X"
    for index, (before, after) in enumerate(zip(layers, layers[1:])):
        constants += [constant(f"w{index}", (RANDOM.normal(size=(before, after)) / np.sqrt(before)).astype(np.float32)),
                      constant(f"b{index}", np.zeros(after, np.float32))]
        nodes.append(helper.make_node("Gemm", [last, f"w{index}", f"b{index}"], [f"g{index}"]))
        last = f"a{index}" if index < len(layers) - 2 else "Z"
        nodes.append(helper.make_node("Relu" if last != "Z" else "Sigmoid", [f"g{index}"], [last]))
    model = graph(nodes, [("X", T.FLOAT, [None, layers[0]])], [("Z", T.FLOAT, [None, layers[-1]])], constants)
    path = pathlib.Path(folder) / ("network_" + "_".join(map(str, layers)) + ".onnx")
    path.write_bytes(model.SerializeToString())
    return path


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    hand_built()
    exported()
    endless()
    print(f"{len(list(FOLDER.iterdir()))} models")
