"""What model.yaml says about serving, over HTTP: caches, fallbacks, breakers, batches, limits."""

import concurrent.futures
import signal

import pytest
from faults import Redis
from graphs import TRUSTING, endless
from identity_models import identity
from onnx import TensorProto, helper
from serving import Server, until


def publish(folder, name, content, manifest=None, version=1, file="model.onnx"):
    place = folder / name / str(version)
    place.mkdir(parents=True)
    (place / file).write_bytes(content)
    if manifest:
        (folder / name / "model.yaml").write_text(manifest)


@pytest.fixture
def redis():
    server = Redis()
    yield server
    server.close()


@pytest.fixture
def cached(repository):
    repository.add("m", 1, identity(0))
    (repository.folder / "m" / "model.yaml").write_text("cache: { ttl: 300s }\n")
    return repository.folder


def ask(server, value, model="m"):
    answer = server.post(f"/predict/{model}", {"features": {"low": value, "high": 1}})
    assert answer.status == 200, answer
    return answer.json


def test_equal_rows_are_answered_from_memory_until_they_are_purged(cached):
    with Server(cached) as server:
        first, again, whole = ask(server, 3), ask(server, 3.0), ask(server, 4)
        assert [first["cached"], again["cached"], whole["cached"]] == [False, True, False]
        assert first["prediction"] == again["prediction"] != whole["prediction"]
        stats = server.get("/cache/stats").json
        assert [stats[name] for name in ("l1_hits", "l2_hits", "misses", "total")] == [1, 0, 2, 3]
        assert stats["hit_rate"] == pytest.approx(1 / 3)
        assert server.metric("model_cache_hits_total", model_name="m", cache_level="l1") == 1
        assert server.metric("model_cache_misses_total", model_name="m") == 2
        assert server.post("/models/m/cache/purge").json == {"purged": 2}
        assert ask(server, 3)["cached"] is False
        assert server.post("/models/nobody/cache/purge").status == 404


def test_a_new_version_never_answers_with_the_old_ones_scores(cached, repository):
    with Server(cached, "--scan-interval", "50ms") as server:
        old = ask(server, 3)
        repository.add("m", 2, identity(65536))
        server.wait_for("m", 2, "READY")
        new = ask(server, 3)
        assert new["model_version"] == "2" and new["cached"] is False
        assert new["prediction"][0] == old["prediction"][0] + 65536


def test_servers_share_scores_through_redis_and_do_without_it(cached, redis):
    options = ("--redis-url", redis.url, "--redis-timeout", "200ms")
    with Server(cached, *options) as one, Server(cached, *options) as other:
        for server in (one, other):
            until(lambda: server.metric("verdict_redis_available") == 1, "Redis to be connected")
        score = ask(one, 7)
        assert score["cached"] is False

        def shared():
            return ask(other, 7)["cached"]

        until(shared, "the score to be shared")
        assert ask(other, 7)["prediction"] == score["prediction"]
        assert one.metric("model_cache_misses_total", model_name="m") >= 1
        redis.kill()
        for value in range(100, 120):
            assert ask(one, value)["prediction"] == ask(other, value)["prediction"]
        redis.start()
        until(lambda: one.metric("verdict_redis_available") == 1, "Redis to be used again")


def test_a_paused_redis_costs_no_request_more_than_its_bound(cached, redis):
    with Server(cached, "--redis-url", redis.url, "--redis-timeout", "20ms") as server:
        until(lambda: server.metric("verdict_redis_available") == 1, "Redis to be connected")
        redis.process.send_signal(signal.SIGSTOP)
        for value in range(30):
            answer = ask(server, value)
            # The answer comes although Redis does not.
            assert answer["cached"] is False
        redis.process.send_signal(signal.SIGCONT)
        until(lambda: server.metric("verdict_redis_available") == 1, "Redis to be used again")


MANIFEST = """
engine: onnxruntime
fallback: { score: 0.25, decision: REVIEW }
limits: { deadline: 100ms, breaker: { minimumCalls: 4, slowCall: 50ms, openFor: 300ms, probes: 1 } }
"""


def test_an_engine_that_hangs_is_stood_in_for_and_left_alone_until_it_answers_again(repository):
    publish(repository.folder, "endless", endless(), TRUSTING + MANIFEST)
    repository.add("m", 1, identity(0))
    with Server(repository.folder) as server:
        assert server.post("/predict/endless", {"features": [-2]}).json["prediction"] == [-2]
        reasons = []
        while "breaker open" not in reasons:
            answer = server.post("/predict/endless", {"features": [1e7]}).json
            assert answer["degraded"] is True and answer["prediction"] == [0.25] and answer["decision"] == "REVIEW"
            reasons.append(answer["degraded_reason"])
            assert len(reasons) < 100
            # The other model is not held up.
            assert ask(server, 5)["degraded"] is False
        assert reasons[0] == "deadline passed"
        status = server.get("/models/endless").json
        assert status["versions"][0]["breaker"]["state"] in ("open", "half_open")
        assert status["degraded"]["breaker open"] >= 1
        assert server.metric("model_degraded_total", model_name="endless", reason="deadline passed") >= 3
        until(lambda: server.post("/predict/endless", {"features": [-2]}).json["degraded"] is False, "the engine to be tried")
        until(lambda: server.get("/models/endless").json["versions"][0]["breaker"]["state"] == "closed", "the breaker to close")


def test_without_a_fallback_a_late_score_is_504_and_an_open_breaker_503(repository):
    publish(repository.folder, "endless", endless(), TRUSTING + MANIFEST.replace("fallback: { score: 0.25, decision: REVIEW }", ""))
    with Server(repository.folder) as server:
        statuses = []
        while 503 not in statuses:
            statuses.append(server.post("/predict/endless", {"features": [1e7]}).status)
            assert len(statuses) < 100
        assert statuses[0] == 504 and set(statuses) == {504, 503}


def test_another_model_steps_in_and_says_so(repository):
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])], "double",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])])
    double = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    publish(repository.folder, "spare", double, "policy: { block: 5 }\n")
    publish(repository.folder, "endless", endless(), TRUSTING + MANIFEST.replace("score: 0.25, decision: REVIEW", "model: spare"))
    with Server(repository.folder) as server:
        answer = server.post("/predict/endless", {"features": [3e6]}).json
        assert answer["degraded"] is True and answer["degraded_reason"] == "deadline passed"
        assert (answer["model"], answer["model_version"]) == ("spare", "1")
        assert answer["prediction"] == [6e6] and answer["decision"] == "BLOCK"
        assert server.post("/predict/endless", {"features": [-3]}).json["model"] == "endless"


def test_requests_at_once_get_each_its_own(repository):
    publish(repository.folder, "passed", endless(), TRUSTING + "engine: onnxruntime\n")
    with Server(repository.folder) as server, concurrent.futures.ThreadPoolExecutor(16) as threads:

        def many(number):
            connection = server.connect()
            found = []
            for turn in range(40):
                # One row alone, which a quick engine scores on the event loop, and two that go to an engine thread.
                values = [-(number * 1000.0 + turn * 10 + place) for place in (1, 2, 3)]
                found += connection.post("/predict/passed", {"features": [values[0]]}).json["prediction"] == values[:1],
                answer = connection.post("/predict/batch/passed", [{"features": [value]} for value in values[1:]]).json
                found += [one["prediction"] for one in answer["results"]] == [[value] for value in values[1:]],
            connection.close()
            return all(found)

        assert all(threads.map(many, range(16)))
        assert server.metric("model_rows_total", model_name="passed") == 16 * 40 * 3
        assert server.metric("model_batch_rows_total", model_name="passed") >= 16 * 40 * 2


def test_more_than_a_model_takes_on_is_refused_with_when_to_come_again(repository):
    publish(repository.folder, "endless", endless(), TRUSTING + "engine: onnxruntime\nlimits: { deadline: 2s, concurrency: 2 }\n")
    with Server(repository.folder) as server, concurrent.futures.ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: server.post("/predict/endless", {"features": [1e7]}), range(12)))
        refused = [answer for answer in answers if answer.status == 429]
        assert {answer.status for answer in answers} <= {429, 504, 503} and len(refused) >= 9
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
        assert server.metric("model_refused_total", model_name="endless", cause="concurrency") == len(refused)


def test_a_circle_of_fallbacks_is_refused(repository):
    repository.add("a", 1, identity(0))
    repository.add("b", 1, identity(0))
    (repository.folder / "a" / "model.yaml").write_text("fallback: { model: b }\n")
    (repository.folder / "b" / "model.yaml").write_text("fallback: { model: a }\n")
    with Server(repository.folder) as server:
        states = server.index()
        reasons = [entry["reason"] for entry in states.values() if entry["state"] == "UNAVAILABLE"]
        assert len(reasons) == 2 and all("circle" in reason for reason in reasons)
