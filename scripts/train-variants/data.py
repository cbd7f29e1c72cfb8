"""Training data for the variants: small, seeded, on coarse grids so that golden files stay short."""
import numpy as np

NAMES = ["amount", "count", "ratio", "score", "flag", "age"]


def numbers(rows=400, missing=0.1, seed=7):
    """Six numeric features; a share of the cells is missing."""
    random = np.random.RandomState(seed)
    table = np.empty((rows, 6))
    table[:, 0] = np.round(random.normal(size=rows) * 32) / 32
    table[:, 1] = random.randint(0, 20, rows)
    table[:, 2] = np.round(random.exponential(size=rows) * 64) / 64
    table[:, 3] = np.round(random.normal(size=rows) * 1000)
    table[:, 4] = random.randint(0, 2, rows)
    table[:, 5] = np.round(random.uniform(-1, 1, rows) * 128) / 128
    table[random.uniform(size=table.shape) < missing] = np.nan
    return table


def signal(table):
    """What labels are made of: nonlinear, with interactions, defined where cells are missing."""
    filled = np.where(np.isnan(table), 0.25, table)
    return (filled[:, 0] + 0.3 * (filled[:, 1] > 9) * filled[:, 5] + np.sin(filled[:, 2]) - 0.0005 * filled[:, 3]
            + 0.4 * filled[:, 4] * (filled[:, 0] > 0) + 0.3 * np.isnan(table[:, 5]))


def labels(kind, table, seed=11):
    random = np.random.RandomState(seed)
    value = signal(table) + random.normal(size=len(table)) * 0.2
    if kind == "binary":
        return (value > 0.6).astype(np.float32)
    if kind == "probability":
        return (1 / (1 + np.exp(-value))).astype(np.float32)
    if kind == "classes":
        return np.digitize(value, [0.0, 1.0]).astype(np.float32)
    if kind == "counts":
        return random.poisson(np.exp(np.clip(value, -2, 2))).astype(np.float32)
    if kind == "positive":
        return np.exp(np.clip(value, -2, 3)).astype(np.float32)
    if kind == "grades":
        return np.digitize(value, [0.0, 0.7, 1.4]).astype(np.float32)
    if kind == "targets":
        return np.stack([value, value ** 2, -value], axis=1).astype(np.float32)
    if kind == "flags":
        return np.stack([value > 0, value > 1], axis=1).astype(np.float32)
    return value.astype(np.float32)


def codes(rows=500, seed=3):
    """Four features, of which 1 and 2 are category codes of 12 and 40 levels."""
    random = np.random.RandomState(seed)
    table = np.empty((rows, 4))
    table[:, 0] = np.round(random.normal(size=rows) * 16) / 16
    table[:, 1] = random.randint(0, 12, rows)
    table[:, 2] = random.randint(0, 40, rows)
    table[:, 3] = random.randint(0, 9, rows)
    effect = np.isin(table[:, 1], [1, 4, 5, 9]) * 1.5 + np.isin(table[:, 2] % 7, [2, 3]) * 1.0 + table[:, 0] * 0.4
    table[random.uniform(size=table.shape) < 0.05] = np.nan
    return table, effect + random.normal(size=rows) * 0.2
