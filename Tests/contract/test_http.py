"""HTTP itself, byte by byte: framing, keep-alive, pipelining, limits, clients that behave oddly."""

import socket
import time

import pytest
from identity_models import features, identity
from serving import Server, encode, http_request, until


def question(number, model=0, close=False):
    body = {"features": features(number), "request_id": f"q{number}"}
    return http_request(f"/predict/m{model}", body, *(["Connection: close"] if close else []))


def assert_answers(answer, number, model=0):
    assert answer is not None and answer.status == 200, answer
    assert answer.json["prediction"] == [65536 * model + number]
    assert answer.json["request_id"] == f"q{number}"


def test_one_connection_answers_many_requests(several):
    with several.socket() as connection:
        for number in range(50):
            connection.send(question(number))
            assert_answers(connection.read_answer(), number)


def test_pipelined_answers_leave_in_the_order_of_their_requests(several):
    """Also where a prediction follows a request that takes the slower way through the router."""
    with several.socket() as connection:
        numbers = range(120)
        connection.send(
            *(
                http_request("/models", b"", method="GET") if number % 5 == 2 else question(number, number % 6)
                for number in numbers
            )
        )
        for number in numbers:
            answer = connection.read_answer()
            if number % 5 == 2:
                assert answer.status == 200 and "m3" in answer.text and "prediction" not in answer.text
            else:
                assert_answers(answer, number, number % 6)


def test_a_request_may_come_byte_by_byte(several):
    with several.socket() as connection:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in (5, 6):
            for byte in question(number):
                connection.send(bytes([byte]))
            assert_answers(connection.read_answer(), number)


def test_a_chunked_body_is_put_together(several):
    body = encode({"features": features(4321), "request_id": "q4321"})
    pieces = [body[:1], body[1:9], body[9:]]
    chunks = b"".join(b"%x;note=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    head = b"POST /predict/m3 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with several.socket() as connection:
        connection.send(head, chunks, b"0\r\nTrailer: 1\r\n\r\n", question(8))
        assert_answers(connection.read_answer(), 4321, 3)
        assert_answers(connection.read_answer(), 8)


def test_a_client_that_asks_first_is_told_to_go_on(several):
    body = encode({"features": features(99), "request_id": "q99"})
    head = f"POST /predict/m0 HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    with several.socket() as connection:
        connection.send(head.encode())
        status, _ = connection.read_head()
        assert status == 100
        connection.send(body)
        assert_answers(connection.read_answer(), 99)


def test_a_body_over_the_limit_is_refused_before_it_is_sent(several):
    with several.socket() as connection:
        connection.send(b"POST /predict/m0 HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n")
        answer = connection.read_answer()
        assert answer.status == 413 and answer.json["success"] is False, answer
        assert answer.json["error"]["message"]
    with several.socket() as connection:
        connection.send(b"POST /predict/m0 HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\nExpect: 100-continue\r\n\r\n")
        assert connection.read_answer().status == 413


def test_a_chunked_body_over_the_limit_is_refused_while_it_comes(several):
    with several.socket() as connection:
        connection.send(b"POST /predict/m0 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(80):
                connection.send(b"10000\r\n", b" " * 65536, b"\r\n")
        except OSError:
            pass
        assert connection.read_answer().status == 413


def test_the_body_limit_can_be_set(repository, tmp_path):
    repository.add("m0", 1, identity(0))
    config = tmp_path / "verdict.yaml"
    config.write_text("limits: { maxBodyBytes: 300 }\n")
    with Server(repository.folder, "--config", config) as server:
        fits = encode({"features": [1, 1]}).ljust(300)
        assert server.post("/predict/m0", fits).json["prediction"] == [257]
        assert server.post("/predict/m0", fits + b" ").status == 413


def test_a_client_that_closes_its_side_still_gets_its_answers(several):
    with several.socket() as connection:
        connection.send(question(31), question(32))
        connection.socket.shutdown(socket.SHUT_WR)
        assert_answers(connection.read_answer(), 31)
        assert_answers(connection.read_answer(), 32)
        assert connection.read_answer() is None


def test_a_client_that_leaves_midway_harms_no_other(several):
    for cut in (1, 10, 60, -3):
        with several.socket() as connection:
            connection.send(question(1)[:cut])
    assert several.get("/health/ready").status == 200


def test_connection_close_and_http_1_0_are_honoured(several):
    with several.socket() as connection:
        connection.send(question(12, close=True))
        answer = connection.read_answer()
        assert_answers(answer, 12)
        assert answer.headers["Connection"].lower() == "close"
        assert connection.read_answer() is None
    with several.socket() as connection:
        connection.send(question(13).replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert_answers(connection.read_answer(), 13)
        assert connection.read_answer() is None


@pytest.mark.parametrize(
    "head",
    [
        b"POST /predict/m0 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /predict/m0 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        b"POST /predict/m0 HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /predict/m0 HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST /predict/m0 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /predict/m0 HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"hello\r\n\r\n",
    ],
    ids=["both framings", "two lengths", "negative length", "huge length", "bad chunk", "bad header", "TLS", "no HTTP"],
)
def test_what_is_not_http_is_refused_and_the_connection_closed(several, head):
    with several.socket() as connection:
        connection.send(head)
        try:
            answer = connection.read_answer()
            if answer is not None:
                assert 400 <= answer.status < 600 and answer.status != 500, answer
                assert answer.status != 408, "it was waited for"
                assert connection.read_answer() is None
        except ConnectionResetError:
            pass
    assert several.get("/health/live").status == 200


def test_a_head_without_end_is_refused(several):
    with several.socket() as connection:
        try:
            connection.send(b"GET /health HTTP/1.1\r\nHost: x\r\n")
            for number in range(3000):
                connection.send(b"X-Filler-%d: " % number, b"y" * 100, b"\r\n")
        except OSError:
            pass
        try:
            answer = connection.read_answer("GET")
            assert answer is None or 400 <= answer.status < 500
        except ConnectionResetError:
            pass


def test_a_client_that_does_not_read_is_not_read_from(several):
    """Its answers must not pile up in the server: at some point its requests are left in the kernel."""
    with several.socket() as connection:
        connection.socket.setblocking(False)
        block = question(9) * 200
        sent, deadline, stalled = 0, time.monotonic() + 20, None
        while stalled is None or time.monotonic() - stalled < 1:
            assert time.monotonic() < deadline and sent < 400 << 20, f"{sent} bytes of requests taken without one answer read"
            try:
                sent += connection.socket.send(block)
                stalled = None
            except BlockingIOError:
                stalled = stalled or time.monotonic()
    assert several.get("/health/live").status == 200


def test_an_answer_of_many_rows_arrives_whole(several):
    rows = [{"features": features(number), "request_id": f"q{number}"} for number in range(5000)]
    body = several.post("/predict/batch/m1", rows).json
    assert body["count"] == 5000
    assert [one["prediction"][0] - 65536 for one in body["results"]] == list(range(5000))
    assert [one["request_id"] for one in body["results"]] == [f"q{number}" for number in range(5000)]


def test_head_and_query_strings_are_understood(several):
    with several.socket() as connection:
        connection.send(b"HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n", question(21))
        assert connection.read_answer("HEAD").status in (200, 405)
        assert_answers(connection.read_answer(), 21)
    assert several.post("/predict/m0?verbose=1", {"features": [5, 0]}).json["prediction"] == [5]
    assert several.get("/health/ready?from=probe").status == 200


def test_two_hundred_connections_are_served_side_by_side(several):
    connections = [several.socket() for _ in range(200)]
    try:
        for number, connection in enumerate(connections):
            connection.send(question(number, number % 6)[:-7])
        for number, connection in enumerate(connections):
            connection.send(question(number, number % 6)[-7:])
        for number, connection in enumerate(connections):
            assert_answers(connection.read_answer(), number, number % 6)
    finally:
        for connection in connections:
            connection.__exit__()


def test_slow_heads_are_given_up_on(repository):
    """Waits out the server's own patience, about ten seconds."""
    repository.add("m0", 1, identity(0))
    with Server(repository.folder) as server, server.socket() as connection:
        connection.send(b"POST /predict/m0 HTTP/1.1\r\nHo")

        def given_up():
            connection.socket.settimeout(20)
            answer = connection.read_answer()
            return answer is None or answer.status == 408

        until(given_up, "the slow connection to be closed")
        assert server.post("/predict/m0", {"features": [2, 0]}).json["prediction"] == [2]
