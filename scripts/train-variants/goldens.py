"""Writes golden files: rows that probe a model where it could go wrong, with what its library answers.

A golden file is CSV. Columns `in:<feature>` hold inputs (an empty cell is missing; numbers read back to the
same double; strings are category levels), all others what the library returned, named as Verdict names its
output columns and written as the hexadecimal bits of an IEEE number: eight digits a float, sixteen a double.
"""
import math
from pathlib import Path

import numpy as np

# Codes around every limit of the libraries' conversions: signs, fractions, words of a bit set, 2^24, 2^31.
CODES = [-1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 1.999, 2.7, 3.0, 5.0, 7.0, 11.0, 11.5, 12.0, 31.0, 32.0, 33.0, 63.5,
         1e6, 16777215.0, 16777216.0, 2147483647.0, 3e9]
# Zeros, denormals of both widths, both sides of LightGBM's zero (float32 1e-35), large values.
NUMBERS = [0.0, -0.0, 5e-324, -5e-324, 1e-45, -1e-45, 1e-40, 1.0000000180025093e-35, 1.0000000180025095e-35,
           1.0000000180025097e-35, -1.0000000180025095e-35, -1.0000000180025097e-35, 1e-30, -1e-30, 1e30, -1e30, 3e38, -3e38]
ROWS = 108


def bits(value):
    if value.dtype == np.float32:
        return f"{value.view(np.uint32):08x}"
    return f"{np.float64(value).view(np.uint64):016x}"


def cell(value):
    if isinstance(value, str):
        return value
    if value is None or math.isnan(value):
        return ""
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") and text != "-0.0" else text


def write(path, features, rows, columns):
    """`columns` maps output names to arrays of float32 or float64, one value a row."""
    lines = [",".join([f"in:{name}" for name in features] + list(columns))]
    for index, row in enumerate(rows):
        expected = [bits(values[index]) for values in columns.values()]
        lines.append(",".join([cell(value) for value in row] + expected))
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def around(threshold, single):
    """The threshold and its neighbours, in the precision the library compares in and, for floats, the
    doubles next to where the conversion to float changes its result."""
    if not single:
        return [np.nextafter(threshold, -math.inf), threshold, np.nextafter(threshold, math.inf)]
    center = np.float32(threshold)
    below = np.nextafter(center, np.float32(-math.inf))
    above = np.nextafter(center, np.float32(math.inf))
    tie = (float(below) + float(center)) / 2
    return [float(below), float(center), float(above), tie, np.nextafter(tie, math.inf), np.nextafter(tie, -math.inf)]


def probes(base, splits, categorical, single, codes=CODES, rows=ROWS):
    """Rows for a model: typical ones, ones at the given numeric splits, ones at the limits of numbers.

    base: rows of floats as the model was trained on; splits: (feature, threshold) pairs; codes: values for
    categorical features."""
    limit = 3.4028234663852886e38 if single else math.inf
    width = base.shape[1]
    result = [list(map(float, row)) for row in base[:28]]
    result.append([math.nan] * width)
    result.append([0.0] * width)
    result.append([-0.0] * width)

    def vary(index, feature, value):
        row = list(map(float, base[index % len(base)]))
        row[feature] = float(value)
        result.append(row)

    numeric = [feature for feature in range(width) if feature not in categorical]
    room = rows - len(result)
    pairs = [(feature, code) for code in codes for feature in categorical]
    pairs = pairs[: max(0, room // 2)] if splits else pairs
    for index, (feature, code) in enumerate(pairs):
        vary(index, feature, code)
    for index, number in enumerate(NUMBERS):
        if numeric and abs(number) <= limit:
            vary(index + 7, numeric[index % len(numeric)], number)
    if not single and numeric:
        vary(3, numeric[0], math.inf)
        vary(4, numeric[0], -math.inf)
    unique = sorted(set(splits))
    room = max(rows - len(result), 12)
    per = 6 if single else 3
    wanted = max(1, room // per)
    step = max(1, len(unique) // wanted)
    for index, (feature, threshold) in enumerate(unique[::step][:wanted]):
        for value in around(threshold, single):
            if abs(value) <= limit:
                vary(index * 5, feature, value)
    for row in base[28:28 + max(0, rows - len(result))]:
        result.append(list(map(float, row)))
    return result
