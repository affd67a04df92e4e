"""What laws of several predictors share: priors at the centre of the data.

An amplitude where a predictor is 1, nine decades from the data, would be tied to the exponent with
a correlation of .999; parts of y at the centre are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scalefit.arrays import Array
from scalefit.errors import ConfigError

from .base import Law
from .priors import LogNormal
from .window import Window


def exponents(size: int) -> LogNormal:
    """Return the prior of positive exponents: nine of ten lie between .13 and 1.27."""
    return LogNormal(0.4, 0.7, size=size)


def level(window: Window) -> LogNormal:
    """Return the prior of y at the centre of the data, in the unit of y."""
    return LogNormal(window.y_typical, 1.0, unit="y")


def offsets(window: Window) -> Array:
    """Return the logs of the predictors at the centre of the data, shape (k,)."""
    return np.asarray(np.log(np.array(window.centre)), dtype=float)


def log_sum(terms: Sequence[Any], xp: Any) -> Any:
    """Return the log of a sum, given the logs of its terms; a third of the time of `logaddexp`."""
    top = terms[0]
    for one in terms[1:]:
        top = xp.maximum(top, one)
    total = xp.exp(terms[0] - top)
    for one in terms[1:]:
        total = total + xp.exp(one - top)
    return top + xp.log(total)


def plain(law: Law) -> None:
    """Refuse a floor that is neither there nor not."""
    if not isinstance(law.floor, bool):
        raise ConfigError(f"floor={law.floor!r}: a law of several predictors takes True or False")


def several(law: Law) -> None:
    """Refuse names of predictors that are not two or more different ones."""
    plain(law)
    names = law.predictors
    if len(names) < 2 or len(set(names)) < len(names):
        raise ConfigError(f"predictors={names!r}: give two or more different names")
