"""A law of one's own goes through the same doors as the broken power law."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from samples.laws import Exponential

import scalefit as sf
from scalefit.errors import ConfigError
from scalefit.laws import BrokenPowerLaw

POINT: dict[str, Any] = {"method": "point", "progress": False}


TIME = np.linspace(0.5, 10, 25)


@pytest.fixture(scope="module")
def decay() -> sf.Fit:
    scatter = np.random.default_rng(3).standard_normal(25)
    y = 5.0 * np.exp(-TIME / 4.0 + 0.03 * scatter)
    return sf.fit(TIME, y, law=Exponential(), **POINT)


def test_a_law_of_ones_own(decay: sf.Fit) -> None:
    assert decay.ok
    summary = decay.summary().set_index("parameter")
    assert list(summary.index) == ["amplitude", "length", "noise"]
    assert (summary["regimes"] == 1).all()
    for name, truth in (("amplitude", 5.0), ("length", 4.0)):
        sd = (summary["high"][name] - summary["low"][name]) / 3.29
        # Within 4.4 sd: a false alarm in 1 of 100,000 seeds.
        assert summary["median"][name] == pytest.approx(truth, abs=4.4 * sd)
        assert sd < 0.02 * truth
    predicted = decay.predict([4.0, 20.0])
    assert float(predicted["median"][0, 0]) == pytest.approx(5 / np.e, rel=0.05)
    assert predicted["extrapolated"].values.tolist() == [[False, True]]
    assert decay.priors["parameter"].tolist() == ["amplitude", "length", "noise"]


def test_a_law_of_ones_own_survives_a_file(decay: sf.Fit, tmp_path: Path) -> None:
    decay.save(tmp_path / "decay.nc")
    with pytest.raises(ConfigError, match="fitted with exponential; pass that law as law="):
        sf.load(tmp_path / "decay.nc")
    again = sf.load(tmp_path / "decay.nc", law=Exponential())
    assert again.tree.identical(decay.tree)
    pd.testing.assert_frame_equal(again.summary(), decay.summary())


def test_a_law_of_ones_own_has_no_exponents(decay: sf.Fit) -> None:
    with pytest.raises(ConfigError, match="'exponential' has no regimes"):
        decay.exponents  # noqa: B018
    with pytest.raises(ConfigError, match="'exponential' has no local exponent"):
        decay.local_exponent(1.0)
    with pytest.raises(ConfigError, match="'exponential' has no local exponent"):
        decay.end_exponent  # noqa: B018


def test_a_law_of_ones_own_has_a_graph() -> None:
    model = Exponential().to_pymc(TIME, np.exp(-TIME))
    given = {model["amplitude"]: np.array(2.0), model["length"]: np.array(5.0)}
    value = model["log_mean"].eval(given, mode="FAST_COMPILE")
    np.testing.assert_allclose(value, np.log(2.0) - TIME / 5.0)


def test_a_law_of_ones_own_can_be_drawn(decay: sf.Fit) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    ax = decay.plot()
    assert not ax.texts
    plt.close("all")


class Steeper(BrokenPowerLaw):
    """The broken law under another name."""


def test_a_law_made_from_the_broken_one_is_not_taken_for_it(tmp_path: Path) -> None:
    y = TIME**-0.5 * np.exp(0.02 * np.random.default_rng(0).standard_normal(25))
    sf.fit(TIME, y, law=Steeper(1), **POINT).save(tmp_path / "fit.nc")
    with pytest.raises(ConfigError, match="pass that law as law="):
        sf.load(tmp_path / "fit.nc")
    assert type(sf.load(tmp_path / "fit.nc", law=Steeper(1)).law) is Steeper
