"""Fallbacks that are other models: each row of a batch goes the way that it goes alone, to the end of the chain."""

import pytest
from graphs import constant, model
from onnx import TensorProto, helper
from serving import WATCHFUL, Server

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
