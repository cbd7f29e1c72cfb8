"""The models of the overload comparisons, made up with a fixed seed: what matters is how long they take."""

import json

import numpy as np

# About a thousand rows a second of one core: a refusal is then cheap beside an answer.
NETWORK = [64, 4096, 4096, 1]
# Two calls, the one under way and the next, have to fit well into the deadline.
BATCHING = "batching: { maxBatchRows: 16 }\n"
# Some 700 us a row.
FOREST = {"trees": 400, "depth": 10, "features": 5}


def network(sizes, seed=1):
    """A network with random weights, as an ONNX file."""
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(seed)
    nodes, constants, last = [], [], "x"
    for number, (width, height) in enumerate(zip(sizes, sizes[1:])):
        weights = (random.normal(size=(width, height)) / width**0.5).astype(np.float32)
        constants.append(numpy_helper.from_array(weights, f"w{number}"))
        constants.append(numpy_helper.from_array(random.normal(size=height).astype(np.float32), f"b{number}"))
        nodes.append(helper.make_node("Gemm", [last, f"w{number}", f"b{number}"], [f"g{number}"]))
        last = f"h{number}"
        nodes.append(helper.make_node("Relu" if height > 1 else "Sigmoid", [f"g{number}"], [last]))
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, sizes[0]])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, [None, sizes[-1]])],
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
