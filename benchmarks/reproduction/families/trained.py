"""Claims on trained networks, of campaigns that take hours: read from their files, or not run.

A campaign is one of `benchmarks/reproduction/deep`, its trajectory a file of the same name in the
folder of runs; what is not there is told, and no row is made of it.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from reproduction import claim as claims
from reproduction.claim import Claim, Curve

DEEP = "released curves of arXiv:2505.13230 (December 2025)"
LEAST = {
    "cnn_mnist": 0.545, "cnn_cifar10": 0.245, "cnn_cifar100": 0.164,
    "resnet_mnist": 0.687, "resnet_cifar10": 0.564, "resnet_cifar100": 0.366,
    "vit_mnist": 0.538, "vit_cifar10": 0.209, "vit_cifar100": 0.117,
}  # fmt: skip
"""Published exponents of the least test error in the number of examples, by campaign."""


def least_error(name: str) -> Curve:
    """Return the least test error of the mean curve over the number of examples."""
    import scalefit as sf

    runs = sf.read(claims.RUNS / name)
    n, error = runs["n_train"].values.astype(float), runs["test_error"].values
    values = np.unique(n)
    least = [float(np.nanmin(np.nanmean(error[n == one], axis=0))) for one in values]
    return Curve(values, np.array(least), None, int(np.sum(n == values[0])))


CLAIMS = [
    Claim(
        text=f"least test error in examples, {campaign.replace('_', ' on ')}",
        family="deep",
        source=DEEP,
        status="published",
        target=target,
        curve=partial(least_error, f"published_{campaign}.nc"),
        needs=f"published_{campaign}.nc",
    )
    for campaign, target in LEAST.items()
]
