"""Intrinsic dimension: how often the 90% interval holds that of synthetic manifolds, d = 1 to 8.

Unit spheres; normal points on a random linear subspace of 20 dimensions, whose density is uneven;
tori (cosines and sines of d angles); and, beyond what the estimator accounts for, cubes, which have
edges. 2000 points each. Images have a script of their own, `images.py`.

    python benchmarks/reproduction/four_regimes/dimension.py --curves 100 --workers 2
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))
import campaign

POINTS, DIMENSIONS, PART = 2000, range(1, 9), 100_000
Array = NDArray[np.float64]


def sphere(rng: np.random.Generator, d: int) -> Array:
    points = rng.standard_normal((POINTS, d + 1))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def normal(rng: np.random.Generator, d: int) -> Array:
    basis, _ = np.linalg.qr(rng.standard_normal((20, d)))
    return rng.standard_normal((POINTS, d)) @ basis.T


def torus(rng: np.random.Generator, d: int) -> Array:
    angle = rng.uniform(0, 2 * np.pi, (POINTS, d))
    return np.concatenate([np.cos(angle), np.sin(angle)], axis=1)


def cube(rng: np.random.Generator, d: int) -> Array:
    return rng.random((POINTS, d))


MANIFOLDS = {"sphere": sphere, "normal": normal, "torus": torus, "cube": cube}


def one(index: int) -> dict[str, Any]:
    """Return the intervals of one draw of one manifold, for every dimension."""
    import scalefit as sf

    kind, seed = divmod(index, PART)
    found = []
    for d in DIMENSIONS:
        rng = np.random.default_rng([2103, kind, d, seed])
        row = sf.intrinsic_dimension(list(MANIFOLDS.values())[kind](rng, d)).iloc[0]
        found.append([float(row[name]) for name in ("low", "median", "high")])
    return {"index": index, "intervals": found}


def table(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return coverage, mean and scatter by dimension."""
    every = np.array([row["intervals"] for row in rows])
    found = []
    for at, d in enumerate(DIMENSIONS):
        low, median, high = every[:, at].T
        p = float(np.mean((low < d) & (d < high)))
        found.append(
            {
                "dimension": d, "90%": [round(p, 3), round((p * (1 - p) / len(rows)) ** 0.5, 3)],
                "median": round(float(median.mean()), 3), "scatter": round(float(median.std()), 3),
                "width": round(float((high - low).mean()), 3), "n": len(rows),
            }
        )  # fmt: skip
    return found


def main() -> None:
    parser = campaign.arguments(__doc__ or "", "dimension.json", 100)
    options = parser.parse_args()
    wanted = [
        kind * PART + seed for kind in range(len(MANIFOLDS)) for seed in range(options.curves)
    ]
    rows = campaign.run(one, wanted, options.out, options.workers)
    result: dict[str, Any] = {"points": POINTS}
    for kind, name in enumerate(MANIFOLDS):
        result[name] = table([row for row in rows if row["index"] // PART == kind])
        campaign.show({f"{name} {line['dimension']}": line for line in result[name]})
    campaign.keep(result, options.out)


if __name__ == "__main__":
    main()
