"""Networks in ONNX Runtime behind POST /predict, in turns on one server.

What evaluating in the library costs a request: a network of 30-128-64-1 beside 100 native trees of the same 30
features, one connection. And what gathering requests gives: a network of 512-1024-512-1 with batches of up to 64 rows
beside the same without batches, one connection and 64. Server and client have a core each for one connection; for 64
the server has both, which wrk shares. The same network is then measured in process, 64 requests under way, where
nothing else takes the cores.

Exit status: 0 if the numbers that are to be reached are, 1 if not.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import bench_report as report
from bench_servers import Verdict, wrk


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench/networks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--verdict", default=".build/release/verdict", help="the program (default: %(default)s)")
    parser.add_argument("--batches", default=".build/release/BatchBench", help="the program for what is in process (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=2, help="seconds of each measurement (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def network(numpy, random, sizes):
    """An ONNX file with random weights."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, last = [], [], "x"
    for number, (width, height) in enumerate(zip(sizes, sizes[1:])):
        weights = (random.normal(size=(width, height)) / width**0.5).astype(numpy.float32)
        constants.append(numpy_helper.from_array(weights, f"w{number}"))
        constants.append(numpy_helper.from_array(random.normal(size=height).astype(numpy.float32), f"b{number}"))
        nodes.append(helper.make_node("Gemm", [last, f"w{number}", f"b{number}"], [f"g{number}"]))
        last = f"h{number}"
        nodes.append(helper.make_node("Relu" if height > 1 else "Sigmoid", [f"g{number}"], [last]))
    graph = helper.make_graph(
        nodes, "network", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, sizes[0]])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, [None, sizes[-1]])], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def repository(folder):
    """Publishes the models and returns a file of requests for each width."""
    import numpy
    import xgboost

    random = numpy.random.default_rng(1)

    def publish(name, file, content, manifest=None):
        (folder / name / "1").mkdir(parents=True)
        (folder / name / "1" / file).write_bytes(content)
        if manifest:
            (folder / name / "model.yaml").write_text(manifest)

    x = random.normal(size=(2000, 30))
    trees = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 6}, xgboost.DMatrix(x, x.sum(axis=1) > 0), num_boost_round=100)
    publish("trees", "model.ubj", bytes(trees.save_raw("ubj")))
    publish("small", "model.onnx", network(numpy, random, [30, 128, 64, 1]), "engine: onnxruntime\n")
    large = network(numpy, random, [512, 1024, 512, 1])
    publish("gathered", "model.onnx", large, "engine: onnxruntime\nbatching: { maxBatchRows: 64 }\n")
    publish("single", "model.onnx", large, "engine: onnxruntime\nbatching: { maxBatchRows: 1 }\n")
    requests = {}
    for width in (30, 512):
        rows = random.normal(size=(200, width)).round(4).tolist()
        requests[width] = folder.parent / f"requests-{width}.jsonl"
        requests[width].write_text("".join(json.dumps({"features": row}) + "\n" for row in rows))
    return requests


def gain_in_process(program, model):
    """How many times as many requests shared calls answer, 64 under way, by BatchBench's median."""
    report.progress("512-1024-512-1 in process")
    output = subprocess.run([program, str(model)], capture_output=True, text=True, timeout=300)
    found = re.search(r"64 requests under way, with shared calls / without: ([0-9.]+)$", output.stdout, re.MULTILINE)
    if not found:
        sys.exit(f"{program} printed no result:\n{output.stdout}{output.stderr}")
    return float(found[1])


def main(arguments):
    verdicts = report.Verdicts()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "models"
        requests = repository(folder)
        body = requests[512].read_text().splitlines()[0].encode()
        plan = [
            ("trees", 30, 1, "100 native trees, 30 features"), ("small", 30, 1, "30-128-64-1 in ONNX Runtime"),
            ("gathered", 512, 1, "512-1024-512-1, batches of up to 64"), ("single", 512, 1, "512-1024-512-1, no batches"),
            ("gathered", 512, 64, "512-1024-512-1, batches, 64 connections"),
            ("single", 512, 64, "512-1024-512-1, no batches, 64 connections"),
        ]
        found = {(model, connections): [] for model, _, connections, _ in plan}
        for core, connections in ((0, 1), (None, 64)):
            with Verdict(arguments.verdict, folder, "/predict/gathered", body, core=core) as server:
                for number in range(arguments.rounds + 1):
                    for model, width, wanted, title in plan:
                        if wanted != connections:
                            continue
                        report.progress(f"{title}: round {number} of {arguments.rounds}")
                        result = wrk(
                            server, "wrk_predict.lua", connections, arguments.seconds, [requests[width]], f"/predict/{model}")
                        # The first round warms up.
                        if number > 0:
                            found[model, connections].append(result)
        in_process = gain_in_process(arguments.batches, folder / "gathered" / "1" / "model.onnx")
    p50 = {key: [one["p50_us"] for one in results] for key, results in found.items()}
    rate = {key: [one["requests"] / one["seconds"] for one in results] for key, results in found.items()}
    extra = report.median([small - trees for small, trees in zip(p50["small", 1], p50["trees", 1], strict=True)])
    verdicts.at_most("one connection: p50 of 30-128-64-1 less that of the trees, us", extra, 25)
    verdicts.at_most("one connection: p50 with batches / without", report.ratio(p50["gathered", 1], p50["single", 1]), 1.05)
    verdicts.at_least("in process, 64 requests under way: rate with batches / without", in_process, 2.5)
    verdicts.at_least("64 connections: rate with batches / without", report.ratio(rate["gathered", 64], rate["single", 64]), 2.5)
    failed = sum(one["failed"] for results in found.values() for one in results)
    verdicts.at_most("requests that failed", failed, 0)
    lines = [
        [title, f"{report.median(p50[model, connections]):.1f} us", f"{report.median(rate[model, connections]):,.0f}/s"]
        for model, _, connections, title in plan
    ]
    results = {"rows": [{"title": line[0], "p50": line[1], "rate": line[2]} for line in lines]}
    report.finish(arguments, results, verdicts, lambda: report.table(["POST /predict", "p50", "rate"], lines))


if __name__ == "__main__":
    main(arguments())
