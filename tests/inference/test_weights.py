"""Importance weights against ArviZ, mixtures against SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from scalefit.inference import mixture
from scalefit.inference.mixture import FREEDOM, Mixture
from scalefit.inference.weights import equal_weight, smooth

# Weights.


@pytest.mark.parametrize(
    ("size", "sd"), [(100, 1.0), (400, 0.5), (2500, 1.0), (2500, 2.0), (2500, 5.0)]
)
def test_weights_are_those_of_arviz(size: int, sd: float, rng: np.random.Generator) -> None:
    logs = sd * rng.standard_normal(size)
    try:
        from arviz_stats.base import array_stats

        # This generation takes pointwise log likelihoods, whose weights are their inverses.
        expected, shape = (np.asarray(one) for one in array_stats.psislw(-logs))
    except ModuleNotFoundError:
        from scalefit._compat import arviz

        expected, shape = (np.asarray(one) for one in arviz.psislw(logs))
    found = smooth(logs)
    assert found.shape == pytest.approx(float(shape), abs=1e-8)
    np.testing.assert_allclose(np.log(found.probability), expected, atol=1e-8)
    assert found.effective == pytest.approx(1.0 / np.sum(np.exp(2.0 * expected)))


def test_weights_that_are_alike_are_left_alone() -> None:
    found = smooth(np.full(500, 3.0))
    assert (found.log_evidence, found.effective) == pytest.approx((3.0, 500.0))
    assert found.error == pytest.approx(0.0, abs=1e-6)
    assert found.shape < 0.0


def test_weights_outside_the_support_count_nothing(rng: np.random.Generator) -> None:
    logs = np.where(rng.random(4000) < 0.5, 0.0, -np.inf)
    found = smooth(logs)
    assert found.log_evidence == pytest.approx(math.log(np.mean(np.isfinite(logs))))
    assert (found.probability[~np.isfinite(logs)] == 0.0).all()
    nowhere = smooth(np.full(100, -np.inf))
    assert (nowhere.log_evidence, nowhere.effective) == (-np.inf, 0.0)


def test_stated_errors_are_those_of_repetition(rng: np.random.Generator) -> None:
    fits = [smooth(rng.normal(size=2000)) for _ in range(400)]
    logs = np.array([one.log_evidence for one in fits])
    # The mean weight is exp(1/2). 5 standard errors of the mean, and of the spread (1/28).
    assert np.mean(logs) == pytest.approx(0.5, abs=5 * np.std(logs) / 20 + 0.002)
    assert np.mean([one.error for one in fits]) == pytest.approx(np.std(logs), rel=5 / 28)


def test_equal_weights_preserve_expectations(rng: np.random.Generator) -> None:
    probability = rng.dirichlet(np.full(300, 0.5))
    picked = equal_weight(probability, 1000, rng)
    times = np.bincount(picked, minlength=300)
    # Systematic resampling: every count is its expectation, rounded up or down.
    assert (np.abs(times - 1000 * probability) < 1.0 + 1e-9).all()
    assert not (np.diff(picked) >= 0).all()
    value = rng.standard_normal(300)
    mean = np.mean([value[equal_weight(probability, 50, rng)].mean() for _ in range(4000)])
    assert mean == pytest.approx(float(probability @ value), abs=5 * np.std(value) / 447)


# Mixtures.


@pytest.fixture
def pair() -> Mixture:
    centre = np.array([[-2.0, 0.0, 1.0], [1.5, 1.0, -1.0]])
    root = np.array([[1.0, 0.0, 0.0], [0.4, 0.8, 0.0], [-0.3, 0.2, 0.5]])
    return Mixture.of(np.array([3.0, 1.0]), centre, np.stack([root @ root.T, 0.2 * np.eye(3)]))


def test_density_of_a_mixture_is_that_of_scipy(pair: Mixture, rng: np.random.Generator) -> None:
    z = rng.standard_normal((50, 3)) * 3.0
    parts = [
        stats.multivariate_t(centre, factor @ factor.T, df=FREEDOM).logpdf(z) + math.log(share)
        for centre, factor, share in zip(pair.centre, pair.factor, [0.75, 0.25], strict=True)
    ]
    np.testing.assert_allclose(pair.log_density(z), special.logsumexp(parts, axis=0), rtol=1e-10)


def test_draws_of_a_mixture_have_its_density(pair: Mixture, rng: np.random.Generator) -> None:
    z = pair.sample(40000, rng)
    # Under draws of q the mean of p / q is 1; 5 standard errors.
    ratio = np.exp(
        stats.multivariate_normal(np.zeros(3), np.eye(3)).logpdf(z) - pair.log_density(z)
    )
    assert np.mean(ratio) == pytest.approx(1.0, abs=5 * np.std(ratio) / 200)
    # Stratified: the first component gets its share to one draw.
    counts = pair.sample(1000, rng)
    assert counts.shape == (1000, 3)


def test_fit_finds_two_components(
    pair: Mixture, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    z = pair.sample(20000, rng)
    flat = np.full(len(z), 1.0 / len(z))
    monkeypatch.setattr(mixture, "STEPS", 60)  # arrives wherever the first centres were
    found = mixture.fit(z, flat, rng, components=2, effective=len(z))
    order = np.argsort(found.centre[:, 0])
    np.testing.assert_allclose(found.weight[order], [0.75, 0.25], atol=0.03)
    np.testing.assert_allclose(found.centre[order], pair.centre, atol=0.08)
    scale = np.einsum("kij,klj->kil", found.factor, found.factor)[order]
    expected = mixture.WIDEN * np.einsum("kij,klj->kil", pair.factor, pair.factor)
    np.testing.assert_allclose(scale, expected, atol=0.12)


def test_fit_follows_the_weights(pair: Mixture, rng: np.random.Generator) -> None:
    # Points of a wide normal, weighted to look like the mixture.
    z = rng.standard_normal((40000, 3)) * 3.0
    logs = pair.log_density(z) - stats.norm.logpdf(z / 3.0).sum(axis=1)
    weight = np.exp(logs - logs.max())
    weight /= weight.sum()
    found = mixture.fit(z, weight, rng, components=6, effective=float(1.0 / np.sum(weight**2)))
    drawn = found.sample(20000, rng)
    ratio = np.exp(pair.log_density(drawn) - found.log_density(drawn))
    assert np.mean(ratio) == pytest.approx(1.0, abs=0.05)
    assert 1.0 / np.mean(ratio**2) > 0.8  # the share of draws that would count


def test_small_samples_allow_few_components(pair: Mixture, rng: np.random.Generator) -> None:
    z = pair.sample(500, rng)
    flat = np.full(500, 1.0 / 500)
    assert len(mixture.fit(z, flat, rng, components=10, effective=12.0).weight) == 1
    assert len(mixture.fit(z, flat, rng, components=10, effective=500.0).weight) > 1


def test_pooled_mixtures_keep_their_sizes(pair: Mixture, rng: np.random.Generator) -> None:
    other = Mixture.of(np.ones(1), np.zeros((1, 3)), np.eye(3)[None])
    together = mixture.pool([pair, other], [300.0, 100.0])
    z = rng.standard_normal((20, 3))
    parts = [math.log(0.75) + pair.log_density(z), math.log(0.25) + other.log_density(z)]
    np.testing.assert_allclose(together.log_density(z), special.logsumexp(parts, axis=0))
    assert together.weight.sum() == pytest.approx(1.0)
