"""`scalefit.tail`: intervals, shapes, verdicts and refusals, on samples whose tail is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import scalefit as sf
from scalefit.errors import ConfigError, InvalidData


def sample(rng: np.random.Generator, body: int = 300, tail: int = 300, alpha: float = 1.5) -> Any:
    """Return a uniform bulk, a gap up to 1, and a tail of density x^-(1 + alpha)."""
    return np.concatenate([rng.uniform(0.2, 0.7, body), rng.pareto(alpha, tail) + 1.0])


@pytest.fixture(scope="module")
def found() -> sf.Tail:
    return sf.tail(7.0 * sample(np.random.default_rng(3), 600, 600), seed=4)


def test_intervals_hold_exponent_and_cutoff(found: sf.Tail) -> None:
    table: Any = found.summary()
    own = table[table["tail"] == "power law"].set_index("parameter")
    for parameter, truth in (("exponent", 2.5), ("cutoff", 7.0), ("values", 600)):
        assert own.loc[parameter, "low"] <= truth <= own.loc[parameter, "high"]
    assert own.loc["exponent", "high"] - own.loc["exponent", "low"] < 0.6
    wider: Any = found.summary(0.99)
    assert wider.loc[0, "high"] > own.loc["exponent", "high"]
    assert found.verdict == "ok"


def test_probabilities_and_draws(found: sf.Tail) -> None:
    names = ["power law", "shifted power law", "truncated power law", "log-normal", "exponential"]
    assert list(found.probabilities.index) == names
    assert found.probabilities.sum() == pytest.approx(1.0)
    difference = found.log_evidence["power law"] - found.log_evidence["exponential"]
    odds = found.probabilities["power law"] / found.probabilities["exponential"]
    assert np.log(odds) == pytest.approx(difference)
    assert odds > 100.0
    by_shape = found.draws.groupby("tail", sort=False)
    assert dict(by_shape.size()) == dict.fromkeys(names, 1000)
    counts = [np.sum(found.values >= one) for one in found.draws["cutoff"]]
    np.testing.assert_array_equal(found.draws["values"], counts)


def test_print_fits_80_columns(found: sf.Tail) -> None:
    lines = repr(found).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "Tail of 1,200 values: ok"
    assert "log-normal" in repr(found)
    assert "<table>" in found._repr_html_()


def test_same_seed_same_draws_in_any_unit(found: sf.Tail) -> None:
    other = sf.tail(7e6 * sample(np.random.default_rng(3), 600, 600), seed=4)
    np.testing.assert_allclose(other.draws["exponent"], found.draws["exponent"], rtol=1e-6)
    np.testing.assert_allclose(other.draws["cutoff"], 1e6 * found.draws["cutoff"], rtol=1e-6)
    np.testing.assert_allclose(other.log_evidence, found.log_evidence, rtol=1e-9)


def test_a_shift_is_added_back(rng: np.random.Generator) -> None:
    eigenvalues = np.sort(rng.pareto(1.0, 400) + 1.0)
    learned = np.maximum(eigenvalues - 3.0, 0.0)
    found = sf.tail(learned, shift=3.0)
    low, high = found.summary().loc[0, ["low", "high"]]
    assert low <= 2.0 <= high
    kept = int((eigenvalues > 3.0).sum())
    assert found.values.size == kept
    assert found.notes == (f"{400 - kept} values left out: zero or negative",)
    assert "3 added" in repr(found)


@pytest.mark.parametrize(
    ("name", "draw"),
    [
        ("log-normal", lambda rng: np.exp(0.7 * rng.standard_normal(2000))),
        ("exponential", lambda rng: rng.exponential(size=2000)),
    ],
)
def test_other_tails_are_doubtful(name: str, draw: Any, rng: np.random.Generator) -> None:
    found = sf.tail(draw(rng))
    assert found.probabilities[name] > found.probabilities["power law"]
    assert found.verdict.startswith("doubtful: ")
    assert name in repr(found)


def test_what_is_counted_is_doubtful(rng: np.random.Generator) -> None:
    found = sf.tail(np.ceil(rng.pareto(1.2, 1000) + 0.5))
    assert "equal another: rounded values or counts" in found.verdict


def test_missing_values_are_noted() -> None:
    values = sample(np.random.default_rng(1), 40, 40)
    found = sf.tail(pd.Series([*values, None, np.nan, 0.0, -1e-9]))
    assert found.values.size == 80
    assert found.notes == (
        "2 values left out: missing",
        "2 values left out: zero or negative",
    )
    with pytest.raises(ValueError, match="read-only"):
        found.values[0] = 1.0


@pytest.mark.parametrize(
    ("values", "options", "error", "words"),
    [
        (np.ones(100), {}, InvalidData, "1 different number > 0; a tail needs 10"),
        (np.arange(1.0, 6.0), {}, InvalidData, "5 values > 0; give 20 to 1,000,000"),
        (np.ones((30, 2)), {}, InvalidData, "2 dimensions"),
        ([*range(1, 40), np.inf], {}, InvalidData, "1 infinity; leave"),
        (["a"] * 30, {}, InvalidData, "what is no number"),
        (np.arange(1.0, 50.0), {"shift": -1.0}, ConfigError, "shift=-1.0: give the threshold"),
        (np.arange(1.0, 50.0), {"shift": "c"}, ConfigError, "shift='c'"),
        (np.arange(1.0, 50.0), {"draws": 3}, ConfigError, "draws=3: give a whole number"),
        (np.arange(1.0, 50.0), {"seed": -1}, ConfigError, "seed=-1"),
    ],
)
def test_refusals_are_one_line(values: Any, options: Any, error: Any, words: str) -> None:
    with pytest.raises(error) as caught:
        sf.tail(values, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_figure(found: sf.Tail, tmp_path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    ax = found.plot()
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    (points, line) = ax.lines
    x, share = (np.asarray(one, dtype=float) for one in points.get_data())
    np.testing.assert_allclose(share[0], 1 / 1200)
    assert x[0] == found.values[-1]
    model = np.asarray(line.get_ydata(), dtype=float)
    assert model[0] == pytest.approx(0.5, abs=0.08)
    ax.figure.savefig(tmp_path / "tail.png")
