"""What the libraries that trained the example models say themselves, on this machine."""

import importlib.machinery
import importlib.util

import lightgbm
import numpy as np
import pandas as pd
import xgboost
from serving import EXAMPLES

FRAUD = EXAMPLES / "models" / "fraud_detection"
MODEL_FILES = {"1": FRAUD / "1" / "model.ubj", "2": FRAUD / "2" / "model.txt"}


def training_script():
    """examples/train as a module, for its made-up payments."""
    loader = importlib.machinery.SourceFileLoader("train", str(EXAMPLES / "train"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("train", loader))
    loader.exec_module(module)
    return module


def payments(path):
    """The payments of a CSV file, with the columns and categories that the models were trained with."""
    train = training_script()
    rows = pd.read_csv(path, keep_default_na=False, na_values=[""])
    rows["country"] = pd.Categorical(rows["country"], categories=sorted(train.COUNTRIES))
    rows["merchant_category"] = pd.Categorical(rows["merchant_category"], categories=list(train.CATEGORIES))
    for column in rows.columns:
        if rows[column].dtype != "category":
            rows[column] = rows[column].astype(float)
    return rows


def library_scores(version, rows):
    """(scores, margins) of payments as doubles, XGBoost's float32 widened."""
    rows = rows[training_script().COLUMNS]
    if version == "1":
        model = xgboost.Booster(model_file=str(MODEL_FILES["1"]))
        matrix = xgboost.DMatrix(rows, enable_categorical=True)
        both = model.predict(matrix), model.predict(matrix, output_margin=True)
    else:
        model = lightgbm.Booster(model_file=str(MODEL_FILES["2"]))
        both = model.predict(rows), model.predict(rows, raw_score=True)
    return tuple(np.asarray(one, dtype=np.float64) for one in both)


def as_features(rows):
    """Each payment as the `features` of a request: by name, null for missing."""
    return [{name: None if pd.isna(value) else value for name, value in row.items()} for row in rows.to_dict("records")]
