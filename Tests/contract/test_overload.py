"""More than a server can compute: what is refused, what is answered in time, and that it ends with the load."""

import json

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
from serving import Server, run_verdict

DEADLINE_MS = 200


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


def bench(server, *options, model="heavy"):
    url = f"http://{server.host}:{server.port}/predict/{model}"
    body = json.dumps({"features": [0.5] * 8})
    return json.loads(run_verdict("bench", url, "--data", body, "--json", *options).stdout)


def test_an_event_loop_with_three_times_its_capacity_refuses_what_waited_too_long(repository):
    publish(repository.folder, "heavy", f"limits: {{ deadline: {DEADLINE_MS}ms }}\n")
    publish(repository.folder, "unlimited", "")
    with Server(repository.folder, "--http-threads", "1") as server:
        assert "native" in run_verdict("inspect", repository.folder / "heavy" / "1" / "model.onnx").stdout
        capacity = bench(server, "--rate", "max", "--concurrency", "4", "--warmup", "500ms", "--duration", "2s")
        assert capacity["failed"] == 0, "a closed loop of a few clients is no overload"
        rate = capacity["throughput_per_s"]
        stages = f"{rate * 0.3:.0f}:1s,{rate * 3:.0f}:4s,{rate * 0.3:.0f}:3s"
        load = ("--stages", stages, "--concurrency", "500", "--deadline", f"{DEADLINE_MS}ms", "--patience", "2s")
        unlimited = bench(server, *load, model="unlimited")
        found = bench(server, *load, "--timeline", "500ms")
        overloaded = found["stages"][1]
        refused = sum(stage["refused"] for stage in found["stages"])
        assert found["failed"] == refused, found["failures"]
        assert overloaded["refused"] > 0.3 * rate * 4, "most of what is too much is refused"
        assert overloaded["good"] > 2 * unlimited["stages"][1]["good"], "what is let in is answered in time"
        assert overloaded["accepted_us"]["p50"] <= DEADLINE_MS * 1000 / 2 < unlimited["stages"][1]["accepted_us"]["p50"]
        # The last second of the load that the server can take.
        assert found["timeline"]["refused"][-2:] == [0, 0]
        assert server.metric("model_refused_total", model_name="heavy", cause="queue_delay") == refused
        assert server.get("/models/heavy").json["admission"]["refused"] == refused


def test_a_refusal_for_waiting_too_long_says_when_to_come_again(repository):
    publish(repository.folder, "heavy", "limits: { deadline: 10ms }\n")
    with Server(repository.folder, "--http-threads", "1") as server:
        found = bench(server, "--rate", "max", "--concurrency", "300", "--warmup", "0s", "--duration", "2s")
        assert found["first_failure"].startswith("status 429")
        assert "OVERLOADED" in found["first_failure"]
        assert set(found["failures"]) <= {"status 429", "status 504"}
