"""How much of one model's trouble reaches another: its p99 alone, beside an overloaded model, beside loads and swaps.

The victim is a quick native model under a steady open-loop load. Beside it, in turns within each round: nothing; the
requests of the overload, sent to a model that computes next to nothing; the same requests sent to a network in ONNX
Runtime, three times what it can do; loads of a large model, of which the server sees nothing; and the same loads on
the server. Each trouble is compared with the stretch in which clients and whoever swaps work just as much, round by
round. The server has one core, the clients the other; the clients that make the trouble are niced. Processes of the
lowest kind of priority (SCHED_IDLE), which everything else displaces at once, keep both cores awake: on a virtual machine
waking one up takes longer, and varies more, than what is measured.

Exit status: 0 if the numbers that are to be reached are, 1 if not.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import bench_report as report

STRETCHES = {
    "alone": "alone",
    "answered": "beside as many requests to a trivial model",
    "overload": "beside an overloaded network",
    "unseen": "beside loads that the server does not see",
    "loading": "beside loads and swaps of a large model",
}
DEADLINE = "50ms"


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench/isolation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--verdict", default=".build/release/verdict", help="the program (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="(default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=6, help="length of each stretch (default: %(default)s)")
    parser.add_argument("--rate", type=int, default=1000, help="the victim's requests a second (default: %(default)s)")
    parser.add_argument("--every", type=float, default=1.0, help="seconds from swap to swap (default: %(default)s)")
    parser.add_argument("--factor", type=float, default=3, help="load over capacity (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


class Swaps(threading.Thread):
    """Publishes the large model as one version after the other, in a folder that a server sees or does not."""

    def __init__(self, large, folder, every, server):
        super().__init__()
        self.large, self.folder, self.every, self.server = large, folder, every, server
        self.stopping = threading.Event()
        self.took, self.failures = [], []

    def run(self):
        import bench_servers as servers

        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        due = time.monotonic()
        while not self.stopping.wait(max(0, due - time.monotonic())):
            newest = max((int(place.name) for place in self.folder.iterdir() if place.name.isdigit()), default=0)
            staged = self.folder.parent / f".{self.folder.name}"
            staged.mkdir()
            (staged / "model.onnx").write_bytes(self.large)
            staged.rename(self.folder / str(newest + 1))
            start = time.monotonic()
            if self.server is not None:
                status, answer = servers.post(self.server.address, f"/v2/repository/models/{self.folder.name}/load", b"{}")
                if status != 200:
                    self.failures.append(answer[:200])
                self.took.append(time.monotonic() - start)
            for place in self.folder.iterdir():
                if place.name.isdigit() and int(place.name) < newest:
                    shutil.rmtree(place)
            due = max(due + self.every, time.monotonic())

    def stop(self):
        self.stopping.set()
        self.join()


@contextlib.contextmanager
def awake(cores):
    """Keeps processors from sleeping."""
    spin = ["sh", "-c", "while :; do :; done"]
    processes = [subprocess.Popen(["taskset", "-c", str(core), "chrt", "--idle", "0", *spin]) for core in cores]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


class Bench:
    def __init__(self, arguments, server, place):
        self.arguments, self.server, self.place = arguments, server, place
        self.swapped, self.failures = [], []

    def command(self, model, connections, *options):
        import bench_servers as servers

        lines = self.place / f"{'victim' if model == 'victim' else 'network'}.jsonl"
        return servers.pinned(servers.CLIENT_CORE, [
            str(self.arguments.verdict), "bench", self.server.url(f"/predict/{model}"), "--lines", str(lines), "--json",
            "--concurrency", str(connections), *options,
        ])

    def result(self, process):
        text, errors = process.communicate(timeout=120)
        if not text.startswith("{"):
            sys.exit(f"verdict bench printed no result:\n{text}{errors}")
        return json.loads(text)

    def start(self, command):
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def capacity(self):
        rates = []
        for connections in (8, 32, 64):
            options = ("--rate", "max", "--duration", "3s", "--warmup", "1s")
            rates.append(self.result(self.start(self.command("free", connections, *options)))["throughput_per_s"])
        return max(rates)

    def stretch(self, kind, load, large):
        """The victim's latencies, in microseconds, and what became of the trouble's requests."""
        trouble = swaps = None
        if kind in ("answered", "overload"):
            model = "trivial" if kind == "answered" else "network"
            options = ("--rate", f"{load:.0f}", "--warmup", "0s", "--duration", f"{self.arguments.seconds + 2}s", "--patience", "1s")
            trouble = self.start(["nice", "-n", "15", *self.command(model, 300, *options)])
        elif kind in ("unseen", "loading"):
            seen = kind == "loading"
            folder = self.place / ("models" if seen else "unseen") / "large"
            swaps = Swaps(large, folder, self.arguments.every, self.server if seen else None)
            swaps.start()
        options = ("--rate", str(self.arguments.rate), "--warmup", "1500ms", "--duration", f"{self.arguments.seconds}s")
        victim = self.result(self.start(self.command("victim", 8, *options)))
        refused = 0
        if trouble:
            found = self.result(trouble)
            refused = sum(stage["refused"] for stage in found["stages"])
        if swaps:
            swaps.stop()
            self.swapped += swaps.took
            self.failures += swaps.failures
        latency = victim["latency_us"]
        return {
            "p50": latency["p50"], "p99": latency["p99"], "p99.9": latency["p99.9"], "max": latency["max"],
            "failed": victim["failed"] + victim["unsent"], "refused": refused,
        }


def repository(place):
    """The victim, the network with and without limits, a trivial model with the network's inputs, and the large model."""
    import bench_models
    import overload_models as models

    folder = place / "models"
    _, trees = bench_models.classifier(trees=100)
    models.publish(folder, "victim", Path(trees).read_bytes(), "policy: { block: 0.8, review: 0.5 }\n", file="model.json")
    (place / "victim.jsonl").write_bytes(b"\n".join(bench_models.request(row) for row in bench_models.rows(64, seed=7)))
    network = models.network(**models.NETWORK)
    models.requests(place / "network.jsonl", models.NETWORK["features"])
    manifest = "engine: onnxruntime\n" + models.BATCHING
    models.publish(folder, "network", network, manifest + f"limits: {{ deadline: {DEADLINE} }}\n")
    models.publish(folder, "free", network, manifest)
    models.publish(folder, "trivial", models.forest(trees=1, depth=2, features=models.NETWORK["features"]))
    large = models.forest(trees=200, depth=9, features=30)
    models.publish(folder, "large", large)
    (place / "unseen" / "large").mkdir(parents=True)
    return folder, large


def main(arguments):
    import bench_models
    import bench_servers as servers

    with tempfile.TemporaryDirectory(prefix="verdict-bench-") as name:
        place = Path(name)
        report.progress("making up models")
        folder, large = repository(place)
        body = bench_models.request(bench_models.rows(1, seed=7)[0])
        cores = {servers.SERVER_CORE, servers.CLIENT_CORE} if (os.cpu_count() or 1) > 1 else {0}
        with servers.Verdict(arguments.verdict, folder, "/predict/victim", body) as server, awake(cores):
            if (os.cpu_count() or 1) > 1:
                os.sched_setaffinity(0, {servers.CLIENT_CORE})
            bench = Bench(arguments, server, place)
            capacity = bench.capacity()
            found = {kind: [] for kind in STRETCHES}
            # The first round warms up.
            for number in range(arguments.rounds + 1):
                for kind, title in STRETCHES.items():
                    report.progress(f"round {number} of {arguments.rounds}: {title}")
                    result = bench.stretch(kind, capacity * arguments.factor, large)
                    if number > 0:
                        found[kind].append(result)
    conclude(arguments, capacity, found, bench)


def conclude(arguments, capacity, found, bench):
    def p99(kind):
        return [one["p99"] for one in found[kind]]

    summary = {
        kind: {name: report.median([one[name] for one in rounds]) for name in ("p50", "p99", "p99.9", "max")}
        for kind, rounds in found.items()
    }
    ratios = {
        "overload": report.ratio(p99("overload"), p99("answered")),
        "loading": report.ratio(p99("loading"), p99("unseen")),
        "overload_to_alone": report.ratio(p99("overload"), p99("alone")),
        "loading_to_alone": report.ratio(p99("loading"), p99("alone")),
    }
    verdicts = report.Verdicts()
    verdicts.at_most("p99 beside an overloaded model / beside a trivial one", ratios["overload"], 1.3)
    verdicts.at_most("p99 beside loads and swaps / beside unseen ones", ratios["loading"], 1.3)
    verdicts.at_most("failed requests of the victim", sum(one["failed"] for rounds in found.values() for one in rounds), 0)
    verdicts.at_most("loads that failed", len(bench.failures), 0)
    # A comparison with an overload that was none would say nothing.
    verdicts.at_least("refused requests of the overload", sum(one["refused"] for one in found["overload"]), 1)
    results = {
        "capacity_per_s": capacity, "ratios": ratios, "load_ms": report.median(bench.swapped) * 1e3, **summary,
        "rounds": found,
    }

    def show():
        print(
            f"victim: {arguments.rate:,} requests/s; network: {capacity:,.0f} rows/s, sent {capacity * arguments.factor:,.0f}/s; "
            f"large model loaded in {results['load_ms']:.0f} ms, every {arguments.every:g} s; "
            f"medians of {arguments.rounds} rounds\n"
        )
        report.table(
            ["the victim", "p50", "p99", "p99.9", "max", "p99 / alone"],
            [
                [title, *(f"{summary[kind][name]:,.0f} us" for name in ("p50", "p99", "p99.9", "max"))]
                + [f"{report.ratio(p99(kind), p99('alone')):.2f}"]
                for kind, title in STRETCHES.items()
            ],
        )

    report.finish(arguments, results, verdicts, show)


if __name__ == "__main__":
    main(arguments())
