"""An engine that refuses rows, does not come back or gives NaN, in ONNX Runtime itself.

One that hangs but heeds its deadline is in test_serving; calls that never return, at the level of threads, in Tests/BatchingTests.
"""

import json

import pytest
from faults import Load, assert_settles, descriptors, figures
from graphs import BAD, TRUSTING, deaf, dividing, endless, far_away, throwing, without_number
from identity_models import identity
from serving import Server, until

BREAKER = "minimumCalls: 4, openFor: 300ms, probes: 1"
OFFSET = 65536


def publish(repository, name, graph, manifest):
    repository.add(name, 1, graph, file="model.onnx", manifest="engine: onnxruntime\n" + manifest)


def breaker(server, name):
    return server.get(f"/models/{name}").json["versions"][0]["breaker"]["state"]


def ask(server, name, value):
    return server.post(f"/predict/{name}", {"features": [value]})


@pytest.fixture
def bystander(repository):
    repository.add("bystander", 1, identity(OFFSET))
    return {"bystander": OFFSET}


@pytest.mark.parametrize("is_known", [False, True], ids=["from the first request on", "after a good one"])
def test_rows_that_the_engine_refuses_are_the_callers_error_and_open_no_breaker(repository, bystander, is_known):
    publish(repository, "throwing", throwing(), f"fallback: {{ score: 0.9 }}\nlimits: {{ breaker: {{ {BREAKER} }} }}\n")
    with Server(repository.folder) as server, Load(server, bystander, clients=2) as load:
        if is_known:
            assert ask(server, "throwing", 4).json["prediction"] == [5]
        for _ in range(30):
            answer = ask(server, "throwing", BAD)
            assert answer.status == 400 and answer.json["success"] is False and "prediction" not in answer.json
            assert "indices" in answer.json["error"]["message"]
            assert breaker(server, "throwing") == "closed"
        batch = server.post("/predict/batch/throwing", [{"features": [BAD]}] * 3).json
        assert all("prediction" not in result for result in batch["results"])
        assert ask(server, "throwing", 7).json["prediction"] == [8]
        assert not server.metric("model_requests_total", model_name="throwing", status="engine_failure")
        load.wait_for(100)


@pytest.mark.parametrize(
    ("graph", "bad", "good", "score"),
    [
        # A row of zeros is refused like the callers'; the warm-up has others.
        (dividing(), [7, 0], [7, 2], 3),
        # No row that anybody makes up is answered, in the warm-up or afterwards.
        (far_away(5_000_000), [5], [5_000_001], 1),
    ],
    ids=["zeros are refused", "all but a few are refused"],
)
def test_refused_rows_are_the_callers_before_any_row_was_answered(repository, graph, bad, good, score):
    publish(repository, "m", graph, f"fallback: {{ score: 9 }}\nlimits: {{ breaker: {{ {BREAKER} }} }}\n")
    with Server(repository.folder) as server:
        for _ in range(30):
            answer = server.post("/predict/m", {"features": bad})
            assert answer.status == 400 and answer.json["error"]["code"] == "INVALID_REQUEST", answer
            assert "refuses this row" in answer.json["error"]["message"]
            assert breaker(server, "m") == "closed"
        results = server.post("/predict/batch/m", [{"features": one} for one in (bad, good, bad)]).json["results"]
        assert results[1]["prediction"] == [score] and results[1]["degraded"] is False
        assert {one["error"]["code"] for one in (results[0], results[2])} == {"INVALID_REQUEST"}
        assert server.post("/predict/m", {"features": good}).json["prediction"] == [score]
        assert not server.metric("model_requests_total", model_name="m", status="engine_failure")
        assert server.metric("model_requests_total", model_name="m", status="invalid_request") == 30


def test_an_engine_that_misses_its_deadline_is_504_then_503_and_is_tried_again(repository, bystander):
    publish(repository, "endless", endless(), TRUSTING + f"limits: {{ deadline: 50ms, breaker: {{ {BREAKER} }} }}\n")
    with Server(repository.folder) as server, Load(server, bystander, clients=2) as load:
        statuses = []
        while 503 not in statuses:
            answer = ask(server, "endless", BAD)
            assert answer.json["success"] is False and "prediction" not in answer.json
            statuses.append(answer.status)
            assert len(statuses) < 100
        assert set(statuses) == {504, 503} and statuses[0] == 504, statuses
        # While the breaker is open not even good rows reach the engine; later one of them closes it.
        assert breaker(server, "endless") in ("open", "half_open")
        until(lambda: ask(server, "endless", 6).status == 200, "the engine to be tried again")
        until(lambda: breaker(server, "endless") == "closed", "the breaker to close")
        assert server.metric("model_breaker_transitions_total", model_name="endless") >= 3
        load.wait_for(100)


def test_a_fallback_stands_in_for_an_engine_that_misses_its_deadline(repository, bystander):
    publish(repository, "endless", endless(), TRUSTING + f"""
policy: {{ block: 0.8 }}
fallback: {{ score: 0.9 }}
limits: {{ deadline: 50ms, breaker: {{ {BREAKER} }} }}
""")
    with Server(repository.folder) as server, Load(server, bystander, clients=2) as load:
        reasons = []
        while "breaker open" not in reasons:
            answer = ask(server, "endless", BAD)
            assert answer.status == 200 and answer.json["degraded"] is True
            assert answer.json["prediction"] == [0.9] and answer.json["decision"] == "BLOCK"
            reasons.append(answer.json["degraded_reason"])
            assert len(reasons) < 100
        assert set(reasons) == {"deadline passed", "breaker open"} and reasons[0] == "deadline passed"
        until(lambda: ask(server, "endless", -3).json["degraded"] is False, "the engine to be tried again")
        for reason in set(reasons):
            assert server.metric("model_degraded_total", model_name="endless", reason=reason) >= reasons.count(reason)
        load.wait_for(100)


def test_a_row_that_makes_the_engine_throw_fails_by_itself(repository):
    publish(repository, "throwing", throwing(), "limits: { breaker: { failureRatio: 1 } }\n")
    with Server(repository.folder) as server:
        values = [float(number) for number in range(40)]
        values[17] = values[31] = BAD
        body = server.post("/predict/batch/throwing", [{"features": [one]} for one in values]).json
        assert body["count"] == len(values)
        for one, result in zip(values, body["results"], strict=True):
            if one == BAD:
                assert result["error"]["code"] and "prediction" not in result
            else:
                assert result["prediction"] == [one + 1]


def test_failures_without_end_cost_no_memory_and_no_descriptors(repository, bystander):
    publish(repository, "throwing", throwing(), "limits: { breaker: { minimumCalls: 1000000 } }\n")
    with Server(repository.folder) as server, Load(server, bystander, clients=2) as load:
        connection = server.connect()

        def fail(count):
            for number in range(count):
                assert connection.post("/predict/throwing", {"features": [BAD]}).status == 400
                assert connection.post("/predict/throwing", {"features": [number]}).json["prediction"] == [number + 1]

        fail(300)
        before = descriptors(server)
        assert_settles(server, lambda: fail(300), room=300 * 1024)
        assert descriptors(server) <= before
        load.wait_for(100)
        connection.close()


def test_a_call_that_heeds_nobody_holds_up_neither_its_model_nor_others(repository, bystander):
    """One matrix multiplication of seconds: ONNX Runtime cannot be stopped within it. The deadline holds all the same."""
    publish(repository, "deaf", deaf(4000), TRUSTING + """
fallback: { score: 0.25 }
batching: { stuckAfter: 50ms }
limits: { deadline: 100ms, breaker: { minimumCalls: 1000 } }
""")
    publish(repository, "patient", deaf(4000), TRUSTING)
    with Server(repository.folder) as server, Load(server, bystander, clients=2) as load:
        whole = ask(server, "patient", BAD)
        assert whole.status == 200
        assert ask(server, "deaf", 3).json["prediction"] == [3]
        del load.latencies[:]
        answer = ask(server, "deaf", BAD).json
        # Others that had waited for it would have one answer each at most.
        assert load.answered > 2
        assert answer["prediction"] == [0.25] and answer["degraded_reason"] == "deadline passed"
        assert 100 <= answer["latency_ms"] < whole.json["latency_ms"], "the answer does not wait for the call's end"
        # Where memory is slow to come, the deadline finds the call before its multiplication, and ends it.
        until(
            lambda: server.metric("model_batch_hung_calls_total", model_name="deaf") >= 1
            or ask(server, "deaf", BAD).json["degraded"] is False,
            "the call to count as hung",
        )
        assert server.metric("model_batch_hung_calls_total", model_name="deaf") >= 1
        # Another thread has taken the lost one's place, while the call still goes on.
        until(lambda: ask(server, "deaf", 5).json["degraded"] is False, "the model to be computed again")
        assert ask(server, "deaf", 6).json["prediction"] == [6]
        load.wait_for(100)
        figures("beside a call that heeds nobody", load.latencies)


@pytest.mark.parametrize("fallback", [None, "fallback: { score: 0.25, decision: REVIEW, on: [missingScore] }"])
def test_not_a_number_is_null_or_the_fallback_and_never_a_bare_nan(repository, fallback):
    publish(repository, "nan", without_number(), f"policy: {{ block: 0.8, review: 0.5 }}\n{fallback or ''}\n")
    with Server(repository.folder) as server:
        good = ask(server, "nan", 0.75)
        assert good.json["prediction"] == [0.75] and good.json["decision"] == "REVIEW" and good.json["degraded"] is False
        answer = ask(server, "nan", BAD)
        # Reading the answer fails on NaN, which is no JSON.
        body = answer.json
        assert answer.status == 200 and "NaN" not in answer.text and "nan" not in json.dumps(body["prediction"])
        if fallback:
            assert body["prediction"] == [0.25] and body["decision"] == "REVIEW"
            assert body["degraded"] is True and body["degraded_reason"] == "score missing"
        else:
            assert body["prediction"] == [None] and "decision" not in body and body["degraded"] is False
        rows = server.post("/predict/batch/nan", [{"features": [one]} for one in (0.9, BAD, 0.1)])
        results = rows.json["results"]
        if not fallback:
            assert [one["prediction"] for one in results] == [[pytest.approx(0.9)], [None], [pytest.approx(0.1)]]
            assert [one.get("decision") for one in results] == ["BLOCK", None, "ALLOW"]
        else:
            # One row's trouble is that row's.
            assert [one["prediction"] for one in results] == [[pytest.approx(0.9)], [0.25], [pytest.approx(0.1)]]
            assert [one["decision"] for one in results] == ["BLOCK", "REVIEW", "ALLOW"]
            assert [one["degraded"] for one in results] == [False, True, False]
            assert results[1]["degraded_reason"] == "score missing" and "degraded_reason" not in results[0]
            rows = {"inputs": [{"name": "x", "shape": [3, 1], "datatype": "FP64", "data": [0.9, BAD, 0.1]}]}
            body = server.post("/v2/models/nan/infer", rows).json
            assert body["parameters"]["degraded"] is True and body["parameters"]["degraded_rows"] == "1"
            assert body["outputs"][0]["data"] == [pytest.approx(0.9), 0.25, pytest.approx(0.1)]


def test_an_engine_that_hangs_time_and_again_costs_no_memory_and_no_descriptors(repository, bystander):
    manifest = TRUSTING + "fallback: { score: 0.25 }\nlimits: { deadline: 20ms, breaker: { minimumCalls: 1000 } }\n"
    publish(repository, "endless", endless(), manifest)
    with Server(repository.folder) as server, Load(server, bystander, clients=2) as load:

        def hang(count):
            for number in range(count):
                answer = ask(server, "endless", BAD).json
                assert answer["prediction"] == [0.25] and answer["degraded_reason"] == "deadline passed"
                until(lambda: ask(server, "endless", -number).json["prediction"] == [-number], "the model to be computed again")

        hang(20)
        before = descriptors(server)
        assert_settles(server, lambda: hang(20), room=20 * 16384)
        assert descriptors(server) <= before + 1
        load.wait_for(100)
