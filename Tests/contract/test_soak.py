"""A long stretch of everything at once: the server's memory, threads and descriptors come to rest, and every answer is right.

Run by `scripts/test --all`, or with `--soak`.
"""

import contextlib
import os
import random
import shutil
import socket
import threading

import pytest
from identity_models import features, identity
from onnx import TensorProto, helper
from serving import WATCHFUL, Server, http_request

pytestmark = pytest.mark.soak
STAGES, TURNS, CLIENTS, NAMES = 16, 12, 3, 6
MANIFEST = "cache: { ttl: 60s }\nbatching: { maxDelay: 1ms }\n"


def network(offset):
    """The same scores from ONNX Runtime."""
    nodes = [helper.make_node("MatMul", ["x", "weights"], ["sum"]), helper.make_node("Add", ["sum", "offset"], ["y"])]
    made = helper.make_graph(
        nodes, "sum", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor("weights", TensorProto.FLOAT, [2, 1], [1, 256]),
         helper.make_tensor("offset", TensorProto.FLOAT, [1], [offset])])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def publish(repository, model, version):
    """Odd models are graphs."""
    score = offset(model, version)
    if model % 2:
        repository.add(f"m{model}", version, network(score), file="model.onnx", manifest=MANIFEST + "engine: onnxruntime\n")
    else:
        repository.add(f"m{model}", version, identity(score), manifest=MANIFEST)


def kilobytes(server, name):
    with open(f"/proc/{server.process.pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name + ":"))


def offset(model, version):
    return 65536 * model + 4 * version


def ask(server, dice, versions, faults):
    """A few hundred requests of all kinds over one connection. A score tells its model, its version and its question."""
    connection = server.connect()

    def scores(model, questions, found):
        known = {offset(model, version) for version in range(1, versions[model] + 2)}
        for question, score in zip(questions, found, strict=True):
            if score - question not in known:
                faults.append((model, question, score))

    for _ in range(250):
        model, kind = dice.randrange(NAMES), dice.random()
        questions = [dice.randrange(65536) for _ in range(dice.choice([1, 1, 1, 2, 40, 400]))]
        if kind < 0.5:
            answer = connection.post(f"/predict/m{model}", {"features": features(questions[0])})
            scores(model, questions[:1], answer.json["prediction"])
        elif kind < 0.75:
            answer = connection.post(f"/predict/batch/m{model}", [{"features": features(one)} for one in questions])
            scores(model, questions, [row["prediction"][0] for row in answer.json["results"]])
        elif kind < 0.9:
            tensor = {"name": "x", "shape": [len(questions), 2], "datatype": "FP64", "data": [features(one) for one in questions]}
            answer = connection.post(f"/v2/models/m{model}/infer", {"inputs": [tensor]})
            scores(model, questions, answer.json["outputs"][0]["data"])
        else:
            body = dice.choice(['{"features":[1]}', "{", '{"features":{"nobody":1}}', "[" * 200])
            answer = connection.post(f"/predict/m{model}", body)
            if answer.status != 400:
                faults.append(answer)
    connection.close()
    # Clients that leave in the middle of a request, and before its answer.
    for part in (40, None):
        with contextlib.suppress(OSError), socket.create_connection((server.host, server.port)) as client:
            client.sendall(http_request("/predict/batch/m0", [{"features": features(1)}] * 300)[:part])


def test_a_long_life_leaves_nothing_behind(repository):
    versions = [1] * NAMES
    for model in range(NAMES):
        publish(repository, model, 1)
    faults, sizes = [], []
    with Server(repository.folder, "--cache-max-bytes", "4MiB", *WATCHFUL) as server:
        for stage in range(STAGES):
            for turn in range(TURNS):
                model = (stage * TURNS + turn) % NAMES
                threads = [
                    threading.Thread(target=ask, args=(server, random.Random(f"{stage} {turn} {client}"), versions, faults))
                    for client in range(CLIENTS)
                ]
                for thread in threads:
                    thread.start()
                number = versions[model] + 1
                publish(repository, model, number)
                server.wait_for(f"m{model}", number, "READY")
                versions[model] = number
                for thread in threads:
                    thread.join()
                with contextlib.suppress(FileNotFoundError):
                    shutil.rmtree(repository.folder / f"m{model}" / str(number - 2))
            assert not faults, faults[:5]
            folder = f"/proc/{server.process.pid}"
            sizes.append((kilobytes(server, "VmRSS"), len(os.listdir(f"{folder}/task")), len(os.listdir(f"{folder}/fd"))))
        print(sizes)
    early, late = sizes[STAGES // 2 - 4:STAGES // 2], sizes[-4:]
    # The allocator's pools fill in the first stages.
    assert min(size for size, _, _ in late) <= 1.1 * max(size for size, _, _ in early), sizes
    for kind in (1, 2):
        assert min(one[kind] for one in late) <= max(one[kind] for one in early), sizes
