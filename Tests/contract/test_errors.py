"""Refusals: the right status, the documented shape, a message that helps, and a server that goes on."""

import pytest
from identity_models import features

SHAPE = {"code", "message"}


def assert_error(answer, status, code=None):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    body = answer.json
    assert body["success"] is False
    assert SHAPE <= set(body["error"]) <= SHAPE | {"request_id"}, body
    assert body["error"]["message"]
    if code:
        assert body["error"]["code"] == code, body
    return body["error"]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"features": {"low": "many"}}, "low"),
        ({"features": {"high": [1]}}, "high"),
        ({"features": {"high": {"a": 1}}}, "high"),
        ({"features": {"lwo": 1}}, "lwo"),
        ({"features": ["many", 1]}, "low"),
    ],
)
def test_a_wrong_feature_is_named(several, body, names):
    error = assert_error(several.post("/predict/m0", body | {"request_id": "r7"}), 400, "INVALID_FEATURE")
    assert names in error["message"]
    assert error["request_id"] == "r7"
    assert "many" not in error["message"], "a message quotes a feature's value"


def test_a_category_the_model_does_not_know_is_told_or_counts_as_missing(examples):
    """Version 2 (LightGBM) takes an unknown level for missing, as the library does."""
    connection = examples.connect()
    path = "/predict/fraud_detection/versions/2"
    unknown = connection.post(path, {"features": {"amount": 10, "country": "Atlantis"}})
    missing = connection.post(path, {"features": {"amount": 10}})
    if unknown.status == 200:
        assert unknown.json["prediction"] == missing.json["prediction"]
    else:
        error = assert_error(unknown, 400, "INVALID_FEATURE")
        assert "country" in error["message"] and "Atlantis" not in error["message"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "null",
        "[1, 2]",
        '"features"',
        "{}",
        '{"features": null}',
        '{"features": 7}',
        '{"features": "low"}',
        '{"features": [1, 2]',
        '{"features": [1, 2]} x',
        '{"features": [1, 2],}',
        '{"features": [1 2]}',
        '{"features": [01, 2]}',
        '{"features": [.5, 2]}',
        '{"features": [1., 2]}',
        '{"features": [+1, 2]}',
        '{"features": [0x1, 2]}',
        '{"features": [NaN, 2]}',
        '{"features": [Infinity, 2]}',
        '{"features": [nul, 2]}',
        '{"features": [1, 2, 3]}',
        '{"features": {"low": 1, "low": 2}}',
        '{"features": {"low": 1}, "features": {"low": 2}}',
        '{"features": {"low": 1, "\\u006cow": 2}}',
        "{'features': [1, 2]}",
        '{"features": {low: 1}}',
        '{"features": [1, 2], "request_id": "\\ud800"}',
        '{"features": [1, 2], "request_id": "a\nb"}',
        '{"features": [1, 2], "request_id": "\\x41"}',
        b'{"features": [1, 2], "request_id": "\xff"}',
        b'{"features": [1, 2], "request_id": "\xc0\xaf"}',
        b"\xef\xbb\xbf{",
        b"\x00",
        '{"features": [1, 2], "context": ' + "[" * 5000 + "]" * 5000 + "}",
        '{"features": ' + "[" * 100_000,
    ],
)
def test_what_is_no_request_is_refused_and_the_connection_goes_on(several, body):
    connection = several.connect()
    assert_error(connection.post("/predict/m0", body), 400)
    assert connection.post("/predict/m0", {"features": features(77)}).json["prediction"] == [77]


def test_a_number_beyond_double_is_refused_or_counts_as_infinite_but_is_never_written(several):
    answer = several.post("/predict/m0", '{"features": [1e999, 0]}')
    assert answer.status in (200, 400)
    assert answer.json is not None


@pytest.mark.parametrize("path", ["/predict/nobody", "/predict/nobody/versions/1", "/predict/batch/nobody"])
def test_an_unknown_model_is_404(several, path):
    error = assert_error(several.post(path, {"features": [1, 2]} if "batch" not in path else [{"features": [1, 2]}]), 404)
    assert "nobody" in error["message"]


def test_an_unknown_version_is_404(several):
    error = assert_error(several.post("/predict/m0/versions/9", {"features": [1, 2]}), 404)
    assert "9" in error["message"] and "m0" in error["message"]


@pytest.mark.parametrize("version", ["0", "-1", "01", "one", "1.0", "99999999999999999999", "%31x", ""])
def test_what_is_no_version_is_refused(several, version):
    answer = several.post(f"/predict/m0/versions/{version}", {"features": [1, 2]})
    assert answer.status in (400, 404), answer
    assert_error(answer, answer.status)


@pytest.mark.parametrize(
    "path", ["/", "/predictions", "/predict/m0/versions", "/predict/m0/else", "/v3", "/predict/a/b/c/d", "/favicon.ico"]
)
def test_an_unknown_path_is_404(several, path):
    assert_error(several.post(path, {"features": [1, 2]}), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/predict/m0", "POST"),
        ("PUT", "/predict/m0", "POST"),
        ("DELETE", "/predict/m0/versions/1", "POST"),
        ("GET", "/predict/batch/m0", "POST"),
        ("GET", "/v2/models/m0/infer", "POST"),
        ("GET", "/v2/repository/index", "POST"),
        ("POST", "/health", "GET"),
        ("POST", "/health/ready", "GET"),
        ("POST", "/metrics", "GET"),
        ("DELETE", "/models", "GET"),
    ],
)
def test_a_wrong_method_is_405_and_says_the_right_one(several, method, path, allowed):
    answer = several.request(method, path)
    assert answer.status == 405, answer
    assert allowed in answer.headers["Allow"]
    assert answer.json["error"]


def test_a_batch_that_is_no_batch_is_refused_as_a_whole(several):
    for body in ("7", '"x"', "{}", '{"requests": 7}', '{"requests": null}', "[", '[{"features": [1, 2]}'):
        assert_error(several.post("/predict/batch/m0", body), 400)
    body = several.post("/predict/batch/m0", [7, None, {"features": [1, 0]}]).json
    assert body["results"][2]["prediction"] == [1]
    assert body["results"][0]["error"]["message"] and body["results"][1]["error"]["message"]


@pytest.mark.parametrize("name", ["..", ".hidden", "a%2Fb", "a%00b", "x" * 129, "m0%20", "%zz"])
def test_what_cannot_be_a_name_is_refused_like_an_unknown_one(several, name):
    answer = several.post(f"/predict/{name}", {"features": [1, 2]})
    assert answer.status in (400, 404), answer
    assert_error(answer, answer.status)
