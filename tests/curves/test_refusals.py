"""Values without a logarithm: what is advised leads to the right exponent, and never by y."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

import scalefit as sf
from scalefit.arrays import Array
from scalefit.errors import InvalidData

X = np.geomspace(1e6, 1e10, 30)
NOISE = np.random.default_rng(3).standard_normal(30)
LOSS = (1.69 + 452.0 * X**-0.35) * np.exp(0.004 * NOISE)
ROUGH: dict[str, Any] = {"regimes": 1, "method": "point", "noise": "normal", "progress": False}


def refused(y: Array, **options: Any) -> str:
    with pytest.raises(InvalidData) as caught:
        sf.fit(pd.DataFrame({"tokens": X, "loss": y}), x="tokens", y="loss", **ROUGH, **options)
    words = str(caught.value)
    assert not re.search("delete|remove|drop", words)
    return words


def exponent(name: str, y: Array, **options: Any) -> list[float]:
    frame = pd.DataFrame({"tokens": X, "loss": y})
    fit = sf.fit(frame, x="tokens", y=name, **ROUGH, **options)
    row = fit.summary().set_index("parameter").loc["exponent"]
    return [float(row[key]) for key in ("low", "high")]


def advised(words: str) -> str:
    found = re.search(r'--y "([^"]+)"', words)
    assert found is not None, words
    return found[1]


@pytest.mark.parametrize("shift", [0.0, 20.0])
def test_negative_values_that_rise_are_negated(shift: float) -> None:
    words = refused(-LOSS - shift)
    assert advised(words) == "-loss"
    low, high = exponent("-loss", -LOSS - shift)
    assert low < 0.35 < high


@pytest.mark.parametrize("shift", [1.9, 3.0, 6.0])
def test_a_subtracted_constant_is_added_again(shift: float) -> None:
    words = refused(LOSS - shift)
    assert "'loss' is not positive" in words
    low, high = exponent(advised(words), LOSS - shift)
    assert low < 0.35 < high
    assert high - low < 0.03


def test_the_advice_is_scaled_with_y() -> None:
    low, high = exponent(advised(refused(1e-6 * (LOSS - 3.0))), 1e-6 * (LOSS - 3.0))
    assert low < 0.35 < high


@pytest.mark.parametrize("name", ["reward", "eval/reward"])
def test_the_advice_can_be_typed_whatever_y_is(name: str) -> None:
    """Of a negated column, too, which is no column of its own."""
    frame = pd.DataFrame({"tokens": X, name: 3.0 - LOSS})
    y = "-reward" if name == "reward" else "-[eval/reward]"
    with pytest.raises(InvalidData) as caught:
        sf.fit(frame, x="tokens", y=y, **ROUGH)
    words = str(caught.value)
    assert f'--y "({y}) + ' in words
    fit = sf.fit(frame, x="tokens", y=advised(words), **ROUGH)
    row = fit.summary().set_index("parameter").loc["exponent"]
    assert row["low"] < 0.35 < row["high"]


def test_what_rises_through_zero_has_a_ceiling() -> None:
    assert "--ceiling" in refused(3.0 - LOSS)
    low, high = exponent("loss", 3.0 - LOSS, ceiling=3.0)
    assert low < 0.35 < high


def test_zeros_in_place_of_values_are_cut_off_in_x() -> None:
    y = np.where(X < 3e9, LOSS - 1.4, 0.0)
    words = refused(y)
    assert "x_range (--to, --from)" in words
    low, high = exponent("loss + 1.4", y, x_range=(0, 3e9))
    assert low < 0.35 < high


def test_a_run_that_diverged_is_cut_in_x() -> None:
    y = LOSS.copy()
    y[14] = np.inf
    words = refused(y)
    assert f"--to {X[13]:.10g} keeps what comes before, --from {X[15]:.10g}" in words
    low, high = exponent("loss", y, x_range=(0, X[13] * 1.0001))
    assert low < 0.35 < high


@pytest.mark.parametrize(("factor", "right"), [(1.0, "1"), (100.0, "100"), (1000.0, "is larger")])
def test_a_ceiling_below_y_names_one_that_would_do(factor: float, right: str) -> None:
    words = refused((1.0 - 0.2 * LOSS / LOSS[0]) * factor, ceiling=0.85 * factor)
    assert f"reaches the ceiling of {0.85 * factor:g}" in words
    assert right in words.partition("The largest is")[2]
