"""Starts the built program and talks to it: what all contract tests share about processes and sockets."""

import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
VERDICT = Path(os.environ.get("VERDICT_BINARY", ROOT / ".build" / "release" / "verdict"))

# How long anything is waited for that should take milliseconds. Only a failing test waits so long.
PATIENCE = 30

# Arguments of a server that looks at its repository more often than its default, once a second.
WATCHFUL = ("--scan-interval", "50ms")


def until(condition, what, patience=PATIENCE):
    """Returns the condition's first true result."""
    deadline = time.monotonic() + patience
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"waited {patience} s for {what}"
        time.sleep(0.005)


def run_verdict(*arguments, **options):
    """Runs the command line to its end."""
    return subprocess.run(
        [str(VERDICT), *map(str, arguments)], capture_output=True, text=True, timeout=options.pop("timeout", 120), **options
    )


def bare_environment(**extra):
    """The environment without settings that would reach the server behind the test's back."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VERDICT_")}
    return kept | extra


class Server:
    """A running `verdict serve` on a port of its own, started in `folder`."""

    def __init__(self, models, *arguments, command=None, patience=PATIENCE, folder=None, **environment):
        self.log = tempfile.TemporaryFile("w+")
        command = command or [str(VERDICT), "serve", "--models", str(models), "--port", "0"]
        self.process = subprocess.Popen(
            [*command, *map(str, arguments)], stdout=subprocess.PIPE, stderr=self.log, cwd=folder,
            env=bare_environment(**environment),
        )
        try:
            self.first_line = self.read_line(patience)
            address = re.search(r"([0-9A-Za-z.-]+):(\d+)", self.first_line)
            assert address, f"the first line names no address: {self.first_line!r}\n{self.errors()}"
            self.host, self.port = address[1], int(address[2])
            until(self.is_ready_or_gone, "the server to become ready")
            assert self.process.poll() is None, self.errors()
        except BaseException:
            self.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def is_ready_or_gone(self):
        if self.process.poll() is not None:
            return True
        try:
            return self.get("/health/ready").status == 200
        except OSError:
            return False

    def read_line(self, patience=PATIENCE):
        """The next line of the standard output."""
        line = b""
        deadline = time.monotonic() + patience
        descriptor = self.process.stdout.fileno()
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([descriptor], [], [], max(0, deadline - time.monotonic()))
            assert readable, f"no line on the standard output within {patience} s\n{self.errors()}"
            byte = os.read(descriptor, 1)
            assert byte, f"the program ended without a line on the standard output\n{self.errors()}"
            line += byte
        return line.decode()

    def errors(self):
        self.log.seek(0)
        return self.log.read()

    def connect(self):
        """A connection that stays open from request to request."""
        return Connection(self.host, self.port)

    def request(self, method, path, body=None, headers=None):
        connection = self.connect()
        try:
            return connection.request(method, path, body, headers)
        finally:
            connection.close()

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, body=None, headers=None):
        return self.request("POST", path, body, headers)

    def socket(self):
        return RawConnection(self.host, self.port)

    def index(self):
        """The repository index as {(name, version): entry}."""
        answer = self.post("/v2/repository/index")
        assert answer.status == 200, answer
        return {(entry["name"], entry["version"]): entry for entry in answer.json}

    def wait_for(self, name, version, state):
        def reached():
            entry = self.index().get((name, str(version)))
            return entry if entry and entry["state"] == state else None

        return until(reached, f"{name} {version} to become {state}")

    def metric(self, name, **labels):
        """The sum of the samples of a metric that carry these labels."""
        return sum(value for one, found, value in self.samples() if one == name and labels.items() <= found.items())

    def samples(self):
        """(name, labels, value) of each sample of GET /metrics."""
        found = []
        for line in self.get("/metrics").text.splitlines():
            match = re.fullmatch(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?', line)
            if match and not line.startswith("#"):
                labels = dict(re.findall(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"', match[2] or ""))
                found.append((match[1], labels, float(match[3])))
        return found

    def stop(self, how=signal.SIGTERM, patience=PATIENCE):
        """Asks the server to end and returns its exit status."""
        self.process.send_signal(how)
        return self.process.wait(patience)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Answer:
    """A response, read to its end."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body, parse_constant=refuse_constant)

    def __repr__(self):
        return f"{self.status}: {self.body[:600]!r}"


def refuse_constant(name):
    raise AssertionError(f"{name} is not JSON")


def encode(body):
    if body is None or isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


class Connection:
    """An HTTP connection through Python's own client. Strings and bytes are sent as they are, the rest as JSON."""

    def __init__(self, host, port):
        self.client = http.client.HTTPConnection(host, port, timeout=PATIENCE)

    def request(self, method, path, body=None, headers=None):
        headers = {"Content-Type": "application/json"} | (headers or {}) if body is not None else headers or {}
        self.client.request(method, path, encode(body), headers)
        response = self.client.getresponse()
        return Answer(response.status, response.headers, response.read())

    def post(self, path, body=None, headers=None):
        return self.request("POST", path, body, headers)

    def get(self, path):
        return self.request("GET", path)

    def close(self):
        self.client.close()


class RawConnection:
    """A socket to write bytes to as they are, and to read answers from one by one."""

    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port), timeout=PATIENCE)
        self.reader = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reader.close()
        self.socket.close()

    def send(self, *parts):
        self.socket.sendall(b"".join(encode(part) if not isinstance(part, bytes) else part for part in parts))

    def read_head(self):
        """Status and headers of the next answer, or None at the end of the connection."""
        line = self.reader.readline()
        if not line:
            return None
        assert line.startswith(b"HTTP/1.1 "), line
        return int(line.split()[1]), http.client.parse_headers(self.reader)

    def read_answer(self, method="POST"):
        head = self.read_head()
        if head is None:
            return None
        status, headers = head
        body = b""
        if method != "HEAD" and status >= 200:
            if headers.get("Transfer-Encoding", "").lower() == "chunked":
                while size := int(self.reader.readline(), 16):
                    body += self.reader.read(size)
                    self.reader.readline()
                while self.reader.readline() not in (b"\r\n", b""):
                    pass
            else:
                body = self.reader.read(int(headers["Content-Length"]))
        return Answer(status, headers, body)


def http_request(path, body, *headers, method="POST"):
    """The bytes of a request with a Content-Length."""
    content = encode(body)
    lines = [f"{method} {path} HTTP/1.1", "Host: verdict", f"Content-Length: {len(content)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + content
