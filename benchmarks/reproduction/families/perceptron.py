"""Claims on the teacher-student perceptron: exponents and constants of its norm and its load."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from reproduction.claim import Claim, Curve, between, simulated, theory

from scalefit.arrays import Array

OWN = "saddle point at fixed norm, after arXiv:2505.13230"
CLASSICAL = "Engel and Van den Broeck (2001), Statistical Mechanics of Learning"
SEEDS, N = 16, 250


def at_norms(load: float, low: float, high: float) -> Curve:
    """Return the test error at fixed norm over norms."""
    x = between(low, high)
    return theory(x, errors(load, x))


def minimisers(load: float, low: float, high: float) -> Curve:
    """Return the same of simulated minimisers, whose errors at all norms go together."""
    x = between(low, high, 12)
    sizes = {"load": load, "N": N, "norm": x.tolist(), "seeds": SEEDS}
    from scalefit import trainers

    config = trainers.config("perceptron", protocol="fixed_norm", **sizes)
    runs = trainers.run(config, device="cpu", seed=1, progress=False)
    mean = runs["test_error"].values.mean(axis=0)
    return Curve(x, mean, errors(load, x), SEEDS, True)


def errors(load: float, norms: Array) -> Array:
    """Return the test error at fixed norm."""
    from scalefit.trainers.perceptron import theory as known

    return np.array([one.test_error for one in known.fixed_norm(load, norms.tolist())])


def at_loads(norm: float, low: float, high: float) -> Curve:
    """Return the test error at one norm over loads."""
    x = between(low, high, 16)
    return theory(x, [errors(load, np.array([norm]))[0] for load in x])


def optimum(name: str, low: float, high: float) -> Curve:
    """Return the best norm, or its error, over loads."""
    from scalefit.trainers.perceptron import theory as known

    x = between(low, high, 16)
    return theory(x, [getattr(known.optimum(load), name) for load in x])


def limit(name: str, low: float = 1e3, high: float = 1e5) -> Curve:
    """Return a limit of the curve over loads."""
    from scalefit.trainers.perceptron import theory as known

    x = between(low, high, 16)
    return theory(x, [getattr(known.limits(load), name) for load in x])


def hebb() -> Curve:
    """Return the test error of Hebb's rule, simulated."""
    from scalefit.trainers.perceptron import theory as known

    loads = [5.0, 8.0, 12.0, 20.0, 30.0, 50.0]
    parts = [
        simulated(
            "perceptron", "load", "test_error", load=load, N=N, protocol="hebb", seeds=SEEDS,
            steps=round(load * N), points=2,
        )
        for load in loads
    ]  # fmt: skip
    y = np.concatenate([part[1] for part in parts])
    known_y = np.array([known.limits(load).hebb_error for load in loads])
    return Curve(np.array(loads), y, known_y, SEEDS)


def infinite(low: float, high: float) -> Curve:
    """Return the scaling function of infinite load, over norm by load."""
    from scalefit.trainers.perceptron import theory as known

    x = between(low, high)
    return theory(x, known.scaling(x.tolist()))


def below_elbow() -> Curve:
    """Return test error times the root of the load, over norms far below the elbow."""
    from scalefit.trainers.perceptron import theory as known

    x = between(10, 1000)
    return theory(x, [known.below_elbow(norm) for norm in x])


def growth(of: str) -> Curve:
    """Return the norm in time along the population's flow, or the error that belongs to it."""
    from scalefit.trainers.perceptron import theory as known

    norms = between(10, 300)
    time = [known.population_time(norm) for norm in norms]
    return theory(time, norms if of == "norm" else [known.below_elbow(norm) for norm in norms])


def claim(text: str, target: float, curve: Callable[[], Curve], source: str = OWN,
          status: str = "verified", **more: Any) -> Claim:  # fmt: skip
    return Claim(text=text, family="perceptron", target=target, curve=curve, source=source,
                 status=status, **more)  # fmt: skip


CLAIMS = [
    claim("gamma_1, error in the norm, infinite load, norm / load 1e-4 to 3e-3", 0.5,
          partial(infinite, 1e-4, 3e-3)),
    claim("gamma_1 at load 1000, norms 8.8 to 88", 0.5, partial(at_norms, 1000, 8.8, 88),
          stated=0.47),
    claim("gamma_1 at load 100, norms 1 to 8.8", 0.5, partial(at_norms, 100, 1, 8.8),
          stated=0.45),
    claim("gamma_1 at load 20, norms 0.3 to 8.9, minimisers", 0.5,
          partial(minimisers, 20, 0.3, 8.9), stated=0.34, slow=True),
    claim("gamma_1 at load 5, norms 0.3 to 2.3, minimisers", 0.5,
          partial(minimisers, 5, 0.3, 2.3), stated=0.22, slow=True),
    claim("gamma_1 from the constant C(norm), norms 10 to 1000", 0.5, below_elbow),
    claim("amplitude of the early branch, error sqrt(load norm)", 0.2214824,
          partial(infinite, 1e-6, 1e-4), parameter="amplitude", power=0.5),
    claim("gamma_2, best norm in the load, loads 20 to 1e5", 1.0,
          partial(optimum, "norm", 20, 1e5), rising=True, stated=0.99987),
    claim("gamma_2, loads 2 to 100", 1.0, partial(optimum, "norm", 2, 100), rising=True,
          stated=0.974),
    claim("best norm over load", 0.88359, partial(optimum, "norm", 1e3, 1e5),
          parameter="amplitude", power=-1.0),
    claim("gamma, least error in the load, loads 20 to 1e5", 1.0,
          partial(optimum, "test_error", 20, 1e5), stated=0.9998),
    claim("gamma, loads 2 to 100", 1.0, partial(optimum, "test_error", 2, 100), stated=0.950),
    claim("least error times load", 0.441978, partial(optimum, "test_error", 1e3, 1e5),
          parameter="amplitude", power=1.0),
    claim("gamma_0, error in the load at norm 1, loads 1e3 to 1e4", 0.5,
          partial(at_loads, 1.0, 1e3, 1e4), stated=0.5002),
    claim("gamma_0 at norm 10, loads 1e3 to 1e4", 0.5, partial(at_loads, 10.0, 1e3, 1e4),
          stated=0.503),
    claim("Hebb's rule, error in the load, loads 5 to 50, trained", 0.5, hebb, CLASSICAL,
          "published"),
    claim("Hebb's rule, error times sqrt(load)", 0.398942, partial(limit, "hebb_error"),
          parameter="amplitude", power=0.5),
    claim("maximal stability, error in the load", 1.0,
          partial(limit, "max_stability_error", 100, 1e4), CLASSICAL, "published"),
    claim("maximal stability, error times load", 0.500489,
          partial(limit, "max_stability_error"), CLASSICAL, "published", parameter="amplitude",
          power=1.0),
    claim("maximal stability, margin times load", 1.004458,
          partial(limit, "max_stability_margin"), parameter="amplitude", power=1.0),
    claim("Bayes, error in the load", 1.0, partial(limit, "bayes_error", 100, 1e4), CLASSICAL,
          "published"),
    claim("Bayes, error times load", 0.441700, partial(limit, "bayes_error"), CLASSICAL,
          "published", parameter="amplitude", power=1.0),
    claim("Gibbs, error times load", 0.624658, partial(limit, "gibbs_error"), CLASSICAL,
          "published", parameter="amplitude", power=1.0),
    claim("norm in the time of gradient flow before the elbow", 1 / 3, partial(growth, "norm"),
          rising=True),
    claim("error in the time of gradient flow before the elbow", 1 / 6, partial(growth, "error"),
          status="derived"),
]  # fmt: skip
