"""The models and rows of the comparisons: made up with a fixed seed, and kept in .build/bench-models."""

import json
from pathlib import Path

import numpy as np
import xgboost

FEATURES = 30
PLACE = Path(".build/bench-models")


def rows(count, seed=1):
    """Rows with the structure of transactions: skewed amounts, counts, shares and a few missing values.

    Every value is a float32, so that all contestants see the same numbers.
    """
    generator = np.random.default_rng(seed)
    data = np.empty((count, FEATURES), dtype=np.float32)
    data[:, 0:10] = generator.lognormal(3, 1.2, (count, 10))
    data[:, 10:20] = generator.poisson(4, (count, 10))
    data[:, 20:30] = generator.random((count, 10))
    data[generator.random((count, FEATURES)) < 0.03] = np.nan
    return data


def labels(data, seed=2):
    """About one in five; depends on many features, so that trees grow to their full depth."""
    generator = np.random.default_rng(seed)
    filled = np.nan_to_num(data)
    weights = generator.normal(0, 1, FEATURES)
    scaled = (filled - filled.mean(axis=0)) / filled.std(axis=0)
    margin = scaled @ weights + np.sin(scaled[:, :10] * scaled[:, 10:20]).sum(axis=1)
    return (margin + generator.normal(0, 1.5, len(data)) > 4).astype(np.int32)


def classifier(trees, depth=6, training_rows=40_000):
    """An xgboost classifier of so many trees of this depth, trained once and then read back."""
    path = PLACE / f"xgboost-{xgboost.__version__}-{trees}x{depth}.json"
    model = xgboost.XGBClassifier(
        n_estimators=trees, max_depth=depth, learning_rate=0.05, min_child_weight=0, subsample=0.7, n_jobs=2, random_state=1
    )
    if path.exists():
        model.load_model(path)
    else:
        data = rows(training_rows)
        model.fit(data, labels(data))
        PLACE.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part.json")
        model.save_model(unfinished)
        unfinished.rename(path)
    return model, path


def request(row):
    """The body that asks for a row's score: doubles as Python prints them, null for missing."""
    values = [None if np.isnan(value) else round(float(value), 6) for value in row]
    return json.dumps({"features": values}).encode()
