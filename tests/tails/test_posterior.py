"""Parts of a tail's posterior against integrals done in another way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import logsumexp

from scalefit.tails import steepness
from scalefit.tails.body import CHANGE, Body, slope_integrated
from scalefit.tails.posterior import GRID, JOINTS, posterior
from scalefit.tails.shapes import LOG_A, SHAPES, Tails


@pytest.mark.parametrize(("k", "mean"), [(0, 0.5), (1, 0.02), (7, 0.8), (400, 0.52), (3000, 0.1)])
def test_slope_of_a_piece_is_integrated(k: int, mean: float) -> None:
    b = np.linspace(-60.0, 60.0, 200_001)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(b == 0, 1.0, -np.expm1(-b) / b)
    log = -k * (b * mean + np.log(z)) + stats.norm.logpdf(b, 0.0, CHANGE)
    known = logsumexp(log) + np.log(b[1] - b[0])
    found = slope_integrated(np.array([float(k)]), np.array([mean]))
    assert found[0] == pytest.approx(known, abs=0.02)


def test_body_of_one_piece_or_none(rng: np.random.Generator) -> None:
    u = np.sort(rng.normal(size=60))
    body = Body(u)
    none = body.log_evidence(np.array([u[0] - 0.1]))[0]
    assert none == pytest.approx(-np.log(body.span))
    assert np.all(np.isfinite(body.log_evidence(np.linspace(u[0] - 1.0, u[-1], 50))))


def densities(shape: Any, a: float, ratio: float, z: Any) -> Any:
    """Return the density of z, up to its norm, as the formulas of x have it."""
    x = np.exp(z)
    jacobian = x
    if shape.name == "power law":
        return jacobian * x ** -(1 + a)
    if shape.name == "shifted power law":
        return jacobian * (x + ratio) ** -(1 + a * (1 + ratio))
    if shape.name == "truncated power law":
        return jacobian * x ** -(1 + a) * np.exp(-x / ratio)
    if shape.name == "log-normal":
        return jacobian * x ** -(1 + a) * np.exp(-(z**2) / (2 * ratio**2))
    return jacobian * np.exp(-a * x)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda one: one.name)
def test_evidence_of_a_shape_is_its_integral(shape: Any, rng: np.random.Generator) -> None:
    z = np.sort(rng.exponential(0.7, 40))
    tails = Tails(z, np.array([0.0]))
    ratios, _ = shape.ratios(tails)
    which = ratios.shape[1] // 2
    sums = shape.sums(tails, ratios)
    tables = np.ascontiguousarray(shape.table(ratios[0]).swapaxes(0, 1))
    nothing = np.zeros((1, 1))
    log = steepness.integrals(
        tables, *GRID, tails.k[:, 0], sums.s, sums.extra, sums.p, sums.q,
        nothing, nothing, nothing, np.zeros((1, 6)), np.zeros((1, 6)),
    )  # fmt: skip
    ratio = float(ratios[0, which])

    def integrand(log_a: float) -> float:
        a = np.exp(log_a)
        norm, _ = integrate.quad(
            lambda one: float(densities(shape, a, ratio, one)), 0, 60, limit=200
        )
        ours = np.log(densities(shape, a, ratio, z)).sum() - z.size * np.log(norm)
        return float(np.exp(ours - top) * stats.norm.pdf(log_a, steepness.MEAN, steepness.SD))

    top = float(log[0, which, 0])
    ratio_of_both, _ = integrate.quad(integrand, -3.0, 3.0, limit=60)
    assert ratio_of_both == pytest.approx(1.0, abs=0.03)


def test_table_reaches_beyond_its_ends() -> None:
    assert LOG_A[0] < -5.0
    table = np.ascontiguousarray(SHAPES[0].table(np.ones(1)).swapaxes(0, 1))[0]
    for log_a in (-8.0, 0.123, 9.0):
        found = steepness._tail.py_func(table, *GRID, log_a)
        np.testing.assert_allclose(found, [-log_a, np.exp(-log_a), np.exp(-2 * log_a)], rtol=1e-6)


def test_shoulders_count_their_values(rng: np.random.Generator) -> None:
    u = np.sort(rng.normal(size=200))
    low, more, far, bent = JOINTS.sums(u, np.array([0.3]))
    assert (more[0, 0], far[0, 0], bent[0, 0]) == (0.0, 0.0, 0.0)
    for joint in range(1, JOINTS.length.size):
        inside = u[(u >= low[0, joint]) & (u < 0.3)]
        d = 0.3 - inside
        assert more[0, joint] == inside.size
        assert far[0, joint] == pytest.approx(d.sum())
        g = d if JOINTS.corner[joint] else np.exp(-d) - 1.0 + d
        assert bent[0, joint] == pytest.approx(JOINTS.bend[joint] * g.sum())
    assert np.exp(JOINTS.log_prior).sum() == pytest.approx(1.0)


def test_draws_of_a_pure_power_law_are_conjugate(rng: np.random.Generator) -> None:
    """Where all values are the tail, the exponent is near Gamma, and the cut-off just below."""
    u = np.sort(rng.exponential(1 / 2.0, 2000))
    drawn = posterior(u).draw(0, 4000, rng)
    whole = drawn["values"] == u.size
    assert whole.mean() > 0.5
    a = drawn["a"][whole]
    known = stats.gamma(u.size, scale=1 / (u - u[0]).sum())
    assert a.mean() == pytest.approx(known.mean(), rel=0.01)
    assert a.std() == pytest.approx(known.std(), rel=0.1)
    below = u[0] - drawn["cutoff"][whole]
    assert below.mean() == pytest.approx(1 / (u.size * 2.0), rel=0.3)
