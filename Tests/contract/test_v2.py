"""The Open Inference protocol (V2) with JSON tensors, as its clients use it."""

import json

import pytest
from identity_models import features
from serving import EXAMPLES


def tensors_for(metadata, rows):
    """The input tensors of these rows, made from the model's own metadata."""
    inputs = metadata["inputs"]
    if len(inputs) == 1 and len(rows[0]) > 1:
        data = [value for row in rows for value in row.values()]
        return [{"name": inputs[0]["name"], "datatype": inputs[0]["datatype"], "shape": [len(rows), len(rows[0])], "data": data}]
    tensors = []
    for one in inputs:
        shape = [len(rows)] + [1] * (len(one["shape"]) - 1)
        data = [row[one["name"]] for row in rows]
        tensors.append({"name": one["name"], "datatype": one["datatype"], "shape": shape, "data": data})
    return tensors


def assert_carries(body, values):
    outputs = {one["name"]: one for one in body["outputs"]}
    for one in outputs.values():
        assert one["datatype"] and one["shape"][0] == len(values)
    assert any(one["data"][: len(values)] == values for one in outputs.values()), body


def test_server_metadata_names_the_server(examples):
    body = examples.get("/v2").json
    assert body["name"] and body["version"] and isinstance(body["extensions"], list)


def test_health_answers_what_both_families_of_clients_read(examples):
    live, ready = examples.get("/v2/health/live"), examples.get("/v2/health/ready")
    assert (live.status, ready.status) == (200, 200)
    assert live.json["live"] is True and ready.json["ready"] is True
    for path in ("/health", "/health/live", "/health/ready"):
        answer = examples.get(path)
        assert answer.status == 200 and isinstance(answer.json, dict)


def test_model_metadata_lists_versions_inputs_and_outputs(examples):
    body = examples.get("/v2/models/fraud_detection").json
    assert body["name"] == "fraud_detection"
    assert sorted(body["versions"]) == ["1", "2"]
    assert body["platform"]
    names = [one["name"] for one in body["inputs"]]
    if len(names) > 1:
        header = (EXAMPLES / "transactions.csv").read_text().splitlines()[0]
        assert names == header.split(",")
        assert next(one for one in body["inputs"] if one["name"] == "country")["datatype"] == "BYTES"
    for one in body["inputs"] + body["outputs"]:
        assert one["name"] and one["datatype"] and one["shape"][0] == -1
    assert examples.get("/v2/models/fraud_detection/versions/1").json["name"] == "fraud_detection"


def test_model_readiness_has_a_version_too(examples):
    for path in ("", "/versions/1", "/versions/2"):
        answer = examples.get(f"/v2/models/fraud_detection{path}/ready")
        assert answer.status == 200, answer
        if answer.body:
            assert answer.json["ready"] is True
    assert examples.get("/v2/models/fraud_detection/versions/9/ready").status in (400, 404)
    assert examples.get("/v2/models/nobody/ready").status in (400, 404)


@pytest.mark.parametrize("count", [1, 3, 40])
def test_inference_gives_the_scores_of_predict(several, count):
    metadata = several.get("/v2/models/m4").json
    numbers = [17 * number + 300 for number in range(count)]
    rows = [dict(zip(("low", "high"), map(float, features(number)))) for number in numbers]
    body = several.post("/v2/models/m4/infer", {"id": "call 4", "inputs": tensors_for(metadata, rows)}).json
    assert body["model_name"] == "m4" and body["model_version"] == "1" and body["id"] == "call 4"
    assert_carries(body, [65536 * 4 + number for number in numbers])


def test_inference_takes_strings_for_categories(examples):
    payment = json.loads((EXAMPLES / "requests.jsonl").read_text().splitlines()[0])["features"]
    metadata = examples.get("/v2/models/fraud_detection").json
    if len(metadata["inputs"]) == 1:
        pytest.skip("the model takes one tensor")
    for version in ("1", "2"):
        score = examples.post(f"/predict/fraud_detection/versions/{version}", {"features": payment}).json["prediction"]
        answer = examples.post(
            f"/v2/models/fraud_detection/versions/{version}/infer", {"inputs": tensors_for(metadata, [payment])}
        )
        assert answer.status == 200, answer
        assert answer.json["model_version"] == version
        assert_carries(answer.json, score)


def test_outputs_can_be_chosen(several):
    metadata = several.get("/v2/models/m4").json
    wanted = metadata["outputs"][0]["name"]
    body = {"inputs": tensors_for(metadata, [{"low": 1.0, "high": 0.0}]), "outputs": [{"name": wanted}]}
    assert [one["name"] for one in several.post("/v2/models/m4/infer", body).json["outputs"]] == [wanted]
    body["outputs"] = [{"name": "nothing_of_the_kind"}]
    assert several.post("/v2/models/m4/infer", body).status == 400


def test_nested_data_is_taken_like_flat_data(several):
    metadata = several.get("/v2/models/m4").json
    tensors = tensors_for(metadata, [{"low": 1.0, "high": 0.0}, {"low": 2.0, "high": 1.0}])
    for one in tensors:
        width = one["shape"][1] if len(one["shape"]) > 1 else 0
        if width:
            one["data"] = [one["data"][i : i + width] for i in range(0, len(one["data"]), width)]
    answer = several.post("/v2/models/m4/infer", {"inputs": tensors})
    assert answer.status == 200, answer
    assert_carries(answer.json, [65536 * 4 + 1, 65536 * 4 + 258])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda inputs: inputs[0].update(shape=[7] + inputs[0]["shape"][1:]),
        lambda inputs: inputs[0].update(shape=[-1]),
        lambda inputs: inputs[0].update(shape=[2**40, 2**40]),
        lambda inputs: inputs[0].update(datatype="FP99"),
        lambda inputs: inputs[0].update(name="nothing_of_the_kind"),
        lambda inputs: inputs[0].update(data=["many"] * len(inputs[0]["data"])),
        lambda inputs: inputs[0].update(data=7),
        lambda inputs: inputs[0].pop("shape"),
        lambda inputs: inputs[0].pop("data"),
        lambda inputs: inputs[0].pop("name"),
        lambda inputs: inputs.append(dict(inputs[0])),
        lambda inputs: inputs.clear(),
    ],
    ids=["shape", "negative", "enormous", "datatype", "name", "text", "scalar", "no shape", "no data", "no name", "twice", "none"],
)
def test_a_wrong_tensor_is_400_with_the_protocols_error(several, spoil):
    metadata = several.get("/v2/models/m4").json
    inputs = tensors_for(metadata, [{"low": 1.0, "high": 0.0}])
    spoil(inputs)
    answer = several.post("/v2/models/m4/infer", {"inputs": inputs})
    assert answer.status == 400, answer
    assert answer.headers["Content-Type"] == "application/json"
    assert isinstance(answer.json["error"], str) and answer.json["error"]


def test_unknown_models_and_versions_have_the_protocols_error(several):
    for path in ("/v2/models/nobody/infer", "/v2/models/m4/versions/9/infer"):
        answer = several.post(path, {"inputs": []})
        assert answer.status in (400, 404), answer
        assert isinstance(answer.json["error"], str)
    answer = several.get("/v2/models/nobody")
    assert answer.status in (400, 404) and isinstance(answer.json["error"], str)


def test_the_repository_index_lists_each_version_with_its_state(examples):
    for body in (None, b"", "{}", {"ready": True}):
        answer = examples.post("/v2/repository/index", body)
        assert answer.status == 200, (body, answer)
        found = {(one["name"], one["version"]): one["state"] for one in answer.json}
        assert found == {("credit_score", "1"): "READY", ("fraud_detection", "1"): "READY", ("fraud_detection", "2"): "READY"}
