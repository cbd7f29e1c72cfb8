"""What is given of ONNX models: scores under names that say what they are, every output, the same from both engines."""

import csv
import json

import pytest
from onnx import TensorProto, helper
from serving import Server, bare_environment, run_verdict

ENGINES = ["native", "onnxruntime"]
ROWS = [(0.5, -1.0), (-2.0, 0.25), (3.0, 1.5), (0.0, 0.0)]


def tensor(name, kind=TensorProto.FLOAT, shape=(None,)):
    return helper.make_tensor_value_info(name, kind, shape)


def ml(operator, inputs, outputs, **attributes):
    return helper.make_node(operator, inputs, outputs, domain="ai.onnx.ml", **attributes)


def node(operator, inputs, outputs, **attributes):
    return helper.make_node(operator, inputs, outputs, **attributes)


def integers(name, values):
    return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)


def graph(nodes, outputs, *constants):
    body = helper.make_graph(nodes, "outputs", [tensor("X", shape=(None, 2))], outputs, list(constants))
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(body, opset_imports=sets, ir_version=8).SerializeToString()


def linear(transform, labels=(0, 1)):
    """A linear classifier of two or three classes; the margins of two are each other's negative."""
    weights = [[-1.0, 0.5], [1.0, -0.5], [0.25, 0.75]][: len(labels)]
    names = {"classlabels_strings": labels} if isinstance(labels[0], str) else {"classlabels_ints": labels}
    return ml("LinearClassifier", ["X"], ["label", "scores"], coefficients=sum(weights, []),
              intercepts=[-0.5, 0.5, 0.0][: len(labels)], post_transform=transform, multi_class=0, **names)


def margin(row):
    return row[0] - 0.5 * row[1] + 0.5


def machine():
    """A support vector machine of two classes without probabilities; w = (1, 0.5), b = 0.25, positive for the first class."""
    return ml("SVMClassifier", ["X"], ["label", "scores"], classlabels_ints=[0, 1], coefficients=[1.0, -1.0], kernel_type="LINEAR",
              kernel_params=[0.0, 0.0, 0.0], rho=[0.25], support_vectors=[1.0, 0.25, 0.0, -0.25], vectors_per_class=[1, 1],
              post_transform="NONE")


LABEL = tensor("label", TensorProto.INT64)
TEXT = tensor("label", TensorProto.STRING)


def zipmap(classes=(0, 1)):
    """A ZipMap, and the output that it makes."""
    value = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    kind = helper.make_sequence_type_proto(helper.make_map_type_proto(TensorProto.INT64, value))
    return ml("ZipMap", ["scores"], ["maps"], classlabels_int64s=classes), helper.make_value_info("maps", kind)


def columns(count):
    """What skl2onnx makes of `zipmap='columns'`: an output for each class."""
    nodes, constants = [], [integers("flat", [-1])] + [integers(f"at{k}", [k]) for k in range(count + 1)]
    for k in range(count):
        nodes.append(node("Slice", ["scores", f"at{k}", f"at{k + 1}", "at1"], [f"part{k}"]))
        nodes.append(node("Reshape", [f"part{k}", "flat"], [f"i{k}"]))
    return nodes, [tensor(f"i{k}") for k in range(count)], constants


@pytest.fixture
def publish(tmp_path):
    def write(model, engine, manifest=""):
        folder = tmp_path / "models" / "m" / "1"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.onnx").write_bytes(model)
        (folder.parent / "model.yaml").write_text(f"engine: {engine}\n{manifest}")
        return folder.parent

    return write


@pytest.fixture
def score(publish, tmp_path):
    def run(model, engine):
        table = tmp_path / "rows.csv"
        table.write_text("f0,f1\n" + "".join(f"{a},{b}\n" for a, b in ROWS))
        result = run_verdict("score", publish(model, engine), "--input", table, env=bare_environment())
        assert result.returncode == 0, result
        return list(csv.DictReader(result.stdout.splitlines()))

    return run


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("form", ["plain", "picked", "map", "columns", "pair"])
def test_margins_of_two_classes_are_one_decision_value(score, engine, form):
    if form == "plain":
        model = graph([linear("NONE")], [LABEL, tensor("scores", shape=(None, 2))])
    elif form == "picked":
        nodes = [linear("NONE"), ml("ArrayFeatureExtractor", ["scores", "one"], ["decision"])]
        model = graph(nodes, [LABEL, tensor("decision", shape=(None, 1))], integers("one", [1]))
    elif form == "map":
        last, output = zipmap()
        model = graph([linear("NONE"), last], [LABEL, output])
    elif form == "columns":
        nodes, outputs, constants = columns(2)
        model = graph([linear("NONE")] + nodes, [LABEL] + outputs, *constants)
    else:
        last, output = zipmap()
        nodes = [
            node("Gemm", ["X", "w", "b"], ["x"]), node("Mul", ["x", "minus"], ["y"]), node("Concat", ["y", "x"], ["scores"], axis=1),
            node("ArgMax", ["scores"], ["place"], axis=1, keepdims=1), ml("ArrayFeatureExtractor", ["classes", "place"], ["found"]),
            node("Reshape", ["found", "flat"], ["label"]), last,
        ]
        model = graph(
            nodes, [LABEL, output], helper.make_tensor("w", TensorProto.FLOAT, [2, 1], [1.0, -0.5]),
            helper.make_tensor("b", TensorProto.FLOAT, [1], [0.5]), helper.make_tensor("minus", TensorProto.FLOAT, [1], [-1.0]),
            integers("classes", [0, 1]), integers("flat", [-1]))
    for row, got in zip(ROWS, score(model, engine), strict=True):
        assert list(got) == ["prediction", "label"]
        assert float(got["prediction"]) == margin(row)
        assert got["label"] == str(int(margin(row) > 0))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_machines_decision_value_is_positive_for_the_second_class(score, engine):
    for got in score(graph([machine()], [LABEL, tensor("scores", shape=(None, 2))]), engine):
        assert list(got) == ["prediction", "label"]
        assert (float(got["prediction"]) > 0) == (got["label"] == "1")


@pytest.mark.parametrize("engine", ENGINES)
def test_margins_of_several_classes_say_what_they_are(publish, score, engine):
    model = graph([linear("NONE", ["high", "low", "mid"])], [TEXT, tensor("scores", shape=(None, 3))])
    for row, got in zip(ROWS, score(model, engine), strict=True):
        assert list(got) == ["raw(high)", "raw(low)", "raw(mid)", "label"]
        assert float(got["raw(low)"]) == margin(row)
    with Server(publish(model, engine).parent) as server:
        server.wait_for("m", 1, "READY")
        answer = server.post("/predict/m", json.dumps({"features": ROWS[0]})).json
    assert len(answer["prediction"]) == 3 and "probabilities" not in answer and answer["label"] == "low"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("labels", [(0, 1), ("high", "low", "mid")])
def test_a_column_for_each_class_is_the_model_without_them(score, engine, labels):
    label = LABEL if labels == (0, 1) else TEXT
    whole = score(graph([linear("LOGISTIC", labels)], [label, tensor("scores", shape=(None, len(labels)))]), engine)
    nodes, outputs, constants = columns(len(labels))
    apart = score(graph([linear("LOGISTIC", labels)] + nodes, [label] + outputs, *constants), engine)
    assert apart == whole
    assert [name for name in whole[0] if "probability" in name] == [f"probability({label})" for label in labels]
    swapped = score(graph([linear("LOGISTIC", labels)] + nodes, [label] + outputs[::-1], *constants), engine)
    assert swapped == whole


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_that_a_model_gives_is_lost(score, engine):
    detector = [
        node("Gemm", ["X", "w", "b"], ["scores"]), node("Sign", ["scores"], ["sign"]),
        node("Cast", ["sign"], ["label"], to=TensorProto.INT64),
    ]
    model = graph(
        detector, [tensor("label", TensorProto.INT64, (None, 1)), tensor("scores", shape=(None, 1))],
        helper.make_tensor("w", TensorProto.FLOAT, [2, 1], [1.0, -0.5]), helper.make_tensor("b", TensorProto.FLOAT, [1], [0.5]))
    for row, got in zip(ROWS, score(model, engine), strict=True):
        assert list(got) == ["prediction", "label"]
        assert float(got["prediction"]) == margin(row) and int(got["label"]) == (1 if margin(row) > 0 else -1)
    further = node("Floor", ["X"], ["leaf"])
    model = graph(
        [linear("LOGISTIC"), further], [LABEL, tensor("scores", shape=(None, 2)), tensor("leaf", shape=(None, 2))])
    assert list(score(model, engine)[0]) == [
        "prediction", "label", "probability(0)", "probability(1)", "leaf(0)", "leaf(1)"]


def test_several_classifiers_are_each_there_by_name(publish, score):
    second = ml("LinearClassifier", ["X"], ["label2", "scores2"], coefficients=[0.5, 1.0, -0.5, -1.0], intercepts=[0.0, 0.0],
                post_transform="LOGISTIC", multi_class=0, classlabels_ints=[0, 1])
    nodes = [
        linear("LOGISTIC"), second, node("Reshape", ["label", "tall"], ["a"]), node("Reshape", ["label2", "tall"], ["b"]),
        node("Concat", ["a", "b"], ["labels"], axis=1), node("SequenceConstruct", ["scores", "scores2"], ["probabilities"]),
    ]
    model = graph(
        nodes, [tensor("labels", TensorProto.INT64, (None, 2)),
                helper.make_tensor_sequence_value_info("probabilities", TensorProto.FLOAT, None)], integers("tall", [-1, 1]))
    got = score(model, "onnxruntime")
    names = ["labels(0)", "labels(1)"] + [f"probabilities({head})({label})" for head in (0, 1) for label in (0, 1)]
    assert list(got[0]) == names
    for row in got:
        for head in (0, 1):
            assert row[f"labels({head})"] == str(int(float(row[f"probabilities({head})(1)"]) > 0.5))
    with Server(publish(model, "onnxruntime").parent) as server:
        server.wait_for("m", 1, "READY")
        answer = server.post("/predict/m", json.dumps({"features": ROWS[0]})).json
    assert "prediction" not in answer and list(answer["outputs"]) == names


def test_an_imputer_with_more_values_than_columns_takes_the_first(score):
    model = graph(
        [ml("Imputer", ["X"], ["Y"], imputed_value_floats=[7.0, 8.0, 9.0], replaced_value_float=0.0)],
        [tensor("Y", shape=(None, 2))])
    native = score(model, "native")
    assert native == score(model, "onnxruntime")
    assert [float(native[-1][f"prediction({k})"]) for k in (0, 1)] == [7, 7]


def test_files_are_inspected_without_the_library(publish, tmp_path):
    environment = bare_environment(VERDICT_ONNXRUNTIME=str(tmp_path / "nothing"))
    model = publish(graph([linear("LOGISTIC")], [LABEL, tensor("scores", shape=(None, 2))]), "onnxruntime")
    result = run_verdict("inspect", model, "--json", env=environment)
    assert result.returncode == 0, result
    body = json.loads(result.stdout)
    assert body["engine"] == "onnxruntime (not found)"
    assert [(field["name"], field["type"]) for field in body["inputs"]] == [("f0", "number"), ("f1", "number")]
    notes = "\n".join(body["notes"])
    assert "scripts/fetch-runtime onnxruntime" in notes and "Outputs in the file: label int64[?]; scores float[?, 2]." in notes
    table = tmp_path / "rows.csv"
    table.write_text("f0,f1\n1,2\n")
    assert run_verdict("score", model, "--input", table, env=environment).returncode == 1
    assert run_verdict("check", model.parent, env=environment).returncode == 1


def test_a_note_of_inspect_is_one_line_whatever_the_file_says(tmp_path):
    body = helper.make_graph([linear("LOGISTIC")], "g", [tensor("X", shape=(None, 2))], [LABEL, tensor("scores", shape=(None, 2))])
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    content = helper.make_model(body, opset_imports=sets, ir_version=8, producer_name="CatBoost", producer_version="Git info:\n    Commit: 1\n\n  x")
    path = tmp_path / "model.onnx"
    path.write_bytes(content.SerializeToString())
    result = run_verdict("inspect", path)
    assert result.returncode == 0, result
    assert any(line.startswith("note") and line.endswith("CatBoost Git info: Commit: 1 x.") for line in result.stdout.splitlines()), result.stdout


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
