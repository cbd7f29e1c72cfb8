"""A new version of a model every 200 ms under the load of 32 connections.

Each version's score differs from the others' by a whole number, so that every answer shows whether its
score is that of the version it names; all answers are checked. Stretches with and without swaps alternate,
and their p99 is compared. Resident memory is read after 40 and after 400 swaps.

Whoever swaps shares the client's core and so costs latency by itself. In the stretches without swaps it therefore
works just as much, but on a folder that no server looks at: what differs is what the server does.

A version is published as a user would: a complete folder is renamed into the repository, then the load is
ordered, and once it serves the version before the last is taken away.

Exit status: 0 if the numbers that are to be reached are, 1 if not.
"""

import argparse
import copy
import os
import re
import shutil
import tempfile
import threading
import time
from pathlib import Path

import bench_report as report


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench/swap", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--verdict", default=".build/release/verdict", help="the program (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=10, help="length of each stretch (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=6, help="stretches with swaps, and without (default: %(default)s)")
    parser.add_argument("--every", type=float, default=0.2, help="seconds from swap to swap (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=32, help="(default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


EARLY, LATE = 40, 400
"""The swaps after which memory is read."""


class Versions:
    """The versions of one model, each a file that differs from the others in its base score alone."""

    def __init__(self, place, models, row):
        import numpy as np
        import xgboost

        self.model = models / "bench"
        self.model.mkdir(parents=True)
        self.staging = place / "staging"
        self.staging.mkdir()
        data = self.rows(4000)
        booster = xgboost.train(
            {"max_depth": 6, "objective": "reg:squarederror", "base_score": 0.0, "eta": 0.05, "nthread": 2},
            xgboost.DMatrix(data, label=np.tanh(np.nan_to_num(data[:, 0]) / 50)),
            num_boost_round=100,
        )
        text = booster.save_raw("json").decode()
        self.before, self.after = re.split(r'(?<="base_score":")[^"]*', text, maxsplit=1)
        self.base = float(booster.predict(xgboost.DMatrix(row.reshape(1, -1)))[0])
        self.newest = 0

    def unseen(self, place):
        """The same versions in a folder that no server looks at."""
        twin = copy.copy(self)
        twin.model = place / "unseen"
        twin.model.mkdir()
        twin.staging = place / "unseen-staging"
        twin.staging.mkdir()
        return twin

    @staticmethod
    def rows(count):
        import bench_models

        return bench_models.rows(count, seed=5)

    def publish(self):
        """Renames the next version in."""
        version = self.newest + 1
        folder = self.staging / str(version)
        folder.mkdir()
        (folder / "model.json").write_text(f"{self.before}[{version}E0]{self.after}")
        folder.rename(self.model / str(version))
        self.newest = version

    def retire(self):
        """Takes all but the newest two away."""
        for folder in self.model.iterdir():
            if folder.name.isdigit() and int(folder.name) < self.newest - 1:
                gone = self.staging / f"gone-{folder.name}"
                folder.rename(gone)
                shutil.rmtree(gone)


class Swapper(threading.Thread):
    """Swaps at a steady pace until told to stop; `memory` is None for versions that the server does not see."""

    def __init__(self, versions, server, every, memory):
        super().__init__()
        self.versions, self.server, self.every, self.memory = versions, server, every, memory
        self.stopping = threading.Event()
        self.failures = []
        self.took = []

    def run(self):
        import bench_servers as servers

        due = time.monotonic()
        while not self.stopping.wait(max(0, due - time.monotonic())):
            # The version swapped in last has had its time: this is the memory after that many swaps.
            resident = self.server.memory_bytes()
            if self.memory is not None:
                self.memory.setdefault(self.versions.newest - 1, resident)
            start = time.monotonic()
            self.versions.publish()
            try:
                order = "models/bench/load" if self.memory is not None else "index"
                status, answer = servers.post(self.server.address, f"/v2/repository/{order}", b"{}")
                if status != 200:
                    self.failures.append(f"load of version {self.versions.newest}: status {status}: {answer[:200]!r}")
            except OSError as error:
                self.failures.append(f"load of version {self.versions.newest}: {error}")
            self.took.append(time.monotonic() - start)
            self.versions.retire()
            due = max(due + self.every, time.monotonic())

    def stop(self):
        self.stopping.set()
        self.join()


def main(arguments):
    import bench_models
    import bench_servers as servers

    row = Versions.rows(1)[0]
    with tempfile.TemporaryDirectory(prefix="verdict-bench-") as place:
        place = Path(place)
        models = place / "models"
        body = place / "request.json"
        body.write_bytes(bench_models.request(row) + b"\n")
        report.progress("training")
        versions = Versions(place, models, row)
        versions.publish()
        with servers.Verdict(arguments.verdict, models, "/predict", body.read_bytes()) as server:
            if (os.cpu_count() or 1) > 1:
                # What swaps shares the client's core in all stretches, never the server's.
                os.sched_setaffinity(0, {servers.CLIENT_CORE})
            measure(arguments, servers, server, versions, body, place)


def measure(arguments, servers, server, versions, body, place):
    load = lambda: servers.wrk(server, "wrk_swap.lua", arguments.connections, arguments.seconds, [body, versions.base])
    memory, failures, took = {}, [], []
    quiet, swapping = [], []
    unseen = versions.unseen(place)

    def stretch(swapper, results):
        swapper.start()
        try:
            results.append(load())
        finally:
            swapper.stop()
        failures.extend(swapper.failures)
        return swapper.took

    def stretch_with_swaps():
        took.extend(stretch(Swapper(versions, server, arguments.every, memory), swapping))

    report.progress("warming up")
    load()
    for number in range(arguments.rounds):
        report.progress(f"round {number + 1} of {arguments.rounds}: without swaps")
        stretch(Swapper(unseen, server, arguments.every, None), quiet)
        report.progress(f"round {number + 1} of {arguments.rounds}: with swaps, {versions.newest - 1} so far")
        stretch_with_swaps()
    compared = len(swapping)
    while versions.newest - 1 <= LATE + 5 and not failures:
        report.progress(f"{versions.newest - 1} swaps of {LATE}")
        stretch_with_swaps()
    conclude(arguments, quiet, swapping, compared, memory, failures, took)


def conclude(arguments, quiet, swapping, compared, memory, failures, took):
    def middle(stretches, name):
        return report.median([stretch[name] for stretch in stretches])

    def around(swaps):
        """Memory after so many swaps: the median of five readings, for it comes and goes with the old version."""
        readings = [memory[number] for number in range(swaps, swaps + 5) if number in memory]
        return report.median(readings) if readings else float("nan")

    measured = swapping[:compared]
    both = quiet + swapping
    total = {name: sum(stretch[name] for stretch in both) for name in ("answered", "failed", "unreadable", "disagreeing")}
    result = {
        "swaps": len(took),
        "versions_seen": max(stretch["highest"] for stretch in swapping),
        "load_ms": report.median(took) * 1e3,
        "slowest_load_ms": max(took) * 1e3,
        "rss_after_40": around(EARLY),
        "rss_after_400": around(LATE),
        "failures": failures[:10],
        **total,
        **{
            f"{kind}_{name}": middle(stretches, name)
            for kind, stretches in (("quiet", quiet), ("swapping", measured))
            for name in ("p50_us", "p99_us", "p999_us", "max_us")
        },
        "p99_ratio": report.ratio([stretch["p99_us"] for stretch in measured], [stretch["p99_us"] for stretch in quiet]),
        "quiet_rate": middle(quiet, "requests") / middle(quiet, "seconds"),
        "swapping_rate": middle(measured, "requests") / middle(measured, "seconds"),
    }
    verdicts = report.Verdicts()
    verdicts.at_most("failed requests", total["failed"] + total["unreadable"], 0)
    verdicts.at_most("answers whose score is not their version's", total["disagreeing"], 0)
    verdicts.at_most("swaps that failed", len(failures), 0)
    verdicts.at_most("p99 with swaps / without", result["p99_ratio"], 1.3)
    verdicts.at_most("memory after 400 swaps / after 40", result["rss_after_400"] / result["rss_after_40"], 1.03)

    def show():
        print(
            f"{result['swaps']} swaps, each loaded in {result['load_ms']:.0f} ms (slowest {result['slowest_load_ms']:.0f} ms); "
            f"{total['answered']:,} answers checked; memory {result['rss_after_40'] / 1e6:.1f} MB after {EARLY} swaps, "
            f"{result['rss_after_400'] / 1e6:.1f} MB after {LATE}"
        )
        for failure in failures[:10]:
            print(f"  {failure}")
        print()
        report.table(
            [f"{arguments.connections} connections", "rate", "p50", "p99", "p99.9", "max"],
            [
                [name, f"{result[kind + '_rate']:,.0f}/s"]
                + [f"{result[f'{kind}_{column}_us']:,.0f} us" for column in ("p50", "p99", "p999", "max")]
                for name, kind in (("without swaps", "quiet"), ("with swaps", "swapping"))
            ],
        )

    report.finish(arguments, result, verdicts, show)


if __name__ == "__main__":
    main(arguments())
