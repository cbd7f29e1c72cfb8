"""A Redis that dies, hangs, dawdles, talks nonsense, lies or is full: it costs hits, never an answer and never more than its bound.

The memory cache is off, so that each row that is known is known from Redis. What the link itself does is tested in
Tests/CachingTests (RedisFaultTests, LyingServerTests).
"""

import random
import re
import socket
import struct
import threading

import pytest
from faults import Between, Load, Redis, descriptors, figures, quantile, resident
from graphs import throwing
from identity_models import features, identity
from serving import Server, http_request, until

OFFSET = 65536
# What a slow Redis takes for anything, in milliseconds: far more than a request takes beside it on any machine.
SLOW = 1000


@pytest.fixture
def redis():
    server = Redis("--enable-debug-command", "yes")
    yield server
    server.close()


@pytest.fixture
def models(repository):
    repository.add("m", 1, identity(OFFSET), manifest="cache: { ttl: 300s }\n")
    return repository.folder


def start(models, url):
    return Server(models, "--cache-max-bytes", "0", "--redis-url", url)


def ask(server, number):
    answer = server.post("/predict/m", {"features": features(number)})
    assert answer.status == 200, answer
    assert answer.json["prediction"] == [OFFSET + number] and answer.json["degraded"] is False
    return answer.json["cached"]


def wait_until_used(server, numbers):
    """Asks until rows are found in Redis: the sign that it is stored to and read from."""
    until(lambda: ask(server, next(numbers) % 50), "rows to be found in Redis")


def counter():
    number = 0
    while True:
        yield number
        number += 1


class SlowRedis:
    """Keeps a Redis busy with sleep after sleep."""

    def __init__(self, redis):
        self.redis, self.done = redis, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.done.is_set():
            self.redis.command("DEBUG", "SLEEP", str(SLOW / 1000))

    def begin(self):
        self.thread.start()

    def end(self):
        self.done.set()
        self.thread.join()


def faults(redis):
    """name: (make the fault, end it)"""
    slow = SlowRedis(redis)
    return {
        "killed": (redis.kill, redis.start),
        "paused": (redis.pause, redis.go_on),
        "slow": (slow.begin, slow.end),
        "full": (lambda: redis.command("CONFIG", "SET", "maxmemory", "1"), lambda: redis.command("CONFIG", "SET", "maxmemory", "0")),
    }


@pytest.mark.parametrize("name", ["killed", "paused", "slow", "full"])
def test_a_redis_in_trouble_costs_no_request_more_than_its_bound_and_is_used_again(models, redis, name):
    begin, end = faults(redis)[name]
    numbers = counter()
    with start(models, redis.url) as server:
        until(lambda: server.metric("verdict_redis_available") == 1, "Redis to be connected")
        wait_until_used(server, numbers)
        with Load(server, {"m": OFFSET}) as load:
            load.wait_for(500)
            before = resident(server), descriptors(server)
            del load.latencies[:]
            begin()
            try:
                load.wait_for(5000)
            finally:
                end()
            during = list(load.latencies)
        figures(f"Redis {name}", during)
        # Those that waited for Redis would take most of what it takes, or not end at all.
        assert quantile(during, 0.5) < SLOW / 2
        wait_until_used(server, numbers)
        assert resident(server) < before[0] + (16 << 20)
        # The clients have left; a connection to Redis may be on its way out.
        assert descriptors(server) <= before[1] + 1


class Nonsense:
    """Answers every connection with bytes that are no RESP, for as long as they are taken."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.talk, args=(client, self.connections), daemon=True).start()

    def talk(self, client, number):
        source = random.Random(number)
        try:
            # Every other one logs the client in first, as a Redis would.
            if number % 2 == 0:
                client.recv(4096)
                client.sendall(b"+OK\r\n+PONG\r\n")
                client.recv(4096)
            openings = [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"*2147483647\r\n", b"$-7\r\n", b"$99999999999\r\nx", b""]
            client.sendall(source.choice(openings))
            while True:
                client.sendall(source.randbytes(4096))
        except OSError:
            client.close()


def test_what_is_no_redis_costs_nothing(models):
    nonsense = Nonsense()
    with start(models, f"redis://127.0.0.1:{nonsense.port}/0") as server, Load(server, {"m": OFFSET}) as load:
        load.wait_for(200)
        before = resident(server)
        seen = nonsense.connections
        until(lambda: nonsense.connections > seen + 4, "Redis to be tried again and again")
        load.wait_for(500)
        figures("Redis that talks nonsense", load.latencies)
        assert quantile(load.latencies, 0.5) < SLOW / 2
        assert load.cached == 0
        assert resident(server) < before + (16 << 20)
        assert "redis is away" in server.errors()
    nonsense.listener.close()


class Liar:
    """Damages what Redis gives without leaving its language: sizes and counts stay right."""

    def __init__(self, how):
        self.how, self.lies, self.last = how, 0, b""
        self.source = random.Random(how)

    def __call__(self, piece):
        """What the client gets for a piece of the replies: bulk strings longer than a generation are scores."""
        told, place = b"", 0
        for size in re.finditer(rb"\$(\d+)\r\n", piece):
            end = size.end() + int(size[1])
            if size.start() < place or int(size[1]) < 20 or piece[end : end + 2] != b"\r\n":
                continue
            value = self.damage(piece[size.end() : end])
            told += piece[place : size.start()] + b"$%d\r\n%s\r\n" % (len(value), value)
            place = end + 2
        return told + piece[place:]

    def damage(self, truth):
        value, former, self.last = bytearray(truth), self.last, truth
        if self.how == "one bit":
            place = self.source.randrange(len(value) * 8)
            value[place // 8] ^= 1 << place % 8
        elif self.how == "cut":
            value = value[: self.source.randrange(len(value))]
        elif self.how == "zeros":
            value = bytearray(len(value))
        elif former:
            value = bytearray(former)
        self.lies += bytes(value) != truth
        return bytes(value)


@pytest.mark.parametrize("how", ["one bit", "cut", "zeros", "another row's value"])
def test_a_redis_that_lies_is_never_believed(models, redis, how):
    between, liar, numbers = Between(redis.port), Liar(how), counter()
    with start(models, between.url) as server:
        until(lambda: server.metric("verdict_redis_available") == 1, "Redis to be connected")
        wait_until_used(server, numbers)
        for number in range(50):
            ask(server, number)
        before = descriptors(server), resident(server)
        between.alter = liar

        def has_lied():
            # Redis has these rows; what it says of them is wrong. Each score is compared with the right one.
            for number in range(50):
                ask(server, number)
            return liar.lies >= 10

        until(has_lied, "Redis to have lied often enough")
        # Zeros say that another release has stored the value: such values count as absent, without a complaint.
        assert how == "zeros" or server.metric("verdict_redis_failures_total", kind="wrong_value") >= 1
        between.alter = None
        wait_until_used(server, numbers)
        assert descriptors(server) <= before[0] + 2 and resident(server) < before[1] + (16 << 20)
    between.close()


def test_nothing_is_computed_for_a_client_that_leaves_while_redis_is_asked(repository, redis):
    repository.add("m", 1, throwing(), file="model.onnx", manifest="engine: onnxruntime\ncache: { ttl: 300s }\n")
    with Server(repository.folder, "--cache-max-bytes", "0", "--redis-url", redis.url, "--redis-timeout", "1h") as server:
        until(lambda: server.post("/predict/m", {"features": [1]}).json["cached"], "rows to be found in Redis")
        scored = server.metric("model_rows_total", model_name="m", result="scored")
        redis.pause()
        with server.socket() as client:
            client.send(http_request("/predict/m", {"features": [2]}))
            until(lambda: server.metric("model_requests_in_flight") == 1, "the request to wait for Redis")
            # At its end the connection is reset: a client that only ends its requests may still read answers.
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        until(lambda: server.metric("verdict_http_open_connections") == 1, "all but the one that asks to be gone")
        redis.go_on()
        until(lambda: server.metric("model_requests_in_flight") == 0, "the request to end")
        assert server.metric("model_requests_total", model_name="m", status="cancelled") == 1
        assert server.metric("model_rows_total", model_name="m", result="scored") == scored
        assert server.metric("model_rows_total", model_name="m", result="failed") == 1
        assert server.post("/predict/m", {"features": [2]}).json["prediction"] == [3]
