"""More than a server can compute: what is refused, what is answered in time, and that it ends with the load."""

import json
import math
import statistics
import subprocess

import numpy
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from serving import VERDICT, WATCHFUL, Server, run_verdict, until

QUESTION = {"features": [0.5] * 8}


def heavy(width=1024, features=8):
    """A network that the native engine computes on the event loop, for hundreds of microseconds."""
    random = numpy.random.default_rng(3)
    sizes = [features, width, width, 1]
    nodes, constants, last = [], [], "x"
    for number, (rows, columns) in enumerate(zip(sizes, sizes[1:])):
        weights = (random.normal(size=(rows, columns)) / rows**0.5).astype(numpy.float32)
        constants.append(numpy_helper.from_array(weights, f"w{number}"))
        nodes.append(helper.make_node("MatMul", [last, f"w{number}"], [f"m{number}"]))
        last = f"h{number}"
        nodes.append(helper.make_node("Sigmoid", [f"m{number}"], [last]))
    graph = helper.make_graph(
        nodes,
        "heavy",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, features])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, [None, 1])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def publish(folder, name, limits):
    (folder / name / "1").mkdir(parents=True)
    onnx.save(heavy(), folder / name / "1" / "model.onnx")
    (folder / name / "model.yaml").write_text(limits)


# Requests that wait for the event loop at a time. A computation takes a fiftieth of the deadline, so that these make a queue
# far longer than the fifth of it that a request may wait, and one client alone none that counts.
WAITING = 300
DEADLINE_IN_COMPUTATIONS = 50


def command(server, model, duration):
    """Load of WAITING clients, each of which asks again as soon as it has an answer."""
    url = f"http://{server.host}:{server.port}/predict/{model}"
    load = ("--rate", "max", "--concurrency", WAITING, "--warmup", "0s", "--duration", duration)
    return ["bench", url, "--data", json.dumps(QUESTION), "--json", *map(str, load)]


def computation(server, model):
    """Milliseconds that a request takes which nothing is beside."""
    return statistics.median(server.post(f"/predict/{model}", QUESTION).json["latency_ms"] for _ in range(50))


@pytest.fixture
def overloadable(repository):
    """A server with one event loop and the models `heavy`, whose deadline is in proportion to its work, and `unlimited`."""
    publish(repository.folder, "unlimited", "")
    with Server(repository.folder, *WATCHFUL, "--http-threads", "1") as server:
        assert "native" in run_verdict("inspect", repository.folder / "unlimited" / "1" / "model.onnx").stdout
        deadline = math.ceil(computation(server, "unlimited") * DEADLINE_IN_COMPUTATIONS)
        publish(repository.folder, "heavy", f"limits: {{ deadline: {deadline}ms }}\n")
        server.wait_for("heavy", 1, "READY")
        yield server


def test_an_event_loop_with_more_than_it_can_compute_refuses_what_waited_too_long(overloadable):
    server = overloadable
    waited = json.loads(run_verdict(*command(server, "unlimited", "2s")).stdout)
    assert waited["failed"] == 0, "without a deadline everybody waits and is answered"
    found = json.loads(run_verdict(*command(server, "heavy", "3s")).stdout)
    assert set(found["failures"]) <= {"status 429", "status 504"}, found["failures"]
    assert found["failures"]["status 429"] > WAITING, "what is too much is refused, time and again"
    (outcomes,), (patient,) = found["stages"], waited["stages"]
    assert outcomes["good"] + outcomes["late"] > WAITING / 10, "the rest is answered"
    assert outcomes["accepted_us"]["p50"] < patient["accepted_us"]["p50"], "what is let in waits less"
    # All of them waited too long, and the clients were told of each.
    refused = server.metric("model_refused_total", model_name="heavy")
    assert refused == server.metric("model_refused_total", model_name="heavy", cause="queue_delay")
    assert found["failures"]["status 429"] <= refused <= found["failures"]["status 429"] + WAITING
    assert server.get("/models/heavy").json["admission"]["refused"] == refused
    # It ends with the load: one client alone is soon served without a refusal.
    until(lambda: {server.post("/predict/heavy", QUESTION).status for _ in range(50)} == {200}, "refusals to end")


def test_a_refusal_for_waiting_too_long_says_when_to_come_again(overloadable):
    server = overloadable
    with subprocess.Popen([VERDICT, *command(server, "heavy", "60s")], stdout=subprocess.DEVNULL) as load:
        try:
            answer = until(lambda: refusal(server), "a refusal")
        finally:
            load.kill()
    assert answer.json["error"]["code"] == "OVERLOADED"
    assert int(answer.headers["Retry-After"]) >= 1


def refusal(server):
    answer = server.post("/predict/heavy", QUESTION)
    assert answer.status in (200, 429, 504), answer
    return answer if answer.status == 429 else None
