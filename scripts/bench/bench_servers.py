"""Starts the servers of the comparisons, each pinned to one core, and the load on them from another."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SERVER_CORE, CLIENT_CORE = 0, 1
HOST = "127.0.0.1"
PATIENCE = 60


def pinned(core, command):
    """The command on one core; as it is where there is only one."""
    return ["taskset", "-c", str(core), *command] if (os.cpu_count() or 1) > 1 else command


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def exchange(address, request):
    """Sends one request on a connection of its own and returns its status and body."""
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            piece = connection.recv(65536)
            if not piece:
                raise ConnectionError("the server closed the connection")
            received += piece
        head, body = received.split(b"\r\n\r\n", 1)
        length = int(re.search(rb"(?im)^content-length: *(\d+)", head)[1])
        while len(body) < length:
            body += connection.recv(65536)
        return int(head.split()[1]), body


def post(address, path, body):
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return exchange(address, head.encode() + body)


class Server:
    """A process that serves on a port of this machine until the end of the `with` block."""

    name = "server"

    def __init__(self, command, port=None, core=SERVER_CORE, environment=None):
        self.log = tempfile.TemporaryFile("w+")
        stdout = self.log if port else subprocess.PIPE
        if core is not None:
            command = pinned(core, command)
        self.process = subprocess.Popen(command, stdout=stdout, stderr=self.log, env={**os.environ, **(environment or {})})
        self.address = (HOST, port or self.announced_port())

    def announced_port(self):
        line = self.process.stdout.readline().decode()
        found = re.search(r":(\d+)\b", line)
        if not found:
            self.give_up(f"its first line names no address: {line!r}")
        return int(found[1])

    def give_up(self, reason):
        self.process.kill()
        self.log.seek(0)
        sys.exit(f"{self.name} does not serve: {reason}\n{self.log.read()[-4000:]}")

    def wait_until(self, is_ready):
        deadline = time.monotonic() + PATIENCE
        while True:
            if self.process.poll() is not None:
                self.give_up(f"it ended with status {self.process.returncode}")
            try:
                if is_ready():
                    return
            except OSError:
                pass
            if time.monotonic() > deadline:
                self.give_up(f"it is not ready after {PATIENCE} s")
            time.sleep(0.002)

    def url(self, path):
        return f"http://{self.address[0]}:{self.address[1]}{path}"

    def memory_bytes(self):
        """Resident memory."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("the process is gone")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Nginx(Server):
    """nginx with one worker that answers everything with the same bytes.

    `return` is the cheapest answer nginx can give. The request's body arrives with its head in one read and is
    dropped unread: no parsing, no copy, no upstream. Keep-alive without an end, no access log. This favours
    nginx: the ratio to it says what everything that Verdict does costs on top of moving the bytes.
    """

    name = "nginx"

    def __init__(self, answer):
        port = free_port()
        self.place = tempfile.mkdtemp(prefix="verdict-bench-nginx-")
        answer = answer.decode().replace("\\", "\\\\").replace("'", "\\'").replace("$", "")
        folders = "\n".join(
            f"{module}_temp_path {self.place}/{module};" for module in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        configuration = Path(self.place, "nginx.conf")
        configuration.write_text(
            f"""
            daemon off;
            worker_processes 1;
            pid {self.place}/pid;
            error_log stderr;
            events {{ worker_connections 1024; }}
            http {{
                {folders}
                access_log off;
                keepalive_timeout 1h;
                keepalive_requests 1000000000;
                server {{
                    listen {HOST}:{port};
                    default_type application/json;
                    location / {{ return 200 '{answer}'; }}
                }}
            }}
            """
        )
        super().__init__(["nginx", "-p", self.place, "-c", str(configuration)], port)
        self.wait_until(lambda: post(self.address, "/predict", b"{}")[0] == 200)

    def __exit__(self, *arguments):
        super().__exit__(*arguments)
        shutil.rmtree(self.place, ignore_errors=True)


class FastAPIService(Server):
    """The service in fastapi_service.py under uvicorn: one worker, uvloop and httptools, no access log."""

    name = "FastAPI"

    def __init__(self, model, body):
        port = free_port()
        command = [sys.executable, "-B", "-m", "uvicorn", "fastapi_service:app", "--host", HOST, "--port", str(port)]
        command += ["--workers", "1", "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
        command += ["--app-dir", str(HERE)]
        super().__init__(command, port, environment={"MODEL_PATH": str(model)})
        self.wait_until(lambda: post(self.address, "/predict", body)[0] == 200)


class Verdict(Server):
    """`verdict serve` with a model repository."""

    def __init__(self, binary, models, path, body, core=SERVER_CORE, name="verdict"):
        self.name = name
        command = [str(binary), "serve", "--models", str(models), "--host", HOST, "--port", "0"]
        super().__init__(command, core=core)
        self.wait_until(lambda: post(self.address, path, body)[0] == 200)


def wrk(server, script, connections, seconds, arguments=(), path="/predict"):
    """Runs wrk with a Lua script whose `done` prints one line of JSON; returns that."""
    command = pinned(CLIENT_CORE, ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"])
    command += ["-s", str(HERE / script), server.url(path), "--", *map(str, arguments)]
    output = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    for line in output.stdout.splitlines():
        if line.startswith("{"):
            return json.loads(line)
    sys.exit(f"wrk printed no result:\n{output.stdout}{output.stderr}")


def verdict_bench(binary, server, lines, connections, seconds, rate="max", path="/predict"):
    """Runs `verdict bench` and returns its JSON."""
    command = pinned(CLIENT_CORE, [str(binary), "bench", server.url(path), "--lines", str(lines), "--json"])
    command += ["--rate", str(rate), "--concurrency", str(connections), "--duration", f"{seconds}s", "--warmup", "1s"]
    output = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    if not output.stdout.startswith("{"):
        sys.exit(f"verdict bench printed no result:\n{output.stdout}{output.stderr}")
    return json.loads(output.stdout)
