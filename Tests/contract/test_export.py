"""docs/export.md: its snippets write files whose scores are the library's."""

import csv
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from serving import ROOT, bare_environment, run_verdict

PAGE = (ROOT / "docs" / "export.md").read_text()


def snippets():
    """The Python snippets that import something, by the library that they show, or by the class where a library has another one."""
    found = {}
    for code in re.findall(r"^```python\n(.*?)^```$", PAGE, re.S | re.M):
        modules = re.findall(r"^(?:import|from) (\w+)", code, re.M)
        if modules:
            name = next((one for one in modules if one != "sklearn"), "sklearn")
            found["ColumnTransformer" if "import ColumnTransformer" in code else name] = (code, modules)
    return found


SNIPPETS = snippets()
INPUTS = next(code for code in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.S | re.M) if code.startswith("inputs:"))
GOLDEN = next(code for code in re.findall(r"^```python\n(.*?)^```$", PAGE, re.S | re.M) if '"golden.csv"' in code)


def test_the_page_has_a_snippet_for_each_library():
    assert set(SNIPPETS) == {"xgboost", "lightgbm", "skl2onnx", "ColumnTransformer", "nyoka", "sklearn2pmml", "catboost", "torch"}


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(0)
    X = pd.DataFrame({
        "amount": random.lognormal(3, 1, 400).round(2),
        "age": random.integers(18, 90, 400).astype(float),
        "hour": random.integers(0, 24, 400).astype(float),
    })
    y = (X.amount / 50 + X.hour / 24 - X.age / 100 + random.normal(0, 0.3, 400) > 0.6).astype(int)
    return X, y


@pytest.mark.parametrize("library", sorted(SNIPPETS))
def test_what_a_snippet_writes_scores_as_its_library(library, table, repository, tmp_path, monkeypatch):
    code, modules = SNIPPETS[library]
    for module in modules:
        pytest.importorskip(module)
    if library == "sklearn2pmml" and not shutil.which("java"):
        pytest.skip("sklearn2pmml needs Java")
    monkeypatch.chdir(tmp_path)
    X, y = table
    names = {"X": X, "y": y}
    try:
        exec(compile(code, f"docs/export.md: {library}", "exec"), names)
    except RuntimeError as problem:
        if library != "sklearn2pmml":
            raise
        pytest.skip(f"the converter refuses this version of scikit-learn: {problem}")
    (written,) = tmp_path.glob("model.*")
    if library == "torch":
        torch = names["torch"]
        with torch.no_grad():
            wanted = names["network"](torch.tensor(X.to_numpy(), dtype=torch.float32)).numpy()[:, 0].astype(float)
        X.head(100).assign(prediction=wanted[:100]).to_csv("golden.csv", index=False)
    else:
        exec(compile(GOLDEN, "docs/export.md: golden.csv", "exec"), names)
        wanted = names["model"].predict_proba(X)[:, 1].astype(float)
    text = INPUTS if library in ("catboost", "torch", "skl2onnx") else ""
    # With the tolerance that the page advises for float32.
    golden = (tmp_path / "golden.csv").read_text()
    repository.add("model", 1, written.read_bytes(), golden=golden, manifest=text + "golden: { tolerance: 1e-4 }\n")
    checked = run_verdict("check", repository.folder)
    assert checked.returncode == 0 and "100 golden rows agree" in checked.stdout, checked
    X.to_csv(tmp_path / "rows.csv", index=False)
    scored = run_verdict("score", repository.folder / "model", "--input", tmp_path / "rows.csv")
    assert scored.returncode == 0, scored
    rows = list(csv.DictReader(scored.stdout.splitlines()))
    assert [float(one["prediction"]) for one in rows] == pytest.approx(wanted, rel=1e-4, abs=1e-6)


# What the page says about the converters. A release of one that behaves otherwise makes the page wrong.


def converted(model, columns, **options):
    """A model's ONNX file, with one tensor of all columns, or with an input for each."""
    skl2onnx = pytest.importorskip("skl2onnx")
    kind = skl2onnx.common.data_types.FloatTensorType
    inputs = [(name, kind([None, 1])) for name in columns] if columns is not None else [("features", kind([None, 3]))]
    return skl2onnx.to_onnx(model, initial_types=inputs, target_opset={"": 21, "ai.onnx.ml": 3}, **options).SerializeToString()


def scores(folder, content, table, tmp_path):
    """What Verdict gives for a table, as rows; the file's inputs are named for its columns."""
    name = f"m{len(list(folder.folder.iterdir()))}"
    folder.add(name, 1, content, manifest=INPUTS)
    table.to_csv(tmp_path / "rows.csv", index=False)
    result = run_verdict("score", folder.folder / name, "--input", tmp_path / "rows.csv")
    assert result.returncode == 0, result
    return list(csv.DictReader(result.stdout.splitlines()))


@pytest.mark.parametrize("steps", ["", "PowerTransformer", "PolynomialFeatures", "StandardScaler", "SimpleImputer StandardScaler"])
def test_one_tensor_of_all_columns_fits_models_and_pipelines(steps, table, repository, tmp_path):
    pytest.importorskip("skl2onnx")
    X, y = table
    model = pipeline(steps).fit(X, y)
    found = [float(row["prediction"]) for row in scores(repository, converted(model, None), X, tmp_path)]
    assert found == pytest.approx(model.predict_proba(X)[:, 1], rel=1e-3, abs=1e-4)


def pipeline(steps):
    from sklearn import impute, preprocessing
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    made = [getattr(preprocessing, name, None) or getattr(impute, name) for name in steps.split()]
    return make_pipeline(*(one() for one in made), LogisticRegression(max_iter=1000))


def test_an_input_a_column_is_refused_or_converted_wrongly_and_golden_rows_find_it(table, repository):
    pytest.importorskip("skl2onnx")
    X, y = table
    with pytest.raises(Exception, match="at most 1 input"):
        converted(pipeline("").fit(X, y), X.columns)
    model = pipeline("PowerTransformer").fit(X, y)
    golden = X.head(100).assign(prediction=model.predict_proba(X.head(100))[:, 1]).to_csv(index=False)
    for version, columns in enumerate([X.columns, None], 1):
        text = "golden: { tolerance: 1e-3 }\n" + ("" if columns is not None else INPUTS)
        repository.add(f"m{version}", 1, converted(model, columns), golden=golden, manifest=text)
    checked = run_verdict("check", repository.folder).stdout.splitlines()
    assert checked[0].startswith("refused  m1/1: golden.csv line 2: column 'prediction'") and "rows disagree" in checked[0], checked
    assert checked[1].startswith("ok       m2/1: ONNX, 100 golden rows agree"), checked


@pytest.mark.parametrize("module, name", [("svm", "LinearSVC"), ("ensemble", "IsolationForest"), ("linear_model", "LinearRegression")])
def test_the_option_zipmap_is_for_models_with_probabilities_alone(module, name, table, repository, tmp_path):
    pytest.importorskip("skl2onnx")
    X, y = table
    model = getattr(__import__(f"sklearn.{module}", fromlist=[name]), name)().fit(X, y)
    with pytest.raises(NameError, match="Option 'zipmap' not in"):
        converted(model, None, options={"zipmap": False})
    wanted = model.decision_function(X) if hasattr(model, "decision_function") else model.predict(X)
    found = [float(row["prediction"]) for row in scores(repository, converted(model, None), X, tmp_path)]
    assert found == pytest.approx(wanted, rel=1e-3, abs=1e-3)


def test_a_missing_value_gives_a_linear_model_a_label_without_a_score(table, repository, tmp_path):
    pytest.importorskip("skl2onnx")
    X, y = table
    holes = X.head(2).copy()
    holes.loc[0, "amount"] = np.nan
    row, whole = scores(repository, converted(pipeline("StandardScaler").fit(X, y), None), holes, tmp_path)
    assert row == {"prediction": "", "label": "0", "probability(0)": "", "probability(1)": ""}
    assert whole["prediction"]
    imputed = scores(repository, converted(pipeline("SimpleImputer StandardScaler").fit(X, y), None), holes, tmp_path)
    assert all(row["prediction"] for row in imputed)


def test_lightgbm_writes_underscores_for_spaces_and_inputs_give_the_names_back(table, repository, tmp_path):
    lightgbm = pytest.importorskip("lightgbm")
    X, y = table
    X = X.rename(columns={"amount": "account age"})
    lightgbm.LGBMClassifier(n_estimators=3, verbosity=-1).fit(X, y).booster_.save_model(tmp_path / "model.txt")
    content = (tmp_path / "model.txt").read_bytes()
    assert b"feature_names=account_age age hour\n" in content
    X.head(3).to_csv(tmp_path / "rows.csv", index=False)
    repository.add("m", 1, content)
    scored = run_verdict("score", repository.folder / "m", "--input", tmp_path / "rows.csv")
    assert scored.returncode == 1 and "did you mean 'account_age'?" in scored.stderr, scored
    repository.add("n", 1, content, manifest="inputs: [account age, age, hour]\n")
    assert run_verdict("score", repository.folder / "n", "--input", tmp_path / "rows.csv").returncode == 0


@pytest.mark.parametrize("zipmap", [True, False, "columns"])
@pytest.mark.parametrize("name", [
    "MLPClassifier words", "MLPClassifier", "AdaBoostClassifier", "BernoulliNB", "CalibratedClassifierCV", "LogisticRegression three",
    "GaussianNB three", "KNeighborsClassifier three", "MLPClassifier three", "OneVsRestClassifier three",
])
def test_probabilities_are_of_their_classes_in_whatever_form_they_are_written(name, zipmap, tmp_path):
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn import calibration, ensemble, linear_model, multiclass, naive_bayes, neighbors, neural_network

    models = {
        "MLPClassifier": lambda: neural_network.MLPClassifier((4,), max_iter=30, random_state=1),
        "AdaBoostClassifier": lambda: ensemble.AdaBoostClassifier(n_estimators=5),
        "BernoulliNB": naive_bayes.BernoulliNB,
        "CalibratedClassifierCV": lambda: calibration.CalibratedClassifierCV(linear_model.LogisticRegression(), cv=2),
        "LogisticRegression": linear_model.LogisticRegression,
        "GaussianNB": naive_bayes.GaussianNB,
        "KNeighborsClassifier": lambda: neighbors.KNeighborsClassifier(5),
        "OneVsRestClassifier": lambda: multiclass.OneVsRestClassifier(linear_model.LogisticRegression()),
    }
    dice = np.random.default_rng(3)
    rows = dice.normal(size=(120, 3)).astype(np.float32)
    classes = np.digitize(rows[:, 0], [-0.4, 0.4] if "three" in name else [0.2])
    if "words" in name:
        classes = np.array(["fraud", "ok"])[classes]
    model = models[name.split()[0]]().fit(rows, classes)
    options = {id(model): {"zipmap": zipmap}}
    (tmp_path / "m.onnx").write_bytes(skl2onnx.to_onnx(model, rows[:1], options=options, target_opset=17).SerializeToString())
    (tmp_path / "rows.csv").write_text("f0,f1,f2\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    result = run_verdict("score", tmp_path / "m.onnx", "--input", tmp_path / "rows.csv", env=bare_environment())
    assert result.returncode == 0, result
    found = list(csv.DictReader(result.stdout.splitlines()))
    expected = model.predict_proba(rows)
    # Where nothing in the graph names the classes, there is no score to decide by, and positions name the columns.
    columns = [f"probability({word})" for word in model.classes_]
    if "prediction(0)" in found[0]:
        assert name == "BernoulliNB"
        columns = ["prediction(0)", "prediction(1)"]
    elif len(columns) == 2:
        assert np.allclose([float(row["prediction"]) for row in found], expected[:, 1], atol=2e-5)
    for position, column in enumerate(columns):
        assert np.allclose([float(row[column]) for row in found], expected[:, position], atol=2e-5), found[0]
