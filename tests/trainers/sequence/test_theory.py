"""Theory of subtasks of falling frequency, and when one is learned."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scalefit import trainers
from scalefit.errors import ConfigError
from scalefit.trainers.sequence.learned import learned
from scalefit.trainers.sequence.theory import exponents, frequencies, staircase


def test_the_loss_is_that_of_guessing_what_has_not_had_its_examples() -> None:
    share = frequencies(30, 0.7)
    assert share.sum() == pytest.approx(1)
    step = np.array([0.5, 1.01, 3.3, 40.0, 1e4])
    expected = [math.log(2) * sum(p for p in share if t * p < share[0]) for t in step]
    np.testing.assert_allclose(staircase(step, 30, 0.7), expected, atol=1e-12)


@pytest.mark.parametrize("alpha", [0.4, 0.6, 1.0])
def test_the_exponent_is_that_of_very_many_subtasks(alpha: float) -> None:
    step = np.geomspace(1e2, 1e4, 2000)
    tasks = 10**7
    loss = staircase(step, tasks, alpha) + math.log(2) * alpha_tail(tasks, alpha)
    slope = -np.polyfit(np.log(step), np.log(loss), 1)[0]
    assert slope == pytest.approx(exponents(alpha).steps, abs=0.01)


def alpha_tail(tasks: int, alpha: float) -> float:
    """Return the frequencies beyond the last of finitely many, in units of their sum."""
    whole = (np.arange(1.0, tasks + 1.0) ** -(1 + alpha)).sum()
    return float(tasks**-alpha / alpha / whole)


def test_theory_is_offered_for_parities_alone() -> None:
    ds = trainers.theory(trainers.config("sequence", alpha=[0.0, 0.6], points=9))
    assert ds.sizes == {"run": 2, "point": 9}
    assert ds["exponent"].values.tolist() == [pytest.approx(np.nan, nan_ok=True), 0.6 / 1.6]
    assert ds["loss"].values[:, -1].tolist() == [0, 0]
    assert "units" not in ds.coords
    with pytest.raises(ConfigError, match="'induction' has no theory"):
        trainers.theory(trainers.config("sequence", protocol="induction"))
    with pytest.raises(ConfigError, match="alpha is 0"):
        exponents(0.0)


def test_a_subtask_is_learned_where_its_loss_falls_through_the_level() -> None:
    step = [0, 1, 10, 100]
    losses = [[0.7, 0.7, 0.6, 0.1], [0.7] * 4, [0.1] * 4, [0.7, 0.2, 0.2, 0.2], [np.nan] * 4]
    found = learned(step, losses, 0.35)
    assert found[0] == pytest.approx(10 ** (1 + 0.25 / 0.5))
    np.testing.assert_array_equal(found[1:], [np.nan, 0, 1, np.nan])
    lower = learned(step, losses, [0.1, 0.69, 0.2, 0.1, 0.3])
    np.testing.assert_allclose(lower, [100, np.nan, 0, np.nan, np.nan])
