#!/usr/bin/env python3
"""Writes more of Tests/GoldenTests/onnx: exports of whole pipelines, networks, kernels, calibrators, and graphs by hand.

Needs what make_goldens.py needs (made with onnx 1.22.0). Some exports fail with some versions; they are named and left out.
"""
import itertools
import sys
import warnings

import make_goldens as made
import numpy as np
import pandas
from make_goldens import attempt, graph, rows
from onnx import TensorProto, helper

RANDOM = np.random.default_rng(7)
FLOAT, INT64, STRING, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING, TensorProto.BOOL
node = helper.make_node


def ml(op, inputs, outputs, **attributes):
    return node(op, inputs, outputs, domain="ai.onnx.ml", **attributes)


def floats(name, values, dims=None):
    values = np.asarray(values, np.float32)
    return helper.make_tensor(name, FLOAT, dims or values.shape, values.ravel())


def ints(name, values, dims=None):
    return helper.make_tensor(name, INT64, dims if dims is not None else [len(values)], values)


def several(nodes, inputs, outputs, constants=(), opset=17, ml_version=3):
    """A graph of several inputs: name, type, width and an array each."""
    infos = [helper.make_tensor_value_info(n, t, [None, w]) for n, t, w, _ in inputs]
    outs = [helper.make_tensor_value_info(n, t, None) for n, t in outputs]
    made_graph = helper.make_graph(nodes, "graph", infos, outs, list(constants))
    return helper.make_model(
        made_graph, producer_name="verdict-tests", ir_version=10,
        opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", ml_version)],
    ), {n: a for n, _, _, a in inputs}


def exported():
    from skl2onnx import to_onnx
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.ensemble import (
        AdaBoostClassifier, ExtraTreesClassifier, GradientBoostingClassifier, IsolationForest,
        StackingClassifier, StackingRegressor, VotingClassifier, VotingRegressor)
    from sklearn.feature_selection import SelectKBest
    from sklearn.linear_model import (
        GammaRegressor, LinearRegression, LogisticRegression, Perceptron, Ridge, RidgeClassifier, SGDClassifier)
    from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
    from sklearn.naive_bayes import GaussianNB, MultinomialNB
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import (
        Binarizer, MaxAbsScaler, MinMaxScaler, Normalizer, OrdinalEncoder, PolynomialFeatures, PowerTransformer, RobustScaler)
    from sklearn.svm import SVC, SVR, LinearSVC, NuSVR, OneClassSVM
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    x = RANDOM.normal(size=(80, 5)).astype(np.float32)
    two = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(int)
    three = np.digitize(x[:, 0] + x[:, 3], [-0.5, 0.5])
    names = np.array(["allow", "review", "block"])[three]
    value = x[:, 0] + 2
    some = {"X": RANDOM.normal(size=(24, 5)).astype(np.float32)}
    logistic, tree = LogisticRegression(), DecisionTreeClassifier(max_depth=3, random_state=1)
    boosting = GradientBoostingClassifier(n_estimators=3, random_state=1)

    def piped(*steps):
        return make_pipeline(*steps, logistic)

    models = {
        "svc_rbf": (SVC(probability=True, random_state=1), two), "svc_poly": (SVC(kernel="poly", probability=True, random_state=1), names),
        "svc_sigmoid": (SVC(kernel="sigmoid", random_state=1), two), "svc_votes": (SVC(), three),
        "svc_linear": (SVC(kernel="linear", probability=True, random_state=1), three), "linear_svc": (LinearSVC(), two),
        "svr": (SVR(), value), "nu_svr": (NuSVR(kernel="linear"), value), "svr_poly": (SVR(kernel="poly", degree=2), value),
        "one_class": (OneClassSVM(nu=0.3), None),
        "network": (MLPClassifier((8, 4), max_iter=60, random_state=1), two),
        "network_classes": (MLPClassifier((8,), max_iter=60, random_state=1, activation="tanh"), names),
        "network_value": (MLPRegressor(hidden_layer_sizes=(8,), max_iter=60, random_state=1, activation="logistic"), value),
        "calibrated_sigmoid": (CalibratedClassifierCV(logistic, cv=2), two),
        "calibrated_classes": (CalibratedClassifierCV(boosting, cv=2), three),
        "calibrated_isotonic": (CalibratedClassifierCV(logistic, method="isotonic", cv=2), two),
        "calibrated_machine": (CalibratedClassifierCV(LinearSVC(), cv=2), two),
        "adaboost": (AdaBoostClassifier(n_estimators=3, random_state=1), two),
        "adaboost_classes": (AdaBoostClassifier(n_estimators=3, random_state=1), three),
        "stacking": (StackingClassifier([("a", logistic), ("b", tree)], LogisticRegression()), two),
        "stacking_value": (StackingRegressor([("a", LinearRegression()), ("b", DecisionTreeRegressor(max_depth=3))], Ridge()), value),
        "voting_value": (VotingRegressor([("a", LinearRegression()), ("b", DecisionTreeRegressor(max_depth=3))]), value),
        "voting_soft": (VotingClassifier([("a", logistic), ("b", tree)], voting="soft", flatten_transform=False), two),
        "voting_hard": (VotingClassifier([("a", logistic), ("b", tree)], voting="hard", flatten_transform=False), names),
        "bayes_gauss": (GaussianNB(), two),         "bayes_multinomial": (make_pipeline(MinMaxScaler(clip=True), MultinomialNB()), two),
        "scaled_max": (piped(MaxAbsScaler()), two), "scaled_robust": (piped(RobustScaler()), two),
        "normalized": (piped(Normalizer("max")), two), "binarized": (piped(Binarizer()), two),
        "polynomials": (piped(PolynomialFeatures(2)), two), "power": (piped(PowerTransformer()), two),
        "clusters": (KMeans(3, random_state=1, n_init=1), None), "components": (piped(PCA(2)), two),
        "discriminants": (LinearDiscriminantAnalysis(), three),
        "sgd": (SGDClassifier(loss="log_loss", random_state=1), two), "sgd_classes": (SGDClassifier(loss="log_loss", random_state=1), three),
        "one_vs_rest": (OneVsRestClassifier(logistic), three), "one_vs_one": (OneVsOneClassifier(logistic), three),
        "gamma": (GammaRegressor(), np.abs(value) + 0.1), "selected": (piped(SelectKBest(k=2)), two),
        "perceptron": (Perceptron(random_state=1), two), "ridge_classes": (RidgeClassifier(), three),
        "extra_trees": (ExtraTreesClassifier(4, max_depth=3, random_state=1), two),
    }

    def fitted(model, y):
        model = model.fit(x, y) if y is not None else model.fit(x)
        return lambda: (to_onnx(model, x[:1], target_opset={"": 17, "ai.onnx.ml": 3}), some)

    for name, (model, y) in models.items():
        attempt(f"skl_{name}", lambda: fitted(model, y)())
    isolation = IsolationForest(n_estimators=4, max_samples=16, random_state=1)
    attempt("skl_isolation", fitted(isolation, None))

    def ordinal():
        frame = pandas.DataFrame({"country": np.array(["NL", "DE", "FR"])[three], "kind": np.array(["new", "old"])[two]})
        encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        model = make_pipeline(encoder, tree).fit(frame, two)
        inputs = {n: RANDOM.choice([*frame[n].unique(), "?"], (24, 1)).astype(object) for n in frame}
        return to_onnx(model, frame[:1]), inputs

    attempt("skl_ordinal", ordinal)


def boosted():
    import lightgbm
    import xgboost
    from onnxmltools import convert_lightgbm, convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType as Floats

    x = RANDOM.normal(size=(200, 5)).astype(np.float32)
    x[:, 4] = RANDOM.integers(0, 12, 200)
    x[RANDOM.random(x.shape) < 0.1] = np.nan
    two = (np.nan_to_num(x[:, 0]) + (np.nan_to_num(x[:, 4]) % 3 == 1) > 0.5).astype(int)
    three = np.digitize(np.nan_to_num(x[:, 0]), [-0.5, 0.5])
    some = np.concatenate([x[:18], RANDOM.normal(size=(6, 5)).astype(np.float32) * 5])
    types = [("X", Floats([None, 5]))]

    def xgb(model, y):
        return lambda: (convert_xgboost(model.fit(x, y), initial_types=types), {"X": some})

    attempt("xgb_missing", xgb(xgboost.XGBClassifier(n_estimators=6, max_depth=3), two))
    attempt("xgb_classes", xgb(xgboost.XGBClassifier(n_estimators=3, max_depth=3), three))
    attempt("xgb_value", xgb(xgboost.XGBRegressor(n_estimators=6, max_depth=3), np.nan_to_num(x[:, 0]) + 3))

    def lgb(model, y, **more):
        filled = np.nan_to_num(x)
        trained = model.fit(filled if more else x, y, **more)
        return lambda: (convert_lightgbm(trained, initial_types=types, zipmap=False), {"X": some})

    attempt("lgb_missing", lgb(lightgbm.LGBMClassifier(n_estimators=6, max_depth=3, verbose=-1), two))
    attempt("lgb_categories", lgb(
        lightgbm.LGBMClassifier(n_estimators=4, max_depth=3, verbose=-1, min_child_samples=5, min_data_per_group=5, cat_smooth=1),
        two, categorical_feature=[4]))
    attempt("lgb_value", lgb(lightgbm.LGBMRegressor(n_estimators=6, max_depth=3, verbose=-1), np.nan_to_num(x[:, 0])))


def by_hand():
    def elements(name, ops, missing=0.2, width=4, types=FLOAT, opset=17):
        nodes, last = [], "X"
        for index, (op, inputs, more) in enumerate(ops):
            nodes.append(node(op, [i or last for i in inputs], [f"v{index}"], **more))
            last = f"v{index}"
        nodes[-1].output[0] = "Z"
        constants = [floats("half", [0.5]), floats("row", [0.5, -1, 2, 0.25]), floats("low", -1, []), floats("high", 1, [])]
        attempt(f"op_{name}", lambda: (graph(nodes, width, [("Z", types)], constants, opset), {"X": rows(width, missing=missing)}))

    for op in ["Relu", "LeakyRelu", "Sigmoid", "Tanh", "Elu", "Selu", "Softplus", "Softsign", "HardSigmoid", "Sign", "Exp", "Log",
               "Ceil", "Floor", "Round", "ThresholdedRelu", "HardSwish", "Reciprocal", "Erf", "Sqrt"]:
        elements(op.lower(), [(op, [""], {})])
    for op in ["Max", "Min", "Sum", "Mean"]:
        elements(op.lower(), [(op, ["", "row", "half"], {})])
    elements("pow", [("Abs", [""], {}), ("Pow", ["", "row"], {})])
    elements("clip", [("Clip", ["", "low", "high"], {})])
    elements("compare", [("Less", ["", "row"], {}), ("Not", [""], {}), ("Where", ["", "row", "X"], {})])
    elements("logic", [("Greater", ["", "half"], {}), ("IsNaN", ["X"], {}), ("Or", ["", "v0"], {}), ("Cast", [""], {"to": FLOAT})])
    for op in ["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSumExp"]:
        more = {"axes": [1]} if op not in ["Sum"] else {}
        inputs = ["", "one"] if op == "Sum" else [""]
        attempt(f"reduce_{op.lower()}", lambda: (graph(
            [node(f"Reduce{op}", ["X", *inputs[1:]], ["Z"], **more)], 4, [("Z", FLOAT)], [ints("one", [1])]), {"X": rows(4, missing=0 if op in ["Max", "Min"] else 0.1)}))
    for op in ["Softmax", "LogSoftmax"]:
        elements(op.lower(), [(op, [""], {"axis": 1})], missing=0.05)
    attempt("op_argmin", lambda: (graph([node("ArgMin", ["X"], ["Z"], axis=1)], 4, [("Z", INT64)]), {"X": rows(4, missing=0.3)}))
    attempt("op_topk", lambda: (graph(
        [node("TopK", ["X", "k"], ["Z", "I"], axis=1)], 4, [("Z", FLOAT), ("I", INT64)], [ints("k", [1])]), {"X": rows(4, missing=0.3)}))
    attempt("op_cast_integer", lambda: (graph([node("Cast", ["X"], ["Z"], to=INT64)], 4, [("Z", INT64)]), {"X": rows(4, missing=0.3)}))

    def shapes():
        return graph([
            node("Unsqueeze", ["X", "two"], ["a"]), node("Transpose", ["a"], ["b"], perm=[0, 2, 1]),
            node("Concat", ["b", "b"], ["c"], axis=1), node("Slice", ["c", "from", "to", "along"], ["d"]),
            node("Reshape", ["d", "flat"], ["e"]), node("Split", ["e", "sizes"], ["f", "g"], axis=1),
            node("Shape", ["X"], ["s"]), node("ConstantOfShape", ["s"], ["ones"], value=helper.make_tensor("v", FLOAT, [1], [1.0])),
            node("Sub", ["ones", "X"], ["h"]), node("Concat", ["g", "f", "h"], ["Z"], axis=1),
        ], 4, [("Z", FLOAT)], [ints("two", [2]), ints("from", [0, 1]), ints("to", [2, 3]), ints("along", [1, 2]),
                               ints("flat", [0, -1]), ints("sizes", [1, 3])]), {"X": rows(4)}

    attempt("shapes", shapes)

    def layers():
        return graph([
            node("Gemm", ["X", "w", "b"], ["a"], transB=1, alpha=0.5), node("BatchNormalization", ["a", *"stmv"], ["n"]),
            node("LeakyRelu", ["n"], ["c"], alpha=0.1), node("MatMul", ["c", "u"], ["d"]), node("Add", ["d", "e"], ["f"]),
            node("Softmax", ["f"], ["Z"], axis=1),
        ], 4, [("Z", FLOAT)], [
            floats("w", RANDOM.normal(size=(10, 4))), floats("b", RANDOM.normal(size=10)), floats("s", RANDOM.normal(size=10)),
            floats("t", RANDOM.normal(size=10)), floats("m", RANDOM.normal(size=10)), floats("v", RANDOM.random(10)),
            floats("u", RANDOM.normal(size=(10, 3))), floats("e", RANDOM.normal(size=3))]), {"X": rows(4)}

    attempt("layers", layers)
    words = RANDOM.choice(["NL", "DE", "FR", "?"], (24, 1)).astype(object)
    numbers = RANDOM.integers(-1, 5, (24, 1)).astype(np.int64)

    attempt("mixed_inputs", lambda: several([
        ml("LabelEncoder", ["country"], ["a"], keys_strings=["NL", "DE", "FR"], values_floats=[1.5, 2.5, -3.0], default_float=-1.0),
        ml("OneHotEncoder", ["country"], ["b"], cats_strings=["FR", "NL"]), node("Reshape", ["b", "two"], ["c"]),
        node("Cast", ["count"], ["d"], to=FLOAT), ml("FeatureVectorizer", ["a", "c", "d", "X"], ["e"], inputdimensions=[1, 2, 1, 3]),
        ml("Scaler", ["e"], ["f"], offset=[0.5], scale=[2.0]),
        ml("LinearClassifier", ["f"], ["Y", "Z"], classlabels_strings=["no", "yes"], coefficients=RANDOM.normal(size=14).tolist(),
           intercepts=[0.1, -0.1], post_transform="SOFTMAX"),
        node("ReduceSum", ["f", "one"], ["sum"]), node("Greater", ["X", "zero"], ["positive"]),
    ], [("country", STRING, 1, words), ("count", INT64, 1, numbers), ("X", FLOAT, 3, rows(3))],
        [("Y", STRING), ("Z", FLOAT), ("sum", FLOAT), ("positive", BOOL)], [ints("two", [-1, 2]), ints("one", [1]), floats("zero", [0.0])]))
    attempt("label_mapper", lambda: several([
        ml("CategoryMapper", ["country"], ["a"], cats_strings=["NL", "DE"], cats_int64s=[4, 9], default_int64=2),
        node("Add", ["a", "count"], ["b"]), ml("LabelEncoder", ["b"], ["c"], keys_int64s=[3, 4, 5, 10], values_strings=["x", "y", "x", "z"]),
        ml("OneHotEncoder", ["c"], ["d"], cats_strings=["z", "x", "_Unused"]), node("Reshape", ["d", "three"], ["Z"]),
    ], [("country", STRING, 1, words), ("count", INT64, 1, numbers)], [("Z", FLOAT)], [ints("three", [-1, 3])]))
    attempt("label_floats", lambda: (graph([ml(
        "LabelEncoder", ["X"], ["Z"], keys_tensor=floats("k", [0.0, 1.0, float("nan")]), values_tensor=ints("v", [7, 8, 9]),
        default_tensor=ints("d", [-4], [1]))], 3, [("Z", INT64)], ml=4), {"X": rows(3, missing=0.3)}))
    attempt("normalizer_max", lambda: (graph([ml("Normalizer", ["X"], ["Z"], norm="MAX")], 3, [("Z", FLOAT)]), {"X": rows(3, missing=0.2)}))
    for kernel, degree in itertools.product(["LINEAR", "POLY", "RBF", "SIGMOID"], [3]):
        attempt(f"machine_{kernel.lower()}", lambda: (graph([ml(
            "SVMRegressor", ["X"], ["Z"], kernel_type=kernel, kernel_params=[0.25, 0.5, float(degree)], n_supports=6, rho=[0.3],
            support_vectors=RANDOM.normal(size=18).tolist(), coefficients=RANDOM.normal(size=6).tolist())], 3, [("Z", FLOAT)]),
            {"X": rows(3)}))
    attempt("machine_missing", lambda: (graph([ml(
        "SVMClassifier", ["X"], ["Y", "Z"], kernel_type="RBF", kernel_params=[0.25, 0.0, 3.0], rho=[0.3, -0.2, 0.1],
        vectors_per_class=[2, 2, 2], classlabels_ints=[3, 5, 9], support_vectors=RANDOM.normal(size=18).tolist(),
        coefficients=RANDOM.normal(size=12).tolist(), prob_a=[-1.0, -2.0, -0.5], prob_b=[0.1, 0.0, -0.1])],
        3, [("Y", INT64), ("Z", FLOAT)]), {"X": rows(3, missing=0.1)}))


def ensembles():
    """TreeEnsemble of ai.onnx.ml 5, and chains of BRANCH_EQ."""

    def flat(modes, missing, targets=1, members=None, **more):
        count, leaves = 7, 8
        nodes = {"nodes_featureids": [], "nodes_splits": [], "nodes_modes": [], "nodes_missing_value_tracks_true": []}
        children = {k: [] for k in ["nodes_truenodeids", "nodes_trueleafs", "nodes_falsenodeids", "nodes_falseleafs"]}
        weights, ids, sets, roots = [], [], [], []
        for tree in range(4):
            roots.append(tree * count)
            for index in range(count):
                mode = modes[(tree + index) % len(modes)]
                nodes["nodes_modes"].append(mode)
                nodes["nodes_featureids"].append(int(RANDOM.integers(0, 3)))
                nodes["nodes_splits"].append(float(RANDOM.integers(-2, 3)))
                nodes["nodes_missing_value_tracks_true"].append(int(RANDOM.integers(0, 2)))
                if mode == 6:
                    sets += [*RANDOM.choice(members, 2, replace=False).astype(float), float("nan")]
                for side, child in [("true", 2 * index + 1), ("false", 2 * index + 2)]:
                    is_leaf = child >= count
                    children[f"nodes_{side}leafs"].append(int(is_leaf))
                    children[f"nodes_{side}nodeids"].append(tree * leaves + child - count if is_leaf else tree * count + child)
            for leaf in range(leaves):
                weights.append(float(np.float32(RANDOM.normal())))
                ids.append(int((tree + leaf) % targets))
        attributes = nodes | children
        if not missing:
            del attributes["nodes_missing_value_tracks_true"]
        splits, modes_made = attributes.pop("nodes_splits"), attributes.pop("nodes_modes")
        if sets:
            more["membership_values"] = floats("m", sets)
        made_node = ml(
            "TreeEnsemble", ["X"], ["Z"], n_targets=targets, tree_roots=roots, leaf_targetids=ids, leaf_weights=floats("w", weights),
            nodes_splits=floats("s", splits), nodes_modes=helper.make_tensor("o", TensorProto.UINT8, [len(modes_made)], modes_made),
            **attributes, **more)
        return graph([made_node], 3, [("Z", FLOAT)], ml=5), {"X": rows(3, missing=0.2)}

    attempt("flat_trees", lambda: flat([0, 1, 2, 3, 4, 5], True))
    attempt("flat_targets", lambda: flat([0, 1], False, targets=3, post_transform=1))
    attempt("flat_average", lambda: flat([0, 3], True, aggregate_function=0))
    attempt("flat_members", lambda: flat([0, 6], True, members=[0, 1, 2, 3]))

    def chain(track):
        """Three equalities, one after the other on the false way, each with its own copy of one subtree."""
        keys = ["nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids"]
        entries = [
            (0, 0, 1.0, "BRANCH_EQ", 4, 1), (1, 0, -2.0, "BRANCH_EQ", 7, 2), (2, 0, 3.0, "BRANCH_EQ", 10, 3), (3, 0, 0.0, "LEAF", 0, 0)]
        leaves = [(3, -1.5)]
        for start in [4, 7, 10]:
            entries += [(start, 1, 0.5, "BRANCH_LEQ", start + 1, start + 2), (start + 1, 0, 0.0, "LEAF", 0, 0), (start + 2, 0, 0.0, "LEAF", 0, 0)]
            leaves += [(start + 1, 0.75), (start + 2, 2.5)]
        attributes = {f"nodes_{k}": [e[i] for e in entries] for i, k in enumerate(keys)}
        attributes["nodes_treeids"] = [0] * len(entries)
        attributes["nodes_missing_value_tracks_true"] = [track] * len(entries)
        made_node = ml(
            "TreeEnsembleRegressor", ["X"], ["Z"], n_targets=1, target_ids=[0] * len(leaves), target_treeids=[0] * len(leaves),
            target_nodeids=[n for n, _ in leaves], target_weights=[w for _, w in leaves], **attributes)
        return graph([made_node], 2, [("Z", FLOAT)]), {"X": rows(2, missing=0.2)}

    attempt("chain_left", lambda: chain(1))
    attempt("chain_right", lambda: chain(0))


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    made.RANDOM = np.random.default_rng(8)
    for part in [by_hand, ensembles, boosted, exported]:
        if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
            part()
    print(f"{len(made.MADE)} models", file=sys.stderr)
