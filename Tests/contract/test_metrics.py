"""GET /metrics: what a dashboard reads."""

import math
import re

from graphs import BAD, model, without_number
from identity_models import features, identity
from onnx import helper
from serving import ROOT, Server


def test_requests_are_counted_by_model_and_status(several):
    def counted(model):
        found = {}
        for name, labels, value in several.samples():
            if name == "model_requests_total" and labels["model_name"] == model:
                found[labels["status"]] = found.get(labels["status"], 0) + value
        return found

    before, other = counted("m5"), counted("m4")
    connection = several.connect()
    for number in range(7):
        connection.post("/predict/m5", {"features": features(number)})
    for _ in range(3):
        assert connection.post("/predict/m5", {"features": ["wrong", 1]}).status == 400
    after = counted("m5")
    grown = {status: after[status] - before.get(status, 0) for status in after if after[status] != before.get(status, 0)}
    assert sorted(grown.values()) == [3, 7], grown
    assert counted("m4") == other


def test_latencies_are_a_histogram_by_model_and_version(several):
    def histogram():
        labels = {"model_name": "m3", "version": "1"}
        buckets = sorted(
            (float(found["le"].replace("+Inf", "inf")), value)
            for name, found, value in several.samples()
            if name == "model_prediction_latency_seconds_bucket" and labels.items() <= found.items()
        )
        return (
            buckets,
            several.metric("model_prediction_latency_seconds_count", **labels),
            several.metric("model_prediction_latency_seconds_sum", **labels),
        )

    several.post("/predict/m3", {"features": [0, 0]})
    _, count_before, sum_before = histogram()
    for number in range(11):
        assert several.post("/predict/m3", {"features": features(number)}).status == 200
    buckets, count, total = histogram()
    assert count - count_before == 11
    assert 0 < total - sum_before < 11
    assert len(buckets) >= 8 and buckets[-1] == (math.inf, count)
    values = [value for _, value in buckets]
    assert values == sorted(values)
    assert buckets[0][0] <= 0.0001, "predictions take microseconds: the buckets have to tell them apart"


def test_each_served_version_is_listed(examples):
    for model, version in (("fraud_detection", "1"), ("fraud_detection", "2"), ("credit_score", "1")):
        assert examples.metric("model_version_info", model_name=model, version=version) == 1


def test_the_process_and_what_is_in_flight_are_shown(examples):
    names = {name for name, _, _ in examples.samples()}
    assert "verdict_process_resident_memory_bytes" in names
    assert "verdict_process_cpu_seconds_total" in names
    assert any("in_flight" in name or "inflight" in name for name in names), sorted(names)
    assert examples.metric("model_loads_total", model_name="fraud_detection", result="success") == 2
    assert examples.metric("model_loads_total", model_name="credit_score", result="success") == 1


def test_the_text_is_well_formed(examples):
    answer = examples.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text.endswith("\n")
    typed, series = set(), set()
    for line in answer.text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in typed, f"{name} is declared twice"
            assert kind in ("counter", "gauge", "histogram", "summary", "untyped")
            typed.add(name)
    for name, labels, value in examples.samples():
        family = name
        for suffix in ("_bucket", "_sum", "_count"):
            if name.endswith(suffix) and name.removesuffix(suffix) in typed:
                family = name.removesuffix(suffix)
        assert family in typed, f"{name} has no TYPE"
        key = (name, *sorted(labels.items()))
        assert key not in series, f"{key} appears twice"
        series.add(key)
        assert not math.isnan(value)
    assert len(series) == sum(1 for line in answer.text.splitlines() if line and not line.startswith("#"))
    assert examples.get("/metrics").status == 200


def test_unknown_models_do_not_make_labels(several):
    """Else a client could fill the server's memory with names."""
    for number in range(20):
        assert several.post(f"/predict/invented_{number}", {"features": [1, 2]}).status == 404
    assert not any("invented" in value for _, labels, _ in several.samples() for value in labels.values())


def test_requests_to_a_model_that_is_down_are_counted_under_its_name(repository):
    repository.add("good", 1, identity(0))
    repository.add("broken", 1, "{")
    with Server(repository.folder) as server:
        for path in ("/predict/broken", "/predict/broken/versions/1", "/predict/batch/broken"):
            assert server.post(path, {"features": [1, 2]}).status == 503
        assert server.post("/v2/models/broken/infer", {"inputs": []}).status == 503
        assert server.post("/predict/broken/versions/7", {"features": [1, 2]}).status == 404
        assert server.post("/predict/good/versions/7", {"features": [1, 2]}).status == 404
        assert server.post("/predict/nobody", {"features": [1, 2]}).status == 404
        assert server.metric("model_requests_total", model_name="broken", status="not_ready") == 4
        assert server.metric("model_requests_total", model_name="broken", status="unknown_version") == 1
        assert server.metric("model_requests_total", model_name="good", status="unknown_version") == 1
        unknown = {
            labels["status"]: value
            for name, labels, value in server.samples()
            if name == "model_requests_total" and labels["model_name"] == "unknown"
        }
        assert unknown == {"unknown_model": 1}


def test_requests_without_a_name_are_counted_under_the_only_model_that_is_down(repository):
    repository.add("broken", 1, "{")
    with Server(repository.folder) as server:
        assert server.post("/predict", {"features": [1, 2]}).status == 503
        assert server.metric("model_requests_total", model_name="broken", status="not_ready") == 1


def test_decisions_and_scores_are_counted_by_version(repository):
    repository.add("m", 1, identity(0), manifest="policy: { block: 20, review: 10 }\n")
    with Server(repository.folder) as server:
        for score in (5, 15, 15, 25):
            assert server.post("/predict/m", {"features": [score, 0]}).status == 200
        rows = [{"features": [score, 0]} for score in (1, 2, 30)] + [{"features": ["wrong", 0]}]
        assert server.post("/predict/batch/m", rows).status == 200
        labels = {"model_name": "m", "version": "1"}
        found = {one: server.metric("model_decisions_total", decision=one, **labels) for one in ("ALLOW", "REVIEW", "BLOCK")}
        assert found == {"ALLOW": 3, "REVIEW": 2, "BLOCK": 2}
        assert server.metric("model_score_count", **labels) == 7
        assert server.metric("model_score_sum", **labels) == 93
        assert server.metric("model_score_bucket", le="10.0", **labels) == 3
        assert server.metric("model_score_bucket", le="20.0", **labels) == 5


def given(server, name):
    """Decisions and scores of a model's only version."""
    labels = {"model_name": name, "version": "1"}
    decisions = [server.metric("model_decisions_total", decision=one, **labels) for one in ("ALLOW", "REVIEW", "BLOCK")]
    return decisions, server.metric("model_score_count", **labels)


def test_decisions_and_scores_are_counted_on_every_path(repository):
    policy = "policy: { block: 20, review: 10 }\n"
    repository.add("plain", 1, identity(0), manifest=policy)
    repository.add("cached", 1, identity(0), manifest=policy + "cache: { ttl: 300s }\n")
    repository.add("engine", 1, identity(0), manifest=policy + "limits: { deadline: 10s }\n")
    with Server(repository.folder) as server:
        for name in ("plain", "cached", "engine"):
            decisions, scores = [0, 0, 0], 0
            for path in (f"/predict/{name}", f"/predict/{name}/versions/1", f"/predict/{name}"):
                answer = server.post(path, {"features": [15, 0]})
                assert answer.status == 200 and answer.json["decision"] == "REVIEW"
                decisions[1] += 1
            assert answer.json["cached"] is (name == "cached")
            # Rows that are in the cache and rows that are not.
            for _ in range(2):
                answer = server.post(f"/predict/batch/{name}", [{"features": [one, 0]} for one in (1, 2, 15, 25)])
                assert [one["decision"] for one in answer.json["results"]] == ["ALLOW", "ALLOW", "REVIEW", "BLOCK"]
                decisions = [decisions[0] + 2, decisions[1] + 1, decisions[2] + 1]
            tensor = {"name": "features", "datatype": "FP64", "shape": [3, 2], "data": [1, 0, 25, 0, 26, 0]}
            answer = server.post(f"/v2/models/{name}/infer", {"inputs": [tensor]})
            assert answer.status == 200, answer
            decisions = [decisions[0] + 1, decisions[1], decisions[2] + 2]
            assert given(server, name) == (decisions, sum(decisions)), name
            assert server.metric("model_rows_total", model_name=name) == sum(decisions)
            assert server.metric("model_prediction_latency_seconds_count", model_name=name) == 6


def test_a_fallback_counts_as_a_decision_and_not_as_a_score(repository):
    manifest = "engine: onnxruntime\npolicy: { block: 0.8, review: 0.5 }\nfallback: { score: 0.25, decision: REVIEW, on: [missingScore] }\n"
    repository.add("nan", 1, without_number(), file="model.onnx", manifest=manifest)
    with Server(repository.folder) as server:
        assert server.post("/predict/nan", {"features": [0.9]}).json["decision"] == "BLOCK"
        assert server.post("/predict/nan", {"features": [BAD]}).json["degraded"] is True
        assert server.post("/predict/batch/nan", [{"features": [BAD]}]).status == 200
        tensor = {"name": "x", "datatype": "FP64", "shape": [1, 1], "data": [BAD]}
        assert server.post("/v2/models/nan/infer", {"inputs": [tensor]}).json["parameters"]["degraded"] is True
        assert given(server, "nan") == ([0, 3, 1], 1)
        assert server.metric("model_degraded_total", model_name="nan", reason="score missing") == 3


def counts(server, name):
    """Requests by status and rows by version and result, as far as there are any."""
    requests, rows = {}, {}
    for metric, labels, value in server.samples():
        if labels.get("model_name") == name and value:
            if metric == "model_requests_total":
                requests[labels["status"]] = value
            elif metric == "model_rows_total":
                rows[labels["version"], labels["result"]] = value
    return requests, rows


def test_a_batch_is_one_request_however_many_versions_answer_it(repository):
    folder = repository.folder / "m"
    folder.mkdir(parents=True)
    (folder / "model.yaml").write_text("versions: { split: { 1: 1, 2: 1 }, sticky: user_id }\n")
    for version in (1, 2):
        repository.add("m", version, identity(0))
    rows = [{"features": [number, 0], "context": {"user_id": f"u{number}"}} for number in range(40)]
    bad = {"features": ["wrong", 0], "context": {"user_id": "u1"}}
    with Server(repository.folder) as server:
        results = server.post("/predict/batch/m", [*rows, bad]).json["results"]
        versions = [result["model_version"] for result in results if "error" not in result]
        assert set(versions) == {"1", "2"} and len(versions) == 40
        answered = {(version, "scored"): versions.count(version) for version in ("1", "2")}
        assert counts(server, "m") == ({"success": 1}, answered)
        assert server.metric("model_prediction_latency_seconds_count", model_name="m") == 2, "one for each version"
        # Nothing was wrong with a batch of nothing; a batch of nothing but errors is one.
        assert server.post("/predict/batch/m", []).json["count"] == 0
        assert server.post("/predict/batch/m", [bad, bad]).json["failed"] == 2
        assert counts(server, "m") == ({"success": 2, "invalid_feature": 1}, answered)
        assert server.metric("model_requests_in_flight") == 0


def test_rows_count_for_the_version_that_answered_them(repository):
    """Version 1 of `asked` has no score for negative numbers; `other` and then a constant stand in for it."""
    root = model([helper.make_node("Sqrt", ["x"], ["y"])])
    repository.add("asked", 1, root, file="model.onnx", manifest="fallback: { on: [missingScore], model: other }\n")
    manifest = "fallback: { on: [missingScore], score: 0.5 }\n"
    negative = model([helper.make_node("Neg", ["x"], ["minus"]), helper.make_node("Sqrt", ["minus"], ["y"])])
    repository.add("other", 1, negative, file="model.onnx", manifest=manifest)
    with Server(repository.folder) as server:
        for _ in range(2):
            results = server.post("/predict/batch/asked", [{"features": [x]} for x in (4, -9, 1, -16, 25)]).json["results"]
            assert [result["prediction"] for result in results] == [[2], [3], [1], [4], [5]]
        assert counts(server, "asked") == ({"success": 2}, {("1", "scored"): 6, ("1", "fallback"): 4})
        assert counts(server, "other") == ({}, {}), "nobody asked it"
        assert server.metric("model_stand_in_rows_total", model_name="other", version="1") == 4
        assert server.metric("model_degraded_total", model_name="asked", reason="score missing") == 4


def test_the_buckets_of_the_latency_have_no_gap(examples):
    bounds = {float(labels["le"]) for name, labels, _ in examples.samples() if name == "model_prediction_latency_seconds_bucket"}
    finite = sorted(bounds - {float("inf")})
    assert finite[0] <= 1e-5 and finite[-1] >= 10 and float("inf") in bounds
    assert all(more <= 2.5001 * less for less, more in zip(finite, finite[1:], strict=False))


def test_every_metric_is_documented(examples):
    """By its family's name, in the table of docs/metrics-and-logs.md."""
    documented = set(re.findall(r"`((?:verdict|model)_[a-z0-9_]+)`", (ROOT / "docs" / "metrics-and-logs.md").read_text()))
    families = {line.split()[2] for line in examples.get("/metrics").text.splitlines() if line.startswith("# TYPE ")}
    assert families and not families - documented


def test_every_name_has_a_prefix_of_its_own(examples):
    names = {name for name, _, _ in examples.samples()}
    assert not [name for name in names if not name.startswith(("verdict_", "model_"))]


def test_errors_before_a_prediction_and_open_connections_are_counted(several):
    before = several.metric("verdict_http_errors_total", status="404")
    with several.socket():
        assert several.get("/nothing").status == 404
        assert several.metric("verdict_http_errors_total", status="404") == before + 1
        assert several.metric("verdict_http_open_connections") >= 1
    assert several.metric("verdict_http_connections_total") >= 3


def test_a_path_that_can_name_no_model_counts_against_nobody(repository):
    repository.add("m", 1, identity(0))
    with Server(repository.folder, "--default-model", "m") as server:
        for path in ("/predict/my%20model", "/predict/x%2Fy", "/predict/batch/a%20b"):
            assert server.post(path, {"features": features(1)}).status == 404
        assert server.metric("model_requests_total", model_name="m") == 0
        assert server.metric("model_requests_total", model_name="unknown") == 3
        assert server.post("/predict/m/versions/x%20y", {"features": features(1)}).status in (400, 404)
        assert server.metric("model_requests_total", model_name="m") == 0
