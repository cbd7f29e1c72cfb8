"""Models whose score tells which question it answers, written by hand as XGBoost JSON files.

`identity(offset)` is a regressor of two features `low` and `high`, both 0 to 255, whose score is
offset + low + 256 * high, exactly: every number on the way is a whole one below 2^24, which float32 holds.
So a test can tell from a score alone which request and which model file it belongs to.
"""

import json


def table_tree(number, feature, feature_count, values):
    """A balanced tree that looks `values[x]` up for a whole x below their number, a power of two.

    Level by level, as XGBoost lays its trees out: it takes a right child to follow its left one.
    """
    left, right, parents, features, conditions, defaults = [], [], [2147483647], [], [], []
    waiting = [(0, len(values))]
    while len(left) < len(waiting):
        node = len(left)
        first, count = waiting[node]
        is_leaf = count == 1
        left.append(-1 if is_leaf else len(waiting))
        right.append(-1 if is_leaf else len(waiting) + 1)
        features.append(0 if is_leaf else feature)
        conditions.append(values[first] if is_leaf else first + count / 2 - 0.5)
        defaults.append(0 if is_leaf else 1)
        if not is_leaf:
            waiting += [(first, count // 2), (first + count // 2, count // 2)]
            parents += [node, node]
    count = len(left)
    return {
        "base_weights": [0.0] * count,
        "categories": [], "categories_nodes": [], "categories_segments": [], "categories_sizes": [],
        "default_left": defaults,
        "id": number,
        "left_children": left, "right_children": right, "parents": parents,
        "loss_changes": [0.0] * count, "sum_hessian": [1.0] * count,
        "split_conditions": [float(one) for one in conditions],
        "split_indices": features, "split_type": [0] * count,
        "tree_param": {
            "num_deleted": "0", "num_feature": str(feature_count), "num_nodes": str(count), "size_leaf_vector": "1",
        },
    }


def identity(offset=0, names=("low", "high")):
    """The text of a model file that scores offset + low + 256 * high. A missing feature counts as 0."""
    trees = [
        table_tree(0, 0, len(names), [float(one) for one in range(256)]),
        table_tree(1, 1, len(names), [256.0 * one for one in range(256)]),
    ]
    model = {
        "learner": {
            "attributes": {},
            "feature_names": list(names),
            "feature_types": ["float"] * len(names),
            "gradient_booster": {
                "model": {
                    "cats": {"enc": [], "feature_segments": [], "sorted_idx": []},
                    "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(len(trees))},
                    "iteration_indptr": list(range(len(trees) + 1)),
                    "tree_info": [0] * len(trees),
                    "trees": trees,
                },
                "name": "gbtree",
            },
            "learner_model_param": {
                "base_score": f"[{offset:.9E}]", "boost_from_average": "1", "num_class": "0",
                "num_feature": str(len(names)), "num_target": "1",
            },
            "objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}},
        },
        "version": [3, 2, 0],
    }
    return json.dumps(model)


def features(question):
    """The features, by position, whose score is the offset plus `question` (0 to 65,535)."""
    return [question % 256, question // 256]


def named_features(question):
    return dict(zip(("low", "high"), features(question)))


class Repository:
    """A model repository in a folder of the test's own."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, name, version, content, file="model.json", golden=None, manifest=None):
        """Writes a version beside the repository and renames it in, as a publisher does."""
        staged = self.folder.parent / f".staged-{self.folder.name}-{name}-{version}"
        staged.mkdir()
        (staged / file).write_bytes(content.encode() if isinstance(content, str) else content)
        if golden is not None:
            (staged / "golden.csv").write_text(golden)
        model = self.folder / name
        model.mkdir(exist_ok=True)
        if manifest is not None:
            (model / "model.yaml").write_text(manifest)
        staged.rename(model / str(version))
        return model / str(version)
