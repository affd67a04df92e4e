"""Figures: what is on the axes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import scalefit as sf
from scalefit.errors import ConfigError

Array = NDArray[np.float64]

X = np.geomspace(1.0, 1e4, 30)


@pytest.fixture(autouse=True)
def plt() -> Iterator[Any]:
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def table(runs: int, noise: float = 0.02) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    bent = X**-0.2 * (1 + X / 100) ** -0.5
    return pd.concat(
        pd.DataFrame(
            {"tokens": X, "loss": bent * np.exp(noise * rng.standard_normal(30)), "model": f"m{i}"}
        )
        for i in range(runs)
    )


def fitted(runs: int = 1, regimes: int = 2, floor: bool = False) -> sf.Fit:
    return sf.fit(
        table(runs), x="tokens", y="loss", by="model", regimes=regimes, floor=floor, method="point"
    )


def data_of(ax: Any) -> Any:
    (line,) = [line for line in ax.lines if line.get_label() == "data"]
    return line


def upright(ax: Any) -> list[float]:
    """Return where dashed vertical lines stand: the crossovers."""
    return [
        line.get_xdata()[0]
        for line in ax.lines
        if len(set(line.get_xdata())) == 1 and line.get_linestyle() == "--"
    ]


def test_the_data_are_drawn_on_log_axes() -> None:
    fit = fitted()
    ax = fit.plot()
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    x, y = fit.curve("m0")
    np.testing.assert_array_equal(data_of(ax).get_xdata(), x)
    np.testing.assert_array_equal(data_of(ax).get_ydata(), y)
    low, high = ax.get_xlim()
    assert low < x[0] < x[-1] < high
    bottom, top = ax.get_ylim()
    assert bottom < y.min() < y.max() < top
    assert ax.get_title() == "m0"


def test_the_median_and_its_band_follow_the_fit() -> None:
    fit = fitted()
    ax = fit.plot()
    (median,) = [line for line in ax.lines if str(line.get_label()).startswith("median")]
    x, y = median.get_xdata(), median.get_ydata()
    expected = fit.predict(x, kind="curve")["median"].values[0]
    # The median of logs and the log of the median differ by the gap between two draws, squared.
    np.testing.assert_allclose(y, expected, rtol=1e-6)
    (band,) = [
        part for part in ax.collections if str(part.get_label()).startswith("90% of new points")
    ]
    corners = band.get_paths()[0].vertices
    for i in (0, 100, 199):
        heights = corners[np.isclose(corners[:, 0], x[i], rtol=1e-12), 1]
        stated = fit.predict(x[i]).squeeze()
        # Two sets of 1,000 deviates: each end of a 90% band is known to about 0.1 noise sd.
        assert heights.min() == pytest.approx(float(stated["low"]), rel=0.01)
        assert heights.max() == pytest.approx(float(stated["high"]), rel=0.01)


@pytest.mark.parametrize("regimes", [1, 2, 3])
def test_every_crossover_and_exponent_is_marked(regimes: int) -> None:
    fit = fitted(regimes=regimes)
    ax = fit.plot()
    params = fit.parameters("m0")
    crossovers = np.median(params["crossover"], axis=0) if regimes > 1 else []
    np.testing.assert_allclose(upright(ax), crossovers)
    assert len(ax.texts) == regimes
    for text, exponent in zip(ax.texts, np.median(params["exponent"], axis=0), strict=True):
        assert f"{exponent:.3g}" in text.get_text()
    places = [text.xy[0] for text in ax.texts]
    edges = [X[0], *crossovers, X[-1]]
    for place, low, high in zip(places, edges[:-1], edges[1:], strict=True):
        assert low < place < high


def test_labels_carry_units() -> None:
    data = sf.trajectory.build(
        {
            "step": (("run", "point"), X[None], {"long_name": "optimiser step", "units": ""}),
            "loss": (("run", "point"), X[None] ** -0.3, {"long_name": "test loss", "units": "nat"}),
        },
        {"run": ["curve"]},
        source="a test",
    )
    data["loss"] *= np.exp(0.02 * np.random.default_rng(0).standard_normal(30))
    ax = sf.fit(data, x="step", y="loss", regimes=1, method="point").plot()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("optimiser step", "test loss [nat]")
    assert ax.get_title() == ""


def test_a_given_axes_is_used(plt: Any) -> None:
    figure, (left, right) = plt.subplots(1, 2)
    assert fitted().plot(ax=right) is right
    assert plt.get_fignums() == [figure.number]
    assert not left.lines
    assert data_of(right)


@pytest.mark.parametrize(("runs", "drawn"), [(2, 2), (4, 4), (13, 12)])
def test_several_runs_get_a_panel_each(runs: int, drawn: int, plt: Any) -> None:
    fit = fitted(runs, regimes=1)
    axes = fit.plot()
    assert len(axes) == drawn
    assert [ax.get_title() for ax in axes] == fit.runs[:drawn]
    for ax, run in zip(axes, fit.runs, strict=False):
        np.testing.assert_array_equal(data_of(ax).get_ydata(), fit.curve(run)[1])
    (number,) = plt.get_fignums()
    figure = plt.figure(number)
    shown = [ax for ax in figure.axes if ax.axison]
    assert len(shown) == drawn
    if runs > drawn:
        assert figure.get_suptitle() == "first 12 of 13 runs"


def test_several_runs_do_not_fit_one_axes(plt: Any) -> None:
    _, ax = plt.subplots()
    with pytest.raises(ConfigError, match=r"2 runs; call plot\(\) without ax"):
        fitted(2, regimes=1).plot(ax=ax)
    assert not ax.lines


def test_an_unreliable_fit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = fitted()
    fit.tree["diagnostics"]["verdict"][:] = "chains disagree"
    assert fit.plot().get_title() == "m0  (unreliable)"


@pytest.mark.parametrize("run", ["cost $5", "$\\frac$", "a_b^c", "{", "ünï <b>"])
def test_any_name_can_be_a_title(run: str, plt: Any) -> None:
    data = table(1).assign(model=run)
    ax = sf.fit(data, x="tokens", y="loss", by="model", regimes=1, method="point").plot()
    assert ax.get_title() == run
    plt.gcf().canvas.draw()


@pytest.mark.parametrize("name", ["loss $", "$\\frac$", "a_b^c"])
def test_any_name_can_be_an_axis_label(name: str, plt: Any) -> None:
    data = table(1).rename(columns={"loss": name})
    sf.fit(data, x="tokens", y=name, regimes=1, method="point").plot()
    plt.gcf().canvas.draw()


@pytest.mark.parametrize("stretch", [1.0, 1e-12, 1e12])
@pytest.mark.parametrize("decades", [0.3, 1.0, 9.0])
def test_any_range_can_be_drawn(stretch: float, decades: float, plt: Any) -> None:
    x = np.geomspace(1.0, 10.0**decades, 20) * stretch
    y = x**-0.3 * np.exp(0.01 * np.random.default_rng(0).standard_normal(20))
    ax = sf.fit(x, y, regimes=1, method="point").plot()
    plt.gcf().canvas.draw()
    low, high = ax.get_xlim()
    bottom, top = ax.get_ylim()
    assert low < x.min() < x.max() < high
    assert bottom < y.min() < y.max() < top
    assert math.isfinite(high / low)
