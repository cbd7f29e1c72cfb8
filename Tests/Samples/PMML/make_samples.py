"""Trains small models, exports them to PMML with the tools that people use, and writes what the training
library itself predicts. Everything is seeded; running it again gives the same models up to the exporters'
time stamps, which are removed.

    python -m venv venv
    venv/bin/pip install scikit-learn==1.9.0 pandas sklearn2pmml==0.133.1 nyoka==5.5.0 lightgbm==4.7.0 xgboost-cpu==3.2.0
    venv/bin/python make_samples.py        (needs Java 11 or later)

Writes NAME.pmml and NAME.csv beside itself; a column `expected:X` is what the output X must be.
"""
import pathlib
import re

import numpy
import pandas
from lightgbm import LGBMRegressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostRegressor, BaggingClassifier, GradientBoostingClassifier, HistGradientBoostingClassifier, IsolationForest,
    RandomForestClassifier, StackingClassifier, VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import GammaRegressor, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR, OneClassSVM
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn2pmml import sklearn2pmml
from sklearn2pmml.feature_extraction.text import Splitter
from sklearn2pmml.pipeline import PMMLPipeline

from xgboost import XGBClassifier

HERE = pathlib.Path(__file__).parent


def loans(rows, seed):
    random = numpy.random.default_rng(seed)
    frame = pandas.DataFrame({
        "amount": random.lognormal(8, 1, rows).round(2),
        "age": random.integers(18, 80, rows).astype(float),
        "utilisation": random.beta(2, 3, rows).round(4),
        "purpose": random.choice(["car", "home improvement", "debt", "O'Brien & Co"], rows),
        "region": random.choice(["N", "S", "E", "W"], rows),
    })
    risk = 1.5 * frame.utilisation + 0.3 * numpy.log(frame.amount) - 0.03 * frame.age + (frame.purpose == "debt") * 0.8
    frame["bad"] = (risk + random.normal(0, 0.7, rows) > 2.2).astype(int)
    return frame


def with_missing(frame, columns, seed):
    random = numpy.random.default_rng(seed)
    frame = frame.copy()
    for column in columns:
        frame.loc[random.random(len(frame)) < 0.15, column] = numpy.nan
    return frame


def write(name, pmml_path, inputs, outputs):
    text = pmml_path.read_text(encoding="utf-8")
    text = re.sub(r"\s*<Timestamp>[^<]*</Timestamp>", "", text)
    text = re.sub(r"\s*<Extension name=\"repr\">.*?</Extension>", "", text, flags=re.S)
    (HERE / f"{name}.pmml").write_text(text, encoding="utf-8")
    table = inputs.reset_index(drop=True)
    for output, values in outputs.items():
        table[f"expected:{output}"] = values
    table.to_csv(HERE / f"{name}.csv", index=False)


def export(name, pipeline, rows, outputs):
    path = HERE / f"{name}.pmml"
    sklearn2pmml(pipeline, str(path))
    write(name, path, rows, outputs(pipeline, rows))


def probabilities(pipeline, rows):
    values = pipeline.predict_proba(rows)
    return {f"probability({label})": values[:, index] for index, label in enumerate(pipeline.classes_)}


FEATURES = ["amount", "age", "utilisation", "purpose", "region"]
NUMBERS = ["amount", "age", "utilisation"]
TEXTS = ["purpose", "region"]


def main():
    train, test = loans(600, 1), loans(40, 2)
    encode = ("texts", OneHotEncoder(handle_unknown="ignore"), TEXTS)

    pipeline = PMMLPipeline([
        ("columns", ColumnTransformer([("numbers", "passthrough", NUMBERS), encode])),
        ("model", GradientBoostingClassifier(n_estimators=8, max_depth=3, random_state=1)),
    ])
    pipeline.fit(train[FEATURES], train["bad"])
    export("sklearn_gradient_boosting", pipeline, test[FEATURES], probabilities)

    pipeline = PMMLPipeline([
        ("columns", ColumnTransformer([("numbers", "passthrough", NUMBERS), encode])),
        ("model", RandomForestClassifier(n_estimators=6, max_depth=4, random_state=1)),
    ])
    pipeline.fit(train[FEATURES], train["bad"])
    export("sklearn_random_forest", pipeline, test[FEATURES], probabilities)

    pipeline = PMMLPipeline([
        ("columns", ColumnTransformer([
            ("scaled", Pipeline([("fill", SimpleImputer(strategy="median")), ("scale", StandardScaler())]), ["amount", "utilisation"]),
            ("binned", KBinsDiscretizer(n_bins=4, encode="onehot-dense", strategy="uniform"), ["age"]),
            encode,
        ])),
        ("model", LogisticRegression(max_iter=1000)),
    ])
    pipeline.fit(train[FEATURES], train["bad"])
    export("sklearn_logistic_regression", pipeline, with_missing(test, ["amount"], 3)[FEATURES], probabilities)

    pipeline = PMMLPipeline([("model", DecisionTreeClassifier(max_depth=4, random_state=1))])
    pipeline.fit(train[NUMBERS], train["bad"].map({0: "good", 1: "bad"}))
    export("sklearn_decision_tree", pipeline, test[NUMBERS], probabilities)

    numbers = with_missing(train, NUMBERS, 4)
    pipeline = PMMLPipeline([
        ("columns", ColumnTransformer([("numbers", "passthrough", NUMBERS)])),
        ("model", XGBClassifier(n_estimators=10, max_depth=4, random_state=1, base_score=0.5)),
    ])
    pipeline.fit(numbers[NUMBERS], train["bad"])
    export("xgboost_classifier", pipeline, with_missing(test, NUMBERS, 5)[NUMBERS], probabilities)

    pipeline = PMMLPipeline([
        ("columns", ColumnTransformer([("numbers", "passthrough", NUMBERS)])),
        ("model", LGBMRegressor(n_estimators=10, num_leaves=12, random_state=1, verbose=-1)),
    ])
    pipeline.fit(numbers[NUMBERS], (train["amount"] * train["bad"]).rename("loss"))
    export(
        "lightgbm_regressor", pipeline, with_missing(test, NUMBERS, 6)[NUMBERS],
        lambda pipeline, rows: {"loss": pipeline.predict(rows)})

    vector_samples(train.head(150), test)
    ensemble_samples(train, test)
    text_samples()
    nyoka_samples(train, test)


def vector_samples(train, test):
    """Models that measure distances, add up weights or multiply likelihoods."""

    def scaled(model):
        return PMMLPipeline([
            ("columns", ColumnTransformer([
                ("numbers", StandardScaler(), NUMBERS), ("texts", OneHotEncoder(sparse_output=False), TEXTS),
            ])),
            ("model", model),
        ])

    def labels(pipeline, rows):
        return {"bad": pipeline.predict(rows)}

    loss = (train["amount"] * train["bad"] / 1000 + train["age"]).rename("loss")
    for name, model, outputs in [
        ("sklearn_neural_network", MLPClassifier(hidden_layer_sizes=(6, 4), activation="relu", max_iter=300, random_state=1), probabilities),
        ("sklearn_svc", SVC(kernel="rbf", C=2.0), labels),
        ("sklearn_svc_polynomial", SVC(kernel="poly", degree=2, coef0=1.0), labels),
        ("sklearn_nearest_neighbours", KNeighborsClassifier(5), labels),
        ("sklearn_naive_bayes", GaussianNB(), probabilities),
        ("sklearn_discriminant", LinearDiscriminantAnalysis(), probabilities),
    ]:
        pipeline = scaled(model)
        pipeline.fit(train[FEATURES], train["bad"])
        export(name, pipeline, test[FEATURES], outputs)
    for name, model in [
        ("sklearn_neural_regression", MLPRegressor(hidden_layer_sizes=(5,), activation="tanh", max_iter=300, random_state=1)),
        ("sklearn_svr", SVR(kernel="rbf", C=5.0)),
        ("sklearn_svr_sigmoid", SVR(kernel="sigmoid", coef0=0.1)),
        ("sklearn_neighbour_regression", KNeighborsRegressor(4, weights="distance")),
        ("sklearn_gamma_regression", GammaRegressor()),
    ]:
        pipeline = scaled(model)
        pipeline.fit(train[FEATURES], loss)
        export(name, pipeline, test[FEATURES], lambda pipeline, rows: {"loss": pipeline.predict(rows)})

    pipeline = scaled(KMeans(4, n_init=1, random_state=1))
    pipeline.fit(train[FEATURES])
    export("sklearn_kmeans", pipeline, test[FEATURES], lambda pipeline, rows: {"cluster": pipeline.predict(rows)})
    pipeline = scaled(OneClassSVM(nu=0.1))
    pipeline.fit(train[FEATURES])
    export(
        "sklearn_one_class_svm", pipeline, test[FEATURES],
        lambda pipeline, rows: {"decisionFunction": pipeline.decision_function(rows)})
    pipeline = scaled(IsolationForest(n_estimators=10, max_samples=64, random_state=1))
    pipeline.fit(train[FEATURES])
    export(
        "sklearn_isolation_forest", pipeline, test[FEATURES],
        lambda pipeline, rows: {"decisionFunction": pipeline.decision_function(rows)})


def ensemble_samples(train, test):
    """Models made of models."""
    encode = ("texts", OneHotEncoder(sparse_output=False), TEXTS)

    def pipeline_of(model):
        return PMMLPipeline([("columns", ColumnTransformer([("numbers", StandardScaler(), NUMBERS), encode])), ("model", model)])

    loss = (train["amount"] * train["bad"] / 1000 + train["age"]).rename("loss")
    logistic, tree = LogisticRegression(max_iter=500), DecisionTreeClassifier(max_depth=3, random_state=1)
    for name, model in [
        ("sklearn_voting", VotingClassifier([("a", logistic), ("b", tree)], voting="soft", weights=[2, 1])),
        ("sklearn_stacking", StackingClassifier([("a", logistic), ("b", tree)], final_estimator=LogisticRegression())),
        ("sklearn_calibrated", CalibratedClassifierCV(tree, method="sigmoid", cv=2, ensemble=False)),
        ("sklearn_calibrated_isotonic", CalibratedClassifierCV(tree, method="isotonic", cv=2, ensemble=False)),
        ("sklearn_bagging", BaggingClassifier(tree, n_estimators=4, random_state=1)),
    ]:
        pipeline = pipeline_of(model)
        pipeline.fit(train[FEATURES], train["bad"])
        export(name, pipeline, test[FEATURES], probabilities)
    pipeline = pipeline_of(AdaBoostRegressor(DecisionTreeRegressor(max_depth=3), n_estimators=5, random_state=1))
    pipeline.fit(train[FEATURES], loss)
    export("sklearn_adaboost", pipeline, test[FEATURES], lambda pipeline, rows: {"loss": pipeline.predict(rows)})

    risk = train["bad"] + (train["amount"] > 4000)
    pipeline = pipeline_of(LogisticRegression(max_iter=1000))
    pipeline.fit(train[FEATURES], risk.map({0: "low", 1: "middle", 2: "high"}).rename("risk"))
    export("sklearn_three_classes", pipeline, test[FEATURES], probabilities)

    numbers = with_missing(train, NUMBERS, 4)
    pipeline = PMMLPipeline([
        ("columns", ColumnTransformer([("numbers", "passthrough", NUMBERS)])),
        ("model", HistGradientBoostingClassifier(max_iter=8, max_depth=3, random_state=1)),
    ])
    pipeline.fit(numbers[NUMBERS], train["bad"])
    pipeline.verify(with_missing(train, NUMBERS, 7)[NUMBERS].sample(10, random_state=1))
    export("sklearn_hist_gradient_boosting", pipeline, with_missing(test, NUMBERS, 5)[NUMBERS], probabilities)


def text_samples():
    """Texts as inputs."""
    random = numpy.random.default_rng(8)
    words = ["refund", "urgent", "gift", "card", "rent", "salary", "crypto", "Crypto", "transfer", "invoice", "the", "of", "U.S."]

    def payments(rows):
        return pandas.DataFrame({"memo": [" ".join(random.choice(words, random.integers(1, 12))) for _ in range(rows)]})

    train, test = payments(400), payments(40)
    bad = train.memo.str.lower().str.count("crypto|gift") + random.normal(0, 0.4, 400) > 1.2
    bad = bad.astype(int).rename("bad")

    for name, vectorizer in [
        ("sklearn_word_counts", CountVectorizer(tokenizer=Splitter(), token_pattern=None, lowercase=True)),
        ("sklearn_tfidf", TfidfVectorizer(norm=None, tokenizer=Splitter(), token_pattern=None, ngram_range=(1, 2), max_features=30)),
    ]:
        pipeline = PMMLPipeline([
            ("columns", ColumnTransformer([("memo", vectorizer, "memo")])), ("model", LogisticRegression(max_iter=500)),
        ])
        pipeline.fit(train, bad)
        export(name, pipeline, test, probabilities)


def nyoka_samples(train, test):
    from nyoka import skl_to_pmml, xgboost_to_pmml

    pipeline = Pipeline([("scale", StandardScaler()), ("model", DecisionTreeClassifier(max_depth=3, random_state=1))])
    pipeline.fit(train[NUMBERS], train["bad"])
    path = HERE / "nyoka_decision_tree.pmml"
    skl_to_pmml(pipeline, NUMBERS, "bad", str(path))
    write("nyoka_decision_tree", path, test[NUMBERS], {"probability_1": pipeline.predict_proba(test[NUMBERS])[:, 1]})

    pipeline = Pipeline([("model", XGBClassifier(n_estimators=5, max_depth=3, random_state=1, base_score=0.5))])
    pipeline.fit(train[NUMBERS], train["bad"])
    path = HERE / "nyoka_xgboost.pmml"
    xgboost_to_pmml(pipeline, NUMBERS, "bad", str(path))
    write("nyoka_xgboost", path, test[NUMBERS], {"bad_probability_1": pipeline.predict_proba(test[NUMBERS])[:, 1]})


if __name__ == "__main__":
    main()
