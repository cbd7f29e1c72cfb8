"""Verdict's lowered ONNX graphs beside onnxruntime: the same files, the same rows, in turns, one thread each.

Two models: a gradient-boosting classifier of 100 trees of depth 3 from skl2onnx, and an XGBoost classifier of 500
trees of depth 6 from onnxmltools. Labels have to be onnxruntime's, probabilities within 4 units in the last place,
before anything is timed. onnxruntime is called through Python's `run`, as services call it; Verdict in process, as
its server calls it.

Exit status: 0 if the numbers that are to be reached are, 1 if not.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench_report as report

ROWS, BATCH, FEATURES = 2048, 1024, 30


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench/onnx", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", default=".build/release/EngineBench", help="the program (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=0.5, help="seconds of each measurement (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def models(folder):
    """The files, and the rows that both score."""
    import numpy
    import xgboost
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType
    from skl2onnx import to_onnx
    from sklearn.ensemble import GradientBoostingClassifier

    random = numpy.random.default_rng(1)
    x = random.normal(size=(5000, FEATURES)).astype(numpy.float32)
    y = (x.sum(axis=1) + random.normal(size=len(x)) > 0).astype(int)
    boosting = GradientBoostingClassifier(n_estimators=100, max_depth=3, random_state=1).fit(x, y)
    trees = xgboost.XGBClassifier(n_estimators=500, max_depth=6, learning_rate=0.05, n_jobs=2).fit(x, y)
    made = {
        "skl2onnx, 100 trees of depth 3": to_onnx(boosting, x[:1]),
        "XGBoost by onnxmltools, 500 trees of depth 6": convert_xgboost(
            trees, initial_types=[("X", FloatTensorType([None, FEATURES]))]),
    }
    paths = {}
    for index, (title, model) in enumerate(made.items()):
        paths[title] = folder / f"model{index}.onnx"
        paths[title].write_bytes(model.SerializeToString())
    return paths, random.normal(size=(ROWS, FEATURES)).astype(numpy.float32)


class Runtime:
    """A session of one thread."""

    def __init__(self, path, rows):
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.name = self.session.get_inputs()[0].name
        self.parts = {size: [rows[at : at + size] for at in range(0, len(rows) - size + 1, size)] for size in (1, BATCH)}
        self.times = {1: [], BATCH: []}

    def measure(self, seconds):
        for size, parts in self.parts.items():
            for limit in (seconds, seconds):
                number, start = 0, time.perf_counter()
                while (elapsed := time.perf_counter() - start) < limit:
                    self.session.run(None, {self.name: parts[number % len(parts)]})
                    number += 1
            self.times[size].append(elapsed / (number * size) * 1e9)

    def answers(self, rows):
        import numpy

        labels, probabilities = self.session.run(None, {self.name: rows})
        if isinstance(probabilities, list):
            probabilities = numpy.array([[row[key] for key in (0, 1)] for row in probabilities], numpy.float32)
        return labels, probabilities


def run(engine, *words):
    output = subprocess.run([engine, "pmml", *map(str, words)], capture_output=True, text=True)
    if output.returncode != 0 or not output.stdout.startswith("{"):
        sys.exit(f"{engine} failed:\n{output.stdout}{output.stderr}")
    return json.loads(output.stdout)


def check(results, runtime, rows):
    import numpy

    labels, probabilities = runtime.answers(rows)
    with open(results, newline="") as file:
        ours = list(csv.DictReader(file))
    largest = 0.0
    for row, label, wanted in zip(ours, labels, probabilities, strict=True):
        if row["label"] != str(label):
            sys.exit(f"Verdict says {row['label']}, onnxruntime {label}")
        for name, value in zip(("probability(0)", "probability(1)"), wanted):
            largest = max(largest, float(abs(numpy.float32(row[name]) - value) / numpy.spacing(value)))
    if largest > 4:
        sys.exit(f"probabilities differ by {largest} units in the last place")
    return largest


def main(arguments):
    verdicts = report.Verdicts()
    lines, results = [], {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report.progress("training")
        paths, rows = models(folder)
        table = folder / "rows.csv"
        with open(table, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(f"f{index}" for index in range(FEATURES))
            writer.writerows([repr(float(cell)) for cell in row] for row in rows)
        for title, path in paths.items():
            runtime = Runtime(path, rows)
            run(arguments.engine, path, table, "--results", folder / "results.csv", "--repetitions", 1)
            distance = check(folder / "results.csv", runtime, rows)
            ours = []
            for number in range(arguments.rounds):
                report.progress(f"{title}: round {number + 1} of {arguments.rounds}")
                ours.append(run(arguments.engine, path, table))
                runtime.measure(arguments.seconds)
            own = {1: [one["single_ns"] for one in ours], BATCH: [one["batch_ns"] for one in ours]}
            load = report.median([one["load_ms"] for one in ours])
            ratios = {size: report.ratio(runtime.times[size], own[size]) for size in own}
            verdicts.at_least(f"{title}: onnxruntime / ours, one row", ratios[1], 8)
            verdicts.at_least(f"{title}: onnxruntime / ours, of {BATCH:,}", ratios[BATCH], 4)
            lines.append([title, f"loaded in {load:.0f} ms", f"{distance:g} ULP", "", ""])
            for who, times in (("  verdict", own), ("  onnxruntime", runtime.times)):
                line = [who]
                for size in own:
                    line += [f"{report.median(times[size]) / 1e3:.2f} us", f"{report.ratio(times[size], own[size]):.1f}"]
                lines.append(line)
            results[title] = {
                "verdict_ns": {size: report.median(times) for size, times in own.items()},
                "onnxruntime_ns": {size: report.median(times) for size, times in runtime.times.items()},
                "ratios": ratios, "load_ms": load, "largest_ulp": distance}

    def show():
        report.table(["time a row, one thread", "alone", "/ ours", f"of {BATCH:,}", "/ ours"], lines)

    report.finish(arguments, results, verdicts, show)


if __name__ == "__main__":
    main(arguments())
