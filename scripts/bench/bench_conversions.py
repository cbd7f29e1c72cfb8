"""Turns an xgboost model file into the same trees for other libraries."""

import json
import math

import numpy as np


def onnx_bytes(path, features):
    """The trees as an ONNX model, by onnxmltools."""
    import onnxmltools
    import xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    model = xgboost.XGBClassifier()
    model.load_model(path)
    converted = onnxmltools.convert_xgboost(model, initial_types=[("input", FloatTensorType([None, features]))])
    return converted.SerializeToString()


def lightgbm_text(path):
    """The trees as a LightGBM text model for doubles that are float32 values.

    XGBoost sends x < t to the left, LightGBM x <= t: the double just below t makes the two agree. The base
    score becomes part of the first tree's leaves. LightGBM adds in double, so margins agree to float32's precision.
    """
    with open(path) as file:
        learner = json.load(file)["learner"]
    parameters = learner["learner_model_param"]
    base = float(parameters["base_score"].strip("[]"))
    margin = math.log(base / (1 - base))
    features = int(parameters["num_feature"])
    trees = learner["gradient_booster"]["model"]["trees"]
    texts = [_tree(number, tree, margin if number == 0 else 0.0) for number, tree in enumerate(trees)]
    head = [
        "tree",
        "version=v4",
        "num_class=1",
        "num_tree_per_iteration=1",
        "label_index=0",
        f"max_feature_idx={features - 1}",
        "objective=binary sigmoid:1",
        "feature_names=" + " ".join(f"Column_{index}" for index in range(features)),
        "feature_infos=" + " ".join(["[-inf:inf]"] * features),
        "tree_sizes=" + " ".join(str(len(text.encode())) for text in texts),
        "",
    ]
    return "\n".join(head) + "\n" + "".join(texts) + "end of trees\n\npandas_categorical:null\n"


def _tree(number, tree, offset):
    left, right = tree["left_children"], tree["right_children"]
    inner = [node for node in range(len(left)) if left[node] >= 0]
    leaves = [node for node in range(len(left)) if left[node] < 0]
    place = {node: index for index, node in enumerate(inner)} | {node: ~index for index, node in enumerate(leaves)}
    conditions = tree["split_conditions"]
    below = [np.nextafter(np.float64(np.float32(conditions[node])), -np.inf) for node in inner]
    # Bit 1: missing goes left; bits 2 and 3: NaN is missing.
    decisions = [(2 if tree["default_left"][node] else 0) | 8 for node in inner]
    fields = {
        "num_leaves": [len(leaves)],
        "num_cat": [0],
        "split_feature": [tree["split_indices"][node] for node in inner],
        "split_gain": [1] * len(inner),
        "threshold": [repr(float(value)) for value in below],
        "decision_type": decisions,
        "left_child": [place[left[node]] for node in inner],
        "right_child": [place[right[node]] for node in inner],
        "leaf_value": [repr(float(np.float32(conditions[node])) + offset) for node in leaves],
        "leaf_weight": [1] * len(leaves),
        "leaf_count": [1] * len(leaves),
        "internal_value": [0] * len(inner),
        "internal_weight": [1] * len(inner),
        "internal_count": [2] * len(inner),
        "is_linear": [0],
        "shrinkage": [1],
    }
    lines = [f"{name}={' '.join(map(str, values))}" for name, values in fields.items()]
    return f"Tree={number}\n" + "\n".join(lines) + "\n\n\n"
