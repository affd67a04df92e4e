"""Several models of one curve: probabilities, averages, known values, priors."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from samples.losses import X, curve, cut, straight

import scalefit as sf
from scalefit.errors import ConfigError
from scalefit.forecast.noise import noise_at
from scalefit.inference import ensemble
from scalefit.laws import BrokenPowerLaw

CALM: dict[str, Any] = {"noise": "normal", "progress": False}
POINT: dict[str, Any] = {"method": "point", "progress": False}
NAMES: dict[str, Any] = {"x": "step", "y": "loss", "by": "arch"}


@pytest.fixture(scope="module")
def weighed() -> sf.Fit:
    """Return a preview of three runs under all models of one or two regimes.

    The second has too few points for correlated noise, the third for two regimes as well.
    """
    return sf.fit(cut(30, 6, 4), **NAMES, regimes=(1, 2), **POINT)


@pytest.fixture(scope="module")
def single() -> sf.Fit:
    return sf.fit(X, straight(), regimes=1, floor=False, **CALM)


# The engine, on clear cases.


def test_auto_finds_two_regimes_and_their_exponents() -> None:
    x = np.geomspace(1.0, 1e5, 60)
    scatter = np.random.default_rng(3).standard_normal(x.size)
    y = 2.0 * x**-0.1 / (1.0 + (x / 300.0) ** 2) ** 0.3 * np.exp(0.01 * scatter)
    fit = sf.fit(x, y, regimes=(1, 2, 3), floor=False, **CALM)
    assert fit.ok
    probability = fit.probabilities.T.groupby(level="regimes").sum().T.loc["curve"]
    assert probability[2] > 0.8
    assert probability[1] < 1e-6
    rows = fit.summary(interval=0.999).set_index(["parameter", "regime"])
    assert (rows["regimes"] == 2).all()
    # A 99.9% interval: a false alarm in 1 of 500 seeds for the two together.
    for regime, truth in enumerate((0.1, 0.7)):
        assert rows["low"]["exponent", regime] < truth < rows["high"]["exponent", regime]
        assert rows["high"]["exponent", regime] - rows["low"]["exponent", regime] < 0.05
    assert (fit.certificate.query("regimes > 1")["state"] == "certified").all()


def test_one_model_is_certified(single: sf.Fit) -> None:
    assert single.ok
    assert single.exponents.sizes["chain"] == 1
    assert single.probabilities.loc["curve"].to_dict() == {(1, False, "normal"): 1.0}
    (row,) = single.certificate.to_dict("records")
    assert (row["state"], row["effort"]) == ("certified", 1)
    assert row["apart"] < 0.3
    assert row["effective"] > 400
    assert row["k_hat"] < 0.7
    assert (single.summary().query("parameter != 'end_exponent'")["ess"] > 400).all()
    # Least squares is exact here: slope and its standard error.
    design = np.stack([np.ones_like(X), -np.log(X)], axis=1)
    solved, (squares,), *_ = np.linalg.lstsq(design, np.log(straight()), rcond=None)
    error = np.sqrt(squares / 28 * np.linalg.inv(design.T @ design)[1, 1])
    assert float(single.exponents.mean()) == pytest.approx(solved[1], abs=0.2 * error)
    assert float(single.exponents.std()) == pytest.approx(error, rel=0.2)


def test_a_floor_is_nine_times_as_probable_before_the_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fitted() -> sf.Fit:
        return sf.fit(X, straight(noise=0.1), regimes=1, **CALM)

    fit = fitted()
    log = fit.certificate.set_index("floor")["log_evidence"]
    odds = 9.0 * math.exp(log[True] - log[False])
    share = fit.probabilities.loc["curve", (1, True, "normal")]
    assert 0.2 < share < 0.8
    assert share == pytest.approx(odds / (1.0 + odds), rel=1e-9)
    # Draws come in proportion to the probability, by systematic resampling: to 1 in 1,000.
    assert np.mean(fit.parameters("curve")["floor"] > 0.0) == pytest.approx(share, abs=2e-3)
    # So does the search: by evidence alone the floor would be too improbable for a second one.
    alone = odds / (9.0 + odds)
    monkeypatch.setattr(ensemble, "SMALL", 0.5 * (alone + share))
    assert set(fitted().certificate.query("floor")["state"]) == {"certified"}


# Tables of several models.


def test_probabilities_add_up(weighed: sf.Fit) -> None:
    found = weighed.probabilities
    assert found.index.tolist() == weighed.runs == ["a", "b", "c"]
    assert found.columns.names == ["regimes", "floor", "noise"]
    assert len(found.columns) == 12
    assert set(found.columns.get_level_values("noise")) == {"normal", "ar1", "changing"}
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-12)
    assert ((found >= 0) & (found <= 1)).all(axis=None)
    by_regimes = found.T.groupby(level="regimes").sum().T
    by_noise = found.T.groupby(level="noise").sum().T
    assert by_regimes[2]["a"] > 0.99
    assert by_regimes[2]["c"] == 0.0
    assert by_noise["ar1"]["a"] > 0.0
    assert by_noise["ar1"]["b"] == by_noise["ar1"]["c"] == 0.0


def test_noise_that_changes_is_asked_about_from_sixteen_points_on(weighed: sf.Fit) -> None:
    by_noise = weighed.probabilities.T.groupby(level="noise").sum().T["changing"]
    assert by_noise["a"] > 0.0  # 30 points; the others have 6 and 4
    assert by_noise["b"] == by_noise["c"] == 0.0
    rng = np.random.default_rng(5)
    x = np.geomspace(1.0, 1e4, 60)
    y = x**-0.4 * np.exp(0.03 * x**-0.3 * rng.standard_normal(x.size))
    fit = sf.fit(x, y, regimes=1, floor=False, method="point", progress=False)
    assert fit.probabilities.loc["curve", (1, False, "changing")] > 0.99
    rows = fit.summary(0.998).set_index("parameter")
    # 99.8% intervals: a false alarm in 1 of 500 seeds.
    assert rows.loc["noise_slope", "low"] < -0.3 < rows.loc["noise_slope", "high"]
    assert rows.loc["noise_slope", "note"] == "P(changing) = 1.00"
    assert "noise_slope" in fit.priors["parameter"].tolist()
    drawn = fit.parameters("curve", "averaged")
    at = np.array([1.0, 1e4, 1e6])
    mean, sd = noise_at(fit, "curve", drawn, at)
    shown = drawn["noise"][:, None] * (at / 100.0) ** drawn["noise_slope"][:, None]
    np.testing.assert_allclose(sd, shown, rtol=1e-9)
    assert not mean.any()
    low, high = np.log([fit.predict(at)["low"], fit.predict(at)["high"]])
    assert (high - low)[0, 0] > 5.0 * (high - low)[0, 1]
    said = fit.check().set_index("check")["words"]
    assert "noise grows" not in said["spread"]


def test_the_certificate_has_a_row_per_model(weighed: sf.Fit) -> None:
    found = weighed.certificate
    assert found.columns.tolist() == [
        *("run", "regimes", "floor", "noise", "probability", "log_evidence", "error"),
        *("apart", "effective", "k_hat", "effort", "state"),
    ]
    assert found.groupby("run").size().to_dict() == {"a": 12, "b": 4, "c": 2}
    assert (found["state"] == "preview").all()
    known = weighed.probabilities.loc["a"]
    for row in found.query("run == 'a'").to_dict("records"):
        assert row["probability"] == known[row["regimes"], row["floor"], row["noise"]]


def test_a_preview_of_one_model_has_no_probabilities() -> None:
    fit = sf.fit(X, curve(), regimes=2, floor=False, noise="normal", **POINT)
    for ask in ("probabilities", "certificate"):
        with pytest.raises(ConfigError, match="method='point' gives one model no evidence"):
            getattr(fit, ask)


def test_the_only_model_of_a_short_run_is_certain() -> None:
    """Where others have several models, a run left with one has that one's draws everywhere."""
    fit = sf.fit(cut(30, 4), **NAMES, regimes=(1, 2), floor=False, **POINT)
    assert fit.probabilities.loc["b", (1, False, "normal")] == 1.0
    np.testing.assert_allclose(fit.probabilities.sum(axis=1), 1.0)
    rows = fit.summary().query("run == 'b'")
    assert rows["parameter"].tolist() == ["exponent", "amplitude", "noise", "end_exponent"]
    assert np.isfinite(rows[["mean", "low", "high"]]).all(axis=None)
    for group in ("posterior", "averaged"):
        assert np.isfinite(fit.parameters("b", group)["exponent"][:, 0]).all()
        assert (fit.parameters("b", group)["autocorrelation"] == 0.0).all()
    assert np.isfinite(fit.predict([10.0, 1e5]).sel(run="b")["low"]).all()


def test_the_summary_is_of_the_most_probable_number(weighed: sf.Fit) -> None:
    summary = weighed.summary()
    assert summary.groupby("run")["regimes"].first().to_dict()["a"] == 2
    assert summary.groupby("run")["regimes"].first().to_dict()["c"] == 1
    notes = summary.query("run == 'a'").set_index(["parameter", "regime"])["note"]
    assert notes["exponent", 0] == "given 2 regimes (P = 1.00)"
    assert notes["end_exponent", 0] == "over all models"
    share = weighed.probabilities.loc["a"]
    given = share[share.index.get_level_values("regimes") == 2]
    for name, level, value in (("floor", "floor", True), ("autocorrelation", "noise", "ar1")):
        expected = given[given.index.get_level_values(level) == value].sum() / given.sum()
        said = "floor" if name == "floor" else "ar1"
        assert notes[name, 0] == f"P({said}) = {expected:.2f}"
    assert "autocorrelation" not in summary.query("run == 'b'")["parameter"].tolist()


def test_predictions_are_of_all_models_in_proportion(weighed: sf.Fit) -> None:
    """Floors of models without one are zero."""
    share = weighed.probabilities.loc["a"]
    with_floor = share[share.index.get_level_values("floor")].sum()
    drawn = weighed.parameters("a", "averaged")
    # Draws come in proportion to the probability, by systematic resampling: to 1 in 1,000.
    assert np.mean(drawn["floor"] > 0) == pytest.approx(with_floor, abs=2e-3)
    at = np.array([1e5, 1e8])
    predicted = weighed.sample(at, kind="curve", hazard=0.0).sel(run="a")
    by_hand = np.exp(weighed.law.log_curve(drawn, at))
    np.testing.assert_allclose(predicted.values.reshape(by_hand.shape), by_hand, rtol=1e-12)


def test_given_a_number_of_regimes(weighed: sf.Fit) -> None:
    two = weighed.with_regimes(2)
    assert two.law == BrokenPowerLaw(2)
    np.testing.assert_allclose(two.probabilities.loc[["a", "b"]].sum(axis=1), 1.0)
    assert set(two.probabilities.columns.get_level_values("regimes")) == {2}
    assert two.exponents.sizes["regime"] == 2
    one = weighed.with_regimes(1)
    assert one.exponents.sizes["regime"] == 1
    assert one.summary().query("run == 'a'")["parameter"].value_counts()["exponent"] == 1
    assert (one.summary()["note"] != "given 1 regime (P = 1.00)").all()
    assert one.ok
    assert two.verdict["c"] == "unreliable: not fitted: too few points for 2 regimes"
    assert np.isnan(two.summary().query("run == 'c'")["median"]).all()
    with pytest.raises(ConfigError, match="3 regimes were not among the models"):
        weighed.with_regimes(3)
    again = sf.fit(X, curve(), regimes=2, floor=False, **POINT)
    assert again.with_regimes(2) is again


def test_what_is_averaged_is_the_mixture(weighed: sf.Fit) -> None:
    """End exponents are draws over all models, in proportion to their probabilities."""
    run, last = "b", weighed.curve("b")[0][-1:]
    drawn = np.sort(weighed.end_exponent.sel(run=run).values.ravel())
    share = weighed.probabilities.loc[run].groupby(level="regimes").sum()
    assert 0.01 < share[1] < 0.99
    parts = [
        weighed.with_regimes(n).local_exponent(last, floor=False).sel(run=run).values.ravel()
        for n in (1, 2)
    ]
    for q in (0.1, 0.5, 0.9):
        at = np.quantile(drawn, q)
        mixed = share[1] * np.mean(parts[0] < at) + share[2] * np.mean(parts[1] < at)
        # 1,000 draws on each side: 4 standard errors of a share.
        assert mixed == pytest.approx(q, abs=4 * np.sqrt(2 * 0.25 / 1000))


def test_draws_over_several_models_stay_together() -> None:
    """Each draw is one law with its parameters: the law runs through the data in all of them."""
    fit = sf.fit(X, curve(), regimes=(1, 2), floor=False, noise="normal", **POINT)
    spread = fit.sample(X, kind="curve").std(("chain", "draw")) / curve()
    assert float(spread.max()) < 0.02  # the noise; of a law with five parameters 0.4 times that


def test_several_models_survive_a_file(weighed: sf.Fit, tmp_path: Path) -> None:
    weighed.save(tmp_path / "fit.nc")
    again = sf.load(tmp_path / "fit.nc")
    assert again.law == weighed.law == BrokenPowerLaw(2)
    assert again.tree.identical(weighed.tree)
    pd.testing.assert_frame_equal(again.probabilities, weighed.probabilities)
    pd.testing.assert_frame_equal(again.certificate, weighed.certificate)
    pd.testing.assert_frame_equal(again.summary(), weighed.summary())


def test_that_more_regimes_were_wanted_is_noted() -> None:
    x = np.geomspace(1.0, 1e9, 120)
    y = x**-0.1 * (1 + (x / 1e2) ** 2) ** -0.3 * (1 + (x / 1e4) ** 2) ** 0.3
    y *= (1 + (x / 1e6) ** 2) ** -0.3
    y *= np.exp(0.005 * np.random.default_rng(0).standard_normal(x.size))
    bent = sf.fit(x, y, floor=False, noise="normal", **POINT)
    assert any("4 regimes, the most that were tried" in note for note in bent.notes["curve"])
    plain = sf.fit(X, straight(), floor=False, noise="normal", **POINT)
    assert not any("most that were tried" in note for note in plain.notes["curve"])


def test_a_number_of_regimes_beyond_belief_is_still_weighed() -> None:
    """Evidence may be a thousand nats behind; what is kept is weighed among itself."""
    x = np.geomspace(1.0, 1e5, 200)
    scatter = np.random.default_rng(3).standard_normal(x.size)
    y = x**-0.1 / (1.0 + (x / 300.0) ** 4) ** 0.3 * np.exp(0.002 * scatter)
    fit = sf.fit(x, y, regimes=(1, 2), **{**CALM, **POINT})
    assert fit.probabilities.loc["curve"][1].sum() == 0.0
    one = fit.with_regimes(1)
    np.testing.assert_allclose(one.probabilities.sum(axis=1), 1.0)
    log = fit.certificate.query("regimes == 1").set_index("floor")["log_evidence"]
    share = 0.9 / (0.9 + 0.1 * np.exp(log[False] - log[True]))
    assert one.probabilities.loc["curve", (1, True, "normal")] == pytest.approx(share)
    assert np.mean(one.parameters("curve")["floor"] > 0.0) == pytest.approx(share, abs=2e-3)
