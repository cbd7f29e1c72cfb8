"""Trains the XGBoost variants of the installed version. Started by __main__.py with the folder to write to."""
import json
import sys
from pathlib import Path

import numpy as np
import xgboost as xgb

import goldens
from data import NAMES, codes, labels, numbers

OUT = Path(sys.argv[1])
VERSION = tuple(int(part) for part in xgb.__version__.split(".")[:2])
HAS_UBJSON = VERSION >= (1, 6)
# The newest version carries every variant; the others what their layout does differently.
IS_FULL = VERSION == (3, 2)
LAYOUTS = {"binary", "poisson", "logitraw", "softprob", "forest", "dart", "linear", "linear-classes", "targets-vector-leaf",
           "softprob-vector-leaf", "categories-onehot", "categories-partition", "pandas", "early-stopping-sklearn",
           "dart-vector-leaf", "targets-vector-leaf-categorical", "expectile", "expectiles"}
if VERSION in ((1, 7), (2, 1)):  # as 1.6 and 2.0, but for these
    LAYOUTS = {"binary", "dart", "softprob-vector-leaf", "categories-partition", "early-stopping-sklearn"}
# Objectives are read the same way in both formats; these models differ in what else the file holds.
ALSO_UBJSON = {"binary", "dart", "softprob-vector-leaf", "categories-partition", "pandas", "dart-vector-leaf"}
ALSO_UBJSON_NOW = ALSO_UBJSON | {"softprob", "softmax", "forest", "boosted-forest", "linear", "linear-classes", "targets",
                                 "targets-vector-leaf", "categories-onehot", "names", "early-stopping", "quantiles", "one-leaf",
                                 "early-stopping-sklearn", "intercepts", "poisson", "deep", "missing", "logitraw", "aft", "scales"}
# Up to 1.7.5 codes beyond the words of a node's set went the default way when a saved model was loaded; Verdict
# follows the later versions, which count them as in no set.
CODES = [code for code in goldens.CODES if VERSION >= (1, 7) or 0 <= code < 32]
BASE = {"max_depth": 3, "eta": 0.4, "seed": 5, "nthread": 1, "tree_method": "hist", "max_bin": 24}
if VERSION < (1, 4):
    BASE.pop("max_bin")


def single(values):
    return np.ascontiguousarray(values, dtype=np.float32)


def splits_of(file):
    """(feature, threshold) of every numeric split in a JSON model, and its class."""
    booster = json.loads(Path(file).read_text())["learner"]["gradient_booster"]
    model = booster.get("gbtree", booster)["model"]
    found = []
    for tree in model.get("trees", []):
        kinds = tree.get("split_type") or [0] * len(tree["left_children"])
        for node, left in enumerate(tree["left_children"]):
            if left != -1 and kinds[node] == 0:
                found.append((tree["split_indices"][node], float(np.float32(tree["split_conditions"][node]))))
    return found


def columns_of(margins, predictions, kind):
    """Verdict's output columns from the library's two answers."""
    margins, predictions = single(margins), single(predictions)
    if margins.ndim == 1:
        return {"raw": margins, "prediction": predictions}
    result = {f"raw({c})": margins[:, c] for c in range(margins.shape[1])}
    if kind == "softmax":
        result["label"] = predictions
    elif kind == "softprob":
        result.update({f"probability({c})": predictions[:, c] for c in range(margins.shape[1])})
    else:
        result.update({f"prediction({c})": predictions[:, c] for c in range(margins.shape[1])})
    return result


def emit(name, booster, base, kind="value", categorical=(), types=None, names=None, rounds=None, save=None):
    """Saves a booster in every format there is and writes what it answers when loaded again.

    rounds: file suffix -> how many rounds are used (0 for all)."""
    file = OUT / f"{name}.json"
    (save or booster.save_model)(str(file))
    rows = goldens.probes(base, splits_of(file), list(categorical), single=True, codes=CODES)
    used = {} if types is None else {"feature_types": types, "enable_categorical": True}
    if names:
        used["feature_names"] = names
    matrix = xgb.DMatrix(np.array(rows, dtype=np.float64), missing=np.nan, **used)

    def answers(path, count):
        loaded = xgb.Booster(model_file=str(path))
        loaded.set_param({"nthread": 1})
        if VERSION >= (1, 4):
            limit = {"iteration_range": (0, count)} if count else {}
        else:
            limit = {"ntree_limit": count}
        return loaded.predict(matrix, output_margin=True, **limit), loaded.predict(matrix, **limit)

    for suffix, count in (rounds or {"": 0}).items():
        margins, predictions = answers(file, count)
        goldens.write(OUT / f"{name}{suffix}.csv", names or [f"f{i}" for i in range(base.shape[1])], rows,
                      columns_of(margins, predictions, kind))
    if HAS_UBJSON and name in (ALSO_UBJSON_NOW if IS_FULL else ALSO_UBJSON):
        binary = file.with_suffix(".ubj")
        (save or booster.save_model)(str(binary))
        assert np.array_equal(answers(file, 0)[0], answers(binary, 0)[0])


def train(name, label_kind, params, rounds=5, kind="value", table=None, y=None, **emitting):
    if not IS_FULL:
        if name not in LAYOUTS:
            return
        rounds = min(rounds, 3)
    table = numbers() if table is None else table
    y = labels(label_kind, table) if y is None else y
    types, names = emitting.get("types"), emitting.get("names")
    used = {}
    if types:
        used.update(feature_types=types, enable_categorical=True)
    if names:
        used.update(feature_names=names)
    data = xgb.DMatrix(table, label=y, missing=np.nan, **used)
    settings = {**BASE, **params}
    if settings.get("booster") == "gblinear":
        for unused in ("max_depth", "tree_method", "max_bin"):
            settings.pop(unused, None)
    booster = xgb.train(settings, data, rounds)
    emit(name, booster, table, kind=kind, **emitting)
    return booster


def regressions():
    train("squarederror", "value", {"objective": "reg:squarederror"}, rounds=16 if IS_FULL else 4)
    train("poisson", "counts", {"objective": "count:poisson"})
    train("gamma", "positive", {"objective": "reg:gamma", "base_score": 1.7})
    train("tweedie", "counts", {"objective": "reg:tweedie", "tweedie_variance_power": 1.3})
    if VERSION >= (3, 4):
        train("expectile", "value", {"objective": "reg:expectileerror", "expectile_alpha": 0.7})
        train("expectiles", "value", {"objective": "reg:expectileerror", "expectile_alpha": [0.2, 0.8]}, rounds=3)
    if not IS_FULL:
        return
    train("logistic", "probability", {"objective": "reg:logistic"})
    train("squaredlogerror", "positive", {"objective": "reg:squaredlogerror"})
    train("pseudohuber", "value", {"objective": "reg:pseudohubererror", "huber_slope": 0.7})
    train("absoluteerror", "value", {"objective": "reg:absoluteerror"})
    train("quantile", "value", {"objective": "reg:quantileerror", "quantile_alpha": 0.3})
    train("quantiles", "value", {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9]}, rounds=3)
    train("cox", "positive", {"objective": "survival:cox"}, y=labels("value", numbers()) * 3)
    lower = labels("positive", numbers())
    data = xgb.DMatrix(numbers(), missing=np.nan)
    data.set_float_info("label_lower_bound", lower)
    data.set_float_info("label_upper_bound", np.where(lower > 2, np.inf, lower))
    params = {**BASE, "objective": "survival:aft", "aft_loss_distribution": "normal"}
    emit("aft", xgb.train(params, data, 6), numbers())
    groups = {"group": [20] * 20}
    for objective in ("rank:pairwise", "rank:ndcg", "rank:map"):
        kind = "binary" if objective == "rank:map" else "grades"
        data = xgb.DMatrix(numbers(), label=labels(kind, numbers()), missing=np.nan)
        data.set_group(groups["group"])
        emit(objective.replace(":", "-"), xgb.train({**BASE, "objective": objective}, data, 5), numbers())


def classifications():
    train("binary", "binary", {"objective": "binary:logistic"}, rounds=16 if IS_FULL else 4, kind="binary")
    train("logitraw", "binary", {"objective": "binary:logitraw", "base_score": 0.3}, rounds=3)
    train("softprob", "classes", {"objective": "multi:softprob", "num_class": 3}, rounds=3, kind="softprob")
    train("forest", "binary", {"objective": "binary:logistic", "num_parallel_tree": 5, "subsample": 0.7, "eta": 1},
          rounds=1, kind="binary")
    if VERSION >= (1, 6):
        train("hinge", "binary", {"objective": "binary:hinge"}, rounds=4, kind="binary")
    if not IS_FULL:
        return
    train("softmax", "classes", {"objective": "multi:softmax", "num_class": 3}, rounds=3, kind="softmax")
    train("boosted-forest", "classes",
          {"objective": "multi:softprob", "num_class": 3, "num_parallel_tree": 2, "subsample": 0.6, "max_depth": 2},
          rounds=3, kind="softprob")
    train("margins-huge", "binary", {"objective": "binary:logistic", "eta": 60, "min_child_weight": 0, "lambda": 0},
          rounds=4, kind="binary")
    train("base-score", "binary", {"objective": "binary:logistic", "base_score": 0.137}, kind="binary")
    train("base-score-extreme", "binary", {"objective": "binary:logistic", "base_score": 1e-7}, rounds=2, kind="binary")
    train("names", "binary", {"objective": "binary:logistic"}, rounds=3, kind="binary",
          names=["amount", "Zahl der Käufe", "Anteil \"neu\"", "score/1", "флаг", "年齢"])


def targets():
    for name, objective, kind in (("targets", "reg:squarederror", "targets"), ("flags", "binary:logistic", "flags")):
        if VERSION >= (1, 6):
            train(name, kind, {"objective": objective}, rounds=3)
        if VERSION >= (2, 0):
            train(f"{name}-vector-leaf", kind, {"objective": objective, "multi_strategy": "multi_output_tree"}, rounds=4)
    if VERSION >= (2, 0):
        train("softprob-vector-leaf", "classes",
              {"objective": "multi:softprob", "num_class": 3, "multi_strategy": "multi_output_tree"}, rounds=4, kind="softprob")
    if IS_FULL:
        train("intercepts", "targets", {"objective": "reg:squarederror", "base_score": [0.5, -1.25, 3.0]}, rounds=2)
    if VERSION >= (3, 4):
        table, effect = codes()
        types = ["q", "c", "c", "q"]
        train("targets-vector-leaf-categorical", "", {"objective": "reg:squarederror", "multi_strategy": "multi_output_tree"},
              rounds=3, table=table, y=np.stack([effect, -effect], axis=1), types=types, categorical=[1, 2])


def boosters():
    dart = {"booster": "dart", "rate_drop": 0.4, "skip_drop": 0.1}
    train("dart", "binary", {"objective": "binary:logistic", **dart}, rounds=8, kind="binary")
    linear = {"booster": "gblinear", "updater": "coord_descent", "eta": 0.5}
    train("linear", "value", {"objective": "reg:squarederror", **linear})
    if VERSION >= (3, 4):
        train("dart-vector-leaf", "targets", {"multi_strategy": "multi_output_tree", "rate_drop": 0.5}, rounds=5)
    if not (IS_FULL or VERSION == (3, 4)):
        return
    train("dart-classes", "classes", {"objective": "multi:softprob", "num_class": 3, **dart, "max_depth": 2},
          rounds=4, kind="softprob")
    train("linear-binary", "binary", {"objective": "binary:logistic", **linear}, kind="binary")
    train("linear-classes", "classes", {"objective": "multi:softprob", "num_class": 3, **linear}, kind="softprob")


def shapes():
    """Tree shapes and growers; newest version only."""
    table = numbers()
    train("missing", "value", {"objective": "reg:squarederror"}, table=numbers(missing=0.6))
    train("exact", "binary", {"objective": "binary:logistic", "tree_method": "exact", "gamma": 0.6}, kind="binary")
    train("approx", "value", {"objective": "reg:squarederror", "tree_method": "approx"})
    train("lossguide", "value", {"objective": "reg:squarederror", "grow_policy": "lossguide", "max_leaves": 9, "max_depth": 0})
    train("monotone", "value", {"objective": "reg:squarederror", "monotone_constraints": "(1,0,0,-1,0,0)"})
    train("deep", "value", {"objective": "reg:squarederror", "max_depth": 14, "min_child_weight": 0, "max_bin": 256},
          rounds=1, table=numbers(rows=90))
    train("one-leaf", "value", {"objective": "reg:squarederror", "gamma": 1e9}, rounds=3)
    train("stumps", "binary", {"objective": "binary:logistic", "max_depth": 1}, rounds=12, kind="binary")
    scaled = table * np.array([1e-40, 1e30, 1e-30, 1e34, 1e-6, 1e20])
    train("scales", "", {"objective": "reg:squarederror", "tree_method": "exact"}, table=scaled, y=labels("value", table))
    colsample = {"colsample_bytree": 0.5, "subsample": 0.5, "max_delta_step": 0.7, "alpha": 0.1}
    train("sampled", "binary", {"objective": "binary:logistic", **colsample}, kind="binary")

    def custom(margin, data):
        return margin - data.get_label(), np.ones_like(margin)

    data = xgb.DMatrix(table, label=labels("value", table), missing=np.nan)
    emit("custom-objective", xgb.train({**BASE, "base_score": 0.25}, data, 3, obj=custom), table)


def categories():
    table, effect = codes()
    if VERSION < (1, 7):
        table[:, 2] %= 32
    types = ["q", "c", "c", "q"]
    common = {"table": table, "types": types, "categorical": [1, 2]}
    train("categories-onehot", "", {"objective": "reg:squarederror", "max_cat_to_onehot": 100}, y=effect, **common)
    if VERSION < (1, 6):
        return
    train("categories-partition", "", {"objective": "binary:logistic", "max_cat_to_onehot": 1}, kind="binary",
          y=(effect > 0.8).astype(np.float32), **common)
    if IS_FULL:
        approx = {"objective": "reg:squarederror", "max_cat_to_onehot": 1, "tree_method": "approx"}
        train("categories-approx", "", approx, y=effect, **common)
    if VERSION >= (3, 1):
        strings()


def strings():
    """Levels kept in the file: strings and integers, in pandas columns."""
    import pandas

    table, effect = codes()
    countries = ["NL", "BE", "DE", "FR", "new york", "x=1", "PL", "ES", "IT", "PT", "SE", "a\"b"]
    if VERSION >= (3, 4):
        countries[:3] = ["Österreich", "中国", "Россия"]

    def frame(rows):
        return pandas.DataFrame({
            "amount": [row[0] for row in rows],
            "country": pandas.Categorical([row[1] for row in rows], categories=countries),
            "branch": pandas.Categorical([row[2] for row in rows], categories=[10 * i - 50 for i in range(40)]),
            "flag": [row[3] for row in rows],
        })

    def row(values):
        amount, country, branch, flag = values
        return [amount, None if np.isnan(country) else countries[int(country)],
                None if np.isnan(branch) else int(branch) * 10 - 50, flag]

    rows = [row(values) for values in table]
    data = xgb.DMatrix(frame(rows), label=(effect > 0.8).astype(np.float32), enable_categorical=True)
    booster = xgb.train({**BASE, "objective": "binary:logistic", "max_cat_to_onehot": 8}, data, 6)
    for suffix in (".json", ".ubj"):
        booster.save_model(str(OUT / f"pandas{suffix}"))
    probes = [row(values) for values in table[:70]]
    probes += [[0.25, level, -50, 3.0] for level in countries] + [[0.25, "NL" if "NL" in countries else "PL", 10 * i - 50, 3.0]
                                                                  for i in range(40)]
    matrix = xgb.DMatrix(frame(probes), enable_categorical=True)
    loaded = xgb.Booster(model_file=str(OUT / "pandas.json"))
    goldens.write(OUT / "pandas.csv", ["amount", "country", "branch", "flag"], probes,
                  columns_of(loaded.predict(matrix, output_margin=True), loaded.predict(matrix), "binary"))


def early_stopping():
    table = numbers()
    y = labels("binary", table)
    train_data = xgb.DMatrix(table[:300], label=y[:300], missing=np.nan)
    test_data = xgb.DMatrix(table[300:], label=y[300:], missing=np.nan)
    params = {**BASE, "objective": "binary:logistic", "eta": 1.0}
    if IS_FULL:
        booster = xgb.train(params, train_data, 30, evals=[(test_data, "test")], early_stopping_rounds=3, verbose_eval=False)
        best = int(booster.attr("best_iteration")) + 1
        emit("early-stopping", booster, table, kind="binary", rounds={"": 0, ".best": best, ".first2": 2})
    if VERSION >= (1, 6):
        model = xgb.XGBClassifier(n_estimators=30, max_depth=2, learning_rate=0.9, tree_method="hist", n_jobs=1,
                                  early_stopping_rounds=2)
        model.fit(table[:300], labels("classes", table)[:300], eval_set=[(table[300:], labels("classes", table)[300:])],
                  verbose=False)
        best = model.best_iteration + 1
        emit("early-stopping-sklearn", model.get_booster(), table, kind="softprob", save=model.save_model,
             rounds={"": best, ".all": 0, ".best": best} if IS_FULL else {"": best})
    else:
        model = xgb.XGBRegressor(n_estimators=30, max_depth=2, learning_rate=0.9, tree_method="hist", n_jobs=1)
        model.fit(table[:300], y[:300], eval_set=[(table[300:], y[300:])], early_stopping_rounds=2, verbose=False)
        best = int(model.get_booster().attr("best_iteration")) + 1
        emit("early-stopping-sklearn", model.get_booster(), table, save=model.save_model,
             rounds={"": best, ".all": 0, ".best": best} if IS_FULL else {"": best})


def main():
    regressions()
    classifications()
    boosters()
    if VERSION >= (1, 6):
        targets()
    if VERSION >= (1, 5):
        categories()
    if VERSION != (3, 4):
        early_stopping()
    if IS_FULL:
        shapes()
    if VERSION == (2, 1):
        table = numbers()
        data = xgb.DMatrix(table, label=labels("binary", table), missing=np.nan)
        xgb.train({**BASE, "objective": "binary:logistic", "max_depth": 2}, data, 1).save_model(str(OUT / "legacy.deprecated"))
    print(f"xgboost {xgb.__version__}: {len(list(OUT.glob('*.csv')))} golden files, "
          f"{sum(f.stat().st_size for f in OUT.iterdir()) / 1000:.0f} kB", flush=True)


main()
