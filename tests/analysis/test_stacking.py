"""Weights by prediction: leaving points out, leaving the future out, and the best mixture."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import scalefit as sf
from scalefit.analysis import stacking
from scalefit.arrays import Array
from scalefit.inference.problem import Problem
from scalefit.laws import BrokenPowerLaw
from scalefit.laws.noise import Noise
from scalefit.laws.priors import Fixed

X = np.geomspace(1.0, 1e3, 24)


def bent(seed: int = 0) -> Array:
    """Return a loss with a clear crossover at 30."""
    scatter = np.random.default_rng(seed).standard_normal(X.size)
    return np.asarray(X**-0.1 * (1.0 + X / 30.0) ** -0.6 * np.exp(0.01 * scatter))


def test_the_better_of_two_models_gets_the_weight() -> None:
    good = np.full(20, -1.0)
    weights = stacking.stack(np.stack([good, good - 1.0]))
    np.testing.assert_allclose(weights, [1.0, 0.0], atol=1e-3)


def test_models_that_take_turns_share_the_weight(rng: np.random.Generator) -> None:
    """Where model k is right about a share of the points, that share is its weight."""
    density = np.where(rng.random(4000) < 0.3, 0.0, -20.0)
    weights = stacking.stack(np.stack([density, -20.0 - density]))
    np.testing.assert_allclose(
        weights, [np.mean(density == 0.0), np.mean(density < 0.0)], atol=1e-3
    )


def test_nothing_to_score_weighs_all_alike() -> None:
    assert stacking.stack(np.zeros((4, 0))).tolist() == [0.25] * 4


def test_leaving_one_out_is_what_the_model_says_of_a_new_point() -> None:
    """One level and known noise: the exact answer is a normal in closed form."""
    y = np.exp(0.1 * np.random.default_rng(1).standard_normal(X.size))
    law = BrokenPowerLaw(1, floor=False)
    priors = {
        **law.priors(sf.laws.Window(1.0, 1e3, 1.0)),
        "exponent": Fixed((0.0,)),
        "steepness": Fixed(0.4),
        "noise": Fixed(0.1),
    }
    problem = Problem(law, X, y, given=priors)
    found = stacking.leave_one_out([problem], np.random.default_rng(0))[0]
    log_y = np.log(y)
    for i in range(0, X.size, 5):
        others = np.delete(log_y, i)
        precision = others.size / 0.1**2 + 1.0 / 2.0**2
        mean = others.sum() / 0.1**2 / precision
        exact = stats.norm(mean, np.sqrt(0.1**2 + 1.0 / precision)).logpdf(log_y[i])
        assert found[i] == pytest.approx(exact, abs=0.05)


def test_the_future_is_scored_by_what_came_before() -> None:
    """A change after the last cut must not change the scores before it."""
    y = bent()
    later = y.copy()
    later[-3:] *= 0.5
    law = BrokenPowerLaw(1, floor=False)
    scores = [
        stacking.leave_future_out(
            [Problem(law, X, values, Noise("normal"), given=_given(law))], np.random.default_rng(0)
        )
        for values in (y, later)
    ]
    assert scores[0].shape == (1, X.size - 12)
    np.testing.assert_array_equal(scores[0][0, :-3], scores[1][0, :-3])
    assert (scores[1][0, -3:] < scores[0][0, -3:]).all()


def _given(law: BrokenPowerLaw) -> dict[str, sf.laws.priors.Prior]:
    return {**law.priors(sf.laws.Window(1.0, 1e3, 1.0)), **Noise("normal").priors()}


def test_stacking_of_a_fit_is_laid_out_as_its_probabilities() -> None:
    fit = sf.fit(X, bent(), regimes=(1, 2), floor=False, noise="normal", progress=False)
    weights = fit.stacking()
    assert weights.columns.equals(fit.probabilities.columns)
    assert weights.loc["curve"].sum() == pytest.approx(1.0)
    assert float(weights.loc["curve", (2, False, "normal")]) > 0.95


def test_a_run_is_stacked_over_the_models_that_it_has() -> None:
    """One of three points has one regime only; what is not known of it is not made up."""
    whole = pd.DataFrame({"x": X, "y": bent(), "run": "long"})
    short = pd.DataFrame({"x": X[:4], "y": bent()[:4], "run": "short"})
    fit = sf.fit(
        pd.concat([whole, short]), x="x", y="y", by="run", regimes=(1, 2), floor=False,
        noise="normal", method="point", progress=False,
    )  # fmt: skip
    weights = fit.stacking()
    assert weights.loc["short"].tolist() == [1.0, 0.0]
    assert float(weights.loc["long", (2, False, "normal")]) > 0.95
    tree = fit.tree.copy(deep=True)
    states = tree["models"]["state"].values.copy()
    states[0] = ""  # as where a fit failed
    tree["models"] = tree["models"].to_dataset().assign(state=(("run", "model"), states))
    assert np.isnan(sf.Fit(fit.law, tree).stacking().loc["long"]).all()
