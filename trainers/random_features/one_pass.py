"""One-pass SGD in theory: its mean loss, step by step, where every example is seen once.

With Gaussian features, batches of B and steps eta, the mean square m_i of the distance between the
i-th weight and the target's obeys exactly

    m_i <- (1 - 2 eta lambda_i + eta^2 lambda_i^2 (1 + 1/B)) m_i + (eta^2/B) lambda_i (L + s2)

with L = sum lambda_i m_i the test loss and s2 the variance of the labels' noise. There is no
plateau in data: examples and time are one axis.

Source
------
Bordelon and Pehlevan (2021), arXiv:2106.02713; Paquette, Paquette, Xiao, Pennington (2024),
arXiv:2405.15074.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scalefit.arrays import Array

from .spectrum import Modes


def recursion(
    modes: Modes,
    steps: Sequence[int],
    *,
    learning_rate: float,
    batch: int = 1,
    noise: float = 0.0,
) -> Array:
    """Return the mean test loss after some steps, shape (step,); all features are trained.

    Parameters
    ----------
    steps : increasing, >= 0
        After how many steps; 0 is the start from zero weights.
    learning_rate : > 0
        eta, of the gradient of half the mean squared error.
    batch : >= 1
        Examples per step.
    noise : >= 0
        Variance of the labels' noise.

    Examples
    --------
    >>> from scalefit.trainers.random_features.spectrum import power_law
    >>> loss = recursion(power_law(300, 1.0, head=300), [0, 100], learning_rate=0.15, batch=4)
    >>> print(loss.round(4))
    [1.6416 0.1636]
    """
    rate = learning_rate * modes.eigenvalue
    shrink = 1 - 2 * rate + rate**2 * (1 + 1 / batch)
    # in proportion to each mode's share of the loss, which is its eigenvalue times m
    gain = rate**2 / batch
    share = modes.power.copy()
    found = np.empty(len(steps))
    done = 0
    for at, wanted in enumerate(steps):
        for _ in range(wanted - done):
            share = shrink * share + gain * (float(modes.copies @ share) + noise)
        found[at] = modes.copies @ share
        done = wanted
    return found


def critical_rate(modes: Modes, batch: int = 1) -> float:
    """Return the learning rate above which the mean loss grows without end.

    It is where sum eta lambda / (2 - eta lambda (1 + 1/B)) = B, or the largest mode diverges.
    """
    from scipy.optimize import brentq

    top = 2 / (float(modes.eigenvalue[0]) * (1 + 1 / batch))

    def surplus(rate: float) -> float:
        eta = rate * modes.eigenvalue
        return float(modes.copies @ (eta / (2 - eta * (1 + 1 / batch)))) - batch

    return float(brentq(surplus, top * 1e-12, top * (1 - 1e-12)))
