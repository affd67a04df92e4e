"""Evidence of nothing: noise around a constant and random walks, by other means."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from scalefit.curves.curve import Curve
from scalefit.misfit import null_models

X = np.geomspace(1.0, 1e3, 9)


@pytest.mark.parametrize("known", [0.0, 0.05])
def test_filters_give_the_density_of_a_normal_vector(
    rng: np.random.Generator, known: float
) -> None:
    v = rng.standard_normal(X.size)
    error = np.full(X.size, known)
    gap = np.concatenate([[0.0], np.full(X.size - 1, 1.0)])
    carry, variance = np.array([0.0, 0.6, 0.99]), np.array([0.3, 1.2, 2.0])
    found = null_models._log_density(v, error, carry, variance, gap)
    apart = np.abs(np.subtract.outer(np.arange(X.size), np.arange(X.size)))
    for one, c, s in zip(found, carry, variance, strict=True):
        covariance = s * c**apart + np.diag(error + 1e-12) + null_models.LEVEL**2
        assert one == pytest.approx(
            stats.multivariate_normal(np.zeros(X.size), covariance).logpdf(v), abs=1e-6
        )
    steps = np.tril(np.ones((X.size, X.size)))
    steps[:, 0] = 0.0
    walk = null_models._walk(v, error, variance)
    for one, s in zip(walk, variance, strict=True):
        covariance = s * steps @ steps.T + null_models.LEVEL**2 + np.diag(error + 1e-12)
        assert one == pytest.approx(
            stats.multivariate_normal(np.zeros(X.size), covariance).logpdf(v), abs=1e-6
        )


def test_a_constant_is_better_than_a_law_of_less_evidence(rng: np.random.Generator) -> None:
    curve = Curve("0", X, np.exp(0.5 * rng.standard_normal(X.size)), {}, ())
    null = null_models.null(curve)
    doubted, noted = null_models.nothing(curve, null - 6.0), null_models.nothing(curve, null - 3.0)
    assert doubted is not None
    assert doubted.doubtful
    assert noted is not None
    assert not noted.doubtful
    assert null_models.nothing(curve, null) is None


def test_equal_x_are_no_walk(rng: np.random.Generator) -> None:
    repeated = Curve("0", np.repeat(X, 2), np.exp(rng.standard_normal(18)), {}, ())
    assert np.isfinite(null_models.null(repeated))
