"""Settings of the trainer families: frozen, checked when they are made, with a canonical JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from numbers import Integral, Real
from typing import Any, ClassVar

from scalefit.errors import ConfigError, nearest

# Ten values a decade, rounded so that the canonical JSON stays readable.
_NORM_GRID = tuple(float(f"{10 ** (k / 10):.4g}") for k in range(-10, 21))


@dataclass(frozen=True, kw_only=True)
class PerceptronConfig:
    """Settings of the teacher-student perceptron with logistic loss.

    Attributes
    ----------
    load : one or several, > 0, at least one example
        Training examples per input dimension; `load * N` is rounded to whole examples.
    N : >= 2
        Input dimension. The theory holds for N to infinity.
    seeds : >= 1
        Number of independent runs of every load, each with its own teacher and data.
    protocol
        `"gradient_descent"`: full batch, from zero weights. `"fixed_norm"`: the minimiser of the
        loss at every `norm`, theory only.
    norm : one or several, increasing, > 0, no unit
        Norms at which the theory is evaluated; a norm multiplies twice the stability in the
        logistic.
    learning_rate : in units of time, > 0
        A step of gradient descent on the mean loss has size `learning_rate * N` and counts as
        this much time. At zero weights descent is stable below `2 / (1 + 1 / sqrt(load))**2` (0.5
        at a load of 1, 0.96 at 5), and the path is that of the gradient flow well below it. Larger
        rates do not diverge, because the curvature falls as the norm grows: the first steps
        overshoot in norm, and what follows is another path to the same end.
    steps : >= 1
        Number of steps of gradient descent.
    points : >= 2
        Largest number of checkpoints, log-spaced from the first step to the last; fewer where
        rounding to whole steps makes neighbours equal.
    """

    family: ClassVar[str] = "perceptron"
    description: ClassVar[str] = (
        "teacher-student perceptron, logistic loss: gradient descent, and the theory at fixed norm"
    )
    protocols: ClassVar[tuple[str, ...]] = ("gradient_descent", "fixed_norm")

    load: tuple[float, ...] = (5.0,)
    N: int = 200
    seeds: int = 16
    protocol: str = "gradient_descent"
    norm: tuple[float, ...] = _NORM_GRID
    learning_rate: float = 0.5
    steps: int = 2000
    points: int = 50

    def __post_init__(self) -> None:
        """Check every setting, and bring numbers and lists to one type each."""
        checked = {
            "load": _positives("load", self.load),
            "N": _integer("N", self.N, 2),
            "seeds": _integer("seeds", self.seeds, 1),
            "norm": _positives("norm", self.norm),
            "learning_rate": _positive("learning_rate", self.learning_rate),
            "steps": _integer("steps", self.steps, 1),
            "points": _integer("points", self.points, 2),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        for load in self.load:
            if load * self.N < 1:
                raise ConfigError(
                    f"setting 'load' is {load:g}: with N={self.N} that is {load * self.N:.2g} "
                    f"examples, and a run needs at least 1; take load >= {1 / self.N:.3g} or a "
                    "larger N"
                )
        if len(set(self.load)) < len(self.load):
            raise ConfigError(
                f"setting 'load' holds a value twice: {_listed(self.load)}; for replicates raise "
                "'seeds'"
            )
        if any(low >= high for low, high in zip(self.norm, self.norm[1:], strict=False)):
            raise ConfigError(
                f"setting 'norm' is {_listed(self.norm)}; it must increase: sort it and drop "
                "repeated values"
            )
        if self.protocol not in self.protocols:
            raise ConfigError(
                f"setting 'protocol' is {self.protocol!r}; "
                f"{nearest(str(self.protocol), self.protocols)}"
            )

    def n_train(self, load: float) -> int:
        """Return the number of training examples of one of the loads."""
        return max(round(load * self.N), 1)

    def to_json(self) -> str:
        """Return the canonical JSON: the family and every setting, sorted, without blanks.

        `config(**json.loads(text))` gives the configuration back.
        """
        settings = {"family": self.family, **asdict(self)}
        return json.dumps(settings, sort_keys=True, separators=(",", ":"))


FAMILIES: dict[str, type[PerceptronConfig]] = {PerceptronConfig.family: PerceptronConfig}


def make(family: str, settings: Mapping[str, Any]) -> PerceptronConfig:
    """Return the checked settings of a family; the body of `scalefit.trainers.config`."""
    if family not in FAMILIES:
        raise ConfigError(f"trainer family {family!r} is unknown; {nearest(str(family), FAMILIES)}")
    kind = FAMILIES[family]
    known = [field.name for field in fields(kind)]
    for name in settings:
        if name not in known:
            raise ConfigError(f"{family} has no setting '{name}'; {nearest(name, known)}")
    return kind(**settings)


def require_config(config: object) -> None:
    """Raise ConfigError unless the object is the settings of a family."""
    if not isinstance(config, tuple(FAMILIES.values())):
        raise ConfigError(
            f"argument 'config' is a {type(config).__name__}; make it with "
            "scalefit.trainers.config(family, ...)"
        )


def require_seed(seed: object) -> None:
    """Raise ConfigError unless the object can be the root of the random streams."""
    _integer("seed", seed, 0, what="argument")


def _integer(name: str, value: object, low: int, *, what: str = "setting") -> int:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < low:
        raise ConfigError(f"{what} '{name}' is {value!r}; give one whole number >= {low}")
    return int(value)


def _positive(name: str, value: object) -> float:
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    if not 0 < number < math.inf:
        raise ConfigError(f"setting '{name}' is {value!r}; give a finite number > 0")
    return number


def _positives(name: str, values: object) -> tuple[float, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        return (_positive(name, values),)
    numbers = tuple(_positive(name, value) for value in values)
    if not numbers:
        raise ConfigError(f"setting '{name}' is empty; give one number > 0 or a list of them")
    return numbers


def _listed(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)
