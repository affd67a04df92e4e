"""Spectra of trained networks: `scalefit.tail` finds the teacher's power in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import scalefit as sf
from scalefit import trainers

pytestmark = [pytest.mark.train, pytest.mark.slow]


@pytest.mark.parametrize("gamma", [0.75, 1.0])
def test_tail_of_singular_values_holds_the_exponent_of_the_teacher(gamma: float) -> None:
    settings = {"d": 40, "n_train": 2000, "gamma": gamma, "noise": 0.01, "weight_decay": 0.1}
    config = trainers.config("quadratic", points=2, seeds=2, **settings)
    runs, theory = trainers.run(config, device="cpu"), trainers.theory(config)
    assert set(runs["status"].values) == {"ok"}
    threshold = float(theory["cutoff"].values[0])
    for seed, spectrum in enumerate(runs["spectrum"].values[:, -1]):
        learned = spectrum[spectrum > 1e-6 * spectrum[0]]
        found = sf.tail(np.sqrt(learned + threshold), seed=seed)
        table: Any = found.summary().set_index(["tail", "parameter"])
        low, high = table.loc[("power law", "exponent"), ["low", "high"]]
        assert low <= 1 + 2 / gamma <= high
        assert high < 2 * (1 + 2 / gamma)


def test_spectra_are_those_of_state_evolution() -> None:
    settings = {"d": 40, "n_train": 2000, "noise": 0.5, "weight_decay": 0.1}
    config = trainers.config("quadratic", points=2, seeds=2, **settings)
    trained = trainers.run(config, device="cpu")["singular_values"].values[:, -1].mean(0)
    known = trainers.theory(config)["singular_values"].values[0, -1]
    np.testing.assert_allclose(trained[:20], known[:20], rtol=0.06)
