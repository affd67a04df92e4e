"""Laws weighed against each other by evidence and by prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import scalefit as sf
from scalefit.arrays import Array
from scalefit.comparison.weigh import leave_one_out
from scalefit.errors import ConfigError, InvalidData

X = np.geomspace(1.0, 1e4, 30)
TRUTH = X**-0.7 * np.exp(-X / 2e3) + 0.01


def noisy(seed: int = 0) -> Array:
    return np.asarray(TRUTH * np.exp(0.01 * np.random.default_rng(seed).standard_normal(X.size)))


def fitted(y: Array, **arguments: object) -> sf.Fit:
    given = {"noise": "normal", "progress": False, **arguments}
    return sf.fit(X, y, **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def fits() -> dict[str, sf.Fit]:
    y = noisy()
    return {
        "cutoff": fitted(y, law="cutoff"),
        "straight": fitted(y, regimes=1, floor=True),
        "broken": fitted(y, regimes=[1, 2]),
    }


def test_probabilities_are_those_of_the_evidence(fits: dict[str, sf.Fit]) -> None:
    pair = {name: fits[name] for name in ("cutoff", "straight")}
    table = sf.weigh(pair, {"cutoff": 1.0, "straight": 3.0})
    logs = [float(fit.certificate["log_evidence"].iloc[0]) for fit in pair.values()]
    odds = np.exp(logs[0] - logs[1]) / 3.0
    chance = table["probability"].iloc[0]
    assert chance.sum() == pytest.approx(1.0)
    assert chance["cutoff"] / chance["straight"] == pytest.approx(odds, rel=1e-9)
    assert chance["cutoff"] > 0.99
    scores = table["leave_one_out"].iloc[0]
    assert scores["cutoff"] > scores["straight"] + 10.0


def test_a_fit_of_several_models_counts_as_their_mean(fits: dict[str, sf.Fit]) -> None:
    table = sf.weigh(fits)
    models = fits["broken"].certificate
    prior = np.where(models["floor"], 0.9, 0.1)
    logs = models["log_evidence"].to_numpy()
    kept = (models["state"] != "dropped").to_numpy()
    mean = np.log(np.sum(prior * kept * np.exp(logs - logs.max())) / prior.sum()) + logs.max()
    assert table["log_evidence", "broken"].iloc[0] == pytest.approx(mean, abs=1e-9)


def test_replicates_are_left_out_whatever_noise_was_weighed() -> None:
    """Of points that are no run in order, correlated noise is not asked about."""
    options: dict[str, Any] = {"regimes": 1, "floor": False, "method": "point", "progress": False}
    x, y = np.repeat(X, 2), np.concatenate([noisy(0), noisy(1)]).reshape(2, -1).T.ravel()
    fit = sf.fit(x, y, **options)
    assert set(fit.probabilities.columns.get_level_values("noise")) == {"normal", "changing"}
    found = leave_one_out(fit, "curve")
    seen = float(fit.log_predictive(x, y).sum() + np.log(y).sum())
    assert seen - 15.0 < found < seen  # what has not been seen is less probable: four parameters


def test_leaving_one_out_is_near_fitting_without(fits: dict[str, sf.Fit]) -> None:
    """Refits without each of some points say what weights on the draws say."""
    y = noisy()
    found, exact = sf.weigh(fits)["leave_one_out", "cutoff"].iloc[0], 0.0
    from scalefit.analysis.stacking import left_out

    problem = next(iter(fits["cutoff"].problems("curve").values()))
    each = left_out(problem.log_likelihood(fits["cutoff"].parameters("curve")))
    assert each.sum() == pytest.approx(found, abs=1e-9)
    for i in (3, 15, 28):
        fit = sf.fit(np.delete(X, i), np.delete(y, i), law="cutoff", noise="normal", progress=False)
        exact = float(fit.log_predictive(X[[i]], y[[i]]).values[0, 0] + np.log(y[i]))
        assert each[i] == pytest.approx(exact, abs=0.25)


def test_points_held_out_are_scored(fits: dict[str, sf.Fit]) -> None:
    pair = {name: fits[name] for name in ("cutoff", "straight")}
    at = np.array([30.0, 300.0])
    y = np.interp(at, X, noisy(1))
    table = sf.weigh(pair, held_out=(at, y))
    expected = fits["cutoff"].log_predictive(at, y).values.sum()
    assert table["held_out", "cutoff"].iloc[0] == pytest.approx(expected)
    assert "held_out" not in sf.weigh(pair)


def test_laws_without_a_floor_are_less_probable_before_the_data() -> None:
    y = 3.0 * X**-0.3 * np.exp(0.01 * np.random.default_rng(3).standard_normal(X.size))
    two = {
        "with": fitted(y, regimes=1, floor=True),
        "without": fitted(y, regimes=1, floor=False),
    }
    usual, even = (
        sf.weigh(two)["probability"],
        sf.weigh(two, {"with": 1, "without": 1})["probability"],
    )
    before = usual["with"] / usual["without"] / (even["with"] / even["without"])
    np.testing.assert_allclose(before, 9.0)


def test_correlated_noise_has_no_leave_one_out(fits: dict[str, sf.Fit]) -> None:
    other = fitted(noisy(), law="cutoff", noise="ar1")
    table = sf.weigh({"a": other, "b": fits["cutoff"]})
    assert np.isnan(table["leave_one_out", "a"].iloc[0])
    assert np.isfinite(table["probability"].to_numpy()).all()


def test_what_cannot_be_weighed_is_refused(fits: dict[str, sf.Fit]) -> None:
    one = fits["cutoff"]
    with pytest.raises(ConfigError, match="two fits or more"):
        sf.weigh({"a": one})
    with pytest.raises(InvalidData, match="differ in y of curve 'curve'"):
        sf.weigh({"a": one, "b": fitted(noisy(1), regimes=1, floor=True)})
    with pytest.raises(InvalidData, match="differ in x"):
        sf.weigh(
            {"a": one, "b": sf.fit(X[1:], noisy()[1:], regimes=1, noise="normal", progress=False)}
        )
    with pytest.raises(InvalidData, match="differ in error"):
        sf.weigh({"a": one, "b": fitted(noisy(), regimes=1, floor=True, y_err=1e-3)})
    preview = fitted(noisy(), regimes=1, floor=True, method="point")
    with pytest.raises(ConfigError, match="no evidence"):
        sf.weigh({"a": one, "b": preview})
    with pytest.raises(ConfigError, match="no such fit"):
        sf.weigh({"a": one, "b": one}, {"a": 1.0, "c": 1.0})
    with pytest.raises(ConfigError, match="prior lacks 'b'"):
        sf.weigh({"a": one, "b": one}, {"a": 1.0})
    with pytest.raises(ConfigError, match="positive weight"):
        sf.weigh({"a": one, "b": one}, {"a": 1.0, "b": 0.0})
    with pytest.raises(InvalidData, match="as many of each"):
        sf.weigh({"a": one, "b": one}, held_out=([1.0, 2.0], [1.0]))
