"""Savings: ratios of x at which two runs reach a loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from samples.losses import table

import scalefit as sf
from scalefit.errors import ConfigError, InvalidData

X = np.geomspace(1.0, 1e4, 40)
QUICK: dict[str, Any] = {"method": "point", "noise": "normal", "progress": False}


@pytest.fixture(scope="module")
def runs() -> sf.Fit:
    """Return curves of which fast is at every loss with half the x of slow, and high levels off."""
    parts = []
    for i, (name, scale, floor) in enumerate(
        [("slow", 1.0, 0.0), ("fast", 2.0, 0.0), ("high", 1.0, 0.5), ("fast again", 2.0, 0.0)]
    ):
        noise = np.exp(0.01 * np.random.default_rng(i).standard_normal(40))
        y = (floor + (scale * X) ** -0.4) * noise
        kind = "new" if "fast" in name else "old"
        parts.append(pd.DataFrame({"run": name, "kind": kind, "x": X, "y": y}))
    return sf.fit(
        pd.concat(parts), x="x", y="y", by=["kind", "run"], regimes=1, floor=True, **QUICK
    )


def test_a_ratio_that_is_known(runs: sf.Fit) -> None:
    found = runs.savings(0.1, baseline="old, slow").set_index("run")
    row = found.loc["new, fast"]
    assert row["low"] < 2.0 < row["high"]
    assert row["high"] / row["low"] < 1.4
    assert (row["first"], row["behind"], row["both"], row["neither"]) == (1.0, 0.0, 1.0, 0.0)
    back = runs.savings(0.1, baseline="new, fast").set_index("run").loc["old, slow"]
    assert back["median"] == pytest.approx(1 / row["median"], rel=0.02)
    assert back["behind"] == 1.0


def test_the_quantiles_are_those_of_reach(runs: sf.Fit) -> None:
    reached = runs.reach(0.2, hazard=0.0).set_index("run")["median"]
    found = runs.savings(0.2, "old, slow", hazard=0.0).set_index("run")["median"]
    expected = reached["old, slow"] / reached["new, fast"]
    assert found["new, fast"] == pytest.approx(expected, rel=0.02)


def test_never_is_counted_as_such(runs: sf.Fit) -> None:
    row = runs.savings(0.2, baseline="old, slow", hazard=0.0).set_index("run").loc["old, high"]
    assert (row["median"], row["low"], row["high"]) == (0.0, 0.0, 0.0)
    assert (row["behind"], row["both"]) == (1.0, 0.0)
    other = runs.savings(0.2, baseline="old, high", hazard=0.0).set_index("run").loc["old, slow"]
    assert (other["median"], other["first"]) == (np.inf, 1.0)
    nobody = runs.savings(1e-9, baseline="old, slow", within=1e5)
    assert nobody["neither"].eq(1.0).all()
    assert nobody["median"].isna().all()


@pytest.mark.parametrize("target", [0.01, 0.05, 0.2, 0.6])
def test_probabilities_add_up(runs: sf.Fit, target: float) -> None:
    found = runs.savings(target)
    # Two draws are hardly ever equal.
    total = found["first"] + found["behind"] + found["neither"]
    np.testing.assert_allclose(total, 1.0, atol=1e-9)
    assert (found["both"] <= 1.0 - found["neither"]).all()
    low, high = found["low"].fillna(0), found["high"].fillna(np.inf)
    assert (low <= found["median"].fillna(low)).all()
    assert (found["median"].fillna(high) <= high).all()


def test_values_of_a_setting(runs: sf.Fit) -> None:
    part = runs[["old, slow", "new, fast", "new, fast again"]]
    (row,) = part.savings(0.1, "old", between="kind").to_dict("records")
    assert (row["run"], row["baseline"]) == ("new", "old")
    assert row["low"] < 2.0 < row["high"]
    assert row["first"] == 1.0


@pytest.mark.slow
def test_pooled_runs_keep_their_draws_together() -> None:
    data = table(3).assign(arch="a")
    fit = sf.fit(
        data, x="step", y="loss", by=["arch", "seed"], pool="seed", regimes=1, floor=False,
        draws=400, progress=False,
    )  # fmt: skip
    found = fit.savings(0.05, hazard=0.0)
    apart = sf.Fit(fit.law, fit.tree.copy(deep=True))
    apart.tree.attrs["pools"] = "[]"
    other = apart.savings(0.05, hazard=0.0)
    width = np.log(found["high"] / found["low"])
    assert (width < np.log(other["high"] / other["low"])).all()


def test_a_failed_run_has_no_ratio(runs: sf.Fit) -> None:
    tree = runs.tree.copy(deep=True)
    for name in tree["posterior"].data_vars:
        tree["posterior"][name][:, :, 1] = np.nan
    found = sf.Fit(runs.law, tree).savings(0.2, baseline="old, slow").set_index("run")
    assert found.loc["new, fast", ["median", "low", "high", "first", "both"]].isna().all()
    assert np.isfinite(found.loc["new, fast again", "median"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"baseline": "slow"}, "did you mean 'old, slow'?"),
        ({"between": "knd"}, "did you mean 'kind'?"),
        ({"between": "kind", "baseline": "ol"}, "did you mean 'old'?"),
        ({"within": 0.5}, "lies before the first x"),
        ({"hazard": -1.0}, "hazard"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_refusals(runs: sf.Fit, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace("?", r"\?")):
        runs.savings(0.1, **options)


def test_one_run_saves_nothing(runs: sf.Fit) -> None:
    with pytest.raises(ConfigError, match="this fit has one run"):
        runs["old, slow"].savings(0.1)
    with pytest.raises(InvalidData, match="target"):
        runs.savings(-1.0)
