"""Many clients at once: every answer belongs to its question, whatever is swapped meanwhile."""

import random
import shutil
import threading

from conftest import MODELS
from identity_models import features, identity, named_features
from serving import WATCHFUL, Server

THREADS = 32


def run_all(work, count=THREADS):
    """Runs `work(number)` on so many threads; the first failure of any is the failure of the test."""
    failures = []

    def guarded(number):
        try:
            work(number)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_every_answer_belongs_to_its_question(several):
    def ask(thread):
        source = random.Random(thread)
        connection = several.connect()
        for turn in range(120):
            model, number = source.randrange(MODELS), source.randrange(65536)
            name = f"{thread}-{turn}"
            kind = turn % 4
            if kind == 3:
                numbers = [source.randrange(65536) for _ in range(source.randrange(1, 40))]
                rows = [
                    {"features": features(one) if one % 2 else named_features(one), "request_id": f"{name}-{one}"}
                    for one in numbers
                ]
                body = connection.post(f"/predict/batch/m{model}", rows).json
                assert [one["prediction"][0] for one in body["results"]] == [65536 * model + one for one in numbers]
                assert [one["request_id"] for one in body["results"]] == [f"{name}-{one}" for one in numbers]
                assert {one["model"] for one in body["results"]} == {f"m{model}"}
                continue
            wrong = kind == 2
            row = {"low": "wrong", "high": 0} if wrong else named_features(number) if kind else features(number)
            answer = connection.post(f"/predict/m{model}", {"features": row, "request_id": name})
            body = answer.json
            if wrong:
                assert answer.status == 400 and body["error"]["request_id"] == name, answer
            else:
                assert answer.status == 200, answer
                assert body["prediction"] == [65536 * model + number]
                assert (body["model"], body["request_id"]) == (f"m{model}", name)

    run_all(ask)


def test_swaps_under_load_lose_no_request_and_mix_no_versions(repository):
    """Version v scores 65536 * v + question, so that a score shows which file gave it."""
    last = 60
    repository.add("swapped", 1, identity(65536))
    repository.add("bystander", 1, identity(0))
    seen, done = set(), threading.Event()

    def ask(thread):
        source = random.Random(thread)
        connection = server.connect()
        newest = 0
        while not done.is_set():
            number = source.randrange(65536)
            if thread % 8 == 7:
                assert connection.post("/predict/bystander", {"features": features(number)}).json["prediction"] == [number]
                continue
            answer = connection.post("/predict/swapped", {"features": features(number)})
            assert answer.status == 200, answer
            version = int(answer.json["model_version"])
            assert answer.json["prediction"] == [65536 * version + number], answer
            assert version >= newest, "an older version answered after a newer one"
            newest = version
            seen.add(version)

    def publish():
        try:
            for version in range(2, last + 1):
                repository.add("swapped", version, identity(65536 * version))
                if version % 2:
                    answer = server.post("/v2/repository/models/swapped/load")
                    assert answer.status == 200, answer
                server.wait_for("swapped", version, "READY")
                if version > 3:
                    shutil.rmtree(repository.folder / "swapped" / str(version - 3))
        finally:
            done.set()

    with Server(repository.folder, *WATCHFUL) as server:
        run_all(lambda thread: publish() if thread == 0 else ask(thread), count=17)
        assert server.process.poll() is None
        assert server.metric("model_version_info", model_name="swapped", version=str(last)) == 1
    assert len(seen) > last / 2, f"only versions {sorted(seen)} were seen"
