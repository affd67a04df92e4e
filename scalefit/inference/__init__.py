"""Inference: posterior engines behind one call."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from scalefit.errors import ConfigError, nearest
from scalefit.wording import typed

from .diagnostics import misgivings
from .problem import DELTA, Posterior, Problem

__all__ = ["DELTA", "METHODS", "Posterior", "Problem", "compiler", "infer", "resolve", "steps"]

METHODS = {
    "certified": "importance sampling from two independent searches that must agree, with evidence",
    "nuts": "NUTS on the PyMC model, four chains from dispersed optima",
    "point": "draws around a few optima, weighted once: milliseconds, a preview",
    "huber": "the optimum of Huber's loss, without a posterior",
}
DEFAULT = "certified"


def infer(
    problems: Sequence[Problem],
    *,
    method: str = "auto",
    draws: int = 1000,
    rng: np.random.Generator,
    cores: int = 1,
    tick: Callable[[], object] | None = None,
    delta: float = DELTA,
) -> Posterior:
    """Return the posterior of one curve under one or several models, by the named method.

    Parameters
    ----------
    problems
        One curve under different laws or noises; with several, draws are averaged over them.
    method
        A key of `METHODS`, or `"auto"`: the most trustworthy one.
    draws
        Draws to keep.
    rng
        Source of every random number.
    cores
        Processes that one problem may use.
    tick
        Called as work is done, about `steps(method)` times for each problem.
    delta
        Of Huber's loss, from where on it grows in a straight line, in log y.

    Raises
    ------
    ConfigError
        If the method is unknown, or has no evidence to weigh several models with.
    """
    method = resolve(method)
    if method == "nuts":
        if len(problems) > 1:
            raise ConfigError(
                "method='nuts' cannot weigh models against each other: name one number of regimes, "
                "floor=True or False, and one noise; or leave method='auto'"
            )
        from . import nuts

        posterior = nuts.solve(problems[0], draws=draws, rng=rng, cores=cores, tick=tick)
    elif method == "huber":
        from . import huber

        return huber.solve(problems[0], draws=draws, rng=rng, delta=delta)
    else:
        from . import averaging

        solve = averaging.certified if method == "certified" else averaging.preview
        posterior = solve(problems, draws=draws, rng=rng, tick=tick)
    if len(problems) > 1:
        return posterior
    return replace(posterior, notes=(*posterior.notes, *misgivings(problems[0], posterior)))


def resolve(method: str) -> str:
    """Return the engine that a method name stands for.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if method == "auto":
        return DEFAULT
    if not isinstance(method, str) or method not in METHODS:
        hint = nearest(str(method), ["auto", *METHODS])
        raise ConfigError(f"method={typed(method)} is unknown; {hint}")
    return method


def compiler() -> None:
    """Refuse to fit where machine code is switched off: it would take hours.

    Raises
    ------
    ConfigError
        Naming the variable of the environment.
    """
    config: Any = importlib.import_module("numba.core.config")
    if config.DISABLE_JIT:
        raise ConfigError("NUMBA_DISABLE_JIT is set, and fits need machine code; unset it")


def steps(method: str) -> int:
    """Return how often an engine calls `tick` for one problem."""
    if resolve(method) != "nuts":
        return 1
    from . import nuts

    return nuts.CHAINS * (nuts.TUNE + nuts.EFFORTS[0][0])
