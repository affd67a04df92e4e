"""Classes of exponents: what theory claims of the curves of a family, for large sizes.

A class names axes, a law and exponents, so that curves of any family that records these axes can be
held against it; deep networks, which have no theory, stand against the perceptron's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Known = Mapping[str, Any]
"""Settings that all runs of a group share, by name."""
TIMES = 50.0
"""Times of the first direction after which a committee's loss is a power of time."""


def _always(known: Known) -> bool:
    return True


def _whole(known: Known) -> tuple[float | None, float | None]:
    return None, None


@dataclass(frozen=True, kw_only=True)
class Class:
    """What theory claims of the curves of some families.

    Attributes
    ----------
    name
        Of the class, as figures show it.
    families, protocols
        Whose curves; no protocol means all of them.
    x, y, law
        Axes, and the law that is fitted, as of `scalefit.fit`.
    exponents
        Claimed values by parameter, for the settings of a group; the parameter's name in the draws,
        followed by its place where there are several.
    source
        Who claims it.
    applies
        Whether the settings of a group belong to the class.
    window
        Ends of the first of `x` between which it is claimed.
    exact
        Protocols of which theory has curves with these axes at finite sizes.
    below
        Share of the largest y above which points are left out, where curves begin flat.
    """

    name: str
    families: tuple[str, ...]
    x: tuple[str, ...]
    y: str
    law: str
    exponents: Callable[[Known], Mapping[str, float]]
    source: str
    protocols: tuple[str, ...] = ()
    applies: Callable[[Known], bool] = _always
    window: Callable[[Known], tuple[float | None, float | None]] = _whole
    exact: tuple[str, ...] = ()
    below: float = 1.0

    @property
    def fitted(self) -> tuple[Any, ...]:
        """What the fit of a group depends on; classes that agree in it share the fit."""
        return self.x, self.y, self.law, self.window, self.below


def _after_first(known: Known) -> tuple[float | None, float | None]:
    """Return times from which several directions have been learned (learning rate times lambda)."""
    size, beta = int(known["L"]), float(known["beta"])
    first = size / sum(i ** -(1.0 + beta) for i in range(1, size + 1))
    return TIMES / (2.0 * float(known["learning_rate"]) * first), None


def _nearest(known: Known) -> Mapping[str, float]:
    power = 2.0 if known["protocol"] == "nearest" else 4.0
    return {"exponent": power / float(known["dimension"])}


COLLAPSE = {"gamma_0": 0.5, "gamma_1": 0.5, "gamma_2": 1.0, "gamma": 1.0}
"""Of perceptrons, at large loads."""
CHANCE = 0.4
"""Share of the error of chance from which networks follow a power of the norm."""
CLASSES = (
    Class(
        name="collapse in norm and load",
        families=("perceptron",),
        protocols=("fixed_norm", "gradient_descent"),
        x=("norm", "load"),
        y="test_error",
        law="collapse",
        exponents=lambda known: COLLAPSE,
        window=lambda known: (1.0, None),
        source="replica theory of the minimiser at fixed norm, large loads",
        exact=("fixed_norm",),
    ),
    Class(
        name="collapse in norm and examples",
        families=("deep",),
        x=("norm", "n_train"),
        y="test_error",
        law="collapse",
        exponents=lambda known: {"gamma_0": 0.5, "gamma": 1.0},
        source="the perceptron's class; a norm to a power leaves these two as they are",
        below=CHANCE,
    ),
    Class(
        name="one curve of all sizes before the elbow",
        families=("deep",),
        x=("norm", "n_train"),
        y="test_error",
        law="collapse",
        exponents=lambda known: {"gamma_0": 0.0},
        source="D'Amico, Bocchi, Negri (2025), arXiv:2505.13230",
        below=CHANCE,
    ),
    Class(
        name="time, linear units",
        families=("committee",),
        protocols=("sgd",),
        x=("time",),
        y="test_loss",
        law="cutoff",
        exponents=lambda known: {"exponent": float(known["beta"]) / (1.0 + float(known["beta"]))},
        applies=lambda known: known["activation"] == "linear" and int(known["L"]) >= 64,
        window=_after_first,
        source="arXiv:2410.09005, equations of motion at small learning rates",
        exact=("sgd",),
    ),
    Class(
        name="parameters and examples, best ridge",
        families=("random_features",),
        protocols=("minimiser",),
        x=("n_params", "n_train"),
        y="test_loss",
        law="four_regime",
        exponents=lambda known: dict.fromkeys(
            ("exponent 0", "exponent 1"), float(known["exponent"])
        ),
        applies=lambda known: bool(known["tuned"]) and known["spectrum"] == "power_law",
        source="Bahri et al. (2024), arXiv:2102.06701",
    ),
    Class(
        name="examples, interpolation",
        families=("manifold",),
        x=("n_train",),
        y="test_loss",
        law="power",
        exponents=_nearest,
        source="Sharma and Kaplan (2020), arXiv:2004.10802",
    ),
)
"""What is claimed, family by family."""


def of(family: str, known: Known) -> list[Class]:
    """Return the classes that a group of runs belongs to."""
    return [
        one
        for one in CLASSES
        if family in one.families
        and (not one.protocols or known["protocol"] in one.protocols)
        and one.applies(known)
    ]
