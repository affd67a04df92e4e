"""Settings of the quadratic network under weight decay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scalefit.trainers.settings import choice, switch, whole
from scalefit.trainers.weight_decay.settings import NETWORKS, WeightDecay


@dataclass(frozen=True, kw_only=True)
class Quadratic(WeightDecay):
    """Settings of the quadratic network `f(x) = (x.S x - Tr S) / sqrt(d)`, `S = W W^T`.

    Inputs are standard normal; the teacher is such a network, whose i-th eigenvalue is
    sqrt(d) i^-gamma.

    Attributes
    ----------
    protocol
        How it trains. `"lbfgs"`, `"gradient_descent"`, `"adam"`: the network, by full batches.
        `"proximal"`: the convex problem with the same minimum, a regression on positive matrices
        with a penalty on their trace.
    d : >= 2
        Number of inputs.
    n_train : >= 1
        Training examples. The effective number `n_eff` is n_train / d.
    gamma : > 0.5
        Exponent of the teacher.
    noise : >= 0
        Variance of the label noise.
    weight_decay : > 0
        Strength, in the units of `convention`.
    convention
        What is minimised. `"sum"`: the sum of squared residuals plus `weight_decay * d * |W|^2`.
        `"mean"`: the mean of squared residuals plus `weight_decay / 2 * |W|^2`, as PyTorch's
        `MSELoss` with `SGD(weight_decay=...)`; it is `"sum"` with a weight_decay `n_train / (2 d)`
        times as large, the coordinate `lambda`.
    unit
        Whether the teacher is rescaled to a mean squared eigenvalue of 1.
    width : >= 0
        Columns of W, as they enter S; 0 for d, which always suffices.
    init_scale : > 0
        Size of the first W: its columns have the norm `init_scale * d^(1/4) * sqrt(d / width)` on
        average, so that S has the trace `init_scale^2 d^(3/2)`.
    learning_rate : > 0
        A step of gradient descent on half the objective, times sqrt(d) / n_train; or Adam's first
        rate, which falls to zero along a cosine.
    steps, points
        Length of a run, and the most checkpoints on it, log-spaced, besides the start.
    tolerance : > 0
        Duality gap over the objective at which a run has arrived.
    ranks : >= 0
        How many of the largest eigenvalues are recorded as a spectrum; 0 for all.
    prune
        Whether `pruned_risk` is recorded: the risk once eigenvalues are less by the edge that
        state evolution gives the bulk of noise, and zero below it. It lowers the risk where spikes
        are few, a twelfth of d or less. The state evolution takes some seconds for d of hundreds.
    """

    family: ClassVar[str] = "quadratic"
    description: ClassVar[str] = (
        "quadratic two-layer network under weight decay: its minimiser by training and from theory"
    )
    streams: ClassVar[tuple[str, ...]] = ("d", "n_train")
    peak: ClassVar[float] = 0.25

    protocol: str = choice("lbfgs", "gradient_descent", "adam", "proximal")
    unit: bool = switch(False)
    prune: bool = switch(False)
    width: int = whole(0, low=0, only=NETWORKS)

    @property
    def columns(self) -> int:
        """Return the columns of W."""
        return self.width or self.d

    @property
    def n_eff(self) -> float:
        """Return examples over inputs."""
        return self.n_train / self.d

    @property
    def decay(self) -> float:
        """Return lambda: the weight decay in the convention `sum`."""
        mean = self.n_train / (2 * self.d)
        return self.weight_decay * (mean if self.convention == "mean" else 1.0)
