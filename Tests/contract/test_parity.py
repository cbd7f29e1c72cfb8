"""`verdict score` against the libraries that trained the models: every bit of every score."""

import csv

import numpy as np
import pytest
from libraries import MODEL_FILES, library_scores, payments, training_script
from serving import EXAMPLES, run_verdict

PAYMENTS = 3000


@pytest.fixture(scope="module")
def unseen(tmp_path_factory):
    """A file of payments that the training never saw, some with things missing or far out of range."""
    train = training_script()
    random = np.random.default_rng(99)
    rows, _ = train.payments(PAYMENTS, random)
    for column in rows.columns:
        rows.loc[random.random(PAYMENTS) < 0.05, column] = np.nan
    for column in ("amount", "distance_km", "velocity_1h"):
        rows.loc[random.random(PAYMENTS) < 0.01, column] = random.choice([-1.0, 0.0, 1e-300, 1e30, 123456789.123456789])
    path = tmp_path_factory.mktemp("unseen") / "payments.csv"
    train.write_csv(path, rows)
    return path


def scored(path, version, *arguments):
    """The output columns of `verdict score` by name, as arrays of doubles."""
    output = path.parent / "scored.csv"
    result = run_verdict("score", MODEL_FILES[version], "--input", path, "--output", output, *arguments)
    assert result.returncode == 0, result.stderr
    with output.open(newline="") as file:
        header, *rows = csv.reader(file)
    return {name: np.array([float(row[column]) for row in rows]) for column, name in enumerate(header) if name_is_output(name)}


def name_is_output(name):
    return name in ("prediction", "raw") or name.startswith("probability(")


def assert_bit_equal(ours, theirs):
    assert len(ours) == len(theirs)
    different = np.flatnonzero(ours.view(np.uint64) != theirs.view(np.uint64))
    assert len(different) == 0, [(int(one), ours[one], theirs[one]) for one in different[:5]]


@pytest.mark.parametrize("version", ["1", "2"])
def test_scores_and_margins_are_the_librarys_to_the_bit(unseen, version):
    scores, margins = library_scores(version, payments(unseen))
    assert len(np.unique(scores)) > PAYMENTS / 4, "the payments do not tell models apart"
    columns = scored(unseen, version)
    assert_bit_equal(columns["prediction"], scores)
    assert_bit_equal(columns["probability(1)"], scores)
    assert_bit_equal(scored(unseen, version, "--raw")["raw"], margins)


@pytest.mark.parametrize("version", ["1", "2"])
def test_the_example_payments_are_scored_to_the_standard_output(version):
    rows = payments(EXAMPLES / "transactions.csv")
    result = run_verdict("score", MODEL_FILES[version], "--input", EXAMPLES / "transactions.csv")
    assert result.returncode == 0, result.stderr
    lines = list(csv.DictReader(result.stdout.splitlines()))
    ours = np.array([float(line["prediction"]) for line in lines])
    assert_bit_equal(ours, library_scores(version, rows)[0])


def test_a_scorecard_has_the_columns_of_its_own_output(tmp_path):
    golden = EXAMPLES / "models/credit_score/1/golden.csv"
    outputs = ("score", "reason_1", "reason_2", "reason_3")
    with golden.open(newline="") as file:
        rows = list(csv.DictReader(file))
    inputs = [name for name in rows[0] if name not in outputs]
    path = tmp_path / "applications.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, inputs, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    result = run_verdict("score", golden.parent / "model.pmml", "--input", path)
    assert result.returncode == 0, result.stderr
    for line, expected in zip(csv.DictReader(result.stdout.splitlines()), rows, strict=True):
        assert float(line["score"]) == float(expected["score"])
        assert [line[name] for name in outputs[1:]] == [expected[name] for name in outputs[1:]]
