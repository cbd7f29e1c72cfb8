"""How long `verdict serve` takes from its start to its first answer, and how much memory it then holds.

The clock runs from the moment the process is made until a prediction has been answered; the address is read
from the program's first line. Uses the example models unless told otherwise.

Exit status: 0 if the numbers that are to be reached are, 1 if not.
"""

import argparse
import time

import bench_report as report
import bench_servers as servers


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench/start", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--verdict", default=".build/release/verdict", help="the program (default: %(default)s)")
    parser.add_argument("--models", default="examples/models", help="the repository (default: %(default)s)")
    parser.add_argument("--model", default="fraud_detection", help="the model that is asked (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=21, help="(default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def main(arguments):
    # No feature is given, so all are missing: every model of the kind that is asked here answers that.
    body = b'{"features": {}}'
    path = f"/predict/{arguments.model}"
    times, memory = [], []
    for number in range(arguments.rounds):
        report.progress(f"start {number + 1} of {arguments.rounds}")
        start = time.monotonic()
        with servers.Verdict(arguments.verdict, arguments.models, path, body, core=None) as server:
            times.append((time.monotonic() - start) * 1e3)
            memory.append(server.memory_bytes())
    result = {
        "first_answer_ms": report.median(times),
        "fastest_ms": min(times),
        "slowest_ms": max(times),
        "rss_bytes": report.median(memory),
        "rounds": arguments.rounds,
    }
    verdicts = report.Verdicts()
    verdicts.at_most("start to first answer, ms", result["first_answer_ms"], 150)
    verdicts.at_most("resident memory, MB", result["rss_bytes"] / 1e6, 80)

    def show():
        report.table(
            ["", "median", "fastest", "slowest"],
            [["start to first answer", *(f"{result[name]:.0f} ms" for name in ("first_answer_ms", "fastest_ms", "slowest_ms"))]],
        )

    report.finish(arguments, result, verdicts, show)


if __name__ == "__main__":
    main(arguments())
