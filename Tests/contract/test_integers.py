"""Integers of 64 bits, ids above all, reach an engine exactly as they were sent, or the request is told why they do not."""

import json
import random
import threading

import pytest
from onnx import TensorProto, helper
from serving import WATCHFUL, Server, bare_environment, run_verdict

BASE = 2**53
# Neighbours beyond 2^53, where every second integer is no double, up to the ends of the types.
IDS = [1, BASE - 1, BASE, BASE + 1, BASE + 2, BASE + 3, -BASE - 1, -BASE - 2, 2**60 + 1, 2**63 - 1, -(2**63)]
SCORES = {number: (position + 1) / 16 for position, number in enumerate(IDS)}
UNKNOWN = 0.0


def encoder(kind=TensorProto.INT64, ids=IDS):
    """Scores an id by a table; an input of uint64 goes there as its bits."""
    nodes = [
        helper.make_node(
            "LabelEncoder", ["bits"], ["y"], domain="ai.onnx.ml", keys_int64s=ids, values_floats=[SCORES[one] for one in ids],
            default_float=UNKNOWN),
        helper.make_node("Cast", ["id"], ["bits"], to=TensorProto.INT64),
    ]
    graph = helper.make_graph(
        nodes[::-1], "ids", [helper.make_tensor_value_info("id", kind, [None, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 2)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def passing(kind=TensorProto.INT64):
    """Gives its input back, and whether it is above 5; ONNX Runtime evaluates it."""
    nodes = [
        helper.make_node("Identity", ["id"], ["copy"]),
        helper.make_node("Mod", ["id", "two"], ["rest"]),
    ]
    shape = [None, 1]
    graph = helper.make_graph(
        nodes, "passing", [helper.make_tensor_value_info("id", kind, shape)],
        [helper.make_tensor_value_info("copy", kind, shape), helper.make_tensor_value_info("rest", kind, shape)],
        [helper.make_tensor("two", kind, [1], [2])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def publish(folder, name, content, manifest="", golden=None):
    (folder / name / "1").mkdir(parents=True)
    (folder / name / "1" / "model.onnx").write_bytes(content)
    (folder / name / "model.yaml").write_text(manifest)
    if golden:
        (folder / name / "1" / "golden.csv").write_text(golden)


TABLE = "id,prediction\n" + "".join(f"{number},{score}\n" for number, score in SCORES.items())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("integers")
    publish(folder, "ids", encoder(), golden=TABLE)
    publish(folder, "cached", encoder(), "cache: { ttl: 60s }\nbatching: { maxDelay: 1ms }\n")
    publish(folder, "unsigned", encoder(TensorProto.UINT64), "cache: { ttl: 60s }\n")
    publish(folder, "passing", passing(), "engine: onnxruntime\ncache: { ttl: 60s }\nbatching: { maxDelay: 1ms }\n")
    publish(folder, "unsigned_passing", passing(TensorProto.UINT64), "engine: onnxruntime\n")
    manifest = "engine: onnxruntime\nlimits: { deadline: 100us }\nfallback: { model: passing }\n"
    publish(folder, "falling", passing(), manifest)
    publish(folder, "native", encoder(ids=IDS[:2]), "engine: native\n")
    with Server(folder, *WATCHFUL) as server:
        yield server


def score(server, name, number):
    answer = server.post(f"/predict/{name}", {"features": {"id": number}})
    assert answer.status == 200, answer
    return answer.json["prediction"][0]


@pytest.mark.parametrize("name", ["ids", "cached"])
def test_json_requests_keep_every_digit(server, name):
    for _ in range(2):
        assert {number: score(server, name, number) for number in IDS} == SCORES
        assert score(server, name, BASE + 5) == UNKNOWN
        rows = server.post(f"/predict/batch/{name}", [{"features": [number]} for number in IDS]).json["results"]
        assert [one["prediction"][0] for one in rows] == list(SCORES.values())


def test_tensors_keep_every_digit(server):
    tensor = {"name": "id", "shape": [len(IDS), 1], "datatype": "INT64", "data": IDS}
    answer = server.post("/v2/models/ids/infer", {"inputs": [tensor]})
    assert answer.json["outputs"][0]["data"] == list(SCORES.values())
    assert server.get("/v2/models/ids").json["inputs"][0]["datatype"] == "INT64"


def test_unsigned_integers_reach_to_two_to_the_sixty_four(server):
    def unsigned(number):
        return number % 2**64

    for _ in range(2):
        assert {number: score(server, "unsigned", unsigned(number)) for number in IDS} == SCORES
    numbers = [unsigned(number) for number in IDS]
    tensor = {"name": "id", "shape": [len(IDS), 1], "datatype": "UINT64", "data": numbers}
    answer = server.post("/v2/models/unsigned/infer", {"inputs": [tensor]})
    assert answer.json["outputs"][0]["data"] == list(SCORES.values())
    assert server.get("/v2/models/unsigned").json["inputs"][0]["datatype"] == "UINT64"
    for number in (-1, 2**64):
        answer = server.post("/predict/unsigned", {"features": [number]})
        assert answer.status == 400 and "uint64" in answer.text, answer


@pytest.mark.parametrize("number", ["9223372036854775808", "-9223372036854775809", "1e30", "9007199254740993.0", "9.1e18", "0.5", "0.99999999999999999999", "4503599627370497.3"])
def test_what_does_not_fit_is_refused(server, number):
    answer = server.post("/predict/ids", '{"features":{"id":%s}}' % number)
    assert answer.status == 400 and answer.json["error"]["code"] == "INVALID_FEATURE", answer
    rest = server.post("/predict/batch/ids", '[{"features":[%s]},{"features":[1]}]' % number).json["results"]
    assert "error" in rest[0] and rest[1]["prediction"] == [SCORES[1]]


def test_outputs_keep_every_digit(server):
    for _ in range(2):
        for number in IDS:
            answer = server.post("/predict/passing", {"features": [number]})
            assert answer.json["prediction"] == [number], answer
    rows = server.post("/predict/batch/passing", [{"features": [number]} for number in IDS]).json["results"]
    assert [one["prediction"][0] for one in rows] == IDS
    tensor = {"name": "id", "shape": [len(IDS), 1], "datatype": "INT64", "data": IDS}
    outputs = server.post("/v2/models/passing/infer", {"inputs": [tensor]}).json["outputs"]
    assert (outputs[0]["datatype"], outputs[0]["data"]) == ("INT64", IDS), outputs
    names = [one["name"] for one in server.get("/v2/models/passing").json["outputs"]]
    assert names == ["prediction", "rest"], names


def test_unsigned_outputs_say_so(server):
    numbers = [0, BASE + 1, 2**63 + 1, 2**64 - 1]
    tensor = {"name": "id", "shape": [len(numbers), 1], "datatype": "UINT64", "data": numbers}
    outputs = server.post("/v2/models/unsigned_passing/infer", {"inputs": [tensor]}).json["outputs"]
    assert [(one["datatype"], one["data"]) for one in outputs] == [("UINT64", numbers), ("UINT64", [0, 1, 1, 1])], outputs
    assert {one["datatype"] for one in server.get("/v2/models/unsigned_passing").json["outputs"]} == {"UINT64"}


def test_another_models_answer_keeps_every_digit(server):
    # Reading it takes longer than the model's deadline.
    slow = {"padding": "x" * 3_000_000}
    for number in IDS:
        answer = server.post("/predict/falling", {"features": [number], "context": slow})
        assert answer.json["degraded"] and answer.json["prediction"] == [number], answer


@pytest.mark.parametrize(("kind", "number"), [("FP64", BASE), ("FP64", BASE + 1), ("FP64", -BASE - 2), ("FP32", 2**24 + 1)])
def test_floats_that_stand_for_several_numbers_are_refused(server, kind, number):
    tensor = {"name": "id", "shape": [1], "datatype": kind, "data": [number]}
    answer = server.post("/v2/models/ids/infer", {"inputs": [tensor]})
    assert answer.status == 400 and kind in answer.text, answer
    tensor["data"] = [1]
    assert server.post("/v2/models/ids/infer", {"inputs": [tensor]}).json["outputs"][0]["data"] == [SCORES[1]]


def test_the_native_engine_refuses_what_it_cannot_hold(server):
    assert score(server, "native", BASE - 1) == SCORES[BASE - 1]
    answer = server.post("/predict/native", {"features": [BASE + 1]})
    assert answer.status == 400 and "2^53" in answer.text and "engine: onnxruntime" in answer.text, answer


def test_ids_that_share_a_double_share_no_answer(server):
    """Threads ask for neighbours, singly and in batches that share calls, and find them in the cache."""
    wrong = []

    def ask(seed):
        dice, connection = random.Random(seed), server.connect()
        for _ in range(100):
            numbers = dice.choices(IDS, k=dice.choice([1, 1, 3]))
            answer = connection.request("POST", "/predict/batch/cached", [{"features": [one]} for one in numbers]).json
            found = [one["prediction"][0] for one in answer["results"]]
            if found != [SCORES[one] for one in numbers]:
                wrong.append((numbers, found))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_tables_keep_every_digit(tmp_path):
    (tmp_path / "model.onnx").write_bytes(encoder())
    (tmp_path / "rows.csv").write_text(TABLE)
    result = run_verdict("score", tmp_path / "model.onnx", "--input", tmp_path / "rows.csv", env=bare_environment())
    assert result.returncode == 0, result
    header, *rows = result.stdout.splitlines()
    column = header.split(",").index("prediction")
    assert [float(row.split(",")[column]) for row in rows] == list(SCORES.values())


def test_tables_of_results_keep_every_digit(tmp_path):
    (tmp_path / "model.onnx").write_bytes(passing())
    (tmp_path / "rows.csv").write_text("id\n" + "".join(f"{number}\n" for number in IDS))
    result = run_verdict("score", tmp_path / "model.onnx", "--input", tmp_path / "rows.csv", env=bare_environment())
    assert result.returncode == 0, result
    header, *rows = result.stdout.splitlines()
    assert header == "prediction,rest" and [int(row.split(",")[0]) for row in rows] == IDS


def graph(nodes, outputs, *constants):
    made = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("id", TensorProto.INT64, [None, 1])],
        [helper.make_tensor_value_info(name, kind, [None, 1]) for name, kind in outputs], list(constants))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 4)]
    return helper.make_model(made, opset_imports=opsets, ir_version=8).SerializeToString()


# What graphs look up, with integers beyond 2^53 in every place that a table can have.
TABLES = {
    "initializer": graph(
        [helper.make_node("Gather", ["table", "id"], ["y"])], [("y", TensorProto.INT64)],
        helper.make_tensor("table", TensorProto.INT64, [2], [BASE + 1, 2**63 - 1])),
    "constant": graph(
        [
            helper.make_node("Constant", [], ["table"], value=helper.make_tensor("t", TensorProto.INT64, [2], [BASE + 1, 2**63 - 1])),
            helper.make_node("Gather", ["table", "id"], ["y"]),
        ],
        [("y", TensorProto.INT64)]),
    "integers": graph(
        [
            helper.make_node("Constant", [], ["table"], value_ints=[BASE + 1, 2**63 - 1]),
            helper.make_node("Gather", ["table", "id"], ["y"]),
        ],
        [("y", TensorProto.INT64)]),
    "keys": graph(
        [
            helper.make_node(
                "LabelEncoder", ["id"], ["y"], domain="ai.onnx.ml",
                keys_tensor=helper.make_tensor("k", TensorProto.INT64, [2], [0, BASE + 1]),
                values_tensor=helper.make_tensor("v", TensorProto.INT64, [2], [BASE + 1, 5]),
                default_tensor=helper.make_tensor("d", TensorProto.INT64, [1], [2**63 - 1])),
        ],
        [("y", TensorProto.INT64)]),
}


@pytest.mark.parametrize("place", TABLES)
def test_tables_with_integers_beyond_doubles_go_to_onnxruntime(place, tmp_path):
    publish(tmp_path, "automatic", TABLES[place])
    publish(tmp_path, "asked", TABLES[place], "engine: onnxruntime\n")
    publish(tmp_path, "native", TABLES[place], "engine: native\n")
    (tmp_path / "rows.csv").write_text("id\n0\n1\n")
    for name in ("automatic", "asked"):
        result = run_verdict("score", tmp_path / name, "--input", tmp_path / "rows.csv", env=bare_environment())
        assert result.returncode == 0, result
        assert [line.split(",")[-1] for line in result.stdout.splitlines()[1:]] == [str(BASE + 1), str(2**63 - 1)]
    refused = run_verdict("inspect", tmp_path / "native", env=bare_environment())
    assert refused.returncode == 1 and "needs ONNX Runtime" in refused.stderr, refused


def test_a_whole_number_that_overflows_on_the_way_is_said_to_be_the_models(tmp_path):
    sums = graph(
        [helper.make_node("Add", ["id", "id"], ["sum"]), helper.make_node("Cast", ["sum"], ["y"], to=TensorProto.FLOAT)],
        [("y", TensorProto.FLOAT)])
    publish(tmp_path, "native", sums)
    publish(tmp_path, "runtime", sums, "engine: onnxruntime\n")
    (tmp_path / "rows.csv").write_text(f"id\n1\n{BASE - 1}\n")
    result = run_verdict("score", tmp_path / "native", "--input", tmp_path / "rows.csv", env=bare_environment())
    assert result.returncode == 1 and "feature ''" not in result.stderr, result
    assert "row 2 (line 3): the model computes a whole number beyond 2^53 from this row" in result.stderr
    assert "'engine: onnxruntime' in model.yaml takes it" in result.stderr
    result = run_verdict("score", tmp_path / "runtime", "--input", tmp_path / "rows.csv", env=bare_environment())
    assert result.returncode == 0 and result.stdout.splitlines()[1:] == ["2.0", str(float(2 * BASE))], result


def test_golden_rows_compare_every_digit(tmp_path):
    for name, number in {"right": BASE + 1, "wrong": BASE}.items():
        golden = f"id,prediction\n{BASE + 1},{number}\n"
        publish(tmp_path, name, passing(), "engine: onnxruntime\ngolden: { tolerance: 0.5 }\n", golden)
    found = {one["model"]: one for one in json.loads(run_verdict("check", tmp_path, "--json", env=bare_environment()).stdout)["versions"]}
    assert found["right"]["result"] == "ok", found
    assert f"expected '{BASE}', got '{BASE + 1}'" in found["wrong"]["reason"]


def test_a_fallback_for_integers_is_a_whole_number(tmp_path):
    for name, score in {"whole": 7, "half": 0.5}.items():
        publish(tmp_path, name, passing(), f"engine: onnxruntime\nfallback: {{ score: {score} }}\n")
    found = {one["model"]: one for one in json.loads(run_verdict("check", tmp_path, "--json", env=bare_environment()).stdout)["versions"]}
    assert found["whole"]["result"] == "ok", found
    assert "0.5 is no whole number" in found["half"]["reason"]
