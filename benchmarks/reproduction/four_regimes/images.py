"""Images: their intrinsic dimension, beside exponents of losses that theory ties to it.

For MNIST, Fashion-MNIST, CIFAR-10 and CIFAR-100, in the folder `images` of the one that
SCALEFIT_DATA names, gray images of up to 784 and colour images of 3072 coordinates in [0, 1]:

dimension   of 5000 images, by `sf.intrinsic_dimension`, and what it seems to be at each neighbour;
            again of random halves and quarters, whose neighbours are farther off
distance    exponent of the mean squared distance of new images to the nearest of D, which is 2/d on
            a manifold, and with it d by this measure
nearest     exponent of the error rate of the nearest neighbour in D
kernel      exponent of the mean squared error of regression of the labels, one-hot, all but without
            a ridge, with Laplace's kernel, after Spigler, Geiger, Wyart (2020), arXiv:1905.10843,
            who quote about 0.4 for MNIST and 0.1 for CIFAR-10, of two classes
deep        exponent of the smallest test error of trained networks in their training examples, from
            the file that `benchmarks/reproduction/deep/exponents.py` keeps, where it is there

Each is `sf.fit`'s, of one regime without a floor, to the means of `--curves` draws of the training
set, with their standard errors; 4/d and 2/d stand beside it.

    python benchmarks/reproduction/four_regimes/images.py --curves 5 --workers 1
"""

from __future__ import annotations

import json
import math
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))
import campaign

Array = NDArray[np.float64]
Row = dict[str, Any]

SETS = ("mnist", "fashion_mnist", "cifar10", "cifar100")
SIZES = (250, 500, 1000, 2000, 4000)
NEW, POINTS = 1000, 5000
MEASURES = ("distance", "nearest", "kernel")
DEEP = "deep_exponents.json"
TWICE = 1e-6  # on the kernel's diagonal: some images are there twice, with different labels


@cache
def images(name: str) -> tuple[Array, NDArray[np.int64], Array, NDArray[np.int64]]:
    """Return images as rows of numbers in [0, 1], with labels, for training and for testing."""
    folder = os.environ.get("SCALEFIT_DATA")
    if not folder:
        sys.exit("set SCALEFIT_DATA to the folder that holds the public data")
    with np.load(Path(folder) / "images" / f"{name}.npz") as file:
        parts = [file[key] for key in ("x_train", "y_train", "x_test", "y_test")]
    rows = [parts[at].reshape(len(parts[at]), -1) / 255.0 for at in (0, 2)]
    return rows[0], parts[1].astype(np.int64), rows[1], parts[3].astype(np.int64)


def apart(one: Array, other: Array) -> Array:
    """Return the squared distances of all pairs."""
    found = (one**2).sum(1)[:, None] + (other**2).sum(1) - 2 * one @ other.T
    return np.asarray(np.maximum(found, 0.0))


def measured(name: str, seed: int) -> Row:
    """Return the three measures at every size, for one draw of training images."""
    x, label, new, true = images(name)
    rng = np.random.default_rng([2102, SETS.index(name), seed])
    chosen, tested = rng.permutation(len(x))[: SIZES[-1]], rng.permutation(len(new))[:NEW]
    x, label, new, true = x[chosen], label[chosen], new[tested], true[tested]
    own, away, classes = apart(x, x), apart(new, x), int(true.max()) + 1
    width = math.sqrt(float(np.median(away)))
    codes = np.eye(classes) - 1 / classes
    found: dict[str, list[float]] = {measure: [] for measure in MEASURES}
    for size in SIZES:
        near = away[:, :size].argmin(1)
        found["distance"].append(float(np.take_along_axis(away, near[:, None], 1).mean()))
        found["nearest"].append(float((label[near] != true).mean()))
        gram = np.exp(-np.sqrt(own[:size, :size]) / width)
        gram[np.diag_indices(size)] += TWICE
        weights = np.linalg.solve(gram, codes[label[:size]])
        guess = np.exp(-np.sqrt(away[:, :size]) / width) @ weights
        found["kernel"].append(float(((guess - codes[true]) ** 2).sum(1).mean()))
    return {"name": name, "measures": found}


def dimensions(name: str) -> Row:
    """Return the dimension of images, of half and of a quarter as many."""
    import scalefit as sf

    x = images(name)[0]
    order, found = np.random.default_rng(2102).permutation(len(x))[:POINTS], {}
    for share in (1, 2, 4):
        table = sf.intrinsic_dimension(x[order[: POINTS // share]])
        found[str(POINTS // share)] = table.round(3).to_dict("list")
    return {"name": name, "dimension": found}


def one(index: int) -> Row:
    """Return the dimensions of a set, or its measures for one draw."""
    seed, place = divmod(index, len(SETS))
    row = measured(SETS[place], seed - 1) if seed else dimensions(SETS[place])
    return {"index": index, **row}


def exponent(values: Array) -> list[float]:
    """Return median and 90% interval of the exponent of means of draws, shape (draw, size)."""
    import pandas as pd

    import scalefit as sf

    frame = pd.DataFrame({"size": SIZES, "loss": values.mean(0)})
    known = {}
    if len(values) > 1:
        frame["error"] = values.std(0, ddof=1) / math.sqrt(len(values))
        known = {"y_err": "error"}
    fit = sf.fit(frame, x="size", y="loss", regimes=1, floor=False, noise="normal",
                 progress=False, **known)  # fmt: skip
    found = np.quantile(fit.exponents.values, [0.5, 0.05, 0.95])
    return [round(float(value), 4) for value in found]


def deep(name: str) -> dict[str, Any]:
    """Return what is kept of trained networks on a set, by campaign."""
    path = campaign.RESULTS / DEEP
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    campaigns = kept.get("campaigns", {})
    return {key: one["slope"] for key, one in campaigns.items()
            if key.partition("_")[2] == name and "slope" in one}  # fmt: skip


def table(name: str, rows: list[Row]) -> Row:
    """Return dimension and exponents of a set."""
    known = next(row["dimension"] for row in rows if "dimension" in row)
    whole = known[str(POINTS)]
    d = [whole[key][0] for key in ("median", "low", "high")]
    found: Row = {
        "dimension": d,
        "by scale": {size: one["median"] for size, one in known.items()},
        "2/d": [round(2 / value, 4) for value in d],
        "4/d": [round(4 / value, 4) for value in d],
    }
    draws = [row["measures"] for row in rows if "measures" in row]
    for measure in MEASURES:
        values = np.array([one[measure] for one in draws])
        found[measure] = exponent(values)
        found[f"{measure} at {SIZES[-1]}"] = round(float(values[:, -1].mean()), 4)
    found["d by distance"] = [round(2 / value, 2) for value in found["distance"]]
    return {**found, "deep": deep(name), "n": len(draws)}


def main() -> None:
    parser = campaign.arguments(__doc__ or "", "image_dimension.json", 5)
    options = parser.parse_args()
    wanted = range((1 + options.curves) * len(SETS))
    rows = campaign.run(one, wanted, options.out, options.workers)
    sets = {name: table(name, [row for row in rows if row["name"] == name]) for name in SETS}
    campaign.keep({"sizes": SIZES, "points": POINTS, "sets": sets}, options.out)
    campaign.show(sets)


if __name__ == "__main__":
    main()
