"""Prints what a comparison found: a small table, or JSON."""

import json
import statistics
import sys


def median(values):
    return statistics.median(values)


def ratio(ours, theirs):
    """The median of the rounds' ratios: what slows a whole round down slows both, and drops out."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def spread(values):
    """How far the rounds lie apart, as a share of their median."""
    middle = statistics.median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


def progress(text):
    """Tells a person at a terminal what is being done."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def done():
    progress("")


def table(header, lines):
    """Columns as wide as their cells; the first to the left, the others to the right."""
    cells = [header, *lines]
    widths = [max(len(str(line[column])) for line in cells) for column in range(len(header))]
    for line in cells:
        first, *others = (str(cell) for cell in line)
        print("  ".join([first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:]))]))


class Verdicts:
    """The numbers that were to be reached, and whether they were."""

    def __init__(self):
        self.items = []

    def at_most(self, name, value, limit):
        self.items.append({"name": name, "value": value, "at_most": limit, "reached": value <= limit})

    def at_least(self, name, value, limit):
        self.items.append({"name": name, "value": value, "at_least": limit, "reached": value >= limit})

    def show(self):
        if self.items:
            print()
            table(
                ["to reach", "measured", "wanted", ""],
                [
                    [
                        item["name"],
                        f"{item['value']:.4g}",
                        f"<= {item['at_most']:g}" if "at_most" in item else f">= {item['at_least']:g}",
                        "reached" if item["reached"] else "MISSED",
                    ]
                    for item in self.items
                ],
            )

    @property
    def all_reached(self):
        return all(item["reached"] for item in self.items)


def finish(arguments, results, verdicts, show):
    """Prints the results and ends with status 0, or 1 if something was missed."""
    done()
    if arguments.json:
        print(json.dumps({**results, "to_reach": verdicts.items}, indent=2))
    else:
        show()
        verdicts.show()
    sys.exit(0 if verdicts.all_reached else 1)
