"""Claims on trained networks, of campaigns that take hours: read from their files, or not run.

A campaign is one of `benchmarks/reproduction/deep`, or the parities of the family `sequence`, its
trajectory a file in the folder of runs that `needs` names; what is not there is told, and no row is
made of it.
"""

from __future__ import annotations

import math
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


def learned() -> Curve:
    """Return the step at which parities that all runs learn are learned, over their frequency."""
    import scalefit as sf
    from scalefit.trainers.sequence.learned import learned as step_of

    runs = sf.read(claims.RUNS / "sequence_parity.nc")
    often = (runs["examples_task"] / runs["examples"]).values[0, -1]
    losses = runs["loss_task"].transpose("run", "task", "point").values
    first = step_of(runs["step"].values[0], losses, math.log(2) / 2)
    mean = first.mean(axis=0)
    seen = np.isfinite(mean)
    return Curve(often[seen], mean[seen], 1 / often[seen], len(first))


CLAIMS = [
    Claim(
        text="step at which a sparse parity is learned in its frequency",
        family="sequence",
        source="quantised learning, after arXiv:2303.13506",
        status="derived",
        target=1.0,
        curve=learned,
        needs="sequence_parity.nc",
        why="the first subtask, half of all examples, takes 184 batches of its own, where the "
        "others take 131 to 159; with what is never learned censored the slope is .998",
    ),
    *[
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
    ],
]
