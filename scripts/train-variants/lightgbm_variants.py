"""Trains the LightGBM variants of the installed version. Started by __main__.py with the folder to write to."""
import re
import sys
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas

import goldens
from data import codes, labels, numbers

OUT = Path(sys.argv[1])
# The newest version carries every variant; the older one what its layout does differently.
IS_FULL = int(lgb.__version__.split(".")[0]) >= 4
LAYOUTS = {"binary", "regression", "multiclass", "multiclassova", "categories", "pandas", "linear", "forest", "dart",
           "zero-as-missing", "one-leaf"}
# Files that keep LightGBM's list of training parameters; it is cut from the others to keep them small.
WITH_PARAMETERS = {"binary", "pandas", "pandas-ordered"}
BASE = {"num_leaves": 7, "min_data_in_leaf": 8, "learning_rate": 0.2, "max_bin": 31, "verbose": -1, "seed": 5, "num_threads": 1,
        "deterministic": True, "force_row_wise": True}


def splits_of(text):
    """(feature, threshold) of every numeric split in a model file."""
    found = []
    for tree in text.split("Tree=")[1:]:
        fields = dict(line.split("=", 1) for line in tree.splitlines() if "=" in line)
        if int(fields["num_leaves"]) < 2:
            continue
        columns = (fields[key].split() for key in ("split_feature", "threshold", "decision_type"))
        found += [(int(feature), float(value)) for feature, value, kind in zip(*columns) if not int(kind) & 1]
    return found


def columns_of(raw, predictions, kind):
    """Verdict's output columns from the library's two answers."""
    if raw.ndim == 1:
        return {"raw": raw, "prediction": predictions}
    output = "probability" if kind == "classes" else "prediction"
    result = {f"raw({c})": raw[:, c] for c in range(raw.shape[1])}
    result.update({f"{output}({c})": predictions[:, c] for c in range(raw.shape[1])})
    return result


def emit(name, booster, base, kind="value", categorical=(), rounds=None, rows=None, names=None, frame=None, saved_rounds=None):
    """Saves a booster and writes what it answers when loaded again.

    rounds: file suffix -> how many rounds are used (None for all)."""
    file = OUT / f"{name}.txt"
    booster.save_model(str(file), num_iteration=saved_rounds)
    text = file.read_text(encoding="utf-8")
    if name not in WITH_PARAMETERS:
        text = re.sub(r"\nparameters:\n.*?end of parameters\n", "", text, flags=re.S)
        file.write_text(text, encoding="utf-8")
    rows = rows or goldens.probes(base, splits_of(text), list(categorical), single=False)
    inputs = frame(rows) if frame else np.array(rows, dtype=np.float64)
    loaded = lgb.Booster(model_file=str(file))
    for suffix, count in (rounds or {"": None}).items():
        raw = loaded.predict(inputs, raw_score=True, num_iteration=count, num_threads=1)
        predictions = loaded.predict(inputs, num_iteration=count, num_threads=1)
        goldens.write(OUT / f"{name}{suffix}.csv", names or booster.feature_name(), rows, columns_of(raw, predictions, kind))


def train(name, label_kind, params, rounds=4, kind="value", table=None, y=None, dataset=None, used=None, **emitting):
    if not IS_FULL and name not in LAYOUTS:
        return
    table = numbers() if table is None else table
    y = labels(label_kind, table) if y is None else y
    options = dict(dataset or {})
    if emitting.get("categorical"):
        options["categorical_feature"] = list(emitting["categorical"])
    settings = {**BASE, **params}
    data = lgb.Dataset(table, label=y, params=settings, free_raw_data=False, **options)
    emit(name, lgb.train(settings, data, rounds), table, kind=kind, rounds=used, **emitting)


def objectives():
    train("regression", "value", {"objective": "regression"}, rounds=20 if IS_FULL else 4)
    train("regression-sqrt", "value", {"objective": "regression", "reg_sqrt": True})
    train("regression-l1", "value", {"objective": "regression_l1"})
    train("regression-l1-sqrt", "value", {"objective": "regression_l1", "reg_sqrt": True})
    train("huber", "value", {"objective": "huber", "alpha": 0.7})
    train("fair", "value", {"objective": "fair"})
    train("quantile", "value", {"objective": "quantile", "alpha": 0.8})
    train("mape", "positive", {"objective": "mape"})
    train("poisson", "counts", {"objective": "poisson"})
    train("gamma", "positive", {"objective": "gamma"})
    train("tweedie", "counts", {"objective": "tweedie", "tweedie_variance_power": 1.3})
    train("binary", "binary", {"objective": "binary"}, rounds=20 if IS_FULL else 4)
    train("binary-sigmoid", "binary", {"objective": "binary", "sigmoid": 0.7123456789, "scale_pos_weight": 2.5})
    train("cross-entropy", "probability", {"objective": "cross_entropy"})
    train("cross-entropy-lambda", "probability", {"objective": "cross_entropy_lambda"})
    train("multiclass", "classes", {"objective": "multiclass", "num_class": 3}, rounds=3, kind="classes")
    train("multiclassova", "classes", {"objective": "multiclassova", "num_class": 3, "sigmoid": 1.5}, rounds=3, kind="classes")
    groups = {"group": [20] * 20}
    train("lambdarank", "grades", {"objective": "lambdarank"}, dataset=groups)
    train("rank-xendcg", "grades", {"objective": "rank_xendcg"}, dataset=groups)


def custom_objectives():
    if not IS_FULL:
        return

    def squares(margin, data):
        wanted = data.get_label()
        if margin.ndim == 2:
            return margin - np.stack([wanted, -wanted, wanted ** 2], axis=1), np.ones_like(margin)
        return margin - wanted, np.ones_like(margin)

    table = numbers()
    for name, classes in (("custom-objective", 1), ("custom-objective-outputs", 3)):
        settings = {**BASE, "objective": squares, "num_class": classes}
        emit(name, lgb.train(settings, lgb.Dataset(table, label=labels("value", table)), 3), table)


def missing_values():
    train("missing", "value", {"objective": "regression"}, table=numbers(missing=0.6))
    train("zero-as-missing", "value", {"objective": "regression", "zero_as_missing": True})
    train("missing-unused", "value", {"objective": "regression", "use_missing": False})
    empty = numbers()
    empty[:, [0, 3]] = np.nan
    train("missing-everywhere", "", {"objective": "regression"}, table=empty, y=labels("value", numbers()))
    complete = np.nan_to_num(numbers(missing=0), nan=0.0)
    train("missing-never", "value", {"objective": "regression"}, table=complete)
    scaled = numbers() * np.array([1e-40, 1e30, 1e-33, 1e300, 1e-6, 1e20])
    fine = {"objective": "regression", "max_bin": 255, "min_data_in_bin": 1}
    train("scales", "", fine, table=scaled, y=labels("value", numbers()))


def shapes():
    train("one-leaf", "value", {"objective": "regression", "min_gain_to_split": 1e9}, rounds=3)
    train("one-leaf-binary", "binary", {"objective": "binary", "min_data_in_leaf": 1000}, rounds=2)
    train("stumps", "value", {"objective": "regression", "num_leaves": 2}, rounds=10)
    train("deep", "value", {"objective": "regression", "num_leaves": 60, "min_data_in_leaf": 1, "max_bin": 255}, rounds=1,
          table=numbers(rows=120))
    train("monotone", "value", {"objective": "regression", "monotone_constraints": [1, 0, 0, -1, 0, 0]})
    train("extra-trees", "value", {"objective": "regression", "extra_trees": True, "bagging_freq": 1, "bagging_fraction": 0.6,
                                   "feature_fraction": 0.7})
    train("quantized", "value", {"objective": "regression", "use_quantized_grad": True})


def boosters():
    forest = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}
    train("forest", "value", {"objective": "regression", **forest}, rounds=7, used={"": None, ".first3": 3})
    train("forest-binary", "binary", {"objective": "binary", **forest}, rounds=5)
    train("forest-multiclass", "classes", {"objective": "multiclass", "num_class": 3, **forest}, rounds=3, kind="classes")
    train("forest-poisson", "counts", {"objective": "poisson", **forest}, rounds=3)
    train("dart", "binary", {"objective": "binary", "boosting": "dart", "drop_rate": 0.5, "skip_drop": 0.1}, rounds=8)
    train("goss", "value", {"objective": "regression", "boosting": "goss"})
    linear = {"linear_tree": True, "linear_lambda": 0.01}
    train("linear", "value", {"objective": "regression", **linear})
    train("linear-binary", "binary", {"objective": "binary", **linear}, table=numbers(missing=0))
    train("linear-one-leaf", "value", {"objective": "regression", "min_gain_to_split": 1e9, **linear}, rounds=2)


def categories():
    table, effect = codes()
    wanted = {"min_data_per_group": 5, "cat_smooth": 1, "max_cat_to_onehot": 4}
    common = {"table": table, "y": effect, "categorical": [1, 2]}
    train("categories", "", {"objective": "regression", **wanted}, **common)
    train("categories-onehot", "", {"objective": "regression", **wanted, "max_cat_to_onehot": 100}, **common)
    train("categories-zero-as-missing", "", {"objective": "regression", **wanted, "zero_as_missing": True}, **common)
    train("categories-linear", "", {"objective": "regression", **wanted, "linear_tree": True}, **common)


def frames():
    """Levels kept in the file: strings, integers, floats and booleans, in pandas columns."""
    table, effect = codes()
    countries = ["NL", "BE", "DE", "FR", "new york", "x=1", "Österreich", "ES", "IT", "中国", "SE", "a\"b"]
    levels = {"country": countries, "branch": [10 * i - 50 for i in range(40)], "rate": [1.5, 2.0, 1e21, -0.25],
              "known": [False, True]}

    def frame(rows, ordered=()):
        columns = {"amount": [row[0] for row in rows]}
        for position, (name, values) in enumerate(levels.items(), start=1):
            columns[name] = pandas.Categorical([row[position] for row in rows], categories=values, ordered=name in ordered)
        return pandas.DataFrame(columns)

    def row(values):
        amount, country, branch, other = values
        return [amount, None if np.isnan(country) else countries[int(country)],
                None if np.isnan(branch) else int(branch) * 10 - 50,
                None if np.isnan(other) else levels["rate"][int(other) % 4], None if np.isnan(other) else bool(other > 4)]

    rows = [row(values) for values in table]
    probes = rows[:60] + [[0.25, level, -50, 2.0, True] for level in countries]
    probes += [[0.5, "NL", level, 1e21, False] for level in levels["branch"]]
    settings = {**BASE, "objective": "regression", "min_data_per_group": 5, "cat_smooth": 1, "num_leaves": 12}
    y = effect + table[:, 3] * 0.3
    data = lgb.Dataset(frame(rows), label=np.nan_to_num(y))
    emit("pandas", lgb.train(settings, data, 8), None, rows=probes, names=["amount", *levels], frame=frame)
    if not IS_FULL:
        return
    data = lgb.Dataset(frame(rows, ordered=["branch"]), label=np.nan_to_num(y))
    file = OUT / "pandas-ordered.txt"
    lgb.train(settings, data, 2).save_model(str(file))


def early_stopping():
    if not IS_FULL:
        return
    table = numbers()
    y = labels("binary", table)
    settings = {**BASE, "objective": "binary", "learning_rate": 0.7}
    data = lgb.Dataset(table[:300], label=y[:300], params=settings)
    test = lgb.Dataset(table[300:], label=y[300:], reference=data)
    booster = lgb.train(settings, data, 40, valid_sets=[test], callbacks=[lgb.early_stopping(3, verbose=False)])
    emit("early-stopping", booster, table)
    emit("early-stopping-all", booster, table, saved_rounds=-1, rounds={"": None, ".first2": 2})


def main():
    objectives()
    custom_objectives()
    missing_values()
    shapes()
    boosters()
    categories()
    frames()
    early_stopping()
    print(f"lightgbm {lgb.__version__}: {len(list(OUT.glob('*.csv')))} golden files, "
          f"{sum(f.stat().st_size for f in OUT.iterdir()) / 1000:.0f} kB", flush=True)


main()
