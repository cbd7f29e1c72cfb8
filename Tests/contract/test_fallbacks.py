"""Fallbacks that are other models: each row of a batch goes the way that it goes alone, to the end of the chain."""

import pytest
from graphs import constant, model
from onnx import TensorProto, helper
from serving import WATCHFUL, Server, run_verdict

ROWS = [-1, -7, 4, -2, 0.25, -8]


def root():
    """Scores the square root; a negative number has none."""
    return model([helper.make_node("Sqrt", ["x"], ["y"])])


def choosy():
    """Scores 100 + x; its engine refuses rows under -5, which read beyond the end of a table."""
    return model(
        [
            helper.make_node("Less", ["x", "bound"], ["is_bad"]),
            helper.make_node("Where", ["is_bad", "beyond", "first"], ["place"]),
            helper.make_node("Gather", ["table", "place"], ["one"]),
            helper.make_node("Add", ["x", "one"], ["y"]),
        ],
        constant("bound", [-5.0], shape=[]), constant("beyond", [99], TensorProto.INT64, []),
        constant("first", [0], TensorProto.INT64, []), constant("table", [100.0, 2.0]),
    )


def publish(folder, name, content, manifest):
    (folder / name / "1").mkdir(parents=True)
    (folder / name / "1" / "model.onnx").write_bytes(content)
    (folder / name / "model.yaml").write_text(manifest)


@pytest.fixture(scope="module", params=["", "cache: { ttl: 60s }\n"], ids=["plain", "cached"])
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fallbacks")
    policy = "policy: { block: 98.5, review: 0.4 }\n" + request.param
    publish(folder, "to_constant", root(), policy + "fallback: { on: [missingScore], model: choosy }\n")
    publish(folder, "choosy", choosy(), "engine: onnxruntime\nfallback: { score: 0.125, decision: REVIEW }\n")
    publish(folder, "to_nothing", root(), policy + "fallback: { on: [missingScore], model: alone }\n")
    publish(folder, "alone", choosy(), "engine: onnxruntime\n")
    publish(folder, "twice", root(), policy + "fallback: { on: [missingScore], model: again }\n")
    publish(folder, "again", root(), "fallback: { on: [missingScore], score: 0.75 }\n")
    publish(folder, "never", root(), policy + "fallback: { on: [missingScore], model: plain }\n")
    publish(folder, "plain", root(), "")
    with Server(folder, *WATCHFUL) as server:
        yield server


def essence(result):
    if "error" in result:
        return result["error"]["code"]
    return tuple(result.get(key) for key in ("decision", "model", "degraded", "degraded_reason")) + tuple(result["prediction"])


def alone(server, name, row):
    return essence(server.post(f"/predict/{name}", {"features": [row]}).json)


@pytest.mark.parametrize("name", ["to_constant", "to_nothing", "twice", "never"])
def test_a_row_of_a_batch_falls_back_as_it_does_alone(server, name):
    expected = [alone(server, name, row) for row in ROWS]
    for _ in range(2):
        body = server.post(f"/predict/batch/{name}", [{"features": [row]} for row in ROWS]).json
        assert [essence(one) for one in body["results"]] == expected
    assert len(set(expected)) > 2


def test_the_chain_is_gone_to_its_end(server):
    missing = "score missing"
    assert alone(server, "to_constant", 4) == ("REVIEW", "to_constant", False, None, 2)
    assert alone(server, "to_constant", -1) == ("BLOCK", "choosy", True, missing, 99)
    assert alone(server, "to_constant", -7) == ("REVIEW", "to_constant", True, missing, 0.125)
    assert alone(server, "to_nothing", -7) == (None, "to_nothing", False, None, None)
    # A substitute without a score is no answer.
    assert alone(server, "twice", -1) == ("REVIEW", "twice", True, missing, 0.75)
    assert alone(server, "never", -1) == (None, "never", False, None, None)


def test_tensors_say_which_rows_fell_back_and_to_what(server):
    tensor = {"name": "x", "shape": [len(ROWS), 1], "datatype": "FP64", "data": ROWS}
    body = server.post("/v2/models/to_constant/infer", {"inputs": [tensor]}).json
    assert body["outputs"][0]["data"] == [99, 0.125, 2, 98, 0.5, 0.125]
    assert body["model_name"] == "to_constant"
    parameters = body["parameters"]
    assert parameters["degraded"] is True and parameters["degraded_reason"] == "score missing"
    assert parameters["degraded_rows"] == "0,1,3,5" and parameters["degraded_models"] == "choosy/1"


def test_a_score_that_is_no_probability_is_not_given_for_one(tmp_path):
    import numpy as np
    from skl2onnx import to_onnx
    from sklearn.linear_model import LinearRegression, LogisticRegression

    rows = np.random.default_rng(1).normal(size=(100, 2)).astype(np.float32)
    asked = LogisticRegression().fit(rows, (rows[:, 0] > 0).astype(int))
    points = LinearRegression().fit(rows[:, 1:], 500 + 300 * rows[:, 1])
    policy = "inputs: [amount, age]\npolicy: { block: 0.8 }\n"
    publish(tmp_path, "asked", to_onnx(asked, rows, options={"zipmap": False}).SerializeToString(),
            policy + "fallback: { on: [missingScore], model: points }\n")
    publish(tmp_path, "points", to_onnx(points, rows[:, 1:]).SerializeToString(), "inputs: [age]\n")
    publish(tmp_path, "other", to_onnx(points, rows[:, 1:]).SerializeToString(),
            "inputs: [years]\nfallback: { on: [missingScore], model: points }\n")
    with Server(tmp_path, *WATCHFUL) as server:
        # The score itself is missing: 500 points are no probability, and would be BLOCK.
        far = server.post("/predict/asked", {"features": {"amount": None, "age": 0.1}}).json
        assert far["prediction"] == [None] and far["degraded"] is False and "decision" not in far
        # One that happens to lie between 0 and 1 may be meant.
        near = (0.5 - 500) / 300
        body = server.post("/predict/asked", {"features": {"amount": None, "age": near}}).json
        assert body["degraded"] is True and abs(body["prediction"][0] - 0.5) < 1e-3 and body["decision"] == "ALLOW"
    checked = run_verdict("check", tmp_path)
    assert checked.returncode == 0, checked
    assert "note     asked/1: the score is a probability, and that of the fallback 'points' is none." in checked.stdout
    assert "note     other/1: the fallback 'points' gets no value for any of its inputs 'age'" in checked.stdout
