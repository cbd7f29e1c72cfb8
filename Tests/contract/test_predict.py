"""POST /predict and /predict/batch: what a business system sends and gets back."""

import csv
import json

import pytest
import requests
from identity_models import features, identity, named_features
from libraries import MODEL_FILES, as_features, library_scores, payments
from serving import EXAMPLES, Server

PAYMENT = {
    "amount": 689.9, "hour": 3, "country": "NL", "merchant_category": "electronics", "device_age_days": 0,
    "account_age_days": 38, "velocity_1h": 4, "velocity_24h": 6, "distance_km": 5120,
}
POLICY = {"block": 0.53, "review": 0.10}


def decided(score):
    return "BLOCK" if score > POLICY["block"] else "REVIEW" if score > POLICY["review"] else "ALLOW"


def golden(version):
    """The example's golden payments with the score that the training library gives each on this machine."""
    rows = payments(MODEL_FILES[version].parent / "golden.csv")[list(PAYMENT)]
    return list(zip(as_features(rows), library_scores(version, rows)[0].tolist()))


def test_an_answer_has_everything_the_contract_promises(examples):
    answer = requests.post(
        f"http://{examples.host}:{examples.port}/predict/fraud_detection",
        json={"features": PAYMENT, "request_id": "req_1", "context": {"user_id": "u1"}},
        timeout=10,
    )
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    body = answer.json()
    (score,) = body["prediction"]
    assert 0 <= score <= 1
    assert body["decision"] == decided(score)
    assert body["model"] == "fraud_detection"
    assert body["model_version"] == "2"
    assert body["request_id"] == "req_1"
    assert 0 <= body["latency_ms"] < 10_000
    assert body["cached"] is False
    assert body["degraded"] is False
    assert set(body["probabilities"]) == {"0", "1"}
    assert body["probabilities"]["1"] == score
    assert sum(body["probabilities"].values()) == pytest.approx(1)
    assert body["label"] == ("1" if score > 0.5 else "0")


def test_the_highest_version_answers_by_default_and_any_by_its_number(examples):
    answers = {
        path: examples.post(f"/predict/fraud_detection{path}", {"features": PAYMENT}).json
        for path in ("", "/versions/1", "/versions/2")
    }
    assert [one["model_version"] for one in answers.values()] == ["2", "1", "2"]
    assert answers[""]["prediction"] == answers["/versions/2"]["prediction"]
    assert answers["/versions/1"]["prediction"] != answers["/versions/2"]["prediction"]


@pytest.mark.parametrize("version", ["1", "2"])
def test_golden_payments_get_exactly_the_score_of_the_library_by_name_and_by_position(examples, version):
    connection = examples.connect()
    path = f"/predict/fraud_detection/versions/{version}"
    for number, (payment, score) in enumerate(golden(version), start=1):
        by_name = connection.post(path, {"features": payment})
        by_position = connection.post(path, {"features": list(payment.values())})
        known = {name: value for name, value in payment.items() if value is not None}
        without_missing = connection.post(path, {"features": known})
        for answer in (by_name, by_position, without_missing):
            assert answer.status == 200, (number, answer)
            assert answer.json["prediction"] == [score], (number, answer)
            assert answer.json["decision"] == decided(score), (number, answer)


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_batch_gives_each_row_the_score_it_gets_alone(examples, version):
    rows = golden(version)
    answer = examples.post(
        f"/predict/batch/fraud_detection/versions/{version}",
        [{"features": payment, "request_id": f"r{number}"} for number, (payment, _) in enumerate(rows)],
    )
    assert answer.status == 200, answer
    body = answer.json
    assert body["success"] is True
    assert body["count"] == len(rows) == len(body["results"])
    assert body["total_latency_ms"] >= 0
    for number, (result, (_, score)) in enumerate(zip(body["results"], rows)):
        assert result["prediction"] == [score]
        assert result["decision"] == decided(score)
        assert result["request_id"] == f"r{number}"
        assert result["model_version"] == version


def test_a_scorecard_answers_with_points_a_decision_and_its_reasons(examples):
    with (EXAMPLES / "models/credit_score/1/golden.csv").open(newline="") as file:
        applications = list(csv.DictReader(file))
    outputs = ("score", "reason_1", "reason_2", "reason_3")
    words = ("employment_status", "residence")
    connection = examples.connect()
    for row in applications:
        score, *codes = (row.pop(name) for name in outputs)
        application = {
            name: text if name in words else float(text) for name, text in row.items() if text != ""
        }
        answer = connection.post("/predict/credit_score", {"features": application})
        assert answer.status == 200, (application, answer)
        body = answer.json
        points = float(score)
        assert body["prediction"] == [points], application
        assert body["decision"] == ("BLOCK" if points < 560 else "REVIEW" if points < 600 else "ALLOW")
        assert [reason["code"] for reason in body["reasons"]] == codes, application
        assert "probabilities" not in body and "label" not in body


def test_fields_without_a_value_for_a_model_are_left_out(several):
    body = several.post("/predict/m1", {"features": features(515)}).json
    assert body["prediction"] == [65536 + 515]
    for name in ("label", "probabilities", "decision", "reasons", "request_id"):
        assert name not in body


def test_the_example_requests_are_answered(examples):
    connection = examples.connect()
    for line in (EXAMPLES / "requests.jsonl").read_text().splitlines():
        answer = connection.post("/predict/fraud_detection", line)
        assert answer.status == 200, (line, answer)
        assert answer.json["request_id"] == json.loads(line)["request_id"]


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"requests": rows}], ids=["array", "object"])
def test_a_bad_row_carries_its_own_error_and_fails_no_other(several, wrap):
    rows = [
        {"features": features(11), "request_id": "first"},
        {"features": {"low": "not a number", "high": 1}, "request_id": "second"},
        {"features": {"low": 1, "hihg": 1}, "request_id": "third"},
        {"request_id": "fourth"},
        {"features": features(44), "request_id": "fifth"},
    ]
    answer = several.post("/predict/batch/m2", wrap(rows))
    assert answer.status == 200, answer
    body = answer.json
    assert body["count"] == 5
    first, second, third, fourth, fifth = body["results"]
    assert first["prediction"] == [131072 + 11] and fifth["prediction"] == [131072 + 44]
    assert second["error"]["code"] == "INVALID_FEATURE" and "low" in second["error"]["message"]
    assert third["error"]["code"] == "INVALID_FEATURE" and "hihg" in third["error"]["message"]
    assert "features" in fourth["error"]["message"]
    for result in (second, third, fourth):
        assert "prediction" not in result
    assert "not a number" not in answer.text, "a message quotes a feature's value"


def test_an_empty_batch_is_an_empty_answer_or_a_clear_refusal(several):
    answer = several.post("/predict/batch/m2", [])
    if answer.status == 200:
        assert answer.json["results"] == [] and answer.json["count"] == 0
    else:
        assert answer.status == 400 and answer.json["error"]["message"]


def test_numbers_booleans_and_missing_values_are_taken_as_the_contract_says(several):
    connection = several.connect()
    for body, score in [
        ('{"features": [7, 0]}', 7),
        ('{"features": [7.0, 0e0]}', 7),
        ('{"features": [0.7E+1, -0.0]}', 7),
        ('{"features": [700e-2, 2.5e-1]}', 7),
        ('{"features": [true, false]}', 1),
        ('{"features": [null, 1]}', 256),
        ('{"features": {"high": 1}}', 256),
        ('{"features": {"low": null, "high": null}}', 0),
        ('{"features": {}}', 0),
        (' \r\n\t{ "features" : { "\\u006cow" : 9 } } \n', 9),
        ('{"context": {"deep": [{"er": null}]}, "features": [3, 0]}', 3),
        ('{"features": [123456789012345678901234567890, 0]}', 255),
        ('{"features": [-1e300, 1e300]}', 256 * 255),
    ]:
        answer = connection.post("/predict/m0", body)
        assert answer.status == 200, (body, answer)
        assert answer.json["prediction"] == [score], body


def test_request_ids_of_any_characters_come_back_unchanged(several):
    for name in ('quote " backslash \\ slash /', "line\nfeed\ttab\u0001", "naïve – 漢字 🦊", "\u2028", "x" * 256):
        answer = several.post("/predict/m0", {"features": [1, 0], "request_id": name})
        assert answer.status == 200, answer
        assert answer.json["request_id"] == name
    assert several.post("/predict/m0", {"features": [1, 0], "request_id": "x" * 257}).status == 400


def test_a_server_with_one_model_needs_no_name(repository):
    repository.add("only", 1, identity(0))
    with Server(repository.folder) as server:
        body = server.post("/predict", {"features": named_features(300)}).json
        assert (body["model"], body["prediction"]) == ("only", [300])


def test_a_server_with_several_models_asks_for_the_name(several):
    answer = several.post("/predict", {"features": [1, 2]})
    assert answer.status in (400, 404)
    assert answer.json["success"] is False


def test_a_model_that_ignores_unknown_features_passes_over_them(repository):
    repository.add("lenient", 1, identity(0), manifest="unknownFeatures: ignore\n")
    with Server(repository.folder) as server:
        answer = server.post("/predict/lenient", {"features": {"low": 5, "shoe_size": [{"any": "thing"}]}})
        assert answer.status == 200, answer
        assert answer.json["prediction"] == [5]
