"""Large answers: what is refused, how they are sent, and what clients that do not read them can make the server hold."""

import contextlib
import re
import socket
import threading
import time

import pytest
from faults import descriptors, resident
from serving import PATIENCE, RawConnection, Server, encode, http_request, until

OUTPUTS = 400
MEBIBYTE = 1 << 20
BUDGET = 64 * MEBIBYTE


def wide(outputs):
    """A PMML model of one input `x` whose output i is x + i / 7."""
    fields = "".join(
        f'<OutputField name="output_number_{one}" optype="continuous" dataType="double" feature="transformedValue">'
        f'<Apply function="+"><FieldRef field="x"/><Constant dataType="double">{one / 7!r}</Constant></Apply></OutputField>'
        for one in range(outputs))
    return (
        '<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/><DataDictionary>'
        '<DataField name="x" optype="continuous" dataType="double"/><DataField name="y" optype="continuous" dataType="double"/>'
        '</DataDictionary><RegressionModel functionName="regression"><MiningSchema><MiningField name="x"/>'
        f'<MiningField name="y" usageType="target"/></MiningSchema><Output>{fields}</Output>'
        '<RegressionTable intercept="0"><NumericPredictor name="x" coefficient="1"/></RegressionTable></RegressionModel></PMML>')


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wide") / "models"
    for name, outputs in {"wide": OUTPUTS, "wider": 2000}.items():
        (folder / name / "1").mkdir(parents=True)
        (folder / name / "1" / "model.pmml").write_text(wide(outputs))
    return folder


@pytest.fixture(scope="module")
def server(models):
    with Server(models) as running:
        yield running


def rows(count):
    return [{"features": [number + 0.5], "request_id": f"row {number}"} for number in range(count)]


def batch(count, *headers, name="wide"):
    return http_request(f"/predict/batch/{name}", rows(count), *headers)


def tensors(count):
    return {
        "id": "all", "outputs": [{"name": f"output_number_{one}"} for one in range(0, OUTPUTS, 3)],
        "inputs": [{"name": "x", "datatype": "FP64", "shape": [count, 1], "data": [one + 0.5 for one in range(count)]}],
    }


def untimed(body):
    """The answer but for its times."""
    return re.sub(rb'latency_ms":[0-9.]+', b'latency_ms":0', body)


def expected_batch(server, count):
    """The bytes of a batch's answer, put together from the answers to its rows alone."""
    connection = server.connect()
    answers = [untimed(connection.post("/predict/wide", row).body) for row in rows(count)]
    connection.close()
    return b'{"success":true,"results":[' + b",".join(answers) + b'],"count":%d,"failed":0,"total_latency_ms":0}' % count


class Deaf:
    """A client with little room for what it does not read."""

    def __init__(self, server):
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect((server.host, server.port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def read_slowly(reader):
    """The next answer, read in small pieces: its head, and its body without the framing."""

    def exactly(count):
        body = b""
        while len(body) < count:
            piece = reader.read(min(1000, count - len(body)))
            if not piece:
                raise ConnectionError("the answer is cut off")
            body += piece
        return body

    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += exactly(1)
    if b"Transfer-Encoding: chunked" not in head:
        return head, exactly(int(re.search(rb"Content-Length: (\d+)", head)[1]))
    assert b"Content-Length" not in head
    body = b""
    while True:
        size = b""
        while not size.endswith(b"\n"):
            size += exactly(1)
        assert re.fullmatch(rb"[0-9a-f]+\r\n", size), size
        body += exactly(int(size, 16))
        assert exactly(2) == b"\r\n"
        if int(size, 16) == 0:
            return head, body


def test_a_slow_reader_gets_every_byte_and_the_answers_to_what_it_pipelined(server):
    count = 150
    expected = expected_batch(server, count)
    assert len(expected) > 20 * 65536, "the answer takes many pieces"
    small = http_request("/predict/wide", rows(1)[0])
    with Deaf(server) as client, client.socket.makefile("rb", buffering=0) as reader:
        client.socket.sendall(batch(count) + small + batch(count) + http_request("/v2/models/wide/infer", tensors(count)) + small)
        head, body = read_slowly(reader)
        assert head.startswith(b"HTTP/1.1 200 ") and untimed(body) == expected
        head, body = read_slowly(reader)
        assert b"Content-Length" in head and untimed(body) + b"," in expected
        head, body = read_slowly(reader)
        assert b"chunked" in head and untimed(body) == expected
        head, body = read_slowly(reader)
        assert body == server.post("/v2/models/wide/infer", tensors(count)).body
        head, body = read_slowly(reader)
        assert untimed(body) + b"," in expected


def test_a_client_of_http_1_0_is_told_the_length_and_keeps_its_connection(server):
    count = 60
    expected = expected_batch(server, count)
    request = batch(count, "Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0")
    infer = http_request("/v2/models/wide/infer", tensors(count)).replace(b"HTTP/1.1", b"HTTP/1.0")
    with Deaf(server) as client, client.socket.makefile("rb", buffering=0) as reader:
        client.socket.sendall(request * 2 + infer)
        for _ in range(2):
            head, body = read_slowly(reader)
            assert b"Content-Length" in head and b"chunked" not in head and b"Connection: keep-alive" in head
            assert untimed(body) == expected
        head, body = read_slowly(reader)
        assert b"Content-Length" in head and body == server.post("/v2/models/wide/infer", tensors(count)).body
        assert reader.read(1) == b"", "without keep-alive the connection ends"


def test_requests_with_too_large_an_answer_are_refused_before_they_are_scored(server):
    scored = server.metric("model_rows_total")
    answer = server.post("/predict/batch/wider", rows(2200))
    assert answer.status == 413 and answer.json["error"]["code"] == "TOO_LARGE"
    # 4,194,304 cells of 2,000 outputs would be 2,097 rows; their texts are the tighter limit.
    most = int(re.search(r"at most (\d+) rows", answer.json["error"]["message"])[1])
    assert 300 < most < 2000
    assert "an answer has at most 67108864 bytes" in answer.json["error"]["message"]
    assert "send several smaller ones" in answer.json["error"]["message"]
    count = 2200
    body = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [count, 1], "data": [1.5] * count}]}
    answer = server.post("/v2/models/wider/infer", body)
    assert answer.status == 413 and "rows times outputs are at most 4194304" in answer.json["error"]
    body["inputs"][0] |= {"shape": [2000, 1], "data": [1.5] * 2000}
    answer = server.post("/v2/models/wider/infer", body)
    assert answer.status == 413 and "an answer has at most 67108864 bytes" in answer.json["error"]
    assert server.metric("model_rows_total") == scored
    # As many rows as the refusal allows.
    answer = server.post("/predict/batch/wider", rows(most))
    assert answer.status == 200 and answer.json["count"] == most and len(answer.body) < 67108864
    # Fewer outputs, more rows.
    body["outputs"] = [{"name": "output_number_7"}]
    assert server.post("/v2/models/wider/infer", body).status == 200


def test_two_hundred_clients_that_do_not_read_cost_what_the_documentation_says(models):
    crowd, count = 200, 1000
    arguments = ("--limits-max-unread-bytes", str(BUDGET), "--http-threads", "2")
    with Server(models, *arguments) as server, contextlib.ExitStack() as stack:
        # The largest memory that one such request needs by itself is there before the crowd comes.
        for _ in range(4):
            assert server.post("/predict/batch/wide", rows(count)).json["count"] == count
        before, alone = resident(server), descriptors(server)
        most, done, delays = [0], threading.Event(), []

        def watch():
            connection = server.connect()
            while not done.is_set():
                start = time.monotonic()
                assert connection.get("/health/live").status == 200
                delays.append(time.monotonic() - start)
                most[0] = max(most[0], resident(server))

        watching = threading.Thread(target=watch)
        watching.start()
        request, predicted = batch(count), server.metric("model_rows_total")
        # The server's own, until it was ready.
        earlier = server.metric("verdict_http_errors_total", status="503")
        clients = [stack.enter_context(Deaf(server)) for _ in range(crowd)]
        for client in clients:
            client.socket.sendall(request)
        goal = predicted + crowd * count
        until(lambda: server.metric("model_rows_total") >= goal, "all to be scored", patience=120)
        until(lambda: server.metric("verdict_http_unread_bytes") <= BUDGET, "the last ones to be closed")
        closed = server.metric("verdict_http_unread_closed_total")
        refused = server.metric("verdict_http_errors_total", status="503") - earlier
        kept = crowd - closed - refused
        done.set()
        watching.join()
        print(f"\n[measured] {crowd} clients that do not read: {refused:.0f} refused, {closed:.0f} closed, {(most[0] - before) / MEBIBYTE:.0f} MiB more "
              f"than before at most, health in {1000 * max(delays):.0f} ms at most")
        # 1,000 rows of 400 numbers are 3.1 MiB, and the budget is for 64.
        assert 12 <= kept <= 21
        # The budget, 128 KiB of text for each that is kept, and the one request that each thread works on.
        assert most[0] < before + BUDGET + kept * MEBIBYTE / 8 + 40 * MEBIBYTE
        assert (closed > 0) == ("connections were closed because their clients do not read the answers" in server.errors())
        assert len(delays) > 10
        # Those that are kept get their answers whole, once they read.
        whole = told = 0
        for client in clients:
            with contextlib.suppress(ConnectionError), client.socket.makefile("rb") as reader:
                head, body = read_slowly(reader)
                if head.startswith(b"HTTP/1.1 503 "):
                    assert b"limits.maxUnreadBytes" in body and b"Retry-After" in head
                    told += 1
                    continue
                assert head.startswith(b"HTTP/1.1 200 ") and body.endswith(b"}") and body.count(b'"request_id":"row ') == count
                whole += 1
        assert (whole, told) == (kept, refused)
        until(lambda: server.metric("verdict_http_unread_bytes") == 0, "nothing to be held any more")
        stack.close()
        until(lambda: descriptors(server) <= alone, "the connections to be gone")


def test_an_answer_that_is_read_is_not_cut_off_for_anothers_sake(models):
    """More than the budget is asked for at once. Who does not get an answer is told so before it begins."""
    clients, turns, count = 12, 2, 3000
    outcomes, gaps = [], []

    def ask():
        for _ in range(turns):
            with socket.create_connection((server.host, server.port), timeout=PATIENCE) as connection:
                connection.sendall(batch(count, "Connection: close"))
                answer, last, gap = b"", time.monotonic(), 0
                with contextlib.suppress(ConnectionError):
                    while chunk := connection.recv(1 << 20):
                        answer += chunk
                        gap, last = max(gap, time.monotonic() - last), time.monotonic()
                is_whole = answer.endswith(b"0\r\n\r\n")
                outcomes.append("told" if answer.startswith(b"HTTP/1.1 503 ") else "whole" if is_whole else "cut")
                gaps.append(gap)

    with Server(models, "--http-threads", "2", "--limits-max-unread-bytes", str(32 << 20)) as server:
        threads = [threading.Thread(target=ask) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(outcomes) == clients * turns and "whole" in outcomes
        # Only on a machine so busy that a client reads nothing for 10 s may it be taken for deaf.
        assert "cut" not in outcomes or max(gaps) > 8, outcomes


def test_bodies_that_do_not_arrive_whole_are_bounded_for_the_server(models):
    """Clients that send most of a large body and stop get no more memory than the limit; other requests are answered."""
    limit, part, crowd = 32 * MEBIBYTE, 3 * MEBIBYTE, 40
    arguments = ("--http-threads", "2", "--limits-max-unfinished-bytes", str(limit))
    head = b"POST /predict/batch/wide HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (part + 1000)
    with Server(models, *arguments) as server, contextlib.ExitStack() as stack:
        assert server.post("/predict/batch/wide", rows(1000)).status == 200
        before = resident(server)
        clients = []

        def add_client():
            client = stack.enter_context(socket.create_connection((server.host, server.port), timeout=PATIENCE))
            clients.append(client)
            # A refused one is answered while it sends.
            with contextlib.suppress(ConnectionError):
                client.sendall(head + b"[" + b" " * part)

        def sent_away():
            return server.metric("verdict_http_errors_total", status="503") + server.metric("verdict_http_unfinished_closed_total")

        for _ in range(crowd):
            add_client()
        until(lambda: sent_away() >= crowd - limit // part, "those without room to be told")
        assert server.metric("verdict_http_unfinished_bytes") <= limit
        # A buffer may be twice as large as what it holds.
        assert resident(server) < before + 2 * limit + 16 * MEBIBYTE
        # Small requests are answered; a large one is told why not, and is answered once there is room.
        assert server.post("/predict/wide", rows(1)[0]).status == 200
        large = b"[" + b" " * part + encode(rows(1)[0]) + b"]"

        def refusal():
            # Two that arrive together may both be refused for the last room, and the deaf make room in the end: fill it first.
            while server.metric("verdict_http_unfinished_bytes") <= limit - part:
                add_client()
            with RawConnection(server.host, server.port) as connection:
                connection.send(http_request("/predict/batch/wide", large))
                answer = connection.read_answer()
                return answer if answer.status == 503 else None

        answer = until(refusal, "a large request to be refused")
        assert "limits.maxUnfinishedBytes" in answer.json["error"]["message"]
        assert answer.headers["Retry-After"] == "1"
        for client in clients:
            client.close()
        until(lambda: server.metric("verdict_http_unfinished_bytes") == 0, "nothing to be held any more")
        assert server.post("/predict/batch/wide", large).json["count"] == 1
        until(lambda: server.metric("verdict_http_unfinished_bytes") == 0, "the answered request to be gone")
