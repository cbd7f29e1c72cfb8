"""examples/client.py: it gets the scores of a table, also from a server that is busy."""

import asyncio
import http.server
import importlib.util
import json
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest
import requests
from libraries import library_scores, payments
from serving import EXAMPLES

TRANSACTIONS = EXAMPLES / "transactions.csv"


@pytest.fixture(scope="module")
def client():
    spec = importlib.util.spec_from_file_location("client", EXAMPLES / "client.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def busy():
    """A server that answers 429, 503 and 429 before it answers; `requests` are the bodies that it got."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            status = {1: 429, 2: 503, 3: 429}.get(len(got), final)
            error = {"success": False, "error": {"code": "OVERLOADED", "message": "try again later"}}
            body = json.dumps({"prediction": [0.5]} if status == 200 else error).encode()
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", "0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    got, final = [], 200
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/predict/m", got
    server.shutdown()
    server.server_close()


def test_a_table_gets_its_librarys_scores(client, examples):
    address = f"http://{examples.host}:{examples.port}"
    table = pd.read_csv(TRANSACTIONS, keep_default_na=False, na_values=[""])
    with requests.Session() as session:
        found = client.predict_table(session, address, "fraud_detection", table, rows_a_request=64)
        single = client.predict(session, address, "fraud_detection", table.iloc[3], request_id="req_4")
    wanted, _ = library_scores("2", payments(TRANSACTIONS))
    assert found["prediction"].tolist() == pytest.approx(wanted.tolist(), rel=1e-12)
    assert found["error"].isna().all() and set(found["decision"]) <= {"ALLOW", "REVIEW", "BLOCK"}
    assert single["prediction"] == [found["prediction"][3]] and single["request_id"] == "req_4"


def test_a_row_that_is_refused_has_an_error_and_fails_no_other(client, examples, capsys):
    table = pd.DataFrame({"amount": [1.5, np.nan, 2.5], "amuont": [1, 1, 1]})
    with requests.Session() as session:
        address = f"http://{examples.host}:{examples.port}"
        refused = client.predict_table(session, address, "fraud_detection", table)
        assert "did you mean 'amount'?" in refused["error"][0] and refused["prediction"].isna().all()
        assert "3 of 3 rows failed" in capsys.readouterr().err
        assert client.predict_table(session, address, "fraud_detection", table[["amount"]])["error"].isna().all()
        with pytest.raises(RuntimeError, match="INVALID_FEATURE"):
            client.predict(session, address, "fraud_detection", table.iloc[0])


@pytest.mark.parametrize("value", [np.nan, None, pd.NA, pd.NaT, np.float64("nan")])
def test_what_is_missing_becomes_null(client, value):
    row = pd.Series({"a": value, "b": np.int64(3), "c": np.float32(0.5), "d": "x", "e": np.bool_(True)}, dtype=object)
    assert json.loads(json.dumps(client.features(row), allow_nan=False)) == {"a": None, "b": 3, "c": 0.5, "d": "x", "e": True}


def test_a_busy_server_is_asked_again(client, busy):
    address, got = busy
    pauses = []
    with requests.Session() as session:
        assert client.ask(session, address, {"features": [1]}, sleep=pauses.append) == {"prediction": [0.5]}
    assert got == [{"features": [1]}] * 4
    assert pauses[0] == pauses[2] == 0, "as Retry-After says"
    assert 0.2 <= pauses[1] <= 0.3, "longer each time where it says nothing"


def test_the_same_with_httpx(client, busy):
    httpx = pytest.importorskip("httpx")
    address, got = busy
    with httpx.Client() as session:
        assert client.ask(session, address, {"features": [1]}, sleep=lambda _: None) == {"prediction": [0.5]}
    got.clear()

    async def ask():
        async with httpx.AsyncClient() as session:
            return await client.ask_async(session, address, {"features": [2]})

    assert asyncio.run(ask()) == {"prediction": [0.5]}
    assert got == [{"features": [2]}] * 4


def test_the_example_runs_as_its_first_lines_say(examples):
    command = [sys.executable, EXAMPLES / "client.py", f"http://{examples.host}:{examples.port}", TRANSACTIONS]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result
    assert "'request_id': 'req_1'" in result.stdout and "[200 rows x 4 columns]" in result.stdout
