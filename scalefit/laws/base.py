"""Law: what every law provides, its parameters, its formula and its default priors.

How to add one, in a file of your own or in this folder, is shown in CONTRIBUTING.md.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalefit.arrays import Array
from scalefit.errors import ConfigError

from .noise import NORMAL, Noise
from .window import Window

if TYPE_CHECKING:
    import pymc as pm

    from .priors import Prior

L = TypeVar("L", bound="Law")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a law, in natural units.

    Attributes
    ----------
    name
        As in summaries and files.
    size
        How many values it has.
    per
        `"law"` for a single value; `"regime"`, `"crossover"`, `"predictor"` or `"pair"` of
        predictors for one value each.
    low, high
        Bounds; never reached.
    unit
        `"x"` and `"y"` stand for the units of the data, `"x[1]"` for that of the second predictor,
        `""` for none.
    meaning
        One sentence.
    """

    name: str
    size: int
    per: Literal["law", "regime", "crossover", "predictor", "pair"]
    low: float
    high: float
    unit: str
    meaning: str


class Law(ABC):
    """A law with noise on the log scale: log y = log_mean(x) + noise.

    A subclass gives `name`, `parameters`, `priors` and its formula, `log_mean`, written once in the
    style of the array API: numpy arrays and PyTensor graphs both pass through it. Where sampling is
    easier in other variables than the natural ones, `priors` names those and `natural` translates.
    Everything else has a default.

    Attributes
    ----------
    predictors
        Names of what y depends on, in the order in which the law takes them.
    linear
        Those of them that are not raised to a power, and so may be 0; never the first.
    regimes
        Number of regimes; 1 for a law that has none.
    floor
        Whether there is an asymptote under the whole law.
    known_floor
        The floor where its value is known, in the unit of y.
    prior_sets
        Names of the sets of default priors that the law has.
    auto_noises
        Kinds of noise that `noise="auto"` weighs, correlated noise along one run in order.
    shared_powers
        Of a law in several variables, the exponents that pooled groups of points share: sampled
        variables that are log-normal a priori.
    """

    prior_sets: ClassVar[tuple[str, ...]] = ("default",)
    auto_noises: ClassVar[tuple[str, ...]] = ("normal",)
    shared_powers: ClassVar[tuple[str, ...]] = ()
    regimes: int = 1
    floor: bool | float = False
    predictors: tuple[str, ...] = ("x",)
    linear: tuple[str, ...] = ()

    @property
    def linear_columns(self) -> tuple[int, ...]:
        """Columns of x that may be 0."""
        return tuple(self.predictors.index(name) for name in self.linear)

    @property
    def known_floor(self) -> float | None:
        """The floor where its value is known, in the unit of y."""
        return None

    @property
    @abstractmethod
    def name(self) -> str:
        """What figures and files call the law."""

    @property
    @abstractmethod
    def parameters(self) -> tuple[Parameter, ...]:
        """The natural parameters, in the order of a summary."""

    @property
    def minimum_points(self) -> int:
        """Fewest distinct x at which a curve is worth fitting."""
        return 3

    @abstractmethod
    def log_mean(self, params: Mapping[str, Any], x: Any, xp: Any = np) -> Any:
        """Return log y without noise.

        Parameters
        ----------
        params
            Natural parameters by name, shape (...) or (..., size).
        x : shape (n,), or (n, k) for k predictors
            In the unit of each, all > 0, but for those in `linear`, >= 0. Rows are points, so a law
            of several takes its columns as `x[:, 0]`, which numpy and PyTensor both understand.
        xp
            `numpy` or `pytensor.tensor`.

        Returns
        -------
        shape (..., n)
        """

    def window(self, x: ArrayLike, y: ArrayLike) -> Window:
        """Return what the default priors read from data: x as in `log_mean`, y of shape (n,)."""
        return Window.of(x, y, self.linear_columns)

    @abstractmethod
    def priors(self, window: Window) -> dict[str, Prior]:
        """Return the default prior of each sampled variable, in an order fit for sampling."""

    def prior_set(self, name: str, window: Window) -> dict[str, Prior]:
        """Return the default priors of a set, one of `prior_sets`."""
        if name not in self.prior_sets:
            raise ConfigError(f"priors='{name}' is no set of the law '{self.name}'")
        return self.priors(window)

    def replaced(
        self, priors: dict[str, Prior], overrides: Mapping[str, Prior]
    ) -> dict[str, Prior]:
        """Return the priors of what is sampled if `overrides` names a variable in place of another.

        A law that can be sampled in one way only takes its priors as they are.
        """
        del overrides
        return priors

    def require(self, kind: type[L], what: str) -> L:
        """Return the law itself, if it is of the kind that a question needs.

        Parameters
        ----------
        kind
            Such as `SegmentedLaw`.
        what
            What a law of another kind does not have, for the message.

        Raises
        ------
        ConfigError
            If it is of another kind.
        """
        if not isinstance(self, kind):
            raise ConfigError(f"the law '{self.name}' has no {what}")
        return self

    def with_regimes(self, regimes: int, floor: bool | float | None = None) -> Self:
        """Return the law with another number of regimes, and floor; itself where it has none."""
        del regimes, floor
        return self

    def of_draws(self, params: Mapping[str, Array]) -> tuple[Law, dict[str, Array]]:
        """Return a law and parameters with which its formula can be evaluated on draws of a fit.

        Draws of several models stand in arrays wide enough for the largest, with NaN where a model
        has fewer regimes; a law of several regimes fills these (`SegmentedLaw.of_draws`).
        """
        return self, dict(params)

    def log_curve(self, params: Mapping[str, Array], x: Array, bend: Array | None = None) -> Array:
        """Return log y without noise for the draws of a fit, shape (draws, n).

        Parameters
        ----------
        params
            Draws by name, shape (draws,) or (draws, size).
        x : shape (n,) or (n, k)
            Where, in the unit of each predictor.
        bend : shape (draws, n)
            What further crossovers take from the log of the law without floor; None for none. A law
            without regimes does not bend.
        """
        del bend
        law, params = self.of_draws(params)
        return np.asarray(law.log_mean(params, x))

    def natural(self, sampled: Mapping[str, Any], window: Window, xp: Any = np) -> dict[str, Any]:
        """Return the natural parameters that belong to sampled variables of shape (..., size)."""
        del window, xp
        return dict(sampled)

    def align(
        self, sampled: Mapping[str, Array], x: NDArray[Any], y: NDArray[Any]
    ) -> dict[str, Array]:
        """Return starting points moved towards the data where that is cheap; by default as given.

        Parameters
        ----------
        sampled
            Sampled variables by name, shape (m, size), usually draws from the prior.
        x : shape (n,) or (n, k)
        y : shape (n,)
            The curve.
        """
        del x, y
        return dict(sampled)

    def to_pymc(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        noise: Noise = NORMAL,
        y_err: ArrayLike | None = None,
        priors: Mapping[str, Prior] | None = None,
        start: Sequence[int] = (0,),
    ) -> pm.Model:
        """Return the law with its priors and noise on log y as a PyMC model.

        The model is an ordinary one: edit it, sample it, hand it to any PyMC tool. Its variables
        carry the names of the summary; `x` and `log_y` are `pm.Data` and can be exchanged with
        `pm.set_data`, for others of the same length where the noise is correlated or `y_err` is
        given.

        Parameters
        ----------
        x : shape (n,) or (n, k), > 0, or >= 0 in `linear` columns
            Ascending along a run where the noise is correlated.
        y : shape (n,), > 0
            The curve.
        noise
            The kind of noise.
        y_err : shape (n,), in the unit of y, all >= 0
            Known standard errors of y, beside the noise; None for none.
        priors
            A prior for every sampled variable of the law and of the noise, in place of
            `law.priors(...)` and `noise.priors()`.
        start
            Where each of several runs begins among the points.

        Raises
        ------
        InvalidData
            If lengths differ, x or y hold values that have no logarithm, an error is negative, or
            x does not ascend under correlated noise.
        """
        from .pymc_model import build

        return build(self, x, y, noise, y_err, priors, start)
