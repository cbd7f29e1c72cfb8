"""The service that most teams start with: FastAPI in front of a model that joblib loads.

It is what Verdict is compared with, so it is written as well as such services are: the model is loaded
once, the handler is `async` (no thread hop), one row becomes one array, one call of `predict_proba`.
"""

import os

import joblib
import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
model = joblib.load(os.environ["MODEL_PATH"])
columns = model.n_features_in_


class Transaction(BaseModel):
    features: list[float | None]


class Prediction(BaseModel):
    prediction: list[float]
    label: str
    probabilities: dict[str, float]
    decision: str
    model: str
    model_version: str


def decide(score: float) -> str:
    if score > 0.8:
        return "BLOCK"
    return "REVIEW" if score > 0.5 else "ALLOW"


@app.post("/predict")
async def predict(transaction: Transaction) -> Prediction:
    row = np.array([transaction.features], dtype=np.float32)
    if row.shape[1] != columns:
        raise ValueError(f"{columns} features are needed")
    negative, positive = (float(value) for value in model.predict_proba(row)[0])
    return Prediction(
        prediction=[positive],
        label="1" if positive > 0.5 else "0",
        probabilities={"0": negative, "1": positive},
        decision=decide(positive),
        model="bench",
        model_version="1",
    )
