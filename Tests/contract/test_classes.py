"""`classes` in model.yaml: names for the classes of XGBoost and LightGBM models, in every place that shows a class."""

import csv
import json

import lightgbm
import numpy as np
import pytest
import xgboost
from serving import ROOT, Server, run_verdict

NAMES = {2: ["ok", "fraud"], 3: ["ok", "fraud", "abuse"]}


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(7).normal(size=(200, 2)).round(3)


def train(library, classes, rows):
    """A model's text and its probabilities, a column a class."""
    labels = np.clip(np.floor(rows.sum(axis=1) + classes / 2), 0, classes - 1).astype(int)
    if library == "xgboost":
        parameters = {"max_depth": 2, "objective": "binary:logistic" if classes == 2 else "multi:softprob"}
        if classes > 2:
            parameters["num_class"] = classes
        matrix = xgboost.DMatrix(rows, labels, feature_names=["a", "b"])
        model = xgboost.train(parameters, matrix, 5)
        text, scores = model.save_raw("json").decode(), model.predict(matrix).astype(float)
    else:
        parameters = {"objective": "binary" if classes == 2 else "multiclass", "num_leaves": 4, "verbosity": -1, "num_threads": 1}
        if classes > 2:
            parameters["num_class"] = classes
        model = lightgbm.train(parameters, lightgbm.Dataset(rows, labels, feature_name=["a", "b"]), 5)
        text, scores = model.model_to_string(), model.predict(rows)
    return text, scores if classes > 2 else np.stack([1 - scores, scores], axis=1)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_classes_have_their_names_everywhere(library, classes, rows, repository, tmp_path):
    text, wanted = train(library, classes, rows)
    names = NAMES[classes]
    labels = [names[index] for index in wanted.argmax(axis=1)]
    table = tmp_path / "rows.csv"
    table.write_text("a,b\n" + "".join(f"{a},{b}\n" for a, b in rows))
    golden = "a,b,probability(fraud),prediction,label,decision\n" + "".join(
        f"{a},{b},{one[1]!r},{one[1]!r},{label},{'BLOCK' if one[1] > 0.5 else 'ALLOW'}\n"
        for (a, b), one, label in zip(rows.tolist(), wanted.tolist(), labels))
    manifest = f"classes: [{', '.join(names)}]\nscore: probability(fraud)\npolicy: {{ block: 0.5 }}\n"
    folder = repository.add("model", 1, text, golden=golden, manifest=manifest)

    checked = run_verdict("check", repository.folder)
    assert checked.returncode == 0 and "200 golden rows agree, decides against high probability(fraud)" in checked.stdout, checked
    shown = json.loads(run_verdict("inspect", folder, "--json").stdout)
    assert shown["classes"] == names and shown["score"] == ["probability(fraud)"]
    assert {f"probability({name})" for name in names} < {one["name"] for one in shown["outputs"]}
    scored = run_verdict("score", folder, "--input", table)
    assert scored.returncode == 0, scored
    found = list(csv.DictReader(scored.stdout.splitlines()))
    assert [one["label"] for one in found] == labels
    for column, name in enumerate(names):
        assert [float(one[f"probability({name})"]) for one in found] == pytest.approx(wanted[:, column], rel=1e-6)

    with Server(repository.folder) as server:
        for row, one, label in zip(rows[:20].tolist(), wanted, labels):
            answer = server.post("/predict/model", {"features": row}).json
            assert answer["label"] == label and list(answer["probabilities"]) == names
            assert list(answer["probabilities"].values()) == pytest.approx(one, rel=1e-6)
            assert answer["prediction"] == [answer["probabilities"]["fraud"]]
            assert answer["decision"] == ("BLOCK" if one[1] > 0.5 else "ALLOW")


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        ("classes: [a, b, c]\n", "'classes' names 3 classes, but the model has 2"),
        ("classes: [a, a]\n", "classes[1] names 'a' a second time"),
        ("classes: [ok, fraud]\npolicy: { block: 0.5 }\n", "'score: probability(ok)' or 'score: probability(fraud)'"),
        ("classes: [ok, fraud]\nscore: probability(1)\n", "the model has no output 'probability(1)'"),
    ],
)
def test_names_that_do_not_fit_are_refused(manifest, reason, rows, repository):
    repository.add("model", 1, train("xgboost", 2, rows)[0], manifest=manifest)
    checked = run_verdict("check", repository.folder)
    assert checked.returncode == 1 and reason in checked.stdout, checked


def test_models_with_classes_of_their_own_take_no_names(repository):
    for name, file in (("PMML", "Samples/PMML/sklearn_logistic_regression.pmml"), ("ONNX", "GoldenTests/onnx/classes_logistic/model.onnx")):
        repository.add(name, 1, (ROOT / "Tests" / file).read_bytes(), manifest="classes: [a, b]\n")
    checked = run_verdict("check", repository.folder)
    assert checked.returncode == 1, checked
    assert all(f"'classes' means nothing for {name} files" in checked.stdout for name in ("PMML", "ONNX"))
