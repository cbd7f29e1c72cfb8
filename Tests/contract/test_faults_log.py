"""What the log says, and a log that nobody reads or that lies on a full disk: lines are lost, nothing else is."""

import contextlib
import json
import os

from faults import Load, Redis
from identity_models import identity
from serving import VERDICT, WATCHFUL, Server, run_verdict, until

OFFSET = 65536


def served(repository, log, *arguments):
    repository.add("m", 1, identity(OFFSET), manifest="cache: { ttl: 300s }\n")
    command = ["sh", "-c", f'exec {VERDICT} serve --models {repository.folder} --port 0 --log-access true "$@" 2>{log}', "sh"]
    return Server(repository.folder, *WATCHFUL, *arguments, command=command)


def test_a_log_on_a_full_disk_loses_lines_only(repository):
    with served(repository, "/dev/full") as server:
        with Load(server, {"m": OFFSET}, clients=2) as load:
            load.wait_for(300)
            repository.add("n", 1, identity(0))
            server.wait_for("n", 1, "READY")
            load.wait_for(300)
        assert server.stop() == 0


def test_a_log_that_nobody_reads_holds_up_neither_requests_nor_loads_nor_the_end(repository):
    redis = Redis()
    reading, writing = os.pipe()
    options = ("--cache-max-bytes", "0", "--redis-url", redis.url)
    with contextlib.closing(redis), served(repository, f"/proc/{os.getpid()}/fd/{writing}", *options) as server:
        os.close(writing)
        until(lambda: server.metric("verdict_redis_available") == 1, "Redis to be connected")
        with Load(server, {"m": OFFSET}, clients=2) as load:
            # Far more lines than the pipe holds.
            load.wait_for(2000)
            # What is said of Redis, and of models, is said by the threads that do the work.
            redis.kill()
            repository.add("n", 1, identity(0))
            server.wait_for("n", 1, "READY")
            load.wait_for(1000)
            redis.start()
            until(lambda: server.metric("verdict_redis_available") == 1, "Redis to be used again")
        # Somebody reads again: whole lines, and how many are missing.
        log = b""
        os.set_blocking(reading, False)

        def tells():
            nonlocal log
            server.get("/health/live")
            with contextlib.suppress(BlockingIOError):
                log += os.read(reading, 1 << 20)
            return b"log lines were lost" in log and log.endswith(b"\n")

        until(tells, "the log to go on")
        lines = [json.loads(line) for line in log.splitlines()]
        lost = sum(int(one["data"]["count"]) for one in lines if one["message"] == "log lines were lost")
        assert lost > 1000
        # Nobody reads any more, and the pipe is full again when the order to end comes.
        with Load(server, {"m": OFFSET}, clients=2) as load:
            load.wait_for(1000)
        assert server.stop() == 0
    os.close(reading)


def lines(server):
    return [json.loads(line) for line in server.errors().splitlines()]


def messages(server, message):
    return [line for line in lines(server) if line["message"] == message]


def test_numbers_in_the_log_are_numbers_and_requests_are_found_by_their_identifier(repository):
    repository.add("m", 1, identity(OFFSET))
    repository.add("broken", 1, "{}")
    with Server(repository.folder, *WATCHFUL, "--log-access", "true") as server:
        until(lambda: messages(server, "model version refused"), "the broken model to be refused")
        answer = server.post("/predict/m", {"features": [1, 2]}, {"X-Request-Id": "order-77"})
        assert answer.status == 200 and answer.headers["X-Request-Id"] == "order-77"
        refused = server.post("/predict/none", {"features": [1, 2]}, {"X-Request-Id": "order-78"})
        assert refused.status == 404 and refused.headers["X-Request-Id"] == "order-78"
        routed = server.request("GET", "/models/m", headers={"X-Request-Id": "order-79"})
        assert routed.status == 200 and routed.headers["X-Request-Id"] == "order-79"
        until(lambda: len(found(server)) == 3, "the requests to be in the log")
        assert found(server) == {"order-77": (200, len(answer.body)), "order-78": (404, len(refused.body)),
                                 "order-79": (200, len(routed.body))}
        assert server.stop() == 0
        listens = messages(server, "the server listens")[0]["data"]
        assert listens["port"] == server.port and listens["host"] == "127.0.0.1"
        loaded = messages(server, "model version loaded")[0]["data"]
        assert loaded["bytes"] == len(identity(OFFSET)) and loaded["golden_rows"] == 0 and loaded["version"] == "1"
        for line in lines(server):
            for key, value in line["data"].items():
                if key in ("version", "reason", "request_id", "remote", "host"):
                    assert isinstance(value, str)
                    continue
                with contextlib.suppress(TypeError, ValueError):
                    float(value)
                    assert isinstance(value, (int, float)) and not isinstance(value, bool), f"{key} in {line}"


def found(server):
    """Status and bytes of the requests with an identifier, as the access log has them."""
    requests = [line["data"] for line in messages(server, "request")]
    return {one["request_id"]: (one["status"], one["bytes"]) for one in requests if "request_id" in one}


def test_an_orderly_end_is_said_once_and_is_no_outage(repository):
    redis = Redis()
    repository.add("m", 1, identity(OFFSET), manifest="cache: { ttl: 300s }\n")
    with contextlib.closing(redis), Server(repository.folder, "--redis-url", redis.url) as server:
        until(lambda: server.metric("verdict_redis_available") == 1, "Redis to be connected")
        with server.socket() as idle:
            idle.send(b"GET /health/live HTTP/1.1\r\nHost: verdict\r\n\r\n")
            assert idle.read_answer("GET").status == 200
            assert server.stop() == 0
        said = [line["message"] for line in lines(server)]
        assert said.count("the server is draining") == 1 and said.count("the server has stopped") == 1
        assert said[-1] == "the server has stopped"
        assert messages(server, "the server is draining")[0]["data"]["open_connections"] >= 1
        assert all(line["level"] == "info" for line in lines(server)), server.errors()


def test_a_fatal_error_is_said_once(repository, tmp_path):
    repository.add("m", 1, identity(OFFSET))
    with Server(repository.folder) as server:
        taken = ("--models", repository.folder, "--port", server.port)
        for arguments, reason in {taken: "cannot listen on", ("--models", tmp_path / "none", "--port", 0): "is no folder"}.items():
            result = run_verdict("serve", *arguments, "--log-level", "critical")
            assert result.returncode == 1 and result.stdout == ""
            (line,) = result.stderr.splitlines()
            assert json.loads(line)["level"] == "critical" and json.loads(line)["message"] == "the server failed"
            assert reason in json.loads(line)["data"]["reason"]
