"""Claims on interpolation on a manifold: exponents from its dimension."""

from __future__ import annotations

from functools import partial

import numpy as np
from reproduction.claim import Claim, Curve, simulated

FOUR = "Bahri et al. (2024), arXiv:2102.06701; Sharma and Kaplan (2020), arXiv:2004.10802"
SIZES = {
    ("nearest", 1): [256, 512, 1024, 2048, 4096],
    ("nearest", 2): [512, 1024, 2048, 4096, 8192, 16384],
    ("nearest", 3): [2048, 4096, 8192, 16384, 32768, 65536],
    ("linear", 1): [64, 128, 256, 512, 1024],
    ("linear", 2): [1024, 2048, 4096, 8192, 16384],
}
SEEDS = {1: 400, 2: 24, 3: 16}
"""In one dimension few large gaps make the loss, and draws cost nothing."""


def interpolated(method: str, d: int) -> Curve:
    """Return the mean loss over examples; theory where its constant is known."""
    from scalefit import trainers
    from scalefit.trainers.manifold import theory as known

    sizes = {"protocol": method, "dimension": d, "n_train": SIZES[method, d]}
    x, y, runs = simulated("manifold", "n_train", "test_loss", seeds=SEEDS[d], **sizes)
    if (method, d) == ("linear", 2):
        return Curve(x, y, None, runs)
    points = trainers.config("manifold", **sizes).points
    return Curve(x, y, np.array([known.test_loss(one) for one in points]), runs)


WHY = {
    ("nearest", 1): "beyond the end of the interval by .0008, of a width of .025",
    ("nearest", 3): "beyond the end of the interval by .0001, of a width of .013",
}
CLAIMS = [
    Claim(
        text=f"{'nearest neighbour' if method == 'nearest' else 'piecewise linear'}, d = {d}",
        family="manifold",
        source=FOUR,
        status="published",
        target=(2 if method == "nearest" else 4) / d,
        curve=partial(interpolated, method, d),
        row=("four_regimes", {"id": "manifold", "quantity":
             f"MSE slope in D, {'nearest neighbour' if method == 'nearest' else 'piecewise linear'}"
             f" interpolation, smooth target, d={d}"}),
        slow=(method, d) != ("nearest", 2),
        why=WHY.get((method, d), ""),
    )
    for method, d in SIZES
]  # fmt: skip
