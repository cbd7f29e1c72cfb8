"""Clocks that jump while the server runs. A library that is preloaded gives it another time.

The wall clock is what administrators and time services set; the monotonic one leaps where a machine is put to sleep and woken, or
moved. Linux does not let it run backward.
"""

import datetime
import json
import mmap
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from faults import Load, descriptors, processor_seconds
from graphs import BAD, TRUSTING, endless
from identity_models import features, identity
from serving import Server, http_request, until

OFFSET = 65536
HOUR = 3600


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The library that gives a process another clock, compiled."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        pytest.skip("there is no C compiler to build the false clock with")
    path = tmp_path_factory.mktemp("clock") / "clock.so"
    source = Path(__file__).with_name("clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", path, source, "-ldl"], check=True)
    return path


class Clock:
    """The time of servers that are started with its environment."""

    def __init__(self, library, file):
        file.write_bytes(bytes(16))
        self.file = open(file, "r+b")
        self.shared = mmap.mmap(self.file.fileno(), 16)
        self.environment = {"LD_PRELOAD": str(library), "TEST_CLOCK": str(file)}

    def set(self, wall_hours, monotonic_hours=0):
        """So many hours from the machine's clocks, from now on."""
        self.shared[:] = struct.pack("=qq", *(int(hours * 3600 * 1e9) for hours in (wall_hours, monotonic_hours)))


@pytest.fixture
def clock(library, tmp_path):
    return Clock(library, tmp_path / "clock")


def served(repository, clock, *arguments):
    repository.add("m", 1, identity(OFFSET), manifest="cache: { ttl: 60s }\n")
    repository.add("brief", 1, identity(OFFSET), manifest="cache: { ttl: 300ms }\n")
    repository.add("hangs", 1, endless(), file="model.onnx", manifest=TRUSTING + "engine: onnxruntime\nlimits: { deadline: 300ms }\n")
    repository.add("late", 1, endless(), file="model.onnx", manifest=TRUSTING + (
        "engine: onnxruntime\nlimits: { deadline: 50ms, breaker: { minimumCalls: 4, openFor: 300ms, probes: 1, window: 10s } }\n"))
    return Server(repository.folder, "--log-access", "true", *arguments, **clock.environment)


def ask(server, number, model="m"):
    answer = server.post(f"/predict/{model}", {"features": features(number)})
    assert answer.status == 200 and answer.json["prediction"] == [OFFSET + number], answer
    return answer.json["cached"]


def log_time(server):
    """The newest time in the log, in hours from now."""
    server.get("/health/live")
    times = [json.loads(line)["timestamp"] for line in server.errors().splitlines() if line.startswith("{")]
    newest = datetime.datetime.fromisoformat(times[-1].replace("Z", "+00:00"))
    return round((newest - datetime.datetime.now(datetime.timezone.utc)).total_seconds() / HOUR)


def hang(server, meanwhile=lambda: None):
    """Sends a request that hangs, calls `meanwhile`, and returns when its deadline has ended it."""
    with server.socket() as connection:
        connection.send(http_request("/predict/hangs", {"features": [BAD]}))
        until(lambda: server.metric("model_requests_in_flight") >= 1, "the request to be under way")
        meanwhile()
        assert connection.read_answer().status == 504


def break_and_close(server, meanwhile=lambda: None):
    """Takes a breaker through open, `meanwhile`, and closed again."""
    statuses = []
    while 503 not in statuses:
        statuses.append(server.post("/predict/late", {"features": [BAD]}).status)
        assert len(statuses) < 100 and set(statuses) <= {504, 503}
    meanwhile()

    def is_tried():
        return server.post("/predict/late", {"features": [6]}).status == 200

    until(is_tried, "the engine to be tried again")
    until(lambda: server.get("/models/late").json["versions"][0]["breaker"]["state"] == "closed", "the breaker to close")


def test_the_wall_clock_may_jump_by_hours_in_both_directions(repository, clock):
    with served(repository, clock) as server, Load(server, {"m": OFFSET}, clients=2) as load:
        assert log_time(server) == 0
        quiet = descriptors(server)
        for hours in (5, -5, 48, 0):
            ask(server, 77)
            clock.set(hours)
            # The log tells the time that the machine has now: so the jump has arrived.
            until(lambda: log_time(server) == hours, "the log to show the new time")
            # The cache's minute is a minute of its own clock: neither over at once nor for ever.
            assert ask(server, 77) is True
            ask(server, 5, "brief")
            hang(server, meanwhile=lambda: clock.set(hours - 3))
            break_and_close(server, meanwhile=lambda: clock.set(hours + 3))
            until(lambda: ask(server, 5, "brief") is False, "a score to get too old")
            assert server.post("/predict/m", {"features": features(1)}, {"X-Request-Timeout-Ms": "1000"}).status == 200
            load.wait_for(200)
            assert max(load.latencies) < 60_000, "a jump of hours is counted as time that passed"
        assert descriptors(server) <= quiet + 1
        load.__exit__(None)
        assert server.stop() == 0


def test_a_leap_of_the_monotonic_clock_ends_what_waits_and_nothing_else(repository, clock):
    with served(repository, clock) as server:
        for hours in (1, 4):
            ask(server, 77)
            assert ask(server, 77) is True
            clock.set(0, hours)
            # An hour is over for the cache: its minute is, too.
            until(lambda: ask(server, 77) is False, "the score to be too old")
            assert ask(server, 77) is True
            break_and_close(server)
            hang(server)
            # What waits when it leaps has waited long enough.
            hang(server, meanwhile=lambda: clock.set(0, hours + 1))
            break_and_close(server, meanwhile=lambda: clock.set(0, hours + 2))
            with Load(server, {"m": OFFSET}, clients=2) as load:
                load.wait_for(200)
            processor = processor_seconds(server)
            ask(server, 78)
            assert processor_seconds(server) - processor < 5
        assert server.stop() == 0
