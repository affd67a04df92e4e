"""Diagnostics: whether chains can be believed, in numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array
from scalefit.laws.noise import RESOLUTION

from .problem import Posterior, Problem

RHAT = 1.01
ESS = 400
DIVERGENT = 0.01
CORRELATED = 2.5
"""Standard errors of a lag-one correlation that independent noise hardly ever reaches."""


def judge(
    draws: Mapping[str, Array], diverging: NDArray[Any]
) -> tuple[str, dict[str, Array], dict[str, Array]]:
    """Return the verdict, R-hat and effective sample size of a set of chains.

    Parameters
    ----------
    draws
        Variables by name, shape (chain, draw) or (chain, draw, size).
    diverging : shape (chain, draw)
        Whether a transition diverged.

    Returns
    -------
    verdict
        `"ok"`, or what is wrong and what to try.
    rhat, ess
        By variable, shape () or (size,). The effective size is the smaller of bulk and tail.

    Source
    ------
    Vehtari, Gelman, Simpson, Carpenter, Bürkner (2021), "Rank-normalization, folding, and
    localization: an improved R-hat", with its limits of 1.01 and 100 per chain.
    """
    from scalefit._compat import rhat_and_ess

    rhat: dict[str, Array] = {}
    ess: dict[str, Array] = {}
    for name, values in draws.items():
        columns = values.reshape(*values.shape[:2], -1)
        measured = [rhat_and_ess(columns[..., i]) for i in range(columns.shape[-1])]
        shape = values.shape[2:]
        rhat[name] = np.array([one for one, _ in measured]).reshape(shape)
        ess[name] = np.array([two for _, two in measured]).reshape(shape)
    problems = []
    name, worst = _extreme(rhat, np.nanargmax)
    if not worst <= RHAT:
        problems.append(f"chains disagree (R-hat {worst:.3g} of {name}, limit {RHAT})")
    name, worst = _extreme(ess, np.nanargmin)
    if not worst >= ESS:
        problems.append(f"too few independent draws ({worst:.0f} of {name}, limit {ESS})")
    share = float(np.mean(diverging))
    if share > DIVERGENT:
        problems.append(f"{share:.1%} of draws diverged (limit {DIVERGENT:.0%})")
    if not problems:
        return "ok", rhat, ess
    advice = "try fewer regimes, floor=False, or more of the curve"
    return "; ".join(problems) + f"; {advice}", rhat, ess


def misgivings(problem: Problem, posterior: Posterior) -> list[str]:
    """Return what the residuals say against the noise model, one sentence each.

    Neighbours that were rounded alike have residuals alike, which says nothing.
    """
    if problem.grain:
        return []
    params = {
        name: values.reshape(-1, *values.shape[2:])[
            :: max(1, values.shape[0] * values.shape[1] // 200)
        ]
        for name, values in posterior.draws.items()
    }
    params = problem.law.of_draws(params)[1]
    with np.errstate(divide="ignore"):  # the log of a floor of 0
        residual = problem.log_y - np.median(problem.law.log_mean(params, problem.x), axis=0)
        white = np.median(problem.standardised(params)[0], axis=0)
    n = residual.size
    if float(residual @ residual) < n * RESOLUTION**2:
        return [f"y lies on the law to {RESOLUTION:g}: there is no noise to learn intervals from"]
    if n < 8:
        return []
    follows = np.isfinite(problem.gaps[1:])  # all but the first points of several runs
    neighbours = float(white[1:][follows] @ white[:-1][follows]) / float(white @ white)
    if neighbours < max(0.1, CORRELATED / np.sqrt(n)):  # below 0.1 it hardly widens an interval
        return []
    found = f"neighbouring residuals are correlated ({neighbours:.2f})"
    if problem.noise.kind == "ar1":
        return [f"{found} beyond what noise='ar1' explains: the law may have too few regimes"]
    return [
        f"{found} but the noise is taken as independent: intervals are too narrow, or the law has "
        "too few regimes"
    ]


def _extreme(values: Mapping[str, Array], pick: Any) -> tuple[str, float]:
    """Return the name, with its place in a vector, and the value of the worst entry."""
    names, flat = [], []
    for name, value in values.items():
        for i, one in enumerate(value.reshape(-1)):
            names.append(f"{name}[{i}]" if value.ndim else name)
            flat.append(float(one))
    if np.isnan(flat).all():
        return "every variable", float("nan")
    worst = int(pick(np.array(flat)))
    return names[worst], flat[worst]
