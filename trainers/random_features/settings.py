"""Settings of random features."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from scalefit.errors import ConfigError
from scalefit.trainers.settings import Settings, choice, number, switch, whole

from .spectrum import Modes, given, power_law

_DATA = ("minimiser", "gradient_flow", "gradient_descent")
_STEPS = ("gradient_descent", "sgd")


@dataclass(frozen=True, kw_only=True)
class RandomFeatures(Settings):
    """Settings of linear regression on random features of a power-law spectrum.

    Attributes
    ----------
    protocol
        `"minimiser"` of the mean squared residual plus the ridge; `"gradient_flow"` from zero, at
        any time; `"gradient_descent"` with full batches, at any step; `"sgd"`, which sees every
        example once. All but the last are exact: one eigendecomposition, no iteration.
    n_train : >= 0
        Number D of examples; 0 for infinitely many, the population. Smaller data sets of a seed
        are part of the larger ones.
    n_params : >= 0
        Number P of features, and of trained parameters; 0 for infinitely many, kernel regression
        with the spectrum itself. Smaller sets are part of the larger ones.
    exponent : > 0
        alpha_K; the kernel's i-th eigenvalue is i^-(1 + exponent).
    spectrum
        `"power_law"`, or `"given"` by `eigenvalues`.
    eigenvalues : increasing, > 0
        Of a kernel of one's own, for every run; they replace `exponent` and `modes`.
    modes : >= 1
        How many eigenvalues there are.
    teacher
        The mean square of the target's i-th weight is i^-teacher; 0 for an isotropic target.
    features
        `"linear"` projections of the latent features, or `"relu"` of them.
    noise : >= 0
        Variance of the labels' noise.
    ridge : >= 0
        Penalty on the squared norm of the parameters, beside the mean squared residual.
    tuned
        The ridge is the one with the least test loss, and `ridge` does not enter.
    averaged
        Losses are means over targets and label noise, exactly, for each draw of data and features;
        otherwise each run has a target and noise of its own.
    duration : > 0
        Time at the end of the gradient flow.
    learning_rate : > 0
        Size of a step of descent or SGD; step times learning rate is time.
    batch : >= 1
        Examples per step of SGD.
    steps : >= 1
        Number of steps of descent or SGD.
    points : >= 2
        Largest number of times or steps measured after the start, log-spaced; the first time is a
        tenth.
    """

    family: ClassVar[str] = "random_features"
    description: ClassVar[str] = (
        "regression on random features of a power-law kernel: ridge, gradient flow and descent, "
        "one-pass SGD, over grids of data and parameters, and its theory at any size"
    )
    always: ClassVar[tuple[str, ...]] = ("n_params",)
    streams: ClassVar[tuple[str, ...]] = ()

    protocol: str = choice(*_DATA, "sgd")
    n_train: int = whole(256, low=0, high=10**6, unit="examples", only=_DATA)
    n_params: int = whole(256, low=0, high=10**6, unit="parameters")
    exponent: float = number(1.0, low=0, above=True, high=20)
    spectrum: str = choice("power_law", "given")
    eigenvalues: tuple[float, ...] = number((1.0,), low=0, above=True, grid=True)
    modes: int = whole(1000, low=1, high=10**6)
    teacher: float = number(0.0, low=-20, high=20)
    features: str = choice("linear", "relu")
    noise: float = number(0.0, low=0)
    ridge: float = number(0.0, low=0, only=("minimiser",))
    tuned: bool = switch(False, only=("minimiser",))
    averaged: bool = switch(True, only=_DATA)
    duration: float = number(1e4, unit="time", low=0.1, above=True, only=("gradient_flow",))
    learning_rate: float = number(0.1, unit="time", low=0, above=True, only=_STEPS)
    batch: int = whole(1, low=1, only=("sgd",))
    steps: int = whole(1000, low=1, only=_STEPS)
    points: int = whole(40, low=2, only=("gradient_flow", *_STEPS))

    def check(self) -> None:
        """Raise ConfigError where settings contradict each other."""
        if self.features == "relu" and self.n_params == 0:
            raise ConfigError(
                "setting 'n_params' is 0: infinitely many relu features are another kernel; give "
                "their number, or features='linear'"
            )
        if self.spectrum == "given" and self.eigenvalues == (1.0,):
            raise ConfigError(
                "setting 'spectrum' is given: name the kernel's eigenvalues, as in "
                "eigenvalues=[0.01, 0.1, 1.0]"
            )
        if self.spectrum == "power_law" and self.eigenvalues != (1.0,):
            raise ConfigError(
                f"setting 'eigenvalues' holds {len(self.eigenvalues)}: they are used by "
                "spectrum='given'"
            )
        if (1 + self.exponent) * math.log10(self.size) > 200:
            raise ConfigError(
                f"setting 'exponent' is {self.exponent:g}: with modes={self.size} the eigenvalues "
                "span more than 200 decades; take fewer of either"
            )

    @property
    def size(self) -> int:
        """Return the number of modes."""
        return len(self.eigenvalues) if self.spectrum == "given" else self.modes

    @property
    def D(self) -> float:
        """Return the number of examples, infinite for 0."""
        return float(self.n_train or math.inf)

    @property
    def P(self) -> float:
        """Return the number of features, infinite for 0."""
        return float(self.n_params or math.inf)

    def kernel(self, *, whole: bool = False) -> Modes:
        """Return the modes: every one of them, or few that stand for all in sums."""
        if self.spectrum == "given":
            falling = given(list(self.eigenvalues))  # type: ignore[arg-type]
            index = falling.copies.cumsum()
            return falling._replace(power=falling.eigenvalue * index**-self.teacher)
        head = {"head": self.modes} if whole else {}
        return power_law(self.modes, self.exponent, self.teacher, **head)

    def spread(self, m: int) -> tuple[float, float]:
        """Return the largest eigenvalue over the m-th, and the largest."""
        if self.spectrum == "given":
            return self.eigenvalues[-1] / self.eigenvalues[-m], self.eigenvalues[-1]
        return float(m) ** (1 + self.exponent), 1.0

    def derived(self) -> dict[str, float]:
        """Return sizes with `inf` for infinitely many, as run coordinates."""
        found = {"n_params": self.P if not self.n_params else self.n_params}
        if self.protocol != "sgd":
            found["n_train"] = self.D if not self.n_train else self.n_train
        return found

    def cautions(self) -> list[str]:
        """Return warnings of learning rates at which descent or SGD is likely to diverge."""
        if self.protocol not in _STEPS or self.features != "linear":
            return []
        modes = self.kernel()
        if self.protocol == "sgd":
            from .one_pass import critical_rate

            if self.n_params == 0 and self.learning_rate > (
                top := critical_rate(modes, self.batch)
            ):
                return [
                    f"learning_rate={self.learning_rate:g} is above {top:.3g}: the mean test loss "
                    "grows without end"
                ]
            return []
        top = 2 / float(modes.eigenvalue[0])
        if self.learning_rate > top:
            return [
                f"learning_rate={self.learning_rate:g} is above {top:.3g}, at which descent on the "
                "population diverges"
            ]
        return []
