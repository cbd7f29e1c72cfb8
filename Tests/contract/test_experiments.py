"""`versions:` of model.yaml over HTTP: splits, canaries, shadows and labels. The score of version v is 65536 * v + question."""

import json

import pytest
from graphs import TRUSTING, endless
from identity_models import features, identity, named_features
from serving import WATCHFUL, Server, until

STEP = 65536


def slot(salt, key):
    """As docs/experiments.md gives it."""
    state, mask = 0xCBF29CE484222325, 2**64 - 1
    for byte in salt.encode() + b"\0" + key.encode():
        state = ((state ^ byte) * 0x100000001B3) & mask
    state = ((state ^ (state >> 33)) * 0xFF51AFD7ED558CCD) & mask
    state = ((state ^ (state >> 33)) * 0xC4CEB9FE1A85EC53) & mask
    return ((state ^ (state >> 33)) * 10000) >> 64


def split_version(key, share=30):
    """Of `split: { 2: 70, 3: 30 }` for the model m: the higher version has the upper end."""
    return 3 if slot("m", key) >= 10000 - 100 * share else 2


def publish(repository, versions, manifest, same=False):
    folder = repository.folder / "m"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.yaml").write_text(manifest)
    for version in versions:
        repository.add("m", version, identity(0 if same else STEP * version))
    return repository.folder


def ask(server, key=None, question=7, path="/predict/m", **context):
    body = {"features": features(question)}
    if key is not None:
        context["user_id"] = key
    if context:
        body["context"] = context
    answer = server.post(path, body)
    assert answer.status == 200, answer
    result = answer.json
    assert result["prediction"] == [STEP * int(result["model_version"]) + question], result
    return int(result["model_version"])


def status(server, model="m"):
    answer = server.get(f"/models/{model}")
    assert answer.status == 200, answer
    return answer.json


def test_a_key_gets_its_version_by_the_documented_hash_on_every_route(repository):
    models = publish(repository, [2, 3], "versions: { split: { 2: 70, 3: 30 }, sticky: user_id }\n")
    keys = [f"u{number}" for number in range(100)]
    expected = [split_version(key) for key in keys]
    assert 10 < expected.count(3) < 60
    with Server(models) as server:
        assert [ask(server, key) for key in keys] == expected
        batch = [{"features": features(n), "context": {"user_id": key}, "request_id": key} for n, key in enumerate(keys)]
        batch.insert(50, {"features": [1], "context": {"user_id": "u1"}, "request_id": "bad"})
        results = server.post("/predict/batch/m", batch).json["results"]
        assert results.pop(50)["error"]["request_id"] == "bad"
        assert [one["request_id"] for one in results] == keys
        assert [int(one["model_version"]) for one in results] == expected
        assert [one["prediction"][0] for one in results] == [STEP * v + n for n, v in enumerate(expected)]
        for key, version in zip(keys[:20], expected):
            tensor = {"name": "x", "shape": [1, 2], "datatype": "FP64", "data": features(9)}
            answer = server.post("/v2/models/m/infer", {"parameters": {"user_id": key}, "inputs": [tensor]}).json
            assert int(answer["model_version"]) == version
            assert answer["outputs"][0]["data"] == [STEP * version + 9]
        found = status(server)["experiment"]
        assert found["sticky"] == "user_id" and [part["share"] for part in found["split"]] == [0.7, 0.3]
        assert found["split"][0] == {"version": "2", "share": 0.7, "first_slot": 0, "last_slot": 6999}


def test_equal_values_are_equal_keys_wherever_they_stand(repository):
    models = publish(repository, [2, 3], "versions: { split: { 2: 50, 3: 50 }, sticky: low }\n")
    with Server(models) as server:
        seen = set()
        for number in range(40):
            version = split_version(str(number), 50)
            seen.add(version)
            for value in (str(number), f'"{number}"', f"{number}.0", f"{number}e0"):
                body = f'{{"context": {{"low": {value}}}, "features": [255, 0]}}'
                assert server.post("/predict/m", body).json["model_version"] == str(version), body
            for body in (f'{{"features": [{number}, 0]}}', f'{{"features": {{"low": {number}.0}}, "context": {{"low": null}}}}'):
                assert server.post("/predict/m", body).json["model_version"] == str(version), body
            tensors = [{"name": name, "shape": [1], "datatype": "FP64", "data": [number]} for name in ("high", "low")]
            assert server.post("/v2/models/m/infer", {"inputs": tensors}).json["model_version"] == str(version)
        assert seen == {2, 3}
        # Beyond what a double holds, and with escapes.
        for text in ("12345678901234567891", "12345678901234567892"):
            for value in (text, f'"{text}"'):
                body = f'{{"context": {{"low": {value}}}, "features": [1, 0]}}'
                assert server.post("/predict/m", body).json["model_version"] == str(split_version(text, 50))
        body = '{"context": {"lo\\u0077": "\\u0075\\u0031"}, "features": [1, 0]}'
        assert server.post("/predict/m", body).json["model_version"] == str(split_version("u1", 50))


def test_a_key_that_is_no_single_value_is_refused(repository):
    models = publish(repository, [2, 3], "versions: { split: { 2: 50, 3: 50 }, sticky: user_id }\n")
    with Server(models) as server:
        for value in ([1], {"a": 1}):
            answer = server.post("/predict/m", {"features": [1, 0], "context": {"user_id": value}})
            assert answer.status == 400 and "context.user_id" in answer.json["error"]["message"], answer
            row = {"features": [1, 0], "context": {"user_id": value}}
            results = server.post("/predict/batch/m", [row, {"features": [1, 0]}]).json["results"]
            assert results[0]["error"]["code"] == "INVALID_REQUEST" and "prediction" in results[1]
        for body in ('{"context": {"user_id": "u1"', "[]", "7", '{"context": 7, "features": [1, 0]}', "{}"):
            answer = server.post("/predict/m", body)
            assert answer.status == 400, (body, answer)
        batch = server.post("/predict/batch/m", '[{"features": [1, 0]}, {"context": {"user_id": ]')
        assert batch.status == 400, batch
        # A batch without rows, and one whose rows are all wrong.
        assert server.post("/predict/batch/m", []).json["results"] == []
        assert "error" in server.post("/predict/batch/m", [7]).json["results"][0]


def test_requests_without_a_key_are_drawn_by_the_weights(repository):
    models = publish(repository, [2, 3], "versions: { split: { 2: 3, 3: 1 }, sticky: user_id }\n")
    with Server(models) as server:
        results = server.post("/predict/batch/m", [{"features": features(n)} for n in range(4000)]).json["results"]
        share = sum(one["model_version"] == "3" for one in results) / 4000
        # Six standard deviations.
        assert 0.25 - 0.041 < share < 0.25 + 0.041
        assert [one["prediction"][0] % STEP for one in results] == list(range(4000))


def test_rules_change_without_loading_anything_and_what_is_not_ready_does_not_answer(repository):
    models = publish(repository, [2, 3], "versions: { serve: [2] }\n")
    with Server(models, *WATCHFUL) as server:
        assert ask(server, "u1") == 2
        assert "experiment" not in status(server)
        loads = server.metric("model_loads_total", model_name="m")
        (models / "m" / "model.yaml").write_text("versions: { split: { 2: 1, 3: 1 }, sticky: user_id }\n")
        keys = [f"u{number}" for number in range(40)]
        expected = [split_version(key, 50) for key in keys]
        until(lambda: [ask(server, key) for key in keys] == expected, "the split")
        # Version 3 was not loaded before.
        assert server.metric("model_loads_total", model_name="m") == loads + 1
        (models / "m" / "model.yaml").write_text("versions: { split: { 2: 9, 3: 1 }, sticky: user_id }\n")
        fewer = [split_version(key, 10) for key in keys]
        until(lambda: [ask(server, key) for key in keys] == fewer, "the other weights")
        assert all(after == 2 or before == 3 for before, after in zip(expected, fewer))
        # Requests that cannot be read hold no version.
        for path in ("/predict/m", "/predict/batch/m", "/v2/models/m/infer"):
            for body in ('{"features": ["x"]', '[{"features": ["x"]}]', '{"inputs": 7}'):
                server.post(path, body)
        (models / "m" / "model.yaml").write_text("versions: { serve: [2], shadow: [4], labels: { a: 2 } }\n")
        until(lambda: server.index()[("m", "3")]["reason"] == "not among the versions that model.yaml serves", "its end")
        # A version that is not there: its keys get the heaviest that is.
        (models / "m" / "model.yaml").write_text("versions: { serve: [2], split: { 2: 9, 7: 90 }, sticky: user_id }\n")
        until(lambda: ("m", "7") in server.index(), "version 7 to be missed")
        assert {ask(server, key) for key in keys} == {2}
        # A broken model.yaml changes nothing.
        (models / "m" / "model.yaml").write_text("versions: { split: { 2: 0 } }\n")
        until(lambda: "versions.split.2" in server.index()[("m", "2")]["reason"], "the complaint")
        assert {ask(server, key) for key in keys} == {2}
        assert server.metric("model_loads_total", model_name="m") == loads + 1


def test_labels_stand_for_versions(repository):
    models = publish(repository, [2, 3], "versions: { labels: { stable: 2, next: 3, gone: 9 } }\n")
    with Server(models) as server:
        assert ask(server, path="/predict/m/versions/stable") == 2
        assert ask(server, path="/predict/m/versions/next") == 3
        assert ask(server, path="/predict/m") == 3
        tensor = {"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1, 0]}
        assert server.post("/v2/models/m/versions/stable/infer", {"inputs": [tensor]}).json["model_version"] == "2"
        assert server.get("/v2/models/m/versions/stable/ready").status == 200
        for label in ("gone", "other"):
            answer = server.post(f"/predict/m/versions/{label}", {"features": [1, 0]})
            assert answer.status == 404 and answer.json["error"]["code"] == "UNKNOWN_VERSION", answer
        assert status(server)["experiment"] == {"labels": {"gone": "9", "next": "3", "stable": "2"}}


CANARY = """
versions:
  labels: { stable: 2 }
  sticky: user_id
  canary: { version: 3, share: 20, steps: [60], window: 1s, soak: 1s, patience: 1h, minimumRows: 100, latency: 1000 }
"""


def rows(count, first=0, key="u"):
    return [{"features": features(n), "context": {"user_id": f"{key}{n}"}} for n in range(first, first + count)]


def test_a_canary_whose_scores_differ_is_rolled_back_and_people_may_overrule(repository):
    models = publish(repository, [2, 3], CANARY)
    with Server(models) as server:
        expected = [3 if slot("m/canary/3", f"u{n}") < 2000 else 2 for n in range(2000)]
        results = server.post("/predict/batch/m", rows(2000)).json["results"]
        assert [int(one["model_version"]) for one in results] == expected

        def rolled_back():
            canary = status(server)["experiment"]["canary"]
            return canary if canary["state"] == "rolled_back" else None

        canary = until(rolled_back, "the rollback")
        assert canary["share"] == 0 and canary["version"] == "3" and canary["stable"] == "2"
        assert canary["rows"]["canary"] == expected.count(3) and canary["rows"]["stable"] == expected.count(2)
        assert canary["reason"].startswith("PSI of the scores") or "scores" in canary["reason"], canary
        assert len(canary["history"]) == 1
        results = server.post("/predict/batch/m", rows(500)).json["results"]
        assert {one["model_version"] for one in results} == {"2"}
        assert server.metric("model_canary_state", model_name="m", version="3", state="rolled_back") == 1
        assert server.metric("model_canary_share", model_name="m") == 0
        assert "rolled back at 20 %" in server.errors()

        answer = server.post("/models/m/promote", {"by": "ann"})
        assert answer.status == 200 and answer.json["changed"] is True, answer
        assert answer.json["experiment"]["canary"]["state"] == "promoted"
        assert ask(server, "u1") == 3 and ask(server) == 3
        assert status(server)["default_version"] == "3"
        assert server.post("/models/m/promote").json["changed"] is False
        assert server.post("/models/m/rollback", {"by": "bob"}).json["changed"] is True
        assert ask(server, "u1") == 2
        history = [one["what"] for one in status(server)["experiment"]["canary"]["history"]]
        assert "by order of ann" in history[1] and "by order of bob" in history[2]
        # By number both may still be asked.
        assert ask(server, "u1", path="/predict/m/versions/3") == 3


def test_a_canary_like_its_stable_version_goes_through_its_steps_and_is_promoted(repository):
    models = publish(repository, [2, 3], CANARY, same=True)
    with Server(models) as server:
        shares = set()

        def promoted():
            server.post("/predict/batch/m", rows(2000))
            canary = status(server)["experiment"]["canary"]
            shares.add(canary["share"])
            assert canary["state"] in ("running", "promoted"), canary
            return canary if canary["state"] == "promoted" else None

        canary = until(promoted, "the promotion")
        assert {0.2, 0.6, 1} <= shares
        assert {one["rule"]: one["verdict"] for one in canary["findings"]} == {
            "errors": "within", "latency": "within", "psi": "within", "decisions": "within"}
        results = server.post("/predict/batch/m", rows(200)).json["results"]
        assert {one["model_version"] for one in results} == {"3"}


def test_a_canary_that_fails_is_rolled_back_also_where_a_fallback_answers_and_its_breaker_opens(repository):
    """Version 3 does not end for scores over a million: its deadline passes, its breaker opens."""
    folder = repository.folder / "m"
    folder.mkdir(parents=True)
    (folder / "model.yaml").write_text(
        TRUSTING + """
engine: onnxruntime
limits: { deadline: 50ms, breaker: { minimumCalls: 5, openFor: 60s } }
fallback: { score: 0.5 }
versions:
  labels: { stable: 2 }
  canary: { version: 3, share: 50, window: 1s, soak: 1s, patience: 1h, minimumRows: 100 }
""")
    repository.add("m", 2, endless(trigger=1e30), file="model.onnx")
    repository.add("m", 3, endless(), file="model.onnx")
    with Server(repository.folder) as server:

        def rolled_back():
            for _ in range(20):
                answer = server.post("/predict/m", {"features": [2e6]}).json
                assert answer["model_version"] in ("2", "3")
                assert answer["prediction"] == ([0.5] if answer["degraded"] else [2e6])
            canary = status(server)["experiment"]["canary"]
            return canary if canary["state"] == "rolled_back" else None

        canary = until(rolled_back, "the rollback")
        assert "failed rows" in canary["reason"], canary
        assert canary["rows"]["stable_failed"] == 0 and canary["rows"]["canary_failed"] >= 20
        assert server.post("/predict/m", {"features": [2e6]}).json["model_version"] == "2"


def test_a_canary_that_is_broken_leaves_everything_to_the_stable_version(repository):
    models = publish(repository, [2], CANARY)
    repository.add("m", 3, "{")
    with Server(models, *WATCHFUL) as server:
        assert {ask(server, f"u{n}") for n in range(50)} == {2}
        # Keys of the canary are no sample of the stable version's.
        stable = sum(slot("m/canary/3", f"u{n}") >= 2000 for n in range(50))
        assert status(server)["experiment"]["canary"]["rows"]["stable"] == stable
        (models / "m" / "3" / "model.json").write_text(identity(STEP * 3))
        until(lambda: {ask(server, f"u{n}") for n in range(50)} == {2, 3}, "the canary to answer")


def test_a_shadow_is_scored_beside_every_answer_and_never_answers(repository):
    models = publish(repository, [2, 4], "policy: { block: 200000 }\nversions: { shadow: [4] }\n")
    with Server(models) as server:
        for number in range(10):
            body = {"features": named_features(number), "request_id": f"r{number}"}
            assert server.post("/predict/m", body).json["model_version"] == "2"
        server.post("/predict/batch/m", rows(90))

        def compared():
            shadow = status(server)["experiment"]["shadows"][0]
            return shadow if shadow["rows"] == 100 else None

        shadow = until(compared, "100 rows of the shadow")
        assert shadow["version"] == "4" and shadow["mean_difference"] == shadow["largest_difference"] == 2 * STEP
        assert shadow["decision_disagreements"] == 100 and shadow["failed_rows"] == shadow["dropped_rows"] == 0
        assert len(shadow["last_rows"]) == 32
        last = shadow["last_rows"][-1]
        assert last["served"] == {"prediction": [2 * STEP + 89], "decision": "ALLOW"}
        assert last["shadow"] == {"prediction": [4 * STEP + 89], "decision": "BLOCK"}
        assert ask(server, "u1", path="/predict/m/versions/4") == 4
        assert server.metric("model_shadow_rows_total", model_name="m", version="4") == 100
        server.post("/predict/m", {"features": [1, 0], "request_id": "mine"})
        until(lambda: status(server)["experiment"]["shadows"][0]["last_rows"][-1].get("request_id") == "mine", "its identifier")


def test_a_shadow_that_hangs_or_fails_does_not_touch_the_served_path(repository):
    """Version 3 does not end for scores over a million, and stops after its own deadline of 10 s."""
    folder = repository.folder / "m"
    folder.mkdir(parents=True)
    (folder / "model.yaml").write_text(TRUSTING + "engine: onnxruntime\nversions: { shadow: [3] }\n")
    repository.add("m", 2, endless(trigger=1e30), file="model.onnx")
    repository.add("m", 3, endless(), file="model.onnx")
    with Server(repository.folder) as server:
        assert server.post("/predict/m", {"features": [2e6]}).json["prediction"] == [2e6]
        until(lambda: status(server)["experiment"]["shadows"][0].get("busy_seconds", 0) > 0, "the shadow to hang")
        slowest = 0
        for first in range(0, 6000, 500):
            batch = server.post("/predict/batch/m", [{"features": [n]} for n in range(first, first + 500)]).json
            assert [one["prediction"][0] for one in batch["results"]] == list(range(first, first + 500))
            slowest = max(slowest, batch["total_latency_ms"])
        # Nobody waited for the shadow, which is at its first row still; it holds 4,096 rows, and the rest is dropped.
        shadow = status(server)["experiment"]["shadows"][0]
        assert slowest < 2000, slowest
        assert shadow["busy_seconds"] > 0 and shadow["rows"] == 0, shadow
        assert shadow["dropped_rows"] > 1900 and shadow["waiting_rows"] <= 4096, shadow


def test_orders_need_a_canary(repository, several):
    answer = several.post("/models/m0/promote")
    assert answer.status == 400 and "versions.canary" in answer.json["error"]["message"], answer
    assert several.post("/models/unknown/promote").status == 404
    assert several.get("/models/m0/promote").status == 405
    models = publish(repository, [2, 3], CANARY)
    with Server(models) as server:
        for body in ("[]", '{"who": "ann"}', '{"by": 7}', "{", json.dumps({"by": "x" * 300})):
            answer = server.post("/models/m/rollback", body)
            assert answer.status == 400, (body, answer)
        assert status(server)["experiment"]["canary"]["state"] == "running"


@pytest.mark.parametrize("text, reason", [
    ("versions: { serve: [2], shadow: [2] }", "keep one"),
    ("versions: { canary: { version: 3 } }", "versions.labels.stable"),
    ("versions: { sticky: user_id }", "divides nothing"),
])
def test_contradictions_are_refused_before_anything_serves(repository, text, reason):
    models = publish(repository, [2], text + "\n")
    with Server(models) as server:
        entry = server.index()[("m", "2")]
        assert entry["state"] == "UNAVAILABLE" and reason in entry["reason"], entry
