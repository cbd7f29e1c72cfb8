"""The order to end in the middle of everything: load, an engine that hangs, a Redis that is paused, clients that say nothing."""

import contextlib
import signal
import socket
import time

from faults import Load, Redis
from graphs import BAD, TRUSTING, deaf, endless
from identity_models import features, identity
from serving import WATCHFUL, Server, http_request, until

MODELS = {f"m{number}": 65536 * (number + 1) for number in range(3)}
DRAIN = 3
# Of a test whose server ends long before it: seconds.
DRAIN_NEVER_REACHED = 60


def served(repository, redis, *arguments):
    for name, offset in MODELS.items():
        repository.add(name, 1, identity(offset), manifest="cache: { ttl: 300s }\n")
    repository.add("hangs", 1, endless(), file="model.onnx", manifest=TRUSTING + "engine: onnxruntime\nlimits: { deadline: 1s }\n")
    repository.add("forever", 1, endless(), file="model.onnx", manifest=TRUSTING + "engine: onnxruntime\nlimits: { concurrency: 256 }\n")
    repository.add("deaf", 1, deaf(4000), file="model.onnx", manifest=TRUSTING + "engine: onnxruntime\nlimits: { deadline: 50ms }\n")
    return Server(repository.folder, "--cache-max-bytes", "0", "--redis-url", redis.url, "--limits-drain", f"{DRAIN}s", *WATCHFUL,
                  *arguments)


def closed(answer):
    """Refusals that a server which is about to end may give."""
    return answer.status == 503 and answer.json["success"] is False


def test_the_order_to_end_in_the_middle_of_all_this_loses_nothing_and_takes_no_longer_than_the_drain(repository):
    redis = Redis()
    with contextlib.closing(redis), served(repository, redis) as server, contextlib.ExitStack() as clients:
        until(lambda: server.metric("verdict_redis_available") == 1, "Redis to be connected")
        load = Load(server, MODELS, clients=6, tolerated=closed, may_end=True)
        clients.enter_context(load)
        load.wait_for(300)
        redis.pause()
        silent = [clients.enter_context(socket.create_connection((server.host, server.port))) for _ in range(50)]
        half = clients.enter_context(server.socket())
        whole = http_request("/predict/m0", {"features": features(1234), "request_id": "half"})
        half.send(whole[:-10])
        unread = clients.enter_context(server.socket())
        unread.send(*(http_request("/predict/m1", {"features": features(number)}) for number in range(20)))
        hanging = [clients.enter_context(server.socket()) for _ in range(3)]
        for connection, name in zip(hanging, ("hangs", "deaf", "forever"), strict=True):
            connection.send(http_request(f"/predict/{name}", {"features": [BAD]}))
        for name in ("hangs", "deaf", "forever"):
            until(lambda: server.metric("model_admitted_total", model_name=name) >= 1, f"{name} to be asked")
        # A version comes in at the same moment.
        repository.add("m2", 2, identity(MODELS["m2"]))
        load.wait_for(300)
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        # What had been sent whole is answered whole, whatever state it is in; what is completed now, too.
        half.send(whole[-10:])
        answer = half.read_answer()
        assert answer.status == 200 and answer.json["request_id"] == "half"
        assert answer.json["prediction"] == [MODELS["m0"] + 1234]
        for number in range(20):
            answer = unread.read_answer()
            assert answer.status == 200 and answer.json["prediction"] == [MODELS["m1"] + number]
        hangs, deaf_one = hanging[0].read_answer(), hanging[1].read_answer()
        assert hangs.status == 504 and deaf_one.status == 504, (hangs, deaf_one)
        # Nobody can answer this one: it is cut off at the limit.
        with contextlib.suppress(ConnectionResetError):
            assert hanging[2].read_answer() is None
        for one in silent:
            with contextlib.suppress(ConnectionResetError):
                one.settimeout(10)
                assert one.recv(1) == b""
        assert server.process.wait(DRAIN + 20) == 0, server.errors()
        took = time.monotonic() - begin
        print(f"\n[measured] ended {took:.2f} s after the order, with a drain limit of {DRAIN} s")
        load.__exit__(None)
        assert load.answered >= 600


def test_without_anything_that_hangs_the_end_does_not_wait_for_the_limit(repository):
    redis = Redis()
    with contextlib.closing(redis), served(repository, redis, "--limits-drain", f"{DRAIN_NEVER_REACHED}s") as server:
        until(lambda: server.metric("verdict_redis_available") == 1, "Redis to be connected")
        with Load(server, MODELS, clients=6, tolerated=closed, may_end=True) as load, contextlib.ExitStack() as clients:
            for _ in range(50):
                clients.enter_context(socket.create_connection((server.host, server.port)))
            load.wait_for(300)
            redis.pause()
            load.wait_for(300)
            begin = time.monotonic()
            assert server.stop(patience=DRAIN_NEVER_REACHED / 2) == 0
            took = time.monotonic() - begin
        print(f"\n[measured] ended {took:.2f} s after the order, with silent clients and a paused Redis")
