"""Models of one curve: their probabilities from evidence and prior."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from samples.problems import X

from scalefit.inference import Problem
from scalefit.inference.ensemble import Ensemble, Member, State
from scalefit.laws import BrokenPowerLaw


def member(
    floor: bool, log_evidence: float, state: State = "certified", regimes: int = 1
) -> Member:
    """Return a model of which nothing but its evidence is known."""
    problem = Problem(BrokenPowerLaw(regimes, floor=floor), X, X**-0.5)
    certificate = SimpleNamespace(log_evidence=log_evidence, doubts=["searches differ"])
    solved: Any = SimpleNamespace(certificate=certificate)
    return Member(problem, solved, state)


def test_models_of_equal_evidence_have_their_prior_odds() -> None:
    """A floor is nine times as probable as none; numbers of regimes are equally probable."""
    models = [member(floor, -3.0, regimes=n) for n in (1, 2, 3) for floor in (True, False)]
    found = Ensemble(tuple(models)).probability
    np.testing.assert_allclose(found, np.array([0.9, 0.1] * 3) / 3)


def test_probabilities_follow_the_evidence() -> None:
    found = Ensemble((member(True, 1000.0), member(True, 1000.0 + np.log(3.0)))).probability
    np.testing.assert_allclose(found, [0.25, 0.75])


def test_a_model_that_was_dropped_has_no_weight() -> None:
    models = (member(True, 5.0), member(True, 50.0, "dropped", 4), member(True, 5.0, regimes=2))
    np.testing.assert_allclose(Ensemble(models).probability, [0.5, 0.0, 0.5])


@pytest.mark.parametrize(("behind", "ok"), [(1.0, False), (6.0, True)])
def test_a_doubtful_model_matters_if_it_is_probable(behind: float, ok: bool) -> None:
    models = Ensemble((member(True, 0.0), member(True, -behind, "doubtful", 2)))
    assert (models.verdict == "ok") == ok
    assert ("2 regimes, floor (probability 0.27): searches differ" in models.verdict) == (not ok)
