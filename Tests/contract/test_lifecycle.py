"""Starting and ending: the first line, the log, signals, draining."""

import datetime
import http.client
import json
import re
import signal
import socket
import threading

import pytest
from identity_models import features, identity
from serving import EXAMPLES, Server, bare_environment, http_request, run_verdict, until


@pytest.fixture
def hangup():
    """Sets what servers inherit for SIGHUP, whatever the caller of the tests does with it; at first the default."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield lambda what: signal.signal(signal.SIGHUP, what)
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def served(repository, hangup):
    repository.add("m0", 1, identity(0))
    with Server(repository.folder) as server:
        yield server


def connects(server):
    try:
        socket.create_connection((server.host, server.port), timeout=5).close()
        return True
    except OSError:
        return False


def is_ready(server):
    try:
        return server.get("/health/ready").status == 200
    except (OSError, http.client.HTTPException):
        return False


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_lets_the_request_in_flight_be_answered_and_ends_with_success(served, how):
    whole = http_request("/predict/m0", {"features": features(1234), "request_id": "last"})
    with served.socket() as connection, served.socket() as idle:
        # Both connections are known to be accepted once they have been answered.
        for one in (connection, idle):
            one.send(http_request("/predict/m0", {"features": features(1)}))
            assert one.read_answer().json["prediction"] == [1]
        connection.send(whole[:-20])
        served.process.send_signal(how)
        until(lambda: not is_ready(served), "readiness to turn false")
        assert served.process.poll() is None, "it did not wait for the request in flight: " + served.errors()
        connection.send(whole[-20:])
        answer = connection.read_answer()
        assert answer is not None and answer.status == 200, answer
        assert answer.json["prediction"] == [1234] and answer.json["request_id"] == "last"
        assert served.process.wait(10) == 0
    assert not connects(served)


def test_a_server_started_to_ignore_hangups_serves_on(repository, hangup):
    repository.add("m0", 1, identity(0))
    hangup(signal.SIG_IGN)
    with Server(repository.folder) as server:
        server.process.send_signal(signal.SIGHUP)
        assert server.get("/health/ready").status == 200
        assert server.stop() == 0
        assert "sighup" not in server.errors().lower()


def test_idle_connections_do_not_hold_up_the_end(served):
    connections = [served.socket() for _ in range(20)]
    for connection in connections:
        connection.send(http_request("/health", b"", method="GET"))
        assert connection.read_answer("GET").status == 200
    assert served.stop(patience=10) == 0
    for connection in connections:
        assert connection.read_answer() is None
        connection.__exit__()


def test_a_client_that_never_finishes_is_cut_off_at_the_drain_limit(repository, tmp_path):
    repository.add("m0", 1, identity(0))
    config = tmp_path / "verdict.yaml"
    config.write_text("limits: { drain: 500ms }\n")
    with Server(repository.folder, "--config", config) as server, server.socket() as connection:
        connection.send(http_request("/predict/m0", {"features": features(1)})[:-5])
        until(lambda: server.get("/health/live").status == 200, "the server to have read")
        assert server.stop(patience=10) == 0


def test_no_request_that_got_an_answer_got_half_of_one(served):
    """Clients that go on asking while the server ends see whole answers, then a closed door."""
    answered = [0] * 8

    def ask(thread):
        connection = served.connect()
        while True:
            try:
                answer = connection.post("/predict/m0", {"features": features(answered[thread] % 65536)})
            except (ConnectionError, http.client.BadStatusLine, http.client.CannotSendRequest):
                return
            assert answer.status in (200, 503), answer
            if answer.status == 200:
                assert answer.json["prediction"] == [answered[thread] % 65536]
            answered[thread] += 1

    failures = []

    def guarded(thread):
        try:
            ask(thread)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(len(answered))]
    for thread in threads:
        thread.start()
    until(lambda: min(answered) > 20, "each client to be answered")
    assert served.stop() == 0
    for thread in threads:
        thread.join()
    assert not failures, failures[0]


def test_connections_that_arrive_while_the_server_ends_do_no_harm(repository):
    """Whether they are still accepted is a race; the end must be orderly either way."""
    repository.add("m0", 1, identity(0))
    for _ in range(10):
        with Server(repository.folder) as server:
            stop, arrived = threading.Event(), []

            def arrive():
                while not stop.is_set():
                    arrived.append(connects(server))

            threads = [threading.Thread(target=arrive) for _ in range(6)]
            for thread in threads:
                thread.start()
            try:
                until(lambda: len(arrived) > 50, "connections to arrive")
                status = server.stop()
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
            assert status == 0, server.errors()


def test_the_first_line_on_the_standard_output_is_the_address(served):
    assert re.search(rf"127\.0\.0\.1:{served.port}\b", served.first_line)
    assert served.port != 0


def test_the_log_is_json_a_line_in_utc_and_without_feature_values(served):
    served.post("/predict/m0", {"features": {"low": "secret-value-1", "high": 8.125e77}})
    served.post("/predict/m0", {"features": {"low": 8.125e77}, "context": {"card": "secret-value-2"}})
    assert served.stop() == 0
    log = served.errors()
    lines = log.splitlines()
    assert lines, "nothing was logged"
    for line in lines:
        entry = json.loads(line)
        assert {"timestamp", "level", "message"} <= set(entry), line
        time = datetime.datetime.fromisoformat(entry["timestamp"].replace("Z", "+00:00"))
        assert time.utcoffset() == datetime.timedelta(0)
    assert "secret-value" not in log and "8.125" not in log


def test_a_port_in_use_is_said_and_fails(served):
    result = run_verdict("serve", "--models", EXAMPLES / "models", "--port", served.port, env=bare_environment(), timeout=30)
    assert result.returncode == 1, result
    assert str(served.port) in result.stderr
    assert is_ready(served)


def test_a_repository_that_is_not_there_is_said_and_fails(tmp_path):
    result = run_verdict("serve", "--models", tmp_path / "nowhere", "--port", 0, env=bare_environment(), timeout=30)
    assert result.returncode in (1, 2), result
    assert "nowhere" in result.stderr
