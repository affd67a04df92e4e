"""NUTS on the PyMC model, its chains started at dispersed optima."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalefit.laws.priors import StretchedShare

from .diagnostics import judge
from .point import Optimum, optima, spread
from .problem import Posterior, Problem

Array = NDArray[np.float64]

CHAINS = 4
TUNE = 1000
EFFORTS = ((1000, 0.9), (3000, 0.96))
"""Draws per chain and target acceptance; the second pair is for what the first does not settle."""
HOPELESS = 1.05
"""Above this R-hat chains sit in different modes, and longer ones would still."""
REACH = 12.0
"""Optima whose mass is this many nats below the largest are not worth a chain."""


def solve(
    problem: Problem,
    *,
    draws: int,
    rng: np.random.Generator,
    cores: int = 1,
    tick: Callable[[], object] | None = None,
) -> Posterior:
    """Return draws by NUTS in four chains, with a verdict on whether they can be believed.

    If the verdict is bad but the chains are in the same place, they are run again, longer and
    with smaller steps.

    Parameters
    ----------
    problem
        What to sample.
    draws
        Draws to keep, taken evenly from the 4,000 to 12,000 or more that the chains make; rounded
        up to the same number from every chain.
    rng
        Source of every random number.
    cores
        Processes the chains may use.
    tick
        Called once per iteration of each chain.
    """
    found = optima(problem, rng=rng)
    found = [one for one in found if one.log_mass > found[0].log_mass - REACH]
    model = problem.law.to_pymc(problem.x, problem.y)
    each = -(-draws // CHAINS)
    (short, loose), (long, tight) = EFFORTS
    made = max(short, each)
    draws_of, stats = _run(model, problem, found, rng, made, loose, cores, tick)
    verdict, rhat, ess = judge(draws_of, stats["diverging"])
    if verdict != "ok" and max(float(np.max(one)) for one in rhat.values()) <= HOPELESS:
        made = max(long, each)
        draws_of, stats = _run(model, problem, found, rng, made, tight, cores, tick)
        verdict, rhat, ess = judge(draws_of, stats["diverging"])
    at = np.arange(1, each + 1) * made // each - 1
    kept = {name: value[:, at] for name, value in draws_of.items()}
    return Posterior(
        kept, verdict, rhat, ess, {name: value[:, at] for name, value in stats.items()}
    )


def _run(
    model: Any,
    problem: Problem,
    found: list[Optimum],
    rng: np.random.Generator,
    draws: int,
    target: float,
    cores: int,
    tick: Callable[[], object] | None,
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return every chain's variables and sampler statistics, shape (chain, draw, ...)."""
    from scalefit._compat import pm

    logger = logging.getLogger("pymc")
    level = logger.level
    with model, warnings.catch_warnings():
        # What PyMC warns about is measured by the verdict and said there.
        warnings.simplefilter("ignore")
        logger.setLevel(logging.CRITICAL)
        try:
            trace = pm.sample(
                draws=draws,
                tune=TUNE,
                chains=CHAINS,
                cores=cores,
                initvals=_initial(problem, found, rng),
                random_seed=[int(seed) for seed in rng.integers(2**31, size=CHAINS)],
                step=_stepper(model, problem, found[0], rng, target),
                nuts_sampler="pymc",
                progressbar=False,
                compute_convergence_checks=False,
                callback=None if tick is None else lambda **_: tick(),
                model=model,
            )
        except ValueError as error:
            if "Not enough samples" in str(error):
                raise KeyboardInterrupt from None
            raise
        finally:
            logger.setLevel(level)
    if (trace.posterior.sizes["chain"], trace.posterior.sizes["draw"]) != (CHAINS, draws):
        raise KeyboardInterrupt  # PyMC takes it as the end of sampling and returns what it has
    variables = {
        str(name): np.asarray(variable.values)
        for name, variable in trace.posterior.data_vars.items()
        if not str(name).endswith("_normal") and name != "log_mean"
    }
    wanted = ("diverging", "energy", "tree_depth", "acceptance_rate")
    return variables, {name: np.asarray(trace.sample_stats[name].values) for name in wanted}


def _stepper(
    model: Any,
    problem: Problem,
    optimum: Optimum,
    rng: np.random.Generator,
    target: float,
) -> Any:
    """Return NUTS whose dense metric starts as the curvature at the best optimum.

    From the identity the warm-up alone takes ten times the gradients of the draws.
    """
    from pymc.step_methods.hmc.quadpotential import QuadPotentialFullAdapt

    from scalefit._compat import pm, pt

    sampled = _as_pymc(
        problem, spread(problem, optimum, rng.standard_normal((2000, optimum.v.size)))
    )
    columns = []
    for variable in model.free_RVs:
        value = sampled[variable.name]
        transform = model.rvs_to_transforms[variable]
        if transform is not None:
            forward = transform.forward(pt.as_tensor_variable(value), *variable.owner.inputs)
            value = forward.eval(mode="FAST_COMPILE")
        columns.append(value.reshape(len(value), -1))
    scattered = np.concatenate(columns, axis=1)
    metric = QuadPotentialFullAdapt(
        scattered.shape[1], scattered.mean(axis=0), np.cov(scattered.T), initial_weight=50
    )
    return pm.NUTS(potential=metric, target_accept=target, max_treedepth=8, model=model)


def _as_pymc(problem: Problem, sampled: dict[str, Array]) -> dict[str, Array]:
    """Return sampled variables under the names and in the coordinates of the PyMC model."""
    return {
        **{k: v for k, v in sampled.items() if not isinstance(problem.priors[k], StretchedShare)},
        **{
            f"{k}_normal": prior.to_normal(sampled[k], {})[..., 0]
            for k, prior in problem.priors.items()
            if isinstance(prior, StretchedShare)
        },
    }


def _initial(
    problem: Problem, found: list[Optimum], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Return one start per chain, the optima in turn, scattered twice as wide as each is."""
    starts = []
    for chain in range(CHAINS):
        optimum = found[chain % len(found)]
        normals = 2.0 * rng.standard_normal((64, optimum.v.size))
        sampled = spread(problem, optimum, normals)
        natural = problem.law.natural(sampled, problem.window)
        mean = problem.law.log_mean(natural, problem.x)
        misfit = np.sum((problem.log_y - mean) ** 2, axis=1) / sampled["noise"] ** 2
        pick = int(np.argmin(np.where(np.isfinite(misfit), misfit, np.inf)[: 1 + 8 * chain]))
        values = {name: one[pick] for name, one in _as_pymc(problem, sampled).items()}
        starts.append(values)
    return starts
