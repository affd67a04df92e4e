"""Models left out: which ones get no search, and the bound of their probability."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import scalefit
from scalefit.inference import Problem
from scalefit.inference.certified import Certificate, Solved
from scalefit.inference.ensemble import LEFT_OUT, Ensemble, _unsearched, explore
from scalefit.inference.problem import rough_margin
from scalefit.laws import BrokenPowerLaw

X = np.geomspace(1.0, 1e4, 40)
MODELS = [(n, floor) for n in (1, 2, 3) for floor in (True, False)]
PROBLEMS = [Problem(BrokenPowerLaw(n, floor=floor), X, X**-0.5) for n, floor in MODELS]
NOTHING: Any = None


def solved(log_evidence: float, effort: int, error: float = 0.1) -> Solved:
    """Return a posterior of which there is only the certificate."""
    certificate = Certificate(log_evidence, error, (log_evidence,), 99.0, 0.3, True, effort)
    return Solved(NOTHING, NOTHING, NOTHING, certificate)


def following(logs: list[float], efforts: list[int], error: float = 0.1) -> int | None:
    """Return the model searched next, from the evidence of each and what was done."""
    known = [solved(log, effort, error) for log, effort in zip(logs, efforts, strict=True)]
    return _unsearched(PROBLEMS, dict(enumerate(known)))


def test_models_are_searched_until_the_rest_cannot_matter() -> None:
    logs = [0.0, -20.0, -1.0, -20.0, -20.0, -20.0]
    assert following(logs, [0, 0, 0, 0, 0, 0]) == 0
    assert following(logs, [1, 0, 0, 0, 0, 0]) == 2
    # Both numbers of regimes that count are known; of the third only the best is asked for.
    assert following(logs, [1, 0, 1, 0, 0, 0]) == 4
    assert following(logs, [1, 0, 1, 0, 1, 0]) is None


def test_an_estimate_counts_at_its_upper_end() -> None:
    def left(log: float, error: float = 0.1) -> bool:
        searched = [1, 1, 0, 1, 1, 1]
        return following([0.0, -40.0, log, -9.0, -40.0, -40.0], searched, error) is None

    limit = math.log(LEFT_OUT)
    assert not left(limit - 1.2)
    assert left(limit - 1.4)
    assert not left(limit - 1.4, error=0.5)
    assert left(limit - 2.6, error=0.5)


def test_what_no_draw_has_seen_is_searched() -> None:
    logs = [0.0, -40.0, -math.inf, -9.0, -40.0, -40.0]
    assert following(logs, [1, 1, 0, 1, 1, 1]) == 2


@pytest.fixture(scope="module")
def curve() -> tuple[np.ndarray, np.ndarray]:
    """Return a curve with one clear crossover."""
    rng = np.random.default_rng(3)
    y = X**-0.2 * (1.0 + (X / 100.0) ** 2) ** -0.25 * np.exp(0.01 * rng.standard_normal(X.size))
    return X, y


@pytest.fixture(scope="module")
def both(curve: tuple[np.ndarray, np.ndarray]) -> tuple[Ensemble, Ensemble]:
    """Return the models of the curve, those that matter searched and all searched."""
    problems = [Problem(BrokenPowerLaw(n, floor=floor), *curve) for n, floor in MODELS]
    one, two = (explore(problems, np.random.default_rng(1), every=every) for every in (False, True))
    return one, two


def test_what_is_left_out_cannot_matter(both: tuple[Ensemble, Ensemble]) -> None:
    some, every = both
    efforts = np.array([one.solved.certificate.effort for one in some.members])
    assert (efforts == 0).any()
    assert all(one.solved.certificate.effort > 0 for one in every.members)
    assert every.probability[efforts == 0].sum() < LEFT_OUT
    np.testing.assert_allclose(some.probability, every.probability, atol=0.02)


def test_evidence_is_within_the_margin_of_a_rough_estimate(
    both: tuple[Ensemble, Ensemble],
) -> None:
    for one, two in zip(*(found.members for found in both), strict=True):
        rough, better = one.solved.certificate, two.solved.certificate
        if rough.effort == 0:
            assert better.log_evidence < rough.log_evidence + rough_margin(rough.error)
            assert one.state == "negligible"


def test_a_fit_tells_what_was_left_out(curve: tuple[np.ndarray, np.ndarray]) -> None:
    fit = scalefit.fit(*curve, progress=False, regimes=[1, 2, 3], noise="normal")
    (bound,) = fit.left_out.values()
    assert 0.0 < bound < LEFT_OUT
    table = fit.certificate
    rough = table[table["effort"] == 0]
    assert len(rough)
    assert rough["probability"].sum() < bound
    assert set(table[table["effort"] > 0]["regimes"]) == {1, 2, 3}
    only = scalefit.fit(*curve, progress=False, regimes=2, floor=False, noise="normal")
    assert list(only.left_out.values()) == [0.0]
