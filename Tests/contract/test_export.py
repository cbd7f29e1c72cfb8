"""docs/export.md: its snippets write files whose scores are the library's."""

import csv
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from serving import ROOT, run_verdict

PAGE = (ROOT / "docs" / "export.md").read_text()


def snippets():
    """The Python snippets that import something, by the library that they show."""
    found = {}
    for code in re.findall(r"^```python\n(.*?)^```$", PAGE, re.S | re.M):
        modules = re.findall(r"^(?:import|from) (\w+)", code, re.M)
        if modules:
            found[next((one for one in modules if one != "sklearn"), "sklearn")] = (code, modules)
    return found


SNIPPETS = snippets()
GOLDEN = next(code for code in re.findall(r"^```python\n(.*?)^```$", PAGE, re.S | re.M) if '"golden.csv"' in code)


def test_the_page_has_a_snippet_for_each_library():
    assert set(SNIPPETS) == {"xgboost", "lightgbm", "skl2onnx", "nyoka", "sklearn2pmml", "catboost", "torch"}


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
    text = "inputs: [amount, age, hour]\n" if library in ("catboost", "torch") else ""
    # With the tolerance that the page advises for float32.
    golden = (tmp_path / "golden.csv").read_text()
    repository.add("model", 1, written.read_bytes(), golden=golden, manifest=text + "golden: { tolerance: 1e-4 }\n")
    checked = run_verdict("check", repository.folder)
    assert checked.returncode == 0 and "100 golden rows agree" in checked.stdout, checked
    X.to_csv(tmp_path / "rows.csv", index=False)
    scored = run_verdict("score", repository.folder / "model", "--input", tmp_path / "rows.csv")
    assert scored.returncode == 0, scored
    rows = list(csv.DictReader(scored.stdout.splitlines()))
    # PMML files name their probabilities themselves.
    column = next(one for one in ("prediction", "probability(1)", "probability_1") if one in rows[0])
    assert [float(one[column]) for one in rows] == pytest.approx(wanted, rel=1e-4, abs=1e-6)
