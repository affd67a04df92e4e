"""What every law provides: its parameters, its formula and its default priors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .noise import NORMAL, Noise

if TYPE_CHECKING:
    import pymc as pm

    from .priors import Prior


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
        `"law"` for a single value, `"regime"` or `"crossover"` for one value each.
    low, high
        Bounds; never reached.
    unit
        `"x"` and `"y"` stand for the units of the data, `""` for none.
    meaning
        One sentence.
    """

    name: str
    size: int
    per: Literal["law", "regime", "crossover"]
    low: float
    high: float
    unit: str
    meaning: str


@dataclass(frozen=True)
class Window:
    """What the default priors read from the data, and nothing more.

    Attributes
    ----------
    x_low, x_high
        First and last x, in the unit of x.
    y_typical
        Median of y, in the unit of y.
    """

    x_low: float
    x_high: float
    y_typical: float

    @classmethod
    def of(cls, x: ArrayLike, y: ArrayLike) -> Window:
        """Return the window of a curve; x and y have shape (n,) and are positive."""
        return cls(
            float(np.min(x)), float(np.max(x)), float(np.exp(np.median(np.log(np.asarray(y)))))
        )


class Law(ABC):
    """A law with noise on the log scale: log y = log_mean(x) + noise.

    A law is written twice over nothing: `log_mean` is the only formula, in the style of the array
    API, so that numpy arrays and PyTensor graphs both pass through it. A subclass gives
    `parameters`, `log_mean` and `priors`. Where sampling is easier in other variables than the
    natural ones, `priors` names those and `natural` translates.
    """

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
        x : shape (n,)
            In the unit of x, all > 0.
        xp
            `numpy` or `pytensor.tensor`.

        Returns
        -------
        shape (..., n)
        """

    @abstractmethod
    def priors(self, window: Window) -> dict[str, Prior]:
        """Return the default prior of each sampled variable, in an order fit for sampling."""

    def natural(self, sampled: Mapping[str, Any], window: Window, xp: Any = np) -> dict[str, Any]:
        """Return the natural parameters that belong to sampled variables of shape (..., size)."""
        del window, xp
        return dict(sampled)

    def align(
        self, sampled: Mapping[str, NDArray[np.float64]], x: NDArray[Any], y: NDArray[Any]
    ) -> dict[str, NDArray[np.float64]]:
        """Return starting points moved towards the data where that is cheap; by default as given.

        Parameters
        ----------
        sampled
            Sampled variables by name, shape (m, size), usually draws from the prior.
        x, y : shape (n,)
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
    ) -> pm.Model:
        """Return the law with its priors and noise on log y as a PyMC model.

        The model is an ordinary one: edit it, sample it, hand it to any PyMC tool. Its variables
        carry the names of the summary; `x` and `log_y` are `pm.Data` and can be exchanged with
        `pm.set_data`, for others of the same length where the noise is correlated or `y_err` is
        given.

        Parameters
        ----------
        x, y : shape (n,), both > 0; x ascending where the noise is correlated
            The curve.
        noise
            The kind of noise.
        y_err : shape (n,), in the unit of y, all >= 0
            Known standard errors of y, beside the noise; None for none.
        priors
            A prior for every sampled variable of the law and of the noise, in place of
            `law.priors(...)` and `noise.priors()`.

        Raises
        ------
        InvalidData
            If lengths differ, x or y hold values that have no logarithm, an error is negative, or
            x does not ascend under correlated noise.
        """
        from .graph import build

        return build(self, x, y, noise, y_err, priors)
