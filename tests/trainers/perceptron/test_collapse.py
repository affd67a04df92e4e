"""The perceptron's curves at fixed norm collapse, but not with gamma_0 = 0."""

from __future__ import annotations

import numpy as np
import pytest

from scalefit.analysis.collapse import elbow, nested
from scalefit.arrays import Array
from scalefit.inference import Problem
from scalefit.inference.certified import solve
from scalefit.inference.full import target_of
from scalefit.laws import Collapse
from scalefit.laws.noise import NOISES
from scalefit.trainers.perceptron import theory


def curves(low: float) -> tuple[Array, Array]:
    """Return (norm, load) and the test error at ten loads, from a norm on."""
    rows, y = [], []
    for load in np.geomspace(20.0, 200.0, 10):
        norms = np.geomspace(low, 10.0 * load, 40)
        rows += [(norm, load) for norm in norms]
        y += [point.test_error for point in theory.fixed_norm(load, norms)]
    return np.array(rows), np.array(y)


@pytest.mark.parametrize("drift", [False, True])
def test_the_exponents_of_the_theory_are_found(drift: bool) -> None:
    x, y = curves(3.0)
    noisy = y * np.exp(0.02 * np.random.default_rng(0).standard_normal(len(y)))
    starts = tuple(range(0, len(y), 40))
    problem = Problem(Collapse(2, drift=drift), x, noisy, NOISES["normal"], start=starts)
    solved = solve(target_of(problem), np.random.default_rng(1))
    assert not solved.certificate.doubts
    sampled = solved.resample(1000, np.random.default_rng(2))
    draws = {**sampled, **problem.law.natural(sampled, problem.window)}
    median = {name: float(np.median(draws[name])) for name in draws if draws[name].ndim == 1}
    assert median["gamma"] == pytest.approx(1.0, abs=0.02)
    assert median["gamma_2"] == pytest.approx(1.0, abs=0.08)
    assert median["gamma_1"] == pytest.approx(0.5, abs=0.08)
    assert median["gamma_0"] == pytest.approx(0.5, abs=0.08)
    table = nested(problem, draws, np.random.default_rng(3)).set_index("hypothesis")
    assert table.loc["gamma_0 = 0", "log_bayes"] < -100.0
    where = elbow(draws, [20.0, 200.0], x)
    optimum = 0.88359 * np.array([20.0, 200.0])  # of the large-load theory
    assert (np.abs(np.log(where["median"] / optimum)) < 1.5).all()
    assert (where["note"] == "").all()
