"""PMML models of every kind, as their tools export them: the same named outputs over REST, V2 and `verdict score`."""

import csv
import math
import shutil

import pytest
from serving import ROOT, Server, run_verdict

SAMPLES = ROOT / "Tests" / "Samples" / "PMML"
NAMES = sorted(path.stem for path in SAMPLES.glob("*.csv"))
# XGBoost computes in float32; models beside trees share the trees' float32 inputs once exported.
LOOSE = {"nyoka_xgboost", "xgboost_classifier", "sklearn_voting", "sklearn_stacking"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    repository = tmp_path_factory.mktemp("pmml")
    for name in NAMES:
        (repository / name / "1").mkdir(parents=True)
        shutil.copy(SAMPLES / f"{name}.pmml", repository / name / "1" / "model.pmml")
    with Server(repository) as running:
        yield running


def sample(name):
    """The rows of a sample: features by name without the missing ones, and the outputs that its library gives."""
    with open(SAMPLES / f"{name}.csv", newline="") as file:
        records = list(csv.DictReader(file))
    rows = []
    for record in records:
        features = {key: value for key, value in record.items() if not key.startswith("expected:") and value != ""}
        expected = {key.removeprefix("expected:"): float(value) for key, value in record.items() if key.startswith("expected:")}
        rows.append((features, expected))
    return rows


def typed(features, metadata):
    """The features that the model takes, numbers as JSON has them."""
    kinds = {one["name"]: one["datatype"] for one in metadata["inputs"]}
    return {name: value if kinds[name] == "BYTES" else float(value) for name, value in features.items() if name in kinds}


def number(value):
    return value if isinstance(value, (int, float)) else float(value)


@pytest.mark.parametrize("name", NAMES)
def test_every_way_gives_what_the_training_library_predicts(server, name, tmp_path):
    metadata = server.get(f"/v2/models/{name}").json
    rows = [(typed(features, metadata), expected) for features, expected in sample(name)]
    answers = server.post(f"/predict/batch/{name}", [{"features": features} for features, _ in rows]).json["results"]
    tolerance = 2e-6 if name in LOOSE else 1e-9
    for answer, (_, expected) in zip(answers, rows, strict=True):
        for output, value in expected.items():
            assert math.isclose(number(answer["outputs"][output]), value, rel_tol=tolerance), output

    # The first row without missing values, through V2.
    wanted = {one["name"] for one in metadata["inputs"]}
    index = next((index for index, (features, _) in enumerate(rows) if features.keys() == wanted), None)
    if index is not None:
        tensors = [
            {"name": one["name"], "datatype": one["datatype"], "shape": [1, 1], "data": [rows[index][0][one["name"]]]}
            for one in metadata["inputs"]
        ]
        body = server.post(f"/v2/models/{name}/infer", {"inputs": tensors}).json
        outputs = {one["name"]: one["data"][0] for one in body["outputs"] if len(one["data"]) == 1}
        listed = {one["name"] for one in metadata["outputs"]}
        for output, value in answers[index]["outputs"].items():
            assert outputs[output] == value
            assert output in listed

    result = run_verdict("score", SAMPLES / f"{name}.pmml", "--input", SAMPLES / f"{name}.csv")
    assert result.returncode == 0, result.stderr
    lines = list(csv.DictReader(result.stdout.splitlines()))
    for line, answer in zip(lines, answers, strict=True):
        for output, value in answer["outputs"].items():
            cell = line[output]
            assert cell == ("true" if value else "false") if isinstance(value, bool) else type(value)(cell) == value


def test_a_model_without_a_score_answers_with_its_label(server):
    features = {"amount": 1200.5, "age": 33, "utilisation": 0.4, "purpose": "car", "region": "N"}
    answer = server.post("/predict/sklearn_kmeans", {"features": features}).json
    assert "prediction" not in answer
    assert answer["label"] == answer["outputs"]["cluster"]
    assert answer["model"] == "sklearn_kmeans" and answer["model_version"] == "1"
    names = [one["name"] for one in server.get("/v2/models/sklearn_kmeans").json["outputs"]]
    assert names[:2] == ["label", "cluster"]
