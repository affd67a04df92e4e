"""States of models: what becomes of one whose certificate fails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scalefit.inference import Problem
from scalefit.inference.certified import Certificate, Solved
from scalefit.inference.ensemble import Ensemble, Member, State, _state
from scalefit.laws import BrokenPowerLaw

X = np.geomspace(1.0, 1e4, 30)
PROBLEMS = [Problem(BrokenPowerLaw(n, floor=False), X, X**-0.5) for n in (1, 2, 3)]
NOTHING: Any = None


def solved(log_evidence: float, apart: float = 0.0) -> Solved:
    """Return a posterior of which there is only the certificate."""
    searches = (log_evidence, log_evidence + apart)
    certificate = Certificate(log_evidence, 0.01, searches, 2000.0, 0.3, True, 1)
    return Solved(NOTHING, NOTHING, NOTHING, certificate)


def state(second: Solved, *, one: Solved, three: Solved) -> State:
    """Return the state of two regimes beside one and three."""
    return _state(1, {0, 1, 2}, PROBLEMS, dict(enumerate([one, second, three])))


def test_what_was_not_checked_is_negligible() -> None:
    assert _state(1, {0}, PROBLEMS, {0: solved(0.0), 1: solved(-9.0, apart=2.0)}) == "negligible"


@pytest.mark.parametrize(("better", "expected"), [(0.9, "dropped"), (1.1, "doubtful")])
def test_a_crossover_is_needed_if_it_is_a_nat_better(better: float, expected: State) -> None:
    doubted, hopeless = solved(better, apart=1.0), solved(-5.0)
    assert state(solved(better), one=solved(0.0), three=hopeless) == "certified"
    assert state(doubted, one=solved(0.0), three=hopeless) == expected
    # Only fewer regimes that are certified make one superfluous.
    assert state(doubted, one=solved(0.0, apart=1.0), three=hopeless) == "doubtful"
    assert state(doubted, one=hopeless, three=solved(9.0)) == "doubtful"


def test_dropped_models_have_no_probability() -> None:
    def ensemble(*states: State) -> Ensemble:
        found = [solved(0.0), solved(2.0, apart=1.0), solved(0.0)]
        return Ensemble(tuple(map(Member, PROBLEMS, found, states)))

    np.testing.assert_allclose(
        ensemble("certified", "dropped", "certified").probability, [0.5, 0.0, 0.5]
    )
    kept = ensemble("certified", "doubtful", "certified")
    share = np.exp(2.0) / (2.0 + np.exp(2.0))
    assert kept.probability[1] == pytest.approx(share)
    assert kept.verdict.startswith(
        f"2 regimes, no floor (probability {share:.2f}): two searches differ by 1 nats"
    )
    assert ensemble("certified", "dropped", "certified").verdict == "ok"
