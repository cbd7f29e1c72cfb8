"""A log that nobody reads, or that lies on a full disk: lines are lost, nothing else is."""

import contextlib
import json
import os

from faults import Load, Redis
from identity_models import identity
from serving import VERDICT, WATCHFUL, Server, until

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
