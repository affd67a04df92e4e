"""Settings of the diagonal network under weight decay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scalefit.errors import ConfigError
from scalefit.trainers.settings import choice, switch
from scalefit.trainers.weight_decay.settings import WeightDecay


@dataclass(frozen=True, kw_only=True)
class Diagonal(WeightDecay):
    """Settings of the diagonal network `f(x) = sum_i a_i w_i x_i / sqrt(d)` under weight decay.

    Inputs are standard normal; the teacher is linear, its weight on x_i falls as i^-gamma.

    Attributes
    ----------
    protocol
        How it trains. `"lbfgs"`, `"gradient_descent"`, `"adam"`: the network, by full batches.
        `"coordinate_descent"` and `"proximal"`: the convex problem with the same minimum, a
        regression with a penalty on the sum of the weights' sizes.
    d : >= 2
        Number of inputs.
    n_train : >= 1
        Training examples. The effective number `n_eff` is the same.
    gamma : > 0.5
        Exponent of the teacher.
    noise : >= 0
        Variance of the label noise.
    weight_decay : > 0
        Strength, in the units of `convention`.
    convention
        What is minimised. `"sum"`: half the sum of squared residuals plus
        `weight_decay / 2 * (|a|^2 + |w|^2)`. `"mean"`: the mean of squared residuals plus the same
        penalty, as PyTorch's `MSELoss` with `SGD(weight_decay=...)`; it is `"sum"` with a
        weight_decay `n_train / 2` times as large, the coordinate `lambda`.
    teacher
        `"gaussian"`: weights are normal with standard deviation i^-gamma, drawn for every seed.
        `"fixed"`: i^-gamma itself, the same for all seeds.
    signed
        Whether a and w are free; otherwise `a = w`, which learns positive weights only, and needs
        a fixed teacher.
    init_scale : > 0
        Standard deviation of the first parameters, over d^(1/4).
    learning_rate : > 0
        A step of gradient descent on the objective over n_train, in parameters over d^(1/4); or
        Adam's first rate, which falls to zero along a cosine.
    steps, points
        Length of a run, and the most checkpoints on it, log-spaced, besides the start.
    tolerance : > 0
        Duality gap over the objective at which a run has arrived.
    ranks : >= 0
        How many of the largest weights are recorded as a spectrum; 0 for all.
    """

    family: ClassVar[str] = "diagonal"
    description: ClassVar[str] = (
        "diagonal two-layer network under weight decay: its minimiser by training and from theory"
    )
    streams: ClassVar[tuple[str, ...]] = ("d", "n_train")
    peak: ClassVar[float] = 1.0

    protocol: str = choice("lbfgs", "gradient_descent", "adam", "coordinate_descent", "proximal")
    teacher: str = choice("gaussian", "fixed")
    signed: bool = switch(True)

    def check(self) -> None:
        """Raise ConfigError where the network could not learn half of its teacher."""
        if not self.signed and self.teacher == "gaussian":
            raise ConfigError(
                "setting 'signed' is false, and 'teacher' is gaussian: half of its weights are "
                "negative, and cannot be learned; take teacher='fixed'"
            )

    @property
    def n_eff(self) -> float:
        """Return the number of examples."""
        return float(self.n_train)

    @property
    def decay(self) -> float:
        """Return lambda: the weight decay in the convention `sum`."""
        return self.weight_decay * (self.n_train / 2 if self.convention == "mean" else 1.0)
