"""Three times the capacity for a minute: the same service with admission (`limits` in model.yaml) and without.

First the capacity is found in closed loops; the best rate is the peak. Then both services, one after the other, get
the same open-loop load by `verdict bench`: half the peak, three times the peak, half the peak. Every latency counts
from the moment a request was due, answers count as good within the deadline, and a client gives up after a second.
Two cases: a network in ONNX Runtime, whose engine thread has a core while the server's event loops share the other with
the client; and a heavy forest of the native engine, computed on the event loop, with a core for the server
and one for the client.

What is drawn over time goes into one HTML page. Exit status: 0 if the numbers that are to be reached are, 1 if not.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import bench_report as report

DEADLINE_MS = 50
INTERVAL_MS = 100
CONNECTIONS = 1000
BEFORE, AFTER = 5, 10


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench/overload", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--verdict", default=".build/release/verdict", help="the program (default: %(default)s)")
    parser.add_argument("--case", choices=["network", "forest", "both"], default="both", help="(default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=60, help="length of the overload (default: %(default)s)")
    parser.add_argument("--factor", type=float, default=3, help="load over capacity (default: %(default)s)")
    parser.add_argument("--html", default=".build/overload.html", help="the page that is written (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


class Memory(threading.Thread):
    """Reads a server's resident memory twice a second."""

    def __init__(self, server):
        super().__init__()
        self.server, self.readings, self.stopping = server, [], threading.Event()

    def run(self):
        while not self.stopping.wait(0.5):
            self.readings.append(self.server.memory_bytes())

    def stop(self):
        self.stopping.set()
        self.join()
        return self.readings


def bench(binary, server, lines, path, connections, options):
    """`verdict bench` on the client's core; its JSON."""
    import bench_servers as servers

    command = [str(binary), "bench", server.url(path), "--lines", str(lines), "--json", "--concurrency", str(connections)]
    output = subprocess.run(
        servers.pinned(servers.CLIENT_CORE, [*command, *options]), capture_output=True, text=True, timeout=600
    )
    if not output.stdout.startswith("{"):
        sys.exit(f"verdict bench printed no result:\n{output.stdout}{output.stderr}")
    return json.loads(output.stdout)


def place_threads(server, servers):
    """Gives the engine thread a core; the event loops share the other one with the client."""
    for task in Path(f"/proc/{server.process.pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        os.sched_setaffinity(int(task.name), {servers.SERVER_CORE if name.endswith("-run") else servers.CLIENT_CORE})


class Case:
    def __init__(self, name, title, content, features, manifest, core, binary, place):
        import overload_models as models

        self.name, self.title, self.core, self.binary = name, title, core, binary
        self.lines = place / f"{name}.jsonl"
        self.body = models.requests(self.lines, features)
        self.folders = {}
        for kind, limits in (("with", f"limits: {{ deadline: {DEADLINE_MS}ms }}\n"), ("without", "")):
            self.folders[kind] = place / f"{name}-{kind}"
            models.publish(self.folders[kind], name, content, manifest + limits)

    def serve(self, kind):
        import bench_servers as servers

        server = servers.Verdict(self.binary, self.folders[kind], f"/predict/{self.name}", self.body, core=self.core)
        if self.core is None: place_threads(server, servers)
        return server

    def load(self, server, connections, *options):
        return bench(self.binary, server, self.lines, f"/predict/{self.name}", connections, options)

    def peak(self):
        """The best rate of closed loops of several sizes, without and with admission."""
        rates = {}
        for kind in ("without", "with"):
            with self.serve(kind) as server:
                for connections in (4, 16, 32, 64):
                    report.progress(f"{self.title}: capacity, {connections} connections, {kind} admission")
                    found = self.load(server, connections, "--rate", "max", "--duration", "4s", "--warmup", "1s")
                    rates[kind, connections] = found["throughput_per_s"]
        return max(rates.values()), rates

    def overload(self, kind, peak, seconds, factor):
        stages = f"{peak / 2:.0f}:{BEFORE}s,{peak * factor:.0f}:{seconds}s,{peak / 2:.0f}:{AFTER}s"
        with self.serve(kind) as server:
            self.load(server, 16, "--rate", f"{peak / 2:.0f}", "--duration", "2s", "--warmup", "1s")
            memory = Memory(server)
            report.progress(f"{self.title}: {stages}, {kind} admission")
            memory.start()
            found = self.load(
                server, CONNECTIONS, "--stages", stages, "--deadline", f"{DEADLINE_MS}ms", "--patience", "1s",
                "--timeline", f"{INTERVAL_MS}ms",
            )
            found["memory"] = memory.stop()
        return found


def outcome(found, peak, seconds):
    """The numbers of a run."""
    stage = found["stages"][1]
    timeline = found["timeline"]
    intervals = len(timeline["good"])
    bad = [
        timeline["late"][index] + timeline["refused"][index] + timeline["failed"][index] + timeline["lost"][index]
        for index in range(intervals)
    ]
    end = (BEFORE + seconds) * 1000 // INTERVAL_MS
    window = 1000 // INTERVAL_MS

    def is_well(start):
        good = sum(timeline["good"][start : start + window])
        return good > 0 and sum(bad[start : start + window]) <= 0.01 * good

    recovered = next((start for start in range(end, intervals - window + 1) if is_well(start)), None)
    memory = found["memory"]
    # The first readings of the load, in which buffers grow to it, and the last.
    early = memory[(BEFORE + min(10, seconds // 2)) * 2 :][:10]
    late = memory[: (BEFORE + seconds) * 2][-10:]
    total = stage["good"] + stage["late"] + stage["refused"] + stage["failed"] + stage["lost"]
    return {
        "goodput_per_s": stage["good"] / seconds,
        "goodput_to_peak": stage["good"] / seconds / peak,
        "accepted_p50_ms": stage["accepted_us"].get("p50", 0) / 1e3,
        "accepted_p99_ms": stage["accepted_us"].get("p99", 0) / 1e3,
        "refused_p50_ms": stage["refused_us"].get("p50", 0) / 1e3,
        "refused_p99_ms": stage["refused_us"].get("p99", 0) / 1e3,
        "refused_share": stage["refused"] / total,
        "late": stage["late"],
        "lost": stage["lost"] + stage["failed"],
        "memory_ratio": statistics.median(late) / statistics.median(early),
        "memory_mb": max(memory) / 1e6,
        "recovered_s": float("inf") if recovered is None else (recovered - end) * INTERVAL_MS / 1000,
    }


def draw(case, peak, factor, runs, seconds):
    import overload_drawing as drawing

    span = BEFORE + seconds + AFTER
    per_second = 1000 / INTERVAL_MS
    top = peak * factor * 1.1
    parts = [
        drawing.heading(
            case.title,
            f"Peak {peak:,.0f} answers/s; {peak * factor:,.0f} requests/s between the marks, half the peak before and after.",
        )
    ]
    for kind, (found, numbers) in runs.items():
        timeline = found["timeline"]
        names = ("good", "late", "refused", "failed", "lost")
        offered = [sum(values) * per_second for values in zip(*(timeline[name] for name in names))]
        rate = lambda name: [value * per_second for value in timeline[name]]
        ms = lambda name: [None if value is None else value / 1000 for value in timeline[name]]
        load = (BEFORE, BEFORE + seconds)
        parts.append(drawing.heading(f"{case.title}, {kind} admission"))
        parts.append(
            drawing.chart(
                "Requests by what became of them", "a second, by the time they were due", span, load,
                [
                    ("offered", "offered", offered), (f"answered within {DEADLINE_MS} ms", "good", rate("good")),
                    ("answered late", "late", rate("late")), ("refused", "refused", rate("refused")),
                    ("given up by the client", "p99", rate("lost")),
                ],
                line=("peak", peak), top=top,
            )
        )
        parts.append(
            drawing.chart(
                "Latency from due time", "ms, logarithmic", span, load,
                [
                    ("accepted, p50", "p50", ms("p50_us")), ("accepted, p99", "p99", ms("p99_us")),
                    ("refused, p50", "refused", ms("refused_p50_us")),
                ],
                logarithmic=True, line=("deadline", DEADLINE_MS),
            )
        )
    parts.append(
        drawing.table(
            ["during the overload", "goodput / peak", "accepted p50", "p99", "refused p50", "refused", "recovered after", "memory"],
            [[kind, *cells(numbers)] for kind, (_, numbers) in runs.items()],
        )
    )
    return parts


def cells(numbers):
    recovered = numbers["recovered_s"]
    return [
        f"{numbers['goodput_to_peak']:.3f}", f"{numbers['accepted_p50_ms']:.1f} ms", f"{numbers['accepted_p99_ms']:.1f} ms",
        f"{numbers['refused_p50_ms']:.2f} ms", f"{numbers['refused_share']:.0%}",
        "never" if recovered == float("inf") else f"{recovered:.1f} s", f"{numbers['memory_mb']:.0f} MB",
    ]


def cases(arguments, place):
    import bench_servers as servers
    import overload_models as models

    if arguments.case in ("network", "both"):
        shape = models.NETWORK
        yield Case(
            "network", f"{shape['steps']} layers of {shape['width']} in ONNX Runtime", models.network(**shape), shape["features"],
            "engine: onnxruntime\n" + models.BATCHING, None, arguments.verdict, place,
        )
    if arguments.case in ("forest", "both"):
        report.progress("making up a forest")
        shape = models.FOREST
        yield Case(
            "forest", f"{shape['trees']} trees of depth {shape['depth']} on the event loop", models.forest(**shape),
            shape["features"], "", servers.SERVER_CORE, arguments.verdict, place,
        )


def main(arguments):
    import overload_drawing as drawing

    verdicts = report.Verdicts()
    results, sections, lines = {}, [], []
    with tempfile.TemporaryDirectory(prefix="verdict-bench-") as place:
        for case in cases(arguments, Path(place)):
            peak, rates = case.peak()
            runs = {}
            for kind in ("with", "without"):
                found = case.overload(kind, peak, arguments.seconds, arguments.factor)
                runs[kind] = (found, outcome(found, peak, arguments.seconds))
            numbers = runs["with"][1]
            verdicts.at_least(f"{case.name}: goodput / peak", numbers["goodput_to_peak"], 0.9)
            verdicts.at_most(f"{case.name}: accepted p99, ms", numbers["accepted_p99_ms"], DEADLINE_MS)
            verdicts.at_most(f"{case.name}: refused p50, ms", numbers["refused_p50_ms"], 2)
            verdicts.at_most(f"{case.name}: memory, end of the load / its beginning", numbers["memory_ratio"], 1.05)
            verdicts.at_most(f"{case.name}: recovered after, s", numbers["recovered_s"], 1)
            results[case.name] = {
                "peak_per_s": peak, "rates": {f"{connections} {kind}": rate for (kind, connections), rate in rates.items()},
                **{kind: run[1] for kind, run in runs.items()},
            }
            sections += draw(case, peak, arguments.factor, runs, arguments.seconds)
            lines += [[f"{case.name}, {kind} admission", f"{peak:,.0f}/s", *cells(run[1])] for kind, run in runs.items()]
    introduction = (
        f"Open-loop load of {arguments.factor:g} times the capacity for {arguments.seconds} s, with admission "
        f"(limits: {{ deadline: {DEADLINE_MS}ms }}) and without."
    )
    Path(arguments.html).write_text(drawing.page("A service under overload", introduction, sections))

    def show():
        report.table(
            ["", "peak", "goodput / peak", "accepted p50", "p99", "refused p50", "refused", "recovered", "memory"], lines
        )
        print(f"\ndrawn in {arguments.html}")

    report.finish(arguments, results, verdicts, show)


if __name__ == "__main__":
    main(arguments())
