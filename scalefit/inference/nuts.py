"""NUTS on the PyMC model, its chains started at dispersed optima."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from scalefit.arrays import Array
from scalefit.laws.priors import Dirichlet, Fixed, StretchedShare, Uniform

from .diagnostics import judge
from .full import Full
from .optimise import Modes
from .point import optima, settle
from .problem import Posterior, Problem

CHAINS = 4
TUNE = 1000
EFFORTS = ((1000, 0.9), (3000, 0.96))
"""Draws per chain and target acceptance; the second pair is for what the first does not settle."""
HOPELESS = 1.05
"""Above this R-hat chains sit in different modes, and longer ones would still."""
REACH = 12.0
"""Optima whose mass is this many nats below the largest are not worth a chain."""
STARTS = 24
"""Points of each source from which optima are sought."""
INSIDE = 1e-9
"""Distance of starting shares from their bounds."""


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
    target = Full(problem)
    found, _ = settle(target, optima(target, rng, starts=STARTS))
    found = found.first(int(np.sum(found.log_mass > found.log_mass[0] - REACH)))
    model = problem.law.to_pymc(
        problem.x,
        problem.y,
        noise=problem.noise,
        y_err=None if problem.error is None else problem.error * problem.y,
        priors=problem.priors,
    )
    each = -(-draws // CHAINS)
    (short, loose), (long, tight) = EFFORTS
    made = max(short, each)
    draws_of, stats = _run(model, target, found, rng, made, loose, cores, tick)
    verdict, rhat, ess = judge(draws_of, stats["diverging"])
    if verdict != "ok" and max(float(np.max(one)) for one in rhat.values()) <= HOPELESS:
        made = max(long, each)
        draws_of, stats = _run(model, target, found, rng, made, tight, cores, tick)
        verdict, rhat, ess = judge(draws_of, stats["diverging"])
    at = np.arange(1, each + 1) * made // each - 1
    kept = {name: value[:, at] for name, value in draws_of.items()}
    return Posterior(
        kept, verdict, rhat, ess, {name: value[:, at] for name, value in stats.items()}
    )


def _run(
    model: Any,
    target: Full,
    found: Modes,
    rng: np.random.Generator,
    draws: int,
    acceptance: float,
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
                initvals=_initial(target, found, rng),
                random_seed=[int(seed) for seed in rng.integers(2**31, size=CHAINS)],
                step=_stepper(model, target, found, rng, acceptance),
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
    target: Full,
    found: Modes,
    rng: np.random.Generator,
    acceptance: float,
) -> Any:
    """Return NUTS whose dense metric starts as the curvature at the best optimum.

    From the identity the warm-up alone takes ten times the gradients of the draws.
    """
    from pymc.step_methods.hmc.quadpotential import QuadPotentialFullAdapt

    from scalefit._compat import pm

    sampled = _as_pymc(target.problem, _scattered(target, found, 0, 1.0, 2000, rng))
    scattered = unconstrained(model, sampled)
    metric = QuadPotentialFullAdapt(
        scattered.shape[1], scattered.mean(axis=0), np.cov(scattered.T), initial_weight=50
    )
    return pm.NUTS(potential=metric, target_accept=acceptance, max_treedepth=8, model=model)


def unconstrained(model: Any, sampled: Mapping[str, Array]) -> Array:
    """Return the coordinates that NUTS moves in, shape (m, d), of m values of every free variable.

    Parameters
    ----------
    model
        A PyMC model.
    sampled
        Values by the names of the model's variables, shape (m,) or (m, size).
    """
    from scalefit._compat import pt

    columns = []
    for variable in model.free_RVs:
        value = sampled[variable.name]
        transform = model.rvs_to_transforms[variable]
        if transform is not None:
            forward = transform.forward(pt.as_tensor_variable(value), *variable.owner.inputs)
            value = forward.eval(mode="FAST_COMPILE")
        columns.append(value.reshape(len(value), -1))
    return np.concatenate(columns, axis=1)


def _scattered(
    target: Full, found: Modes, which: int, width: float, count: int, rng: np.random.Generator
) -> dict[str, Array]:
    """Return sampled variables scattered around an optimum, `width` times as wide as it is.

    They are scattered in the coordinates of `Full`, where a variable whose prior is relative to
    another one is its own coordinate: the data fix its value, not its ratio to the other.
    """
    z = found.around(which, width * rng.standard_normal((count, target.dimension)))
    return target.sampled(np.clip(z, -target.farthest, target.farthest), np.empty((count, 0)))


def _as_pymc(problem: Problem, sampled: dict[str, Array]) -> dict[str, Array]:
    """Return sampled variables under the names and within the bounds of the PyMC model."""
    moved: dict[str, Array] = {}
    for name, value in sampled.items():
        prior = problem.priors[name]
        if isinstance(prior, StretchedShare):
            moved[f"{name}_normal"] = prior.to_normal(value, {})[..., 0]
        elif isinstance(prior, Uniform):
            moved[name] = np.clip(value, INSIDE, 1.0 - INSIDE)
        elif isinstance(prior, Dirichlet):
            share = np.maximum(value, INSIDE)
            moved[name] = share / share.sum(axis=-1, keepdims=True)
        elif not isinstance(prior, Fixed):
            moved[name] = value
    return moved


def _initial(target: Full, found: Modes, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return one start per chain, the optima in turn, scattered twice as wide as each is."""
    problem = target.problem
    starts = []
    for chain in range(CHAINS):
        sampled = _scattered(target, found, chain % len(found.z), 2.0, 64, rng)
        natural = {**sampled, **problem.law.natural(sampled, problem.window)}
        with np.errstate(all="ignore"):
            height = problem.log_likelihood(natural).sum(axis=1)
        some = np.flatnonzero(np.isfinite(height))[: 1 + 8 * chain]
        pick = int(some[np.argmax(height[some])]) if some.size else 0
        starts.append({name: one[pick] for name, one in _as_pymc(problem, sampled).items()})
    return starts
