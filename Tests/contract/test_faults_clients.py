"""Clients that waste what a server has: silent, slow, deaf, and too many of them.

What a single one gets, byte by byte, is tested in test_http and Tests/HTTPFrontTests (ConnectionTimeoutsTests, PipeliningTests).
"""

import contextlib
import os
import resource
import selectors
import socket
import time

import pytest
from faults import Load, assert_settles, descriptors, figures, processor_seconds, resident
from identity_models import features, identity
from serving import VERDICT, WATCHFUL, RawConnection, Server, http_request, until

OFFSET = 65536
CROWD = 10_000


@pytest.fixture
def models(repository):
    repository.add("m", 1, identity(OFFSET))
    return repository.folder


def question(number):
    return http_request("/predict/m", {"features": features(number), "request_id": f"q{number}"})


def assert_answers(answer, number):
    assert answer.status == 200 and answer.json["prediction"] == [OFFSET + number] and answer.json["request_id"] == f"q{number}"


def connections(server):
    """Sockets that the server has beyond those of the moment when it had no client."""
    return descriptors(server) - server.alone


@contextlib.contextmanager
def serving(models, *arguments):
    with Server(models, *arguments) as server:
        until(lambda: descriptors(server) == descriptors(server), "a quiet moment")
        server.alone = descriptors(server)
        yield server


class Crowd:
    """Open connections that are read by nobody. `room` is what the kernel keeps unread for each, in bytes."""

    def __init__(self, server, count, room=None):
        self.sockets = []
        for _ in range(count):
            one = socket.socket()
            one.settimeout(60)
            if room:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
            one.connect((server.host, server.port))
            self.sockets.append(one)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self.sockets:
            one.close()


def test_clients_that_say_nothing_or_a_byte_a_second_are_given_up_and_cost_nobody_anything(models):
    limits = ("--limits-idle-timeout", "2s", "--limits-header-timeout", "3s", "--limits-body-timeout", "3s")
    with serving(models, *limits) as server, Load(server, {"m": OFFSET}, clients=2) as load:
        load.wait_for(200)
        before = descriptors(server)
        with Crowd(server, 300) as crowd:
            until(lambda: descriptors(server) >= before + 300, "all to be accepted")
            whole = question(7)
            head_end = whole.index(b"\r\n\r\n") + 4
            silent, slow_head, slow_body = crowd.sockets[:100], crowd.sockets[100:200], crowd.sockets[200:]
            for one in slow_body:
                one.sendall(whole[:head_end])
            dripping = dict.fromkeys(slow_head, 0) | dict.fromkeys(slow_body, head_end)
            answers = {}
            answered = load.answered
            begin = time.monotonic()
            with selectors.DefaultSelector() as selector:
                for one in crowd.sockets:
                    selector.register(one, selectors.EVENT_READ)
                second = 0
                while len(answers) < 300:
                    assert time.monotonic() < begin + 120, f"{300 - len(answers)} clients are still there"
                    if time.monotonic() >= begin + second:
                        second += 1
                        for one in list(dripping):
                            with contextlib.suppress(OSError):
                                one.send(whole[dripping[one] : dripping[one] + 1])
                            dripping[one] += 1
                    for key, _ in selector.select(timeout=max(0, begin + second - time.monotonic())):
                        with contextlib.suppress(ConnectionResetError):
                            answers.setdefault(key.fileobj, b"")
                            answers[key.fileobj] += key.fileobj.recv(65536)
                        selector.unregister(key.fileobj)
                        dripping.pop(key.fileobj, None)
            assert load.answered > answered + 2, "others that had waited for them would have one answer each at most"
            assert all(answers[one] == b"" for one in silent)
            assert all(answers[one].startswith(b"HTTP/1.1 408 ") for one in slow_head + slow_body)
            load.wait_for(200)
            figures("beside 300 slow clients", [1000 * one for one in load.round_trips])
        until(lambda: descriptors(server) <= before, "the connections to be gone")


def test_clients_that_never_read_cost_a_bounded_amount_and_are_dropped(models):
    with serving(models, "--limits-idle-timeout", "3s") as server, Load(server, {"m": OFFSET}, clients=2) as load:
        load.wait_for(200)
        before = descriptors(server), resident(server)
        with Crowd(server, 100, room=4096) as crowd:
            block = b"".join(question(number) for number in range(200))
            stalled = dict.fromkeys(crowd.sockets, 0)
            for one in crowd.sockets:
                one.setblocking(False)
            most = unsent = 0
            # They send for as long as anything is taken; in the end they are dropped.
            open_ones, deadline = set(crowd.sockets), time.monotonic() + 120
            with selectors.DefaultSelector() as selector:
                for one in crowd.sockets:
                    selector.register(one, selectors.EVENT_WRITE)
                while open_ones:
                    assert time.monotonic() < deadline, f"{len(open_ones)} clients are still there"
                    most, unsent = max(most, resident(server)), max(unsent, most_unsent(server))
                    for key, _ in selector.select(timeout=1):
                        try:
                            stalled[key.fileobj] += key.fileobj.send(block)
                        except BlockingIOError:
                            pass
                        except OSError:
                            selector.unregister(key.fileobj)
                            open_ones.discard(key.fileobj)
            print(f"\n[measured] 100 clients that never read: {sum(stalled.values()) >> 20} MiB taken from them, "
                  f"{(most - before[1]) / 100 / 1024:.0f} KiB of memory each at most, {unsent >> 10} KiB in the kernel")
            assert 0 < unsent < 1 << 20
            assert most - before[1] < 100 * (1 << 20)
            load.wait_for(200)
        figures("beside 100 clients that never read", [1000 * one for one in load.round_trips])
        until(lambda: descriptors(server) <= before[0], "the connections to be gone")


def most_unsent(server):
    """Bytes of answers that the kernel keeps for the client that has fetched least."""
    with open("/proc/net/tcp") as file:
        sockets = [line.split() for line in file][1:]
    local = f":{server.port:04X}"
    return max((int(one[4].partition(":")[0], 16) for one in sockets if one[1].endswith(local)), default=0)


@contextlib.contextmanager
def descriptor_limit(count):
    """Raises this process' own limit on open files for the time."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        pytest.skip(f"this user may have {hard} files open, and {count} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_ten_thousand_idle_connections_are_kept_and_served_beside(models):
    limits = ("--limits-max-connections", CROWD + 1000, "--limits-idle-timeout", "10m")
    with descriptor_limit(CROWD + 2000), serving(models, *limits) as server, Load(server, {"m": OFFSET}, clients=2) as load:

        def processor_of(count):
            """Processor time of so many requests: what another program does at the time is not in it."""
            before = processor_seconds(server)
            load.wait_for(count)
            return processor_seconds(server) - before

        load.wait_for(500)
        alone = processor_of(2000)
        before, size = descriptors(server), resident(server)

        def come_and_go():
            nonlocal size
            begin = time.monotonic()
            with Crowd(server, CROWD) as crowd:
                until(lambda: descriptors(server) >= before + CROWD, "all to be accepted", patience=120)
                took = time.monotonic() - begin
                assert resident(server) - size < CROWD * (48 << 10), "a connection costs too much"
                del load.round_trips[:]
                beside = processor_of(2000)
                # They are alive: some say something after all.
                for number in range(0, CROWD, 500):
                    crowd.sockets[number].sendall(question(number))
                    connection = RawConnection.__new__(RawConnection)
                    connection.reader = crowd.sockets[number].makefile("rb")
                    assert_answers(connection.read_answer(), number)
                    connection.reader.close()
            figures(f"beside {CROWD} idle connections (opened in {took:.1f} s), round trips", [1000 * one for one in load.round_trips])
            # Work for each open connection in each request would be a hundred times as much.
            assert beside < 5 * alone + 1, (alone, beside)
            until(lambda: descriptors(server) <= before, "the connections to be gone", patience=120)
            load.wait_for(100)
            size = resident(server)

        come_and_go()
        # What a crowd leaves behind is used by the next one; a connection that is lost costs several KiB.
        assert_settles(server, come_and_go, room=CROWD * 1024)


def test_when_files_run_out_the_connected_are_served_and_others_wait(repository, models):
    with serving(models, *WATCHFUL) as server, Load(server, {"m": OFFSET}, clients=2) as load:
        begin, processor = time.monotonic(), processor_seconds(server)
        load.wait_for(1000)
        usual = (processor_seconds(server) - processor) / (time.monotonic() - begin)
        early = server.socket()
        early.send(question(1))
        assert_answers(early.read_answer(), 1)
        # As if another part of the process had used the rest up: no file, no socket more.
        # Their numbers count, and files that are open for a moment leave gaps.
        limit = max(int(name) for name in os.listdir(f"/proc/{server.process.pid}/fd")) + 1
        old = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (limit, old[1]))
        waiting = [server.socket() for _ in range(20)]
        for number, one in enumerate(waiting):
            one.send(question(number))
        repository.add("n", 1, identity(2 * OFFSET))
        begin, processor = time.monotonic(), processor_seconds(server)
        done = load.answered
        until(lambda: "Too many open files" in server.errors(), "the registry to have looked at its folders in vain")
        load.wait_for(1000)
        early.send(question(2))
        assert_answers(early.read_answer(), 2)
        share = (processor_seconds(server) - processor) / (time.monotonic() - begin)
        print(f"\n[measured] without descriptors: {load.answered - done} answers with {100 * share:.0f}% of a processor, "
              f"before {100 * usual:.0f}%")
        assert descriptors(server) <= limit
        # One connection closes: one of those who wait gets its answer.
        early.__exit__()
        until(lambda: readable(waiting), "one that waits to be accepted")
        assert "no connection can be accepted now" in server.errors()
        # Nobody asks any more: the server rests, although connections wait that it cannot accept.
        load.__exit__(None)
        assert descriptors(server) <= limit
        share = processor_share(server)
        print(f"[measured] without descriptors and without requests: {100 * share:.0f}% of a processor")
        assert share < 0.2, "it spins"
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, old)
        for number, one in enumerate(waiting):
            assert_answers(one.read_answer(), number)
            one.__exit__()
        # What could not be read meanwhile is read by itself.
        server.wait_for("n", 1, "READY")
        assert server.post("/predict/n", {"features": features(3)}).json["prediction"] == [2 * OFFSET + 3]
        assert "model version withdrawn" not in server.errors()


def test_under_a_low_limit_on_open_files_clients_take_turns(repository, models):
    command = ["sh", "-c", f"ulimit -n 64; exec {VERDICT} serve --models {models} --port 0 --scan-interval 50ms"]
    with Server(models, command=command) as server, contextlib.ExitStack() as clients:
        assert "the limit on open files allows fewer connections than configured" in server.errors()
        waiting = {clients.enter_context(server.socket()): number for number in range(100)}
        for one, number in waiting.items():
            one.send(question(number))
        # Half of the files are kept for other things, so that a model can be loaded meanwhile.
        repository.add("n", 1, identity(2 * OFFSET))
        most = 0
        while waiting:
            answered = readable(waiting)
            most = max(most, len(answered))
            for one in answered:
                assert_answers(one.read_answer(), waiting.pop(one))
            until(lambda: '"model":"n"' in server.errors(), "the model to be loaded")
            assert descriptors(server) < 64
            for one in answered:
                one.__exit__()
        # Half of 64 are for connections, and up to four are accepted at a time.
        assert 0 < most <= 32 + 3, "more connections than are allowed"
        server.wait_for("n", 1, "READY")
        assert "model version refused" not in server.errors()


def readable(connections):
    """Those of which there is something to read."""
    with selectors.DefaultSelector() as selector:
        for one in connections:
            selector.register(one.socket, selectors.EVENT_READ, one)
        return [key.data for key, _ in selector.select(timeout=0.01)]


def processor_share(server, seconds=3):
    """How much of a processor the process uses. Three seconds are more than any pause that it makes."""
    begin, processor = time.monotonic(), processor_seconds(server)
    until(lambda: time.monotonic() > begin + seconds, "the time to pass")
    return (processor_seconds(server) - processor) / (time.monotonic() - begin)
