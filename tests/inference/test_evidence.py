"""The evidence that the certified engine gives, against quadrature."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from samples.problems import collapsed, sharp
from scipy import special, stats

from scalefit.arrays import Array
from scalefit.inference import Problem
from scalefit.inference.certified import solve
from scalefit.inference.full import Full
from scalefit.inference.target import Target
from scalefit.laws import BrokenPowerLaw
from scalefit.laws.broken import DECADES
from scalefit.laws.noise import Noise

X = np.geomspace(1.0, 1e4, 30)
# Evidence by quadrature.


def evidence_given(y: Array, design: Array, mean: Array, sds: Array, sigma: Array) -> Array:
    """Return log p(y), shape (m,), of linear laws whose coefficients are integrated in closed form.

    Parameters
    ----------
    design : shape (m, n, k)
    mean, sds : shape (m, k)
        Of the coefficients' normal priors.
    sigma : shape (s,)
        Scales of the noise.

    Returns
    -------
    shape (m, s)
    """
    n, k = design.shape[1:]
    residual = y - np.einsum("mnk,mk->mn", design, mean)
    scaled = design * sds[:, None, :]
    gram = np.swapaxes(scaled, 1, 2) @ scaled
    values, vectors = np.linalg.eigh(gram)
    turned = np.einsum("mji,mj->mi", vectors, np.einsum("mnk,mn->mk", scaled, residual))
    variance = (sigma**2 + 1e-12)[None, :, None]
    squares = np.sum(residual**2, axis=1)[:, None] / variance[..., 0]
    explained = turned[:, None] ** 2 / (variance * (variance + values[:, None]))
    determinant = (n - k) * np.log(variance[..., 0])
    determinant = determinant + np.sum(np.log(variance + values[:, None]), axis=2)
    return np.asarray(
        -0.5 * (squares - explained.sum(axis=2) + determinant + n * math.log(2.0 * math.pi))
    )


def quadrature(problem: Problem, points: int) -> float:
    """Return the log evidence of a law without floor and at most one crossover.

    A product grid over standard-normal coordinates, its box shrunk to where the density is: smooth
    and vanishing at its ends, so that the sum of evenly spaced values is the integral.
    """
    n = problem.law.regimes - 1 if isinstance(problem.law, BrokenPowerLaw) else 0
    u = np.log(problem.x) - np.log(problem.x[-1])
    priors = problem.priors
    low, high = np.full(2 + 2 * n, -6.0), np.full(2 + 2 * n, 6.0)
    total = -math.inf
    for size in (16, 16, 16, 16, points):
        axes = [np.linspace(a, b, size) for a, b in zip(low, high, strict=True)]
        spacing = [one[1] - one[0] for one in axes]
        steepness = priors["steepness"].from_normal(axes[0][:, None], {})
        sigma = priors["noise"].from_normal(axes[1][:, None], {})
        level = math.log(priors["level"].median), priors["level"].sd  # type: ignore[attr-defined]
        shapes = np.stack([np.ones_like(u), -u], axis=1)[None]
        if n:
            share = priors["gap"].from_normal(axes[2][:, None], {})[:, 0]
            scale = priors["width"].from_normal(axes[3][:, None], {})[:, 0] / DECADES
            place = u[0] * (1.0 - share)
            past = (u - place[:, None, None]) / scale[None, :, None]
            last = -place[:, None, None] / scale[None, :, None]
            bend = scale[None, :, None] * (np.logaddexp(0.0, past) - np.logaddexp(0.0, last))
            bend = bend.reshape(-1, u.size)
            shapes = np.stack([np.ones_like(bend), -u + bend, -bend], axis=2)
        logs = np.empty((size, len(shapes), size))
        for i, one in enumerate(steepness):
            mean = np.broadcast_to([level[0], *[0.5 * one] * (n + 1)], (len(shapes), n + 2))
            sds = np.broadcast_to([level[1], *[one] * (n + 1)], (len(shapes), n + 2))
            logs[i] = evidence_given(problem.log_y, shapes, mean, sds, sigma)
        logs = logs.reshape(size, *[size] * (2 * n), size)
        logs = np.moveaxis(logs, -1, 1)
        for k, axis in enumerate(axes):
            along = [1] * logs.ndim
            along[k] = size
            logs = logs + stats.norm.logpdf(axis).reshape(along)
        total = float(special.logsumexp(logs)) + float(np.sum(np.log(spacing)))
        for k in range(logs.ndim):
            others = tuple(j for j in range(logs.ndim) if j != k)
            marginal = logs.max(axis=others)
            there = np.flatnonzero(marginal > marginal.max() - 16.0)
            low[k] = max(low[k], axes[k][there[0]] - 1.5 * spacing[k])
            high[k] = min(high[k], axes[k][there[-1]] + 1.5 * spacing[k])
    return total


def evidence(target: Target, seeds: int) -> float:
    """Return the mean log evidence of certified fits with different seeds."""
    found = [solve(target, np.random.default_rng(seed)).certificate for seed in range(seeds)]
    assert all(one.doubts == [] for one in found)
    return float(np.mean([one.log_evidence for one in found]))


def test_evidence_of_one_regime_is_the_integral() -> None:
    y = 2.0 * X**-0.4 * np.exp(0.05 * np.random.default_rng(0).standard_normal(X.size))
    problem = Problem(BrokenPowerLaw(1, floor=False), X, y)
    expected = quadrature(problem, 90)
    assert expected == pytest.approx(quadrature(problem, 60), abs=1e-6)
    # One fit is within 0.0065 (measured and stated); 8 of them within 0.0023.
    assert evidence(collapsed(problem), 8) == pytest.approx(expected, abs=0.01)


def test_evidence_of_one_crossover_is_the_integral() -> None:
    problem = Problem(BrokenPowerLaw(2, floor=False), X, sharp(0.04, 1, X))
    expected = quadrature(problem, 30)
    assert expected == pytest.approx(quadrature(problem, 24), abs=1e-4)
    # One fit is within 0.008; 8 of them within 0.003.
    assert evidence(collapsed(problem), 8) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("kind", ["normal", "ar1"])
def test_evidence_does_not_depend_on_what_is_integrated_out(kind: Any) -> None:
    y = (2.0 * X**-0.5 + 0.1) * np.exp(0.03 * np.random.default_rng(3).standard_normal(X.size))
    problem = Problem(BrokenPowerLaw(1, floor=True), X, y, Noise(kind))
    found = [
        solve(target, np.random.default_rng(0)).certificate
        for target in (collapsed(problem), Full(problem))
    ]
    assert [one.doubts for one in found] == [[], []]
    assert found[0].log_evidence == pytest.approx(found[1].log_evidence, abs=0.05)
