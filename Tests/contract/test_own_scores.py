"""A score depends on its row and its model, and on nothing else: whatever rows come along, and from wherever it is taken.

Each engine's rows are asked one by one of a server without stages. Servers with a memory cache, single flight, batches, a shadow
version and Redis then get the same rows from many clients at once, singly, in batches and as tensors, in random company; every
answer must be that of its row, to the last bit.
"""

import json
import random
import threading

import lightgbm
import numpy as np
import pytest
import xgboost
from faults import Redis
from onnx import TensorProto, helper
from serving import WATCHFUL, Server, until

CLIENTS, ROUNDS = 6, 120
EVERYTHING = """
cache: { ttl: 300s }
batching: { maxDelay: 2ms }
versions: { serve: [1], shadow: [2] }
policy: { block: 0.8, review: 0.3 }
"""
NOTHING = "policy: { block: 0.8, review: 0.3 }\n"
WORDS = ["red", "green", "", "blue"]


def graph(nodes, inputs, constants=(), output=(TensorProto.FLOAT, [None, 1])):
    made = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info(*one) for one in inputs],
        [helper.make_tensor_value_info("y", *output)], list(constants))
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", 2)]
    return helper.make_model(made, opset_imports=opsets, ir_version=8).SerializeToString()


def constant(name, array):
    array = np.asarray(array, dtype=np.float32)
    return helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.ravel().tolist())


def network():
    dice = np.random.default_rng(1)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Tanh", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "v"], ["c"]), helper.make_node("Sigmoid", ["c"], ["y"]),
    ]
    weights = [constant("w", dice.normal(size=(3, 16))), constant("v", dice.normal(size=(16, 1)))]
    return graph(nodes, [("x", TensorProto.FLOAT, [None, 3])], weights)


def mixing():
    """Rows of a run depend on one another; the logarithm of a negative number is no number."""
    nodes = [
        helper.make_node("Log", ["x"], ["l"]), helper.make_node("ReduceMean", ["l"], ["m"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["x", "m"], ["d"]), helper.make_node("ReduceSum", ["d", "axes"], ["y"], keepdims=1),
    ]
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    return graph(nodes, [("x", TensorProto.FLOAT, [None, 3])], [axes])


def table():
    """Ids that differ in bits that no double has; ids outside the table are refused by the engine."""
    ids = [2**53 + one for one in range(4)]
    nodes = [
        helper.make_node("LabelEncoder", ["id"], ["place"], domain="ai.onnx.ml", keys_int64s=ids, values_int64s=[0, 1, 2, 3],
                         default_int64=99),
        helper.make_node("Gather", ["rows", "place"], ["y"]),
    ]
    return graph(nodes, [("id", TensorProto.INT64, [None, 1])], [constant("rows", [0.1, 0.2, 0.3, 0.9])])


def words():
    nodes = [helper.make_node(
        "LabelEncoder", ["word"], ["y"], domain="ai.onnx.ml", keys_strings=["red", "green", ""], values_floats=[0.2, 0.5, 0.9],
        default_float=-1.0)]
    return graph(nodes, [("word", TensorProto.STRING, [None, 1])])


PMML = """<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/><DataDictionary>
<DataField name="x0" optype="continuous" dataType="double"/><DataField name="word" optype="categorical" dataType="string"/>
<DataField name="y" optype="continuous" dataType="double"/></DataDictionary>
<RegressionModel functionName="regression"><MiningSchema><MiningField name="x0" invalidValueTreatment="returnInvalid"/>
<MiningField name="word"/><MiningField name="y" usageType="target"/></MiningSchema>
<LocalTransformations><DerivedField name="long" optype="categorical" dataType="string"><Apply function="concat">
<FieldRef field="word"/><Constant dataType="string">!</Constant></Apply></DerivedField></LocalTransformations>
<RegressionTable intercept="0.125"><NumericPredictor name="x0" coefficient="0.1"/>
<CategoricalPredictor name="long" value="red!" coefficient="0.5"/></RegressionTable></RegressionModel></PMML>"""


def training():
    dice = np.random.default_rng(2)
    rows = dice.normal(size=(400, 3))
    rows[dice.random(rows.shape) < 0.2] = np.nan
    return rows, (np.nan_to_num(rows).sum(axis=1) > 0).astype(int)


def xgboost_file():
    rows, labels = training()
    return bytes(xgboost.train({"objective": "binary:logistic", "max_depth": 4}, xgboost.DMatrix(rows, labels), 20).save_raw("ubj"))


def lightgbm_file():
    rows, labels = training()
    data = lightgbm.Dataset(rows, labels + (rows[:, 0] > 1))
    settings = {"objective": "multiclass", "num_class": 3, "verbose": -1, "num_threads": 1}
    return lightgbm.train(settings, data, 10).model_to_string().encode()


def numbers(dice, count=24):
    return [[dice.choice([None, dice.uniform(-2, 3), dice.uniform(0, 3)]) for _ in range(3)] for _ in range(count)]


def complete(dice):
    return [[0.0 if one is None else one for one in row] for row in numbers(dice)]


ENGINES = {
    "xgboost": ("model.ubj", xgboost_file, "", numbers),
    "lightgbm": ("model.txt", lightgbm_file, "score: probability(1)", numbers),
    "pmml": ("model.pmml", lambda: PMML.encode(), "", lambda dice: [
        [dice.choice([None, "off", dice.uniform(-5, 5)]), dice.choice([None, *WORDS])] for _ in range(24)]),
    "onnx-native": ("model.onnx", network, "engine: native", numbers),
    "onnxruntime": ("model.onnx", network, "engine: onnxruntime", numbers),
    "onnxruntime-mixing": ("model.onnx", mixing, "engine: onnxruntime", complete),
    "onnxruntime-ids": ("model.onnx", table, "engine: onnxruntime", lambda dice: [[2**53 + one] for one in (0, 1, 2, 3, 9, 11)]),
    "onnxruntime-words": ("model.onnx", words, "engine: onnxruntime", lambda dice: [[one] for one in WORDS]),
}


def publish(folder, name, manifest):
    file, content, options, _ = ENGINES[name]
    for version in ("1", "2") if "shadow" in manifest else ("1",):
        (folder / name / version).mkdir(parents=True)
        (folder / name / version / file).write_bytes(content())
    (folder / name / "model.yaml").write_text(f"{options}\n{manifest}")


def essence(result):
    """What a row's answer says of the row."""
    if "error" in result:
        # The place of a wrong value in the text of a batch is the batch's.
        return ("error", result["error"]["code"])
    kept = ("prediction", "label", "probabilities", "decision", "outputs", "model", "model_version", "degraded")
    return json.dumps({key: result.get(key) for key in kept}, sort_keys=True)


def alone(server, name, row):
    return essence(server.post(f"/predict/{name}", {"features": row}).json)


def ask_in_company(server, name, rows, expected, seed, wrong):
    dice, connection = random.Random(seed), server.connect()
    for _ in range(ROUNDS):
        chosen = dice.choices(range(len(rows)), k=dice.choice([1, 1, 2, 7, 30]))
        if len(chosen) == 1:
            answer = connection.request("POST", f"/predict/{name}", {"features": rows[chosen[0]]})
            found = [essence(answer.json)]
        else:
            body = [{"features": rows[one]} for one in chosen]
            found = [essence(one) for one in connection.request("POST", f"/predict/batch/{name}", body).json["results"]]
        if found != [expected[one] for one in chosen]:
            wrong.append((chosen, found))
            return


def crowd(server, name, rows, expected):
    wrong = []
    threads = [
        threading.Thread(target=ask_in_company, args=(server, name, rows, expected, seed, wrong)) for seed in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """(rows, the answer of each alone) by engine."""
    folder, found = tmp_path_factory.mktemp("plain"), {}
    for name in ENGINES:
        publish(folder, name, NOTHING)
    with Server(folder, *WATCHFUL) as server:
        for name, (_, _, _, rows) in ENGINES.items():
            rows = rows(random.Random(name))
            found[name] = (rows, [alone(server, name, row) for row in rows])
    return found


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """Servers that share a Redis: one with a memory cache, one that finds what it knows only there."""
    folder, redis = tmp_path_factory.mktemp("crowded"), Redis()
    for name in ENGINES:
        publish(folder, name, EVERYTHING)
    arguments = [*WATCHFUL, "--redis-url", redis.url]
    with Server(folder, *arguments) as first, Server(folder, *arguments, "--cache-max-bytes", "0") as second:
        for server in (first, second):
            until(lambda server=server: server.metric("verdict_redis_available") == 1, "Redis to be connected")
        yield first, second
    redis.close()


@pytest.mark.parametrize("name", ENGINES)
def test_a_row_in_any_company_has_the_answer_that_it_has_alone(name, expected, crowded):
    rows, answers = expected[name]
    assert len(set(answers)) > 2, "the rows' answers must be told apart"
    for server in crowded:
        crowd(server, name, rows, answers)
        assert server.metric("model_cache_hits_total", model_name=name) > 0
        until(
            lambda server=server: server.get(f"/models/{name}").json["experiment"]["shadows"][0]["rows"] > 0, "shadows to be scored")
        assert server.get(f"/models/{name}").json["experiment"]["shadows"][0]["largest_difference"] == 0
