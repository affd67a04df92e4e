"""Overrides of priors: the set that a fit starts from, with some of it replaced or fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from scalefit.arrays import Array
from scalefit.errors import ConfigError

from .base import Law
from .noise import Noise
from .priors import (
    Beta,
    Dirichlet,
    Fixed,
    LogNormal,
    Normal,
    Prior,
    Relative,
    StretchedShare,
    Uniform,
)
from .roughness import roughness
from .window import Window

ANCHORED = "anchored"
"""The set of priors whose scale of the noise is read from the curve."""
WIDE = 1.5
"""Standard deviation of the log of that scale: correlated noise is rougher than it looks."""


def all_priors(
    law: Law,
    noise: Noise,
    window: Window,
    chosen: str,
    overrides: Mapping[str, Prior],
    curve: tuple[Array, Array] | None = None,
) -> dict[str, Prior]:
    """Return the prior of every sampled variable of a law with its noise.

    `curve` is x and y, from which the anchored set reads the scale of the noise.
    """
    priors = law.replaced(law.prior_set(chosen, window), overrides)
    found = {**priors, **noise.priors()}
    if chosen == ANCHORED and curve is not None:
        rough = roughness(*curve)
        found |= {} if rough is None else {"noise": LogNormal(rough, WIDE)}
    return _overridden(found, overrides)


def _overridden(priors: dict[str, Prior], overrides: Mapping[str, Prior]) -> dict[str, Prior]:
    """Return priors with some replaced, each stretched to the size of what it replaces."""
    changed = dict(priors)
    for name, prior in overrides.items():
        if name in changed:
            _possible(name, prior, changed[name])
            changed[name] = _stretched(name, prior, changed[name].size)
    exponent = changed.get("exponent")
    if exponent is not None and not isinstance(exponent, Relative):
        changed.pop("steepness", None)
    return changed


def _possible(name: str, prior: Prior, default: Prior) -> None:
    """Refuse a value that the variable cannot have."""
    if not isinstance(prior, Fixed):
        return
    values = prior.value if isinstance(prior.value, tuple) else (prior.value,)
    if isinstance(default, LogNormal) and not all(one > 0.0 for one in values):
        raise ConfigError(f"fixed {name}={prior.value}: give a number > 0")
    if isinstance(default, Uniform | Beta | StretchedShare) and not all(
        0.0 <= one < 1.0 for one in values
    ):
        raise ConfigError(f"fixed {name}={prior.value}: give a share, from 0 to below 1")


def _stretched(name: str, prior: Any, size: int | None) -> Prior:
    """Return a prior for as many elements as a variable has; all alike if it names one."""
    if prior.size == size:
        return prior  # type: ignore[no-any-return]
    if size is not None:
        if isinstance(prior, Fixed) and prior.size is None:
            return replace(prior, value=(float(prior.value),) * size)  # type: ignore[arg-type]
        scalar = isinstance(prior, LogNormal | Normal) and prior.size is None
        if scalar or isinstance(prior, Dirichlet | Relative):
            return replace(prior, size=size)  # type: ignore[no-any-return]
    wanted = "one value" if size is None else f"{size} values"
    raise ConfigError(f"'{name}' has {wanted} in this fit, which '{prior.words()}' does not fit")
