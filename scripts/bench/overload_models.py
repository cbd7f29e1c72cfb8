"""The models of the overload comparisons, made up with a fixed seed: what matters is how long they take."""

import json

import numpy as np

# About a thousand rows a second of one core: a refusal is then cheap beside an answer. One layer is used again and again, as in
# a recurrent network, so that its weights stay in the core's own cache: what is measured is the server, not how the
# machine's memory is shared.
NETWORK = {"features": 64, "width": 512, "steps": 48}
# Two calls, the one under way and the next, have to fit well into the deadline.
BATCHING = "batching: { maxBatchRows: 16 }\n"
# Some 700 us a row.
FOREST = {"trees": 400, "depth": 10, "features": 5}


def network(features, width, steps, seed=1):
    """A network with random weights, as an ONNX file: a layer into `width` values, the same layer `steps` times, a score."""
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(seed)
    nodes, constants = [], []
    for name, size in (("in", (features, width)), ("again", (width, width)), ("out", (width, 1))):
        constants.append(numpy_helper.from_array((random.normal(size=size) / size[0] ** 0.5).astype(np.float32), name))
    nodes += [helper.make_node("MatMul", ["x", "in"], ["m0"]), helper.make_node("Tanh", ["m0"], ["h0"])]
    for step in range(steps):
        nodes.append(helper.make_node("MatMul", [f"h{step}", "again"], [f"m{step + 1}"]))
        nodes.append(helper.make_node("Relu", [f"m{step + 1}"], [f"h{step + 1}"]))
    nodes += [helper.make_node("MatMul", [f"h{steps}", "out"], ["z"]), helper.make_node("Sigmoid", ["z"], ["y"])]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, features])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def forest(trees, depth, features, seed=1):
    """A regression forest of perfect trees with random splits, as an ONNX file.

    With so many thresholds a feature that the engine's 16-bit ranks do not tell them apart, a row takes hundreds of
    microseconds.
    """
    from onnx import TensorProto, helper

    random = np.random.default_rng(seed)
    splits, leaves = 2**depth - 1, 2**depth
    nodes = splits + leaves
    number = np.arange(nodes)
    is_split = number < splits
    per_tree = {
        "nodes_nodeids": number,
        "nodes_truenodeids": np.where(is_split, 2 * number + 1, 0),
        "nodes_falsenodeids": np.where(is_split, 2 * number + 2, 0),
    }
    attributes = {name: np.tile(values, trees).tolist() for name, values in per_tree.items()}
    inner = np.tile(is_split, trees)
    attributes["nodes_treeids"] = np.repeat(np.arange(trees), nodes).tolist()
    attributes["nodes_featureids"] = np.where(inner, random.integers(0, features, trees * nodes), 0).tolist()
    attributes["nodes_values"] = np.where(inner, random.random(trees * nodes), 0).astype(np.float32).tolist()
    attributes["nodes_modes"] = np.where(inner, "BRANCH_LEQ", "LEAF").tolist()
    attributes["target_treeids"] = np.repeat(np.arange(trees), leaves).tolist()
    attributes["target_nodeids"] = np.tile(number[splits:], trees).tolist()
    attributes["target_ids"] = [0] * (trees * leaves)
    attributes["target_weights"] = random.normal(size=trees * leaves).astype(np.float32).tolist()
    node = helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1, aggregate_function="SUM", **attributes
    )
    graph = helper.make_graph(
        [node],
        "forest",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, features])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def requests(path, features, count=200, seed=2):
    """Writes so many request bodies, one a line, and returns the first."""
    rows = np.random.default_rng(seed).random((count, features)).round(4).tolist()
    lines = [json.dumps({"features": row}) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return lines[0].encode()


def publish(folder, name, content, manifest="", file="model.onnx", version=1):
    """Puts a version of a model into a repository."""
    place = folder / name / str(version)
    place.mkdir(parents=True)
    (place / file).write_bytes(content)
    if manifest:
        (folder / name / "model.yaml").write_text(manifest)
