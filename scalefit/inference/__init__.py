"""Posterior engines behind one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from scalefit.errors import ConfigError, nearest

from .diagnostics import misgivings
from .problem import Posterior, Problem

__all__ = ["METHODS", "Posterior", "Problem", "infer", "iterations"]

METHODS = {
    "nuts": "NUTS on the PyMC model, four chains from dispersed optima",
    "point": "the best optimum with its curvature: milliseconds, a preview",
}
DEFAULT = "nuts"


def infer(
    problem: Problem,
    *,
    method: str = "auto",
    draws: int = 1000,
    rng: np.random.Generator,
    cores: int = 1,
    tick: Callable[[], object] | None = None,
) -> Posterior:
    """Return the posterior of one problem by the named method.

    Parameters
    ----------
    problem
        Law, curve and priors.
    method
        A key of `METHODS`, or `"auto"`: the most trustworthy one.
    draws
        Draws to keep.
    rng
        Source of every random number.
    cores
        Processes that one problem may use.
    tick
        Called as work is done, about `iterations(method)` times; more often where it is hard.

    Raises
    ------
    ConfigError
        If the method is unknown.
    """
    if resolve(method) == "point":
        from . import point

        posterior = point.solve(problem, draws=draws, rng=rng)
    else:
        from . import nuts

        posterior = nuts.solve(problem, draws=draws, rng=rng, cores=cores, tick=tick)
    return replace(posterior, notes=(*posterior.notes, *misgivings(problem, posterior)))


def resolve(method: str) -> str:
    """Return the engine that a method name stands for.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if method == "auto":
        return DEFAULT
    if method not in METHODS:
        raise ConfigError(f"method='{method}' is unknown; {nearest(method, ['auto', *METHODS])}")
    return method


def iterations(method: str) -> int:
    """Return how often an engine calls `tick` for one problem."""
    if resolve(method) == "point":
        return 0
    from . import nuts

    return nuts.CHAINS * (nuts.TUNE + nuts.EFFORTS[0][0])
