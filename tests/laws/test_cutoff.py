"""The power law with an exponential end and an offset of either sign."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import scalefit as sf
from scalefit.errors import ConfigError
from scalefit.forecast.variance import SOURCES
from scalefit.laws import PowerLawWithCutoff, Window
from scalefit.laws.priors import dimension, unpack

LAW = PowerLawWithCutoff()
X = np.geomspace(1.0, 1e4, 40)
TRUTH = {"exponent": 0.7, "cutoff": 2e3, "offset": 0.01, "log_amplitude": 0.3}


def values(**changes: float) -> dict[str, NDArray[np.float64]]:
    return {name: np.array([value]) for name, value in {**TRUTH, **changes}.items()}


def spectrum(beta: float, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a sum of 512 exponentials, a power law minus a constant before its end."""
    rate = np.arange(1.0, 513.0) ** -(1.0 + beta)
    return np.asarray((rate * np.exp(-np.multiply.outer(x, rate))).sum(axis=1))


def test_log_mean_is_the_formula() -> None:
    found = LAW.log_mean(values(), X)[0]
    expected = np.exp(0.3) * X**-0.7 * np.exp(-X / 2e3) + 0.01
    np.testing.assert_allclose(np.exp(found), expected, rtol=1e-12)


def test_a_negative_offset_ends_the_law_at_zero() -> None:
    found = LAW.log_mean(values(offset=-0.01), X)[0]
    power = np.exp(0.3) * X**-0.7 * np.exp(-X / 2e3)
    np.testing.assert_allclose(np.exp(found[power > 0.011]), power[power > 0.011] - 0.01)
    assert np.isfinite(found).all()
    assert (found[power < 0.01] < -600).all()


def test_the_prior_takes_both_signs_of_the_offset_for_alike() -> None:
    window = Window.of(X, np.exp(LAW.log_mean(values(), X)[0]))
    priors = LAW.priors(window)
    normals = np.random.default_rng(0).standard_normal((400, dimension(priors)))
    drawn = unpack(priors, normals)
    natural = LAW.natural(drawn, window)
    endless = natural | {"cutoff": np.full(400, np.inf)}
    last = np.exp(LAW.log_mean(endless, X[-1:])[:, 0])
    np.testing.assert_allclose(last, drawn["level"] * drawn["with_offset"], rtol=1e-9)
    assert 0.4 < np.mean(natural["offset"] < 0.0) < 0.6


def test_the_graph_has_the_same_formula() -> None:
    y = np.exp(LAW.log_mean(values(), X)[0])
    model = LAW.to_pymc(X, y)
    point = {"exponent": 0.4, "cutoff": 500.0, "with_offset": 0.7, "level": 0.02}
    given = {model[name]: np.array(value) for name, value in point.items()}
    graph = model["log_mean"].eval(given, mode="FAST_COMPILE")
    sampled = {name: np.array([value]) for name, value in point.items()}
    natural = LAW.natural(sampled, Window.of(X, y))
    np.testing.assert_allclose(graph, LAW.log_mean(natural, X)[0])


@pytest.fixture(scope="module")
def found() -> sf.Fit:
    y = np.exp(LAW.log_mean(values(), X)[0])
    scatter = np.random.default_rng(4).standard_normal(X.size)
    return sf.fit(X, y * np.exp(0.01 * scatter), law=LAW, progress=False)


def test_the_engine_finds_what_made_the_curve(found: sf.Fit) -> None:
    assert found.ok
    summary = found.summary(0.999).set_index("parameter")
    for name, truth in {**TRUTH, "amplitude": np.exp(0.3), "noise": 0.01}.items():
        if name != "log_amplitude":
            assert summary["low"][name] < truth < summary["high"][name], name
    assert summary["high"]["exponent"] - summary["low"]["exponent"] < 0.1


def test_it_survives_a_file_and_is_compared(found: sf.Fit, tmp_path: Path) -> None:
    found.save(tmp_path / "fit.nc")
    again = sf.load(tmp_path / "fit.nc")
    assert again.law == LAW
    table: Any = sf.compare(again, parameter="exponent", value=0.7)
    assert table["low"][0] < 0.0 < table["high"][0]


@pytest.mark.slow
@pytest.mark.parametrize("beta", [0.5, 1.0])
def test_a_sum_of_exponentials_keeps_its_exponent(beta: float) -> None:
    """A floor that must be positive gives an exponent too large by more than its interval."""
    target = beta / (1.0 + beta)
    x = np.geomspace(50.0, 0.1 * 512.0 ** (1.0 + beta), 40)
    scatter = np.random.default_rng(5).standard_normal(x.size)
    y = spectrum(beta, x) * np.exp(0.01 * scatter)
    signed = sf.fit(x, y, law=LAW, progress=False).summary().set_index("parameter").loc["exponent"]
    assert signed["median"] == pytest.approx(target, abs=0.03)
    floor = sf.fit(x, y, regimes=1, floor=True, noise="normal", progress=False).summary()
    assert floor.set_index("parameter").loc["exponent", "low"] > target + 0.03


def test_what_its_forecast_rests_on_adds_up(found: sf.Fit) -> None:
    shares = found.variance_shares([1e3, 2e4])
    np.testing.assert_allclose(shares[list(SOURCES)].sum(axis=1), 1.0)
    assert (shares["regimes"] == 0.0).all()


def test_its_exponent_is_of_no_regime(found: sf.Fit) -> None:
    with pytest.raises(ConfigError, match="has no regimes"):
        sf.compare(found, parameter="exponent", regime=0, value=0.5)
