#!/usr/bin/env python3
"""Writes Tests/GoldenTests/onnx: models, rows, and what ONNX Runtime (one thread) answers for them.

Needs scikit-learn 1.9.0, skl2onnx 1.20.0, onnxmltools 1.16.0, onnx 1.23.2, onnxruntime 1.28.0, xgboost-cpu 3.2.0 and
lightgbm 4.7.0. An empty cell of rows.csv is NaN. expected.csv has a column for each element of each output, in order;
numbers are written so that they read back to the same float32. `make_more_goldens.py` writes more of them.
"""
import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import pathlib
import shutil
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "GoldenTests" / "onnx"
RANDOM = np.random.default_rng(4)
MADE = []


def text(value):
    if isinstance(value, (float, np.floating)):
        return "" if np.isnan(value) else repr(float(value))
    return str(value)


def save(name, model, inputs):
    """`inputs` maps input names to arrays of [rows, columns]."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    outputs = session.run(None, inputs)
    columns = []
    for output in outputs:
        if isinstance(output, list):
            columns += [[row[key] for row in output] for key in output[0]]
        else:
            columns += list(np.asarray(output).reshape(len(output), -1).T)
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    rows = np.concatenate([np.asarray(value, dtype=object) for value in inputs.values()], axis=1)
    (folder / "rows.csv").write_text("".join(",".join(map(text, row)) + "\n" for row in rows))
    (folder / "expected.csv").write_text("".join(",".join(map(text, row)) + "\n" for row in zip(*columns)))
    MADE.append(name)


def attempt(name, make):
    try:
        save(name, *make())
    except Exception as error:  # a converter that fails leaves its model out, and says so
        shutil.rmtree(FOLDER / name, ignore_errors=True)
        print(f"{name}: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)


def graph(nodes, width, outputs, constants=(), opset=17, ml=3):
    made = helper.make_graph(
        nodes, "graph", [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info(n, t, None) for n, t in outputs], list(constants))
    return helper.make_model(
        made, producer_name="verdict-tests", ir_version=9,
        opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", ml)])


def rows(width, count=24, missing=0.0):
    x = RANDOM.integers(-3, 4, (count, width)).astype(np.float32) + RANDOM.choice([0, 0.25], (count, width)).astype(np.float32)
    x[RANDOM.random(x.shape) < missing] = np.nan
    return x


def trees(kind, mode="BRANCH_LEQ", outputs=1, missing=None, all_outputs=False, negative=True, count=5, **more):
    """Complete trees of depth 3 over three features."""
    prefix = "class" if kind == "TreeEnsembleClassifier" else "target"
    nodes = {k: [] for k in ["treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids"]}
    weights = {k: [] for k in ["treeids", "nodeids", "ids", "weights"]}
    modes = mode if isinstance(mode, list) else [mode]
    for tree in range(count):
        for node in range(15):
            leaf = node >= 7
            entries = (tree, node, int(RANDOM.integers(0, 3)), float(RANDOM.integers(-2, 3)),
                       "LEAF" if leaf else modes[(tree + node) % len(modes)], 0 if leaf else 2 * node + 1, 0 if leaf else 2 * node + 2)
            for key, entry in zip(nodes, entries):
                nodes[key].append(entry)
            for output in (range(outputs) if all_outputs else [tree % outputs]) if leaf else []:
                weight = float(np.float32(RANDOM.normal() if negative else RANDOM.random() / count))
                for key, entry in zip(weights, (tree, node, output, weight)):
                    weights[key].append(entry)
    attributes = {f"nodes_{k}": v for k, v in nodes.items()} | {f"{prefix}_{k}": v for k, v in weights.items()}
    if missing is not None:
        attributes["nodes_missing_value_tracks_true"] = [int(v) for v in RANDOM.integers(0, 2, len(nodes["modes"]))]
    names = ["Y", "Z"] if prefix == "class" else ["Z"]
    node = helper.make_node(kind, ["X"], names, domain="ai.onnx.ml", **attributes, **more)
    labels = TensorProto.STRING if "classlabels_strings" in more else TensorProto.INT64
    types = [("Y", labels)] * (prefix == "class") + [("Z", TensorProto.FLOAT)]
    return graph([node], 3, types), {"X": rows(3, missing=0.2)}


def hand_built():
    regressor, classifier = "TreeEnsembleRegressor", "TreeEnsembleClassifier"
    for mode in ["LEQ", "LT", "GTE", "GT", "EQ", "NEQ"]:
        attempt(f"mode_{mode.lower()}", lambda: trees(regressor, f"BRANCH_{mode}", n_targets=1))
        attempt(f"mode_{mode.lower()}_missing", lambda: trees(regressor, f"BRANCH_{mode}", missing=True, n_targets=1))
    every = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ"]
    attempt("mode_mixed", lambda: trees(regressor, every, missing=True, n_targets=1))
    attempt("base_value", lambda: trees(regressor, n_targets=1, base_values=[0.7]))
    attempt("average", lambda: trees(regressor, n_targets=1, aggregate_function="AVERAGE", base_values=[0.3]))
    attempt("targets", lambda: trees(regressor, outputs=3, all_outputs=True, n_targets=3, base_values=[0.1, 0.2, 0.3]))
    attempt("targets_softmax", lambda: trees(regressor, outputs=3, all_outputs=True, n_targets=3, post_transform="SOFTMAX"))
    for transform in ["NONE", "LOGISTIC", "SOFTMAX"]:
        attempt(f"classes_{transform.lower()}", lambda: trees(
            classifier, outputs=3, all_outputs=True, classlabels_strings=["low", "mid", "high"], post_transform=transform))
    attempt("binary_margin", lambda: trees(classifier, classlabels_int64s=[0, 1], post_transform="LOGISTIC"))
    attempt("binary_base", lambda: trees(
        classifier, classlabels_int64s=[0, 1], post_transform="LOGISTIC", base_values=[0.4]))
    attempt("binary_positive", lambda: trees(classifier, negative=False, classlabels_int64s=[3, 7], post_transform="NONE"))
    attempt("binary_both", lambda: trees(
        classifier, outputs=2, all_outputs=True, negative=False, classlabels_strings=["no", "yes"], post_transform="NONE"))

    def node(op, attributes, missing=0.0, width=3):
        made = helper.make_node(op, ["X"], ["Z"], domain="ai.onnx.ml", **attributes)
        return graph([made], width, [("Z", TensorProto.FLOAT)]), {"X": rows(width, missing=missing)}

    attempt("scaler", lambda: node("Scaler", dict(offset=[0.1, 0.2, 0.3], scale=[0.5, 3.3, 0.7])))
    attempt("imputer", lambda: node("Imputer", dict(imputed_value_floats=[0.1, 0.2, 0.3], replaced_value_float=float("nan")), 0.3))
    attempt("imputer_value", lambda: node("Imputer", dict(imputed_value_floats=[9.5], replaced_value_float=1.0), 0.3))
    attempt("normalizer_l1", lambda: node("Normalizer", dict(norm="L1")))
    attempt("normalizer_l2", lambda: node("Normalizer", dict(norm="L2")))
    attempt("binarizer", lambda: node("Binarizer", dict(threshold=0.25)))

    def chain():
        make = helper.make_node
        scale = helper.make_tensor("scale", TensorProto.FLOAT, [3], [0.1, -3.3, 0.7])
        picked = helper.make_tensor("picked", TensorProto.INT64, [2], [2, 0])
        shape = helper.make_tensor("shape", TensorProto.INT64, [2], [-1, 2])
        return graph([
            make("Mul", ["X", "scale"], ["a"]), make("Sub", ["a", "X"], ["b"]), make("Abs", ["b"], ["c"]),
            make("Sqrt", ["c"], ["d"]), make("Neg", ["d"], ["e"]), make("Div", ["e", "scale"], ["f"]),
            make("Gather", ["f", "picked"], ["g"], axis=1), make("Reshape", ["g", "shape"], ["h"]),
            make("Add", ["h", "h"], ["i"]), make("ArrayFeatureExtractor", ["i", "picked0"], ["j"], domain="ai.onnx.ml"),
            make("Concat", ["i", "j"], ["Z"], axis=1),
        ], 3, [("Z", TensorProto.FLOAT)], [scale, picked, shape, helper.make_tensor("picked0", TensorProto.INT64, [1], [1])]), \
            {"X": rows(3)}

    attempt("chain", chain)

    def label():
        names = helper.make_tensor("names", TensorProto.STRING, [3], [b"a", b"b", b"c"])
        return graph([
            helper.make_node("ArgMax", ["X"], ["i"], axis=1),
            helper.make_node("ArrayFeatureExtractor", ["names", "i"], ["j"], domain="ai.onnx.ml"),
            helper.make_node("Reshape", ["j", "shape"], ["Y"]), helper.make_node("Identity", ["X"], ["Z"]),
        ], 3, [("Y", TensorProto.STRING), ("Z", TensorProto.FLOAT)],
            [names, helper.make_tensor("shape", TensorProto.INT64, [1], [-1])]), {"X": rows(3)}

    attempt("argmax_label", label)
    attempt("linear_regressor", lambda: node("LinearRegressor", dict(coefficients=[0.5, 0.25, 2.0], intercepts=[0.125])))


def exported():
    import lightgbm
    import pandas
    import xgboost
    from onnxmltools import convert_lightgbm, convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType as Floats
    from skl2onnx import to_onnx
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    x = RANDOM.normal(size=(200, 5)).astype(np.float32)
    binary = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(int)
    three = np.digitize(x[:, 0] + x[:, 3], [-0.5, 0.5])
    names = np.array(["allow", "review", "block"])[three]
    some = {"X": RANDOM.normal(size=(24, 5)).astype(np.float32)}

    def skl(model, y):
        return lambda: (to_onnx(model.fit(x, y), x[:1]), some)

    attempt("sklearn_forest", skl(RandomForestClassifier(6, max_depth=4, random_state=1), names))
    attempt("sklearn_forest_binary", skl(RandomForestClassifier(6, max_depth=4, random_state=1), binary))
    attempt("sklearn_forest_regressor", skl(RandomForestRegressor(6, max_depth=4, random_state=1), x[:, 0]))
    attempt("sklearn_boosting", skl(GradientBoostingClassifier(n_estimators=10, random_state=1), binary))
    attempt("sklearn_boosting_classes", skl(GradientBoostingClassifier(n_estimators=5, random_state=1), three))
    attempt("sklearn_logistic", skl(make_pipeline(StandardScaler(), LogisticRegression()), binary))
    attempt("sklearn_logistic_classes", skl(LogisticRegression(), names))
    attempt("sklearn_linear", skl(make_pipeline(SimpleImputer(), LinearRegression()), x[:, 0]))
    attempt("xgboost_binary", lambda: (convert_xgboost(
        xgboost.XGBClassifier(n_estimators=8, max_depth=3, base_score=0.5).fit(x, binary),
        initial_types=[("X", Floats([None, 5]))]), some))
    attempt("lightgbm_classes", lambda: (convert_lightgbm(
        lightgbm.LGBMClassifier(n_estimators=5, max_depth=3, verbose=-1).fit(x, three),
        initial_types=[("X", Floats([None, 5]))], zipmap=False), some))

    def pipeline():
        frame = pandas.DataFrame({
            "amount": x[:, 0], "age": x[:, 1], "country": np.array(["NL", "DE", "FR"])[three]})
        numbers = make_pipeline(SimpleImputer(), StandardScaler())
        columns = ColumnTransformer([
            ("numbers", numbers, ["amount", "age"]), ("words", OneHotEncoder(handle_unknown="ignore"), ["country"])])
        model = make_pipeline(columns, GradientBoostingClassifier(n_estimators=8, random_state=1)).fit(frame, binary)
        inputs = {"amount": rows(1, 24, 0.3), "age": rows(1), "country": RANDOM.choice(["NL", "DE", "XX"], (24, 1)).astype(object)}
        return to_onnx(model, frame[:1]), inputs

    attempt("pipeline", pipeline)

    def linear(labels, count):
        made = helper.make_node(
            "LinearClassifier", ["X"], ["Y", "Z"], domain="ai.onnx.ml", classlabels_strings=labels, post_transform="NONE",
            coefficients=[0.5, -0.25, 2.0, 1.5, 0.125, -1.0, 0.75, 1.0, 0.5][:3 * count], intercepts=[0.5, 0.25, -0.5][:count])
        return graph([made], 3, [("Y", TensorProto.STRING), ("Z", TensorProto.FLOAT)]), {"X": rows(3, missing=0.2)}

    attempt("linear_classes_missing", lambda: linear(["a", "b", "c"], 3))
    attempt("linear_binary_missing", lambda: linear(["a", "b"], 1))
    attempt("argmax_missing", lambda: (graph(
        [helper.make_node("ArgMax", ["X"], ["Z"], axis=1)], 3, [("Z", TensorProto.INT64)]), {"X": rows(3, missing=0.5)}))


if __name__ == "__main__":
    hand_built()
    exported()
    print(f"{len(MADE)} models")
