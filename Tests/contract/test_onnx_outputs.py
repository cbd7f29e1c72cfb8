"""What is given of ONNX models: the same from both engines."""

import pytest
from onnx import TensorProto, helper
from serving import bare_environment, run_verdict

ENGINES = ["native", "onnxruntime"]


def tensor(name, kind=TensorProto.FLOAT, shape=(None,)):
    return helper.make_tensor_value_info(name, kind, shape)


def ml(operator, inputs, outputs, **attributes):
    return helper.make_node(operator, inputs, outputs, domain="ai.onnx.ml", **attributes)


def graph(nodes, outputs, *constants):
    body = helper.make_graph(nodes, "outputs", [tensor("X", shape=(None, 2))], outputs, list(constants))
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(body, opset_imports=sets, ir_version=8).SerializeToString()


@pytest.fixture
def publish(tmp_path):
    def write(model, engine, manifest=""):
        folder = tmp_path / "models" / "m" / "1"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.onnx").write_bytes(model)
        (folder.parent / "model.yaml").write_text(f"engine: {engine}\n{manifest}")
        return folder.parent

    return write


MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GT", "BRANCH_GTE"]
INFINITY = float("inf")


@pytest.mark.parametrize("modes", [[mode] for mode in MODES] + [MODES])
def test_thresholds_that_are_not_finite_split_as_in_onnxruntime(publish, tmp_path, modes):
    """A tree of one split for each mode, threshold and track of missing values, each with a target of its own."""
    stumps = [(mode, bound, track) for mode in modes for bound in (INFINITY, -INFINITY, float("nan"), 3.4028234e38, -3.4028234e38, 0.0) for track in (0, 1)]
    count = len(stumps)
    nodes = ml(
        "TreeEnsembleRegressor", ["X"], ["Y"], n_targets=count, post_transform="NONE",
        nodes_treeids=[tree for tree in range(count) for _ in range(3)], nodes_nodeids=[0, 1, 2] * count,
        nodes_featureids=[k % 2 for k in range(count) for _ in range(3)],
        nodes_modes=[name for mode, _, _ in stumps for name in (mode, "LEAF", "LEAF")],
        nodes_values=[value for _, bound, _ in stumps for value in (bound, 0.0, 0.0)],
        nodes_missing_value_tracks_true=[value for _, _, track in stumps for value in (track, 0, 0)],
        nodes_truenodeids=[1, 0, 0] * count, nodes_falsenodeids=[2, 0, 0] * count,
        target_treeids=[tree for tree in range(count) for _ in range(2)], target_nodeids=[1, 2] * count,
        target_ids=[tree for tree in range(count) for _ in range(2)], target_weights=[1.0, 2.0] * count)
    model = graph([nodes], [tensor("Y", shape=(None, count))])
    cells = ["", "-inf", "-3.4028234e38", "-1", "0", "1", "3.4028234e38", "inf"]
    table = tmp_path / "rows.csv"
    table.write_text("f0,f1\n" + "".join(f"{cell},{cell}\n" for cell in cells))
    answers = []
    for engine in ENGINES:
        result = run_verdict("score", publish(model, engine), "--input", table, env=bare_environment())
        assert result.returncode == 0, result
        answers.append(result.stdout)
    assert answers[0] == answers[1]
    assert len(answers[0].splitlines()) == len(cells) + 1


def test_a_tree_classifier_of_one_class_is_refused_by_name(publish):
    """ONNX Runtime 1.28.0 ends the process when it runs one."""
    trees = ml(
        "TreeEnsembleClassifier", ["X"], ["label", "scores"], name="forest", classlabels_strings=["ok"], post_transform="NONE",
        nodes_treeids=[0, 0, 0], nodes_nodeids=[0, 1, 2], nodes_featureids=[0, 0, 0], nodes_values=[0.5, 0.0, 0.0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"], nodes_truenodeids=[1, 0, 0], nodes_falsenodeids=[2, 0, 0],
        class_treeids=[0, 0], class_nodeids=[1, 2], class_ids=[0, 0], class_weights=[1.0, 1.0])
    model = graph([trees], [tensor("label", TensorProto.STRING), tensor("scores", shape=(None, 1))])
    for engine in ENGINES:
        result = run_verdict("check", publish(model, engine).parent, env=bare_environment())
        assert result.returncode == 1
        assert "'forest' has one class label" in result.stdout + result.stderr


@pytest.mark.parametrize("declared", [(1,), (1, 2), (None, 1)])
def test_a_run_is_believed_over_the_declared_shape(publish, tmp_path, declared):
    """onnxmltools declares one row for the labels of LightGBM models."""
    table = tmp_path / "rows.csv"
    table.write_text("f0,f1\n1,2\n3,4\n5,6\n")
    model = graph([helper.make_node("Neg", ["X"], ["Y"])], [tensor("Y", shape=declared)])
    result = run_verdict("score", publish(model, "onnxruntime"), "--input", table, env=bare_environment())
    assert result.returncode == 0, result
    assert result.stdout.splitlines() == ["prediction(0),prediction(1)", "-1.0,-2.0", "-3.0,-4.0", "-5.0,-6.0"]
