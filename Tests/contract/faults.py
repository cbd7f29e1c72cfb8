"""What the tests of faults share: load whose every answer is checked, the process as the kernel sees it, a real Redis."""

import http.client
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from identity_models import features
from serving import until


def resident(server):
    """Bytes of memory that the process has."""
    with open(f"/proc/{server.process.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def assert_settles(server, turn, room, turns=8):
    """Takes turns until one of them adds at most `room` bytes to the server's memory: what is lost each time adds to each."""
    sizes = [resident(server)]
    for _ in range(turns):
        turn()
        sizes.append(resident(server))
        if sizes[-1] - sizes[-2] <= room:
            return
    raise AssertionError(f"each of {turns} turns adds more than {room} bytes: {sizes}")


def descriptors(server):
    """How many files and sockets the process has open."""
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def processor_seconds(server):
    """Time of all its threads, user and system."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Load:
    """Clients that ask identity models for scores that encode the question, one request after the other, and check each answer.

    `models` maps names to offsets. A fault may turn answers only into what `tolerated(answer)` accepts; with `may_end`, the
    server may also close its doors. The first failure of any client is raised at the end of the `with` block. No two clients ask the same at
    once, which would be answered once, and marked as cached.
    """

    def __init__(self, server, models, clients=4, tolerated=None, may_end=False):
        self.server, self.models, self.tolerated, self.may_end = server, dict(models), tolerated, may_end
        self.latencies, self.round_trips, self.cached, self.refused = [], [], 0, 0
        self.failures = []
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self.guarded, args=(number,)) for number in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        self.done.set()
        for thread in self.threads:
            thread.join()
        if kind is None and self.failures:
            raise self.failures[0]

    @property
    def answered(self):
        return len(self.latencies)

    def wait_for(self, more):
        """Returns when so many more requests have been answered."""
        goal = self.answered + more
        until(lambda: self.failures or self.answered >= goal, f"{more} more answers")
        if self.failures:
            raise self.failures[0]

    def guarded(self, number):
        try:
            self.ask(random.Random(number), number)
        except BaseException as failure:
            self.failures.append(failure)

    def ask(self, source, client):
        connection = self.server.connect()
        names = sorted(self.models)
        while not self.done.is_set():
            name = source.choice(names)
            number = source.randrange(65536 // len(self.threads)) * len(self.threads) + client
            start = time.monotonic()
            try:
                answer = connection.post(f"/predict/{name}", {"features": features(number)})
            except (ConnectionError, http.client.BadStatusLine, http.client.CannotSendRequest):
                if self.may_end:
                    return
                raise
            self.round_trips.append(time.monotonic() - start)
            if answer.status != 200:
                assert self.tolerated and self.tolerated(answer), answer
                self.refused += 1
                continue
            body = answer.json
            assert body["prediction"] == [self.models[name] + number], (name, number, answer)
            assert body["degraded"] is False and body["model"] == name
            self.cached += body["cached"]
            self.latencies.append(body["latency_ms"])
        connection.close()


def quantile(values, share):
    """The value below which this share of the values lies, in their unit."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def figures(what, milliseconds):
    """Prints a measurement, shown with pytest -s: what docs/reliability.md states comes from here."""
    print(
        f"\n[measured] {what}: {len(milliseconds)} requests, median {statistics.median(milliseconds):.3f} ms, "
        f"p99 {quantile(milliseconds, 0.99):.3f} ms, most {max(milliseconds):.3f} ms")


class Redis:
    """A real redis-server on a free port that keeps nothing on disk."""

    def __init__(self, *arguments):
        self.port, self.arguments = free_port(), arguments
        self.folder = tempfile.TemporaryDirectory()
        # The package redis-tools has the server's program under this name; called by its own, it is the server.
        self.program = os.path.join(self.folder.name, "redis-server")
        os.symlink(shutil.which("redis-server") or shutil.which("redis-check-rdb"), self.program)
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.folder.name,
             *self.arguments], stdout=subprocess.DEVNULL)
        until(self.answers, "redis-server to answer")

    def answers(self):
        try:
            return self.command("PING") == b"+PONG\r\n"
        except OSError:
            return False

    def command(self, *words):
        """The first bytes of the reply to a command without spaces in its words."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall((" ".join(words) + "\r\n").encode())
            return connection.recv(1 << 16)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.go_on()
        self.process.kill()
        self.process.wait()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def close(self):
        self.kill()
        self.folder.cleanup()


class Between:
    """A proxy in front of a server on this machine. `alter(bytes)` makes of each piece of a reply what the client gets."""

    def __init__(self, port):
        self.target, self.alter = port, None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                return
            server.settimeout(None)
            threading.Thread(target=self.pass_on, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.pass_on, args=(server, client, True), daemon=True).start()

    def pass_on(self, source, target, is_reply):
        try:
            while piece := source.recv(1 << 16):
                if is_reply and self.alter:
                    piece = self.alter(piece)
                target.sendall(piece)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
