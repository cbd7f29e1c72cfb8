"""PMML models of other kinds than one target: `verdict score`, `verdict inspect` and the REST API give the same under the same names."""

import csv
import json

import pytest
from serving import Server, run_verdict

FIELDS = "".join(f'<DataField name="{name}" optype="continuous" dataType="double"/>' for name in ("x", "low", "high"))


def document(model):
    return (
        '<?xml version="1.0"?><PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"><Header/><DataDictionary>'
        f"{FIELDS}</DataDictionary>{model}</PMML>"
    )


def schema(*targets):
    fields = "".join(f'<MiningField name="{name}" usageType="target"/>' for name in targets)
    return f'<MiningSchema><MiningField name="x"/>{fields}</MiningSchema>'


def regression(target, factor):
    return (
        f'<RegressionModel functionName="regression">{schema(target)}<RegressionTable intercept="1">'
        f'<NumericPredictor name="x" coefficient="{factor}"/></RegressionTable></RegressionModel>'
    )


def mining(method, parts, targets=(), output=""):
    segments = "".join(f"<Segment><True/>{part}</Segment>" for part in parts)
    return document(
        f'<MiningModel functionName="regression">{schema(*targets)}{output}'
        f'<Segmentation multipleModelMethod="{method}">{segments}</Segmentation></MiningModel>'
    )


def tree(below, above):
    return (
        f'<TreeModel functionName="regression">{schema()}<Node><True/>'
        f'<Node score="{below}"><SimplePredicate field="x" operator="lessThan" value="0"/></Node>'
        f'<Node score="{above}"><SimplePredicate field="x" operator="greaterOrEqual" value="0"/></Node></Node></TreeModel>'
    )


DEPTHS = (
    '<OutputField name="depth" optype="continuous" dataType="double" isFinalResult="false"/>'
    '<OutputField name="decisionFunction" optype="continuous" dataType="double" feature="transformedValue">'
    '<Apply function="-"><FieldRef field="depth"/><Constant dataType="double">2.0</Constant></Apply></OutputField>'
    '<OutputField name="outlier" optype="categorical" dataType="boolean" feature="transformedValue">'
    '<Apply function="lessOrEqual"><FieldRef field="decisionFunction"/><Constant dataType="double">0.0</Constant></Apply></OutputField>'
)
CLUSTERS = document(
    f'<ClusteringModel functionName="clustering" modelClass="centerBased" numberOfClusters="2">{schema()}'
    '<ComparisonMeasure kind="distance"><euclidean/></ComparisonMeasure><ClusteringField field="x"/>'
    '<Cluster id="near"><Array type="real">0</Array></Cluster><Cluster id="far"><Array type="real">10</Array></Cluster></ClusteringModel>'
)
ANOMALIES = document(
    f'<AnomalyDetectionModel functionName="regression" algorithmType="iforest" sampleDataSize="256">{schema()}'
    '<Output><OutputField name="anomaly" optype="continuous" dataType="double" feature="predictedValue"/></Output>'
    f'<MiningModel functionName="regression">{schema()}<Segmentation multipleModelMethod="average">'
    f"<Segment><True/>{tree(1, 7)}</Segment><Segment><True/>{tree(3, 9)}</Segment></Segmentation></MiningModel></AnomalyDetectionModel>"
)

# The file, what is given for x = 9, and the columns that are the score.
MODELS = {
    "targets": (
        mining("x-multiModelChain", [regression("low", 1), regression("high", 2)], ("low", "high")),
        {"low": 10, "high": 19}, ["low", "high"],
    ),
    "chain": (
        mining("modelChain", [regression("low", 1), regression("high", 2)], ("low", "high")),
        {"low": 10, "high": 19}, ["high"],
    ),
    "forest": (
        mining("average", [tree(1, 5), tree(2, 6)], output=f"<Output>{DEPTHS}</Output>"),
        {"decisionFunction": 3.5, "outlier": False}, ["decisionFunction"],
    ),
    "anomalies": (ANOMALIES, {"anomaly": pytest.approx(2 ** (-8 / 10.2448), rel=1e-4)}, ["anomaly"]),
    "clusters": (CLUSTERS, {"label": "far"}, []),
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outputs")
    for name, (text, _, _) in MODELS.items():
        (folder / name / "1").mkdir(parents=True)
        (folder / name / "1" / "model.pmml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def server(repository):
    with Server(repository) as running:
        yield running


@pytest.mark.parametrize("name", MODELS)
def test_every_way_gives_the_same_under_the_same_names(server, repository, tmp_path, name):
    _, expected, scores = MODELS[name]
    file = repository / name / "1" / "model.pmml"
    shown = json.loads(run_verdict("inspect", file, "--json").stdout)
    assert shown["score"] == scores
    assert {one["name"] for one in shown["outputs"]} - {"raw"} == set(expected)

    (tmp_path / "rows.csv").write_text("x\n9\n")
    result = run_verdict("score", file, "--input", tmp_path / "rows.csv")
    assert result.returncode == 0, result.stderr
    (row,) = csv.DictReader(result.stdout.splitlines())
    # A single score is there as `prediction` too, as for every format.
    assert set(row) == set(expected) | ({"prediction"} if len(scores) == 1 else set())
    assert row.get("prediction") == (row[scores[0]] if len(scores) == 1 else None)
    for column, value in expected.items():
        cell = row[column]
        assert (cell == "true") == value if isinstance(value, bool) else cell == value if isinstance(value, str) else float(cell) == value

    answer = server.post(f"/predict/{name}", {"features": {"x": 9}}).json
    assert answer.get("prediction", []) == [float(row[column]) for column in scores]
    if "label" in expected:
        assert answer["label"] == expected["label"] and "outputs" not in answer
    else:
        assert answer["outputs"] == expected and "label" not in answer


CLASSES = '<DataField name="y" optype="categorical" dataType="string"><Value value="ok"/><Value value="fraud"/></DataField>'


def classifier(output=""):
    """The probability of fraud is the logistic of x."""
    schema = '<MiningSchema><MiningField name="x"/><MiningField name="y" usageType="target"/></MiningSchema>'
    return document(
        f'<RegressionModel functionName="classification" normalizationMethod="logit">{schema}<Output>{output}</Output>'
        '<RegressionTable intercept="0" targetCategory="fraud"><NumericPredictor name="x" coefficient="1"/></RegressionTable>'
        '<RegressionTable intercept="0" targetCategory="ok"/></RegressionModel>'
    ).replace("</DataDictionary>", f"{CLASSES}</DataDictionary>")


def probability(name, of):
    return f'<OutputField name="{name}" optype="continuous" dataType="double" feature="probability" value="{of}"/>'


def field(name):
    return f'<OutputField name="{name}" optype="categorical" dataType="string" feature="predictedValue"/>'


@pytest.mark.parametrize(
    ("output", "columns"),
    [
        ("", ["prediction", "label", "probability(ok)", "probability(fraud)", "y"]),
        (probability("p_ok", "ok") + probability("p_fraud", "fraud"), ["prediction", "label", "p_ok", "p_fraud", "y"]),
        # Names of the file's own are its own: there is no second column of that name.
        (probability("prediction", "fraud") + field("label"), None),
        (probability("label", "ok") + probability("p_fraud", "fraud"), None),
    ],
    ids=["none", "renamed", "taken", "misleading"],
)
def test_a_table_has_prediction_and_label_whatever_the_file_calls_them(output, columns, tmp_path):
    file = tmp_path / "model.pmml"
    file.write_text(classifier(output))
    (tmp_path / "rows.csv").write_text("x\n1.5\n-2\n")
    result = run_verdict("score", file, "--input", tmp_path / "rows.csv")
    assert result.returncode == 0, result
    header = result.stdout.splitlines()[0].split(",")
    assert len(header) == len(set(header))
    if columns:
        assert header == columns
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert [float(row["prediction"]) for row in rows] == pytest.approx([0.8175744761936437, 0.11920292202211755])
    if 'name="label"' not in output or "predictedValue" in output:
        assert [row["label"] for row in rows] == ["fraud", "ok"]
    else:
        assert [float(row["label"]) for row in rows] == pytest.approx([0.18242552380635635, 0.8807970779778825])
        assert [row["y"] for row in rows] == ["fraud", "ok"]


def test_what_score_writes_of_a_pmml_file_can_be_its_golden_rows(tmp_path):
    folder = tmp_path / "models" / "m"
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.pmml").write_text(classifier())
    (folder / "model.yaml").write_text("policy: { block: 0.5 }\nscore: probability(fraud)\n")
    (tmp_path / "rows.csv").write_text("x\n1.5\n-2\n")
    written = run_verdict("score", folder, "--input", tmp_path / "rows.csv", "--keep", "x").stdout
    assert written.startswith("x,prediction,label,") and ",decision\n" in written
    (folder / "1" / "golden.csv").write_text(written)
    assert "2 golden rows agree" in run_verdict("check", folder.parent).stdout
    (folder / "1" / "golden.csv").write_text(written.replace(",fraud", ",ok"))
    assert "column 'label': expected 'ok', got 'fraud'" in run_verdict("check", folder.parent).stdout
