"""Verdict's PMML engine beside jpmml_evaluator and pypmml (PMML4S): the same files, the same rows, in turns.

Three models: gradient boosting of 100 trees of depth 3 from a scikit-learn pipeline; a scorecard of 15
characteristics with reason codes; and a large file, for loading. Every score is first compared with JPMML's.
Verdict is called in process, as its server calls it. The others are called through their Python interfaces,
as services call them; JPMML also inside its virtual machine, with the row prepared as a Java map, so that
what Python costs does not count against it.

Exit status: 0 if the numbers that are to be reached are, 1 if not.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import bench_report as report

ROWS = 2048
BATCH = 1024


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench/pmml", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", default=".build/release/EngineBench", help="the program (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds of each measurement (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


# Models


def boosting(folder, name, trees, depth, rows):
    """A scikit-learn pipeline, exported; returns the file and rows to score."""
    import numpy
    import pandas
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn2pmml import sklearn2pmml
    from sklearn2pmml.pipeline import PMMLPipeline

    random = numpy.random.default_rng(1)
    frame = pandas.DataFrame(random.normal(size=(rows, 20)), columns=[f"x{index}" for index in range(20)])
    target = ((frame.sum(axis=1) + random.normal(size=rows)) > 0).astype(int).rename("fraud")
    pipeline = PMMLPipeline([("model", GradientBoostingClassifier(n_estimators=trees, max_depth=depth, random_state=1))])
    pipeline.fit(frame, target)
    path = folder / f"{name}.pmml"
    warnings.simplefilter("ignore")
    sklearn2pmml(pipeline, str(path))
    return path, pandas.DataFrame(random.normal(size=(ROWS, 20)), columns=frame.columns)


def scorecard(folder):
    """15 characteristics over numbers and strings, five attributes each, four reason codes."""
    import numpy
    import pandas

    random = numpy.random.default_rng(2)
    fields, schema, characteristics, columns = [], [], [], {}
    for index in range(15):
        name, attributes = f"x{index}", []
        is_text = index % 3 == 2
        if is_text:
            values = "".join(f'<Value value="{value}"/>' for value in "abcd")
            fields.append(f'<DataField name="{name}" dataType="string" optype="categorical">{values}</DataField>')
            columns[name] = random.choice(list("abcd"), ROWS)
            tests = [f'<SimplePredicate field="{name}" operator="equal" value="{value}"/>' for value in "abcd"] + ["<True/>"]
        else:
            fields.append(f'<DataField name="{name}" dataType="double" optype="continuous"/>')
            columns[name] = random.uniform(0, 100, ROWS).round(3)
            edges = [-1e9, 25, 50, 75, 1e9]
            tests = [
                f'<CompoundPredicate booleanOperator="and"><SimplePredicate field="{name}" operator="greaterOrEqual" value="{low}"/>'
                f'<SimplePredicate field="{name}" operator="lessThan" value="{high}"/></CompoundPredicate>'
                for low, high in zip(edges, edges[1:])
            ] + [f'<SimplePredicate field="{name}" operator="isMissing"/>']
        for number, test in enumerate(tests):
            attributes.append(f'<Attribute partialScore="{(number * 17 + index * 7) % 50}">{test}</Attribute>')
        schema.append(f'<MiningField name="{name}"/>')
        characteristics.append(
            f'<Characteristic name="c{index}" reasonCode="R{index}" baselineScore="40">{"".join(attributes)}</Characteristic>'
        )
    reasons = "".join(
        f'<OutputField name="reason{rank}" optype="categorical" dataType="string" feature="reasonCode" rank="{rank}"/>'
        for rank in range(1, 5)
    )
    path = folder / "scorecard.pmml"
    path.write_text(
        '<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/>'
        f"<DataDictionary>{''.join(fields)}</DataDictionary>"
        '<Scorecard functionName="regression" initialScore="100" useReasonCodes="true" reasonCodeAlgorithm="pointsBelow">'
        f"<MiningSchema>{''.join(schema)}</MiningSchema>"
        f'<Output><OutputField name="score" optype="continuous" dataType="double" feature="predictedValue"/>{reasons}</Output>'
        f"<Characteristics>{''.join(characteristics)}</Characteristics></Scorecard></PMML>"
    )
    return path, pandas.DataFrame(columns)


# Contestants


class Contestant:
    """An evaluator with a model loaded: one call a row, and one call a batch where it has that."""

    def __init__(self, name, single, batch):
        self.name, self.single, self.batch = name, single, batch
        self.times = {1: [], BATCH: []}

    def measure(self, seconds):
        self.times[1].append(per_row(self.single, 1, seconds))
        if self.batch:
            self.times[BATCH].append(per_row(self.batch, BATCH, seconds))


def per_row(call, size, seconds):
    """Nanoseconds a row of calls with other rows each time, after a warm-up of the same length."""
    for limit in (seconds, seconds):
        number, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < limit:
            call(number)
            number += 1
    return elapsed / (number * size) * 1e9


def contestants(path, frame):
    import jpype
    from jpmml_evaluator import make_evaluator
    from pypmml import Model

    evaluator = make_evaluator(str(path), backend="jpype").verify()
    rows = frame.to_dict("records")
    parts = [frame.iloc[start : start + BATCH] for start in range(0, len(frame) - BATCH + 1, BATCH)]
    maps = []
    for row in rows:
        java = jpype.java.util.LinkedHashMap()
        for name, value in row.items():
            java.put(name, value if isinstance(value, str) else jpype.java.lang.Double(value))
        maps.append(java)
    inside, other = evaluator.javaEvaluator, Model.fromFile(str(path))
    found = [
        Contestant("jpmml inside the JVM", lambda index: inside.evaluate(maps[index % len(maps)]), None),
        Contestant(
            "jpmml_evaluator",
            lambda index: evaluator.evaluate(rows[index % len(rows)]),
            lambda index: evaluator.evaluateAll(parts[index % len(parts)], parallelism=1),
        ),
        Contestant(
            "pypmml (PMML4S)",
            lambda index: other.predict(rows[index % len(rows)]),
            lambda index: other.predict(parts[index % len(parts)]),
        ),
    ]
    return found, evaluator.evaluateAll(frame, parallelism=1)


def run(engine, *words):
    output = subprocess.run([engine, "pmml", *map(str, words)], capture_output=True, text=True)
    if output.returncode != 0 or not output.stdout.startswith("{"):
        sys.exit(f"{engine} failed:\n{output.stdout}{output.stderr}")
    return json.loads(output.stdout)


def check(results, expected):
    """Ends where a number differs from JPMML's by more than 1e-9 of it, or a label at all."""
    import pandas

    with open(results, newline="") as file:
        ours = list(csv.DictReader(file))
    compared = 0
    for name in expected.columns:
        if name not in ours[0]:
            continue
        for row, theirs in zip(ours, expected[name]):
            cell = row[name]
            if theirs is None or pandas.isna(theirs):
                agree = cell == ""
            else:
                try:
                    agree = abs(float(cell) - float(theirs)) <= 1e-9 * max(abs(float(theirs)), 1e-6)
                except ValueError:
                    agree = cell == str(theirs)
            if not agree:
                sys.exit(f"{name}: Verdict says {cell!r}, JPMML {theirs!r}")
            compared += 1
    if compared < len(ours):
        sys.exit("there is nothing to compare with JPMML's results")


def comparison(title, path, frame, folder, arguments):
    rows, results = folder / "rows.csv", folder / "results.csv"
    frame.to_csv(rows, index=False)
    found, expected = contestants(path, frame)
    run(arguments.engine, path, rows, "--results", results, "--repetitions", 1)
    check(results, expected)
    ours = []
    for number in range(arguments.rounds):
        report.progress(f"{title}: round {number + 1} of {arguments.rounds}")
        ours.append(run(arguments.engine, path, rows))
        for contestant in found:
            contestant.measure(arguments.seconds)
    return found, ours


def main(arguments):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report.progress("training")
        models = {
            "gradient boosting, 100 trees of depth 3": boosting(folder, "boosting", 100, 3, 5000),
            "scorecard, 15 characteristics, 4 reasons": scorecard(folder),
        }
        large, _ = boosting(folder, "large", 600, 7, 8_000)
        outcomes = {title: comparison(title, *model, folder, arguments) for title, model in models.items()}
        report.progress("loading")
        loads = [run(arguments.engine, large) for _ in range(arguments.rounds)]
    conclude(arguments, outcomes, loads)


def conclude(arguments, outcomes, loads):
    verdicts = report.Verdicts()
    lines, results = [], {}
    for title, (found, ours) in outcomes.items():
        own = {1: [one["single_ns"] for one in ours], BATCH: [one["batch_ns"] for one in ours]}
        limit = 3 if "boosting" in title else 2
        verdicts.at_most(f"{title}: one row, us", report.median(own[1]) / 1e3, limit)
        lines.append([title, "", "", "", ""])
        lines.append(["  verdict", f"{report.median(own[1]) / 1e3:.2f} us", "1", f"{report.median(own[BATCH]) / 1e3:.2f} us", "1"])
        results[title] = {"verdict": {size: report.median(times) for size, times in own.items()}}
        for contestant in found:
            line = [f"  {contestant.name}"]
            results[title][contestant.name] = {}
            for size, times in contestant.times.items():
                if not times:
                    line += ["", ""]
                    continue
                ratio = report.ratio(times, own[size])
                line += [f"{report.median(times) / 1e3:.1f} us", f"{ratio:.0f}"]
                results[title][contestant.name][size] = {"ns": report.median(times), "ratio": ratio}
            lines.append(line)
    size = loads[0]["file_bytes"]
    seconds = report.median([load["load_ms"] for load in loads]) / 1e3
    # The file's own bytes count too.
    memory = max(load["load_peak_bytes"] for load in loads) / size + 1
    verdicts.at_most("loading 10 MB, s", seconds * 10e6 / size, 1)
    verdicts.at_most("memory while loading / file size", memory, 5)
    results["loading"] = {"file_bytes": size, "seconds": seconds, "peak_over_size": memory}

    def show():
        report.table(["time a row, one thread", "alone", "/ ours", f"of {BATCH:,}", "/ ours"], lines)
        print(f"\nverdict loads {size / 1e6:.1f} MB in {seconds:.2f} s, with {memory:.1f} times its size in memory, the file's bytes included")

    report.finish(arguments, results, verdicts, show)


if __name__ == "__main__":
    main(arguments())
