"""The native engine beside xgboost, lightgbm and onnxruntime: 500 trees of depth 6 over 30 features.

All score the same trees, each on one thread, in turns: xgboost trains them, onnxmltools converts them for
onnxruntime, and they are written as a LightGBM text model with thresholds moved to the double below, since
LightGBM asks `<=` where XGBoost asks `<`. That they are the same trees is checked before anything is timed;
Verdict's margins and scores have to be xgboost's bit by bit. The libraries are called through their Python
interfaces, as services call them; Verdict in process, as its server calls it.

Exit status: 0 if the numbers that are to be reached are, 1 if not.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench_report as report


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench/engine", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", default=".build/release/EngineBench", help="the program (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=0.3, help="seconds of each measurement (default: %(default)s)")
    parser.add_argument("--without-engine", action="store_true", help="only the libraries: tries the comparison itself")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


ROWS = 8192
BATCHES = (1024, 4096)


class Contestant:
    """A library with the trees loaded, and one way of calling it."""

    def __init__(self, name, score):
        self.name = name
        self.score = score
        self.times = {size: [] for size in (1, *BATCHES)}

    def measure(self, rows, size, seconds):
        """Adds a time per row in nanoseconds: batches of this size in turn, other rows each time."""
        batches = [rows[start : start + size] for start in range(0, len(rows) - size + 1, size)]
        self.score(batches[0])
        done, number = 0, 0
        start = time.perf_counter()
        while True:
            self.score(batches[number])
            number = (number + 1) % len(batches)
            done += size
            elapsed = time.perf_counter() - start
            if elapsed >= seconds and (size == 1 or done >= 2 * size):
                break
        self.times[size].append(elapsed / done * 1e9)

    def median(self, size):
        return report.median(self.times[size])


def libraries(path, rows):
    """The contestants, each checked to score the rows as xgboost does."""
    import lightgbm
    import numpy as np
    import onnxruntime
    import xgboost

    import bench_conversions

    booster = xgboost.Booster(model_file=str(path))
    booster.set_param({"nthread": 1})
    matrix = xgboost.DMatrix(rows, nthread=1)
    margins = booster.predict(matrix, output_margin=True)
    scores = booster.predict(matrix)

    light = lightgbm.Booster(model_str=bench_conversions.lightgbm_text(path))
    furthest = np.abs(light.predict(rows.astype(np.float64), raw_score=True, num_threads=1) - margins).max()
    if furthest > 1e-4:
        sys.exit(f"the LightGBM model is not the same trees: margins differ by {furthest}")

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        bench_conversions.onnx_bytes(path, rows.shape[1]), options, providers=["CPUExecutionProvider"]
    )
    source, output = session.get_inputs()[0].name, session.get_outputs()[1].name
    furthest = np.abs(np.asarray(session.run([output], {source: rows})[0])[:, 1] - scores).max()
    if furthest > 1e-5:
        sys.exit(f"the ONNX model is not the same trees: scores differ by {furthest}")

    contestants = [
        Contestant("xgboost inplace_predict", booster.inplace_predict),
        Contestant("xgboost DMatrix + predict", lambda rows: booster.predict(xgboost.DMatrix(rows, nthread=1))),
        Contestant("lightgbm predict", lambda rows: light.predict(rows, num_threads=1)),
        Contestant("onnxruntime run", lambda rows: session.run([output], {source: rows})),
    ]
    return contestants, np.stack([margins, scores], axis=1).astype("<f8")


def main(arguments):
    os.environ.update(ORT_DISABLE_TELEMETRY="1", OMP_NUM_THREADS="1")
    import bench_models

    report.progress("training")
    _, path = bench_models.classifier(trees=500)
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    rows = bench_models.rows(ROWS, seed=9)
    contestants, expected = libraries(path, rows)
    with tempfile.TemporaryDirectory(prefix="verdict-bench-") as place:
        files = [str(path), str(Path(place, "rows")), str(Path(place, "expected"))]
        Path(files[1]).write_bytes(rows.astype("<f8").tobytes())
        Path(files[2]).write_bytes(expected.tobytes())
        ours = []
        for number in range(arguments.rounds):
            for contestant in contestants:
                report.progress(f"round {number + 1} of {arguments.rounds}: {contestant.name}")
                for size in contestant.times:
                    contestant.measure(rows, size, arguments.seconds)
            if not arguments.without_engine:
                report.progress(f"round {number + 1} of {arguments.rounds}: verdict")
                ours.append(engine(arguments.engine, files, rows.shape[1]))
    conclude(arguments, contestants, ours)


def engine(binary, files, features):
    output = subprocess.run([binary, "trees", *files, "--features", str(features)], capture_output=True, text=True)
    if not output.stdout.startswith("{"):
        sys.exit(f"{binary} printed no result:\n{output.stdout}{output.stderr}")
    result = json.loads(output.stdout)
    if result["mismatches"]:
        sys.exit(f"{result['mismatches']} of Verdict's margins and scores are not xgboost's, bit by bit")
    return result


def conclude(arguments, contestants, ours):
    libraries = {
        contestant.name: {str(size): contestant.median(size) for size in contestant.times} for contestant in contestants
    }
    verdicts = report.Verdicts()
    single = batch = None
    ratios = {}
    if ours:
        own = {1: [result["single_ns"] for result in ours]}
        own |= {size: [result["batch_ns"] for result in ours] for size in BATCHES}
        single, batch = report.median(own[1]), report.median(own[BATCHES[0]])
        ratios = {
            contestant.name: {size: report.ratio(contestant.times[size], own[size]) for size in own} for contestant in contestants
        }
        verdicts.at_most("one row alone, us", single / 1e3, 4)
        verdicts.at_most("a row in batches of 1,024, us", batch / 1e3, 2)
        verdicts.at_least("onnxruntime / Verdict, one row", ratios["onnxruntime run"][1], 10)
        verdicts.at_least("lightgbm / Verdict, one row", ratios["lightgbm predict"][1], 20)
        best = min(ratios[name][size] for name in ratios if name.startswith("xgboost") for size in BATCHES)
        verdicts.at_least("xgboost's best batch / Verdict's", best, 4)

    def show():
        def cell(nanoseconds):
            return f"{nanoseconds / 1e3:.2f} us"

        def ratio(name, size):
            return f"{ratios[name][size]:.1f}" if ratios else ""

        lines = [["verdict", cell(single), "1.0", cell(batch), "1.0", "", ""]] if ours else []
        for name, times in libraries.items():
            lines.append([name])
            for size in (1, *BATCHES):
                lines[-1] += [cell(times[str(size)]), ratio(name, size)]
        report.table(["time a row, one thread", "alone", "/ ours", "of 1,024", "/ ours", "of 4,096", "/ ours"], lines)
        if ours:
            first = ours[0]
            print(f"\nverdict: {first['trees']} trees loaded in {first['load_ms']:.0f} ms, {first['memory_bytes'] / 1e3:,.0f} kB")

    results = {"verdict": {"single_ns": single, "batch_ns": batch}, "libraries_ns": libraries, "ratios": ratios}
    report.finish(arguments, results, verdicts, show)


if __name__ == "__main__":
    main(arguments())
