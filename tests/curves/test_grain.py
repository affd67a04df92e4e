"""Rounding that is as coarse as the noise: found where it matters, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

import scalefit as sf
from scalefit.arrays import Array
from scalefit.curves.binning import BINS, binned
from scalefit.curves.curve import Curve
from scalefit.curves.grain import as_rounded, grain, zeros_are_near
from scalefit.errors import InvalidData
from scalefit.laws.rounding import interval

X = np.linspace(25.0, 4975.0, 100)


def losses(x: Array = X, noise: float = 0.03, seed: int = 0, scale: float = 4.1e4) -> Array:
    """Return a loss that falls as a power of 2.25, with noise."""
    rng = np.random.default_rng(seed)
    return np.asarray(scale * (x + 350.0) ** -2.25 * np.exp(noise * rng.standard_normal(x.size)))


@pytest.mark.parametrize("decimals", [3, 4])
@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e3])
def test_coarse_decimals_are_found(decimals: int, scale: float) -> None:
    rounded = losses().round(decimals) * scale
    if decimals == 4:
        assert (rounded > 0).all()
    assert grain(X, rounded) == pytest.approx(10.0**-decimals * scale, rel=1e-12)
    single = rounded.astype(np.float32).astype(float)
    assert grain(X, single) == pytest.approx(10.0**-decimals * scale, rel=1e-12)


@pytest.mark.parametrize(
    "y",
    [
        losses(),
        losses().round(7),
        losses(noise=0.3, scale=4.1e5).round(4),  # noise hides it
        2.0 + losses().round(4),  # a thousandth of y at most
        np.exp(np.random.default_rng(1).standard_normal(100)).round(2),
        losses()[:7].round(4),  # too few
        np.geomspace(1e-300, 1e300, 100),  # in units of the smallest beyond all numbers
    ],
)
def test_other_values_are_taken_as_they_are(y: Array) -> None:
    kept, unit, notes = as_rounded(X[: y.size], y)
    assert kept is y
    assert (unit, notes) == (0.0, ())


def test_zeros_are_what_is_left_below_half_of_it() -> None:
    y = losses().round(3)
    assert (y == 0.0).sum() > 10
    kept, unit, (note,) = as_rounded(X, y)
    assert unit == 1e-3
    assert f"{(y == 0.0).sum()} 0s" in note
    low, high = interval(kept, unit)
    np.testing.assert_array_equal(low == -np.inf, y == 0.0)
    np.testing.assert_allclose(np.exp(high), y + 5e-4)
    np.testing.assert_allclose(np.exp(low), np.maximum(y - 5e-4, 0.0))


def test_zeros_beside_large_values_are_none() -> None:
    y = losses().round(4)
    y[50] = 0.0
    assert not zeros_are_near(y, 3e-4)
    y[10] = 0.0
    assert grain(X, y) == 0.0
    with pytest.raises(InvalidData, match=r"A 0 beside .* is no rounded value"):
        sf.fit(X, y, method="point", progress=False)


def test_long_curves_are_thinned_by_x_and_not_averaged() -> None:
    x = np.linspace(1.0, 5000.0, 5000)
    y, unit, notes = as_rounded(x, losses(x).round(4))
    long = Curve("a", x, y, {}, notes, grain=unit)
    short = binned(long)
    assert 100 <= short.x.size <= BINS
    assert short.grain == unit
    at = np.searchsorted(x, short.x)
    np.testing.assert_array_equal(short.y, y[at])
    assert np.diff(np.log(short.x)).max() < 0.7
    assert short.notes[-1] == f"{at.size} of 5000 rounded points are used, evenly spaced in log x"
    assert binned(Curve("a", X, losses().round(4), {}, (), grain=1e-4)).x.size == 100
