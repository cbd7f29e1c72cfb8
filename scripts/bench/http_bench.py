"""POST /predict with 30 features and a 100-tree model: Verdict, nginx answering a constant, FastAPI + joblib.

The same requests from the same client to each, in turns: first the latency of one connection, then the rate
of 32. Server and client have one core each. What counts is the ratios, taken round by round, which hold on
any machine; the absolute numbers are this machine's. The client is wrk; `verdict bench` gives a second opinion.

Exit status: 0 if the numbers that are to be reached are, 1 if not.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

import bench_report as report

# Another build of Verdict.
OTHER = "other build"


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench/http", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--verdict", default=".build/release/verdict", help="the program (default: %(default)s)")
    parser.add_argument("--against", metavar="PROGRAM", help="another build of the program, to be compared with in the same run")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=3, help="seconds of each measurement (default: %(default)s)")
    parser.add_argument("--without-verdict", action="store_true", help="only nginx and FastAPI: tries the comparison itself")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def main(arguments):
    import joblib

    import bench_models
    import bench_servers as servers

    model, path = bench_models.classifier(trees=100)
    model.set_params(n_jobs=1)
    data = bench_models.rows(64, seed=7)
    bodies = [bench_models.request(row) for row in data]
    binary = Path(arguments.verdict)

    with tempfile.TemporaryDirectory(prefix="verdict-bench-") as place:
        place = Path(place)
        lines = place / "requests.jsonl"
        lines.write_bytes(b"\n".join(bodies) + b"\n")
        joblib.dump(model, place / "model.joblib")
        repository = place / "models"
        (repository / "bench" / "1").mkdir(parents=True)
        (repository / "bench" / "model.yaml").write_text("policy: { block: 0.8, review: 0.5 }\n")
        shutil.copy(path, repository / "bench" / "1" / "model.json")

        contestants = [servers.FastAPIService(place / "model.joblib", bodies[0])]
        try:
            answer = servers.post(contestants[0].address, "/predict", bodies[0])[1]
            if not arguments.without_verdict:
                verdict = servers.Verdict(binary, repository, "/predict", bodies[0])
                contestants.append(verdict)
                answer = servers.post(verdict.address, "/predict", bodies[0])[1]
                if arguments.against:
                    contestants.append(servers.Verdict(Path(arguments.against), repository, "/predict", bodies[0], name=OTHER))
            # nginx sends as many bytes as Verdict does.
            contestants.append(servers.Nginx(answer))
            agree(contestants, bodies)
            measure(arguments, servers, contestants, lines, binary)
        finally:
            for contestant in contestants:
                contestant.__exit__()


def agree(contestants, bodies):
    """Verdict and FastAPI give the same score to every row; else the comparison says nothing."""
    import bench_servers as servers

    scored = [contestant for contestant in contestants if contestant.name != "nginx"]
    for number, body in enumerate(bodies):
        scores = []
        for contestant in scored:
            status, answer = servers.post(contestant.address, "/predict", body)
            if status != 200:
                sys.exit(f"{contestant.name} answers row {number} with status {status}: {answer[:300]!r}")
            scores.append(json.loads(answer)["prediction"][0])
        if max(scores) - min(scores) > 1e-7:
            sys.exit(f"the scores of row {number} differ: {dict(zip((c.name for c in scored), scores))}")


def measure(arguments, servers, contestants, lines, binary):
    results = {contestant.name: {"p50_us": [], "rate": [], "failed": 0, "seconds": 0} for contestant in contestants}
    for round_number in range(arguments.rounds):
        for connections in (1, 32):
            for contestant in contestants:
                report.progress(f"round {round_number + 1} of {arguments.rounds}: {contestant.name}, {connections} connections")
                outcome = servers.wrk(contestant, "wrk_predict.lua", connections, arguments.seconds, [lines])
                result = results[contestant.name]
                result["failed"] += outcome["failed"]
                if connections == 1:
                    result["p50_us"].append(outcome["p50_us"])
                else:
                    result["rate"].append(outcome["requests"] / outcome["seconds"])
    second = {}
    if not arguments.without_verdict:
        for contestant in contestants:
            report.progress(f"second opinion: {contestant.name}")
            one = servers.verdict_bench(binary, contestant, lines, 1, arguments.seconds)
            many = servers.verdict_bench(binary, contestant, lines, 32, arguments.seconds)
            second[contestant.name] = {"p50_us": one["service_us"]["p50"], "rate": many["throughput_per_s"]}
            results[contestant.name]["failed"] += one["failed"] + many["failed"]
    conclude(arguments, results, second)


def conclude(arguments, results, second):
    summary = {
        name: {
            "p50_us": report.median(result["p50_us"]),
            "rate": report.median(result["rate"]),
            "p50_spread": report.spread(result["p50_us"]),
            "rate_spread": report.spread(result["rate"]),
            "failed": result["failed"],
        }
        for name, result in results.items()
    }
    for name, result in results.items():
        for other in ("nginx", "FastAPI", OTHER) if OTHER in results else ("nginx", "FastAPI"):
            for value in ("p50_us", "rate"):
                summary[name][f"{value}_to_{other}"] = report.ratio(result[value], results[other][value])
    verdicts = report.Verdicts()
    verdicts.at_most("failed requests", sum(result["failed"] for result in summary.values()), 0)
    if "verdict" in summary:
        ours = summary["verdict"]
        verdicts.at_most("p50 of one connection / nginx's", ours["p50_us_to_nginx"], 1.6)
        verdicts.at_least("rate of 32 connections / nginx's", ours["rate_to_nginx"], 0.5)
        verdicts.at_least("rate of 32 connections / FastAPI's", ours["rate_to_FastAPI"], 15)

    def show():
        lines = []
        for name in ("nginx", "verdict", OTHER, "FastAPI"):
            if name in summary:
                result = summary[name]
                lines.append(
                    [
                        name,
                        f"{result['p50_us']:.1f} us",
                        f"{result['p50_us_to_nginx']:.2f}",
                        f"+-{result['p50_spread'] * 50:.0f}%",
                        f"{result['rate']:,.0f}/s",
                        f"{result['rate_to_nginx']:.3f}",
                        f"+-{result['rate_spread'] * 50:.0f}%",
                    ]
                )
        report.table(["wrk", "p50, 1 conn.", "/ nginx", "", "rate, 32 conn.", "/ nginx", ""], lines)
        if OTHER in summary:
            ours = summary["verdict"]
            print(f"\nverdict / {OTHER}: p50 {ours[f'p50_us_to_{OTHER}']:.3f}, rate {ours[f'rate_to_{OTHER}']:.3f}")
        if second:
            print()
            report.table(
                ["verdict bench", "p50, 1 conn.", "/ nginx", "rate, 32 conn.", "/ nginx"],
                [
                    [
                        name,
                        f"{second[name]['p50_us']:.1f} us",
                        f"{second[name]['p50_us'] / second['nginx']['p50_us']:.2f}",
                        f"{second[name]['rate']:,.0f}/s",
                        f"{second[name]['rate'] / second['nginx']['rate']:.3f}",
                    ]
                    for name in ("nginx", "verdict", OTHER, "FastAPI")
                    if name in second
                ],
            )

    report.finish(arguments, {"wrk": summary, "verdict_bench": second}, verdicts, show)


if __name__ == "__main__":
    main(arguments())
