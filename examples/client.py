"""How to ask Verdict from Python: a payment, a table, and what to do when the server is busy.

    python examples/client.py http://127.0.0.1:8080 examples/transactions.csv

`requests` or `httpx` sends; pandas holds the rows. Copy what you need.
"""

import random
import sys
import time

import pandas as pd


def features(row):
    """A row of a table as the `features` of a request: JSON knows neither NaN nor NumPy's types, and null is missing."""
    return {name: None if pd.isna(value) else getattr(value, "item", lambda: value)() for name, value in row.items()}


def wait_before_retry(answer, attempt):
    """Seconds to wait before the same request is sent again; None where that is of no use.

    429 (takes on no more) and 503 (not ready) pass. Errors of the request itself (400, 404, 413) do not, and a score that came
    too late (504) is of no use to who has given up. Scoring changes nothing, so a repetition does no harm.
    """
    if answer.status_code not in (429, 503) or attempt >= 5:
        return None
    said = answer.headers.get("Retry-After", "")
    # Callers that wait equally long come back all at once.
    return (float(said) if said.isdigit() else 0.1 * 2**attempt) * random.uniform(1, 1.5)


def document(answer):
    """The JSON of an answer; raises what the server says of an error."""
    found = answer.json()
    if answer.status_code != 200:
        raise RuntimeError(f"{found['error']['code']}: {found['error']['message']}")
    return found


def ask(session, url, body, sleep=time.sleep):
    """Sends a request with a `requests.Session` or an `httpx.Client`, which keep connections open; returns the answer's JSON."""
    attempt = 0
    while True:
        answer = session.post(url, json=body, timeout=5)
        pause = wait_before_retry(answer, attempt)
        if pause is None:
            break
        attempt += 1
        sleep(pause)
    return document(answer)


async def ask_async(client, url, body):
    """The same with an `httpx.AsyncClient`."""
    import asyncio

    attempt = 0
    while True:
        answer = await client.post(url, json=body, timeout=5)
        pause = wait_before_retry(answer, attempt)
        if pause is None:
            break
        attempt += 1
        await asyncio.sleep(pause)
    return document(answer)


def predict(session, server, model, row, request_id=None):
    """Scores one row."""
    return ask(session, f"{server}/predict/{model}", {"features": features(row), "request_id": request_id})


def predict_table(session, server, model, table, rows_a_request=500):
    """Scores a table; returns one with `prediction`, `label`, `decision` and `error`, a line for each of its rows.

    A row that the model does not take has an error and no score, and fails no other.
    """
    found = []
    for start in range(0, len(table), rows_a_request):
        rows = table.iloc[start:start + rows_a_request]
        answer = ask(session, f"{server}/predict/batch/{model}", [{"features": features(row)} for _, row in rows.iterrows()])
        if answer["failed"]:
            print(f"{answer['failed']} of {answer['count']} rows failed", file=sys.stderr)
        for one in answer["results"]:
            found.append({
                "prediction": one.get("prediction", [None])[0], "label": one.get("label"), "decision": one.get("decision"),
                "error": one.get("error", {}).get("message"),
            })
    return pd.DataFrame(found, index=table.index)


if __name__ == "__main__":
    import requests

    server, path = sys.argv[1:]
    table = pd.read_csv(path)
    with requests.Session() as session:
        print(predict(session, server, "fraud_detection", table.iloc[0], request_id="req_1"))
        print(predict_table(session, server, "fraud_detection", table))
