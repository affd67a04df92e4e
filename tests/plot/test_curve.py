"""Figures: what is on the axes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from samples.changed import changed, judged

import scalefit as sf
from scalefit.arrays import Array, quantiles
from scalefit.errors import ConfigError
from scalefit.wording import rounded

X = np.geomspace(1.0, 1e4, 30)
ONE: dict[str, Any] = {"regimes": 1, "floor": False, "method": "point", "progress": False}


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


def fitted(runs: int = 1, regimes: int = 2, **options: Any) -> sf.Fit:
    calm = {"floor": False, "noise": "normal", "method": "point", "progress": False}
    names = {"x": "tokens", "y": "loss", "by": "model"}
    return sf.fit(table(runs), **names, regimes=regimes, **{**calm, **options})


@pytest.fixture(scope="module")
def weighed() -> sf.Fit:
    """Return a fit of two runs under all models of one to three regimes; the second is short."""
    data = table(2)
    data = data[(data["model"] == "m0") | (data["tokens"] < 30)]
    few: Any = {"regimes": (1, 2, 3), "method": "point", "progress": False}
    return sf.fit(data, x="tokens", y="loss", by="model", **few)


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


def band_of(ax: Any, label: str) -> Any:
    (band,) = [part for part in ax.collections if part.get_label() == label]
    return band.get_paths()[0].vertices


def edges(corners: Array, x: float) -> tuple[float, float]:
    """Return between which y a band runs at one of its x."""
    heights = corners[np.isclose(corners[:, 0], x, rtol=1e-12), 1]
    return heights.min(), heights.max()


def median_of(ax: Any) -> Any:
    (line,) = [line for line in ax.lines if line.get_label() == "median of the law"]
    return line


def test_the_median_and_its_band_follow_the_fit() -> None:
    fit = fitted()
    ax = fit.plot()
    x, y = median_of(ax).get_xdata(), median_of(ax).get_ydata()
    expected = fit.predict(x, kind="curve", hazard=0.0)["median"].values[0]
    # The median of logs and the log of the median differ by the gap between two draws, squared.
    np.testing.assert_allclose(y, expected, rtol=1e-6)
    corners = band_of(ax, "90% of new points")
    for i in (0, 100, 199):
        stated = fit.predict(x[i]).squeeze()
        low, high = edges(corners, x[i])
        # Two sets of 1,000 deviates: each end of a 90% band is known to about 0.1 noise sd.
        assert low == pytest.approx(float(stated["low_inside"]), rel=0.01)
        assert high == pytest.approx(float(stated["high_inside"]), rel=0.01)


def test_bands_are_averaged_over_models(weighed: sf.Fit) -> None:
    for ax, run in zip(weighed.plot(panels=True), weighed.runs, strict=True):
        x, y = median_of(ax).get_xdata(), median_of(ax).get_ydata()
        assert np.isfinite(y).all()
        expected = weighed.predict(x, kind="curve", hazard=0.0)["median"].sel(run=run)
        np.testing.assert_allclose(y, expected, rtol=1e-4)
        assert np.isfinite(band_of(ax, "90% of new points")).all()


def test_probabilities_stand_in_the_legend(weighed: sf.Fit) -> None:
    long, short = weighed.plot(panels=True)
    for ax, run in ((long, "m0"), (short, "m1")):
        said = ax.get_legend().get_title().get_text()
        assert said.startswith("regimes: 1 ")
        share = weighed.probabilities.loc[run].groupby(level="regimes").sum()
        for n, p in share.items():
            assert f"{n} {'1' if p > 0.995 else f'{p:.2f}'[1:]}" in said
        assert "; floor " in said
        assert "; noise: ar1 " in said
    assert len(long.texts) == int(weighed.summary().query("run == 'm0'")["regimes"].iloc[0]) == 2
    given = weighed.parameters("m0")
    np.testing.assert_allclose(upright(long), np.median(given["crossover"][:, :1], axis=0))
    assert not fitted().plot().get_legend().get_title().get_text()


def test_beyond_the_data_further_crossovers_widen_the_band(weighed: sf.Fit) -> None:
    fit = fitted(floor=True, draws=8000)
    last = X[-1]
    ax = fit.plot(beyond=100)
    assert ax.get_xlim()[1] == pytest.approx(100 * last)
    inner = band_of(ax, "90% of new points")
    outer = band_of(ax, "with further crossovers")
    assert outer[:, 0].min() > last * 0.99
    end = median_of(ax).get_xdata()[-1]
    stated = fit.predict(end).squeeze()
    for corners, kind in ((inner, "_inside"), (outer, "")):
        low, high = edges(corners, end)
        # Ends of a 90% interval of 8,000 draws, on a log scale of a wide distribution.
        assert np.log(low) == pytest.approx(np.log(float(stated[f"low{kind}"])), abs=0.25)
        assert np.log(high) == pytest.approx(np.log(float(stated[f"high{kind}"])), abs=0.25)
    assert edges(outer, end)[1] > edges(inner, end)[1]
    bottom, top = ax.get_ylim()
    assert bottom < inner[:, 1].min() < inner[:, 1].max() < top
    assert fit.plot().get_xlim()[1] < 1.5 * last
    for one in weighed.plot(beyond=10, panels=True):
        assert np.isfinite(band_of(one, "with further crossovers")).all()
    for wrong in (0.5, np.nan, np.inf):
        with pytest.raises(ConfigError, match="beyond="):
            fit.plot(beyond=wrong)


def test_correlated_noise_does_not_pinch_the_band() -> None:
    """Between measured points the band is that of points halfway; it hugs the data all the same."""
    rng = np.random.default_rng(1)
    drift = np.cumsum(rng.standard_normal(30)) * 0.05
    fit = sf.fit(
        X, X**-0.5 * np.exp(drift), regimes=1, floor=False, noise="ar1", method="point",
        progress=False,
    )  # fmt: skip
    ax = fit.plot()
    x = median_of(ax).get_xdata()
    corners = band_of(ax, "90% of new points")
    inside = [edges(corners, one) for one in x[10:-10]]
    widths = np.log([high / low for low, high in inside])
    assert widths.max() < 3 * widths.min()
    scale = np.median(fit.parameters("curve")["noise"])
    assert np.median(widths) < 1.5 * scale  # of a fresh run it would be 3.3 of these
    middle = np.interp(np.log(x[10:-10]), np.log(X), np.log(fit.curve("curve")[1]))
    held = [low < np.exp(m) < high for (low, high), m in zip(inside, middle, strict=True)]
    assert np.mean(held) > 0.9


def test_known_errors_are_drawn() -> None:
    data = table(1).assign(sd=lambda frame: 0.05 * frame["loss"])
    fit = sf.fit(
        data, x="tokens", y="loss", y_err="sd", regimes=2, floor=False, noise="normal",
        method="point", progress=False,
    )  # fmt: skip
    ax = fit.plot()
    (bars,) = ax.containers
    (segments,) = [part.get_segments() for part in bars[2]]
    y = fit.curve(fit.runs[0])[1]
    for segment, middle in zip(segments, y, strict=True):
        np.testing.assert_allclose(segment[:, 1], [0.95 * middle, 1.05 * middle])
    assert len(band_of(ax, "90% of new points, errors aside"))


@pytest.mark.parametrize("regimes", [1, 2, 3])
def test_every_crossover_and_exponent_is_marked(regimes: int) -> None:
    fit = fitted(regimes=regimes)
    ax = fit.plot()
    params = fit.parameters("m0")
    crossovers = np.median(params["crossover"], axis=0) if regimes > 1 else []
    np.testing.assert_allclose(upright(ax), crossovers)
    assert len(ax.texts) == regimes
    for text, draws in zip(ax.texts, params["exponent"].T, strict=True):
        median, low, high = rounded(**quantiles(draws, (0.05, 0.95)))
        assert text.get_text() == f"exponent {median}\n[{low}, {high}]"
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
    ax = sf.fit(data, x="step", y="loss", **ONE).plot()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("optimiser step", "test loss [nat]")
    assert ax.get_title() == ""


def test_a_given_axes_is_used(plt: Any) -> None:
    figure, (left, right) = plt.subplots(1, 2)
    assert fitted().plot(ax=right) is right
    assert plt.get_fignums() == [figure.number]
    assert not left.lines
    assert data_of(right)


@pytest.mark.parametrize(("runs", "most"), [(2, None), (3, 2)])
def test_with_panels_each_run_has_its_own(runs: int, most: int | None, plt: Any) -> None:
    fit = fitted(runs, regimes=1)
    axes = fit.plot(panels=True, most=most)
    drawn = min(runs, most or runs)
    assert len(axes) == drawn
    assert [ax.get_title() for ax in axes] == fit.runs[:drawn]
    for ax, run in zip(axes, fit.runs, strict=False):
        np.testing.assert_array_equal(data_of(ax).get_ydata(), fit.curve(run)[1])
    (number,) = plt.get_fignums()
    figure = plt.figure(number)
    shown = [ax for ax in figure.axes if ax.axison]
    assert len(shown) == drawn
    if runs > drawn:
        assert figure.get_suptitle() == "first 2 of 3 curves"


def test_panels_take_no_axes(plt: Any) -> None:
    _, ax = plt.subplots()
    with pytest.raises(ConfigError, match="panels=True makes one per curve"):
        fitted(2, regimes=1).plot(ax=ax, panels=True)
    assert not ax.lines


def test_an_unreliable_fit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = judged(fitted(), "chains disagree")
    assert fit.plot().get_title() == "m0  (unreliable)"


def test_labels_of_close_crossovers_do_not_meet() -> None:
    fit = fitted(regimes=4)
    close = changed(fit, "posterior", "crossover", np.array([2.0, 4.0, 8.0]))
    heights = [text.xy[1] for text in close.plot().texts]
    assert heights[0] != heights[1] != heights[2] != heights[3]
    apart = changed(fit, "posterior", "crossover", np.array([10.0, 100.0, 1000.0]))
    assert len({text.xy[1] for text in apart.plot().texts}) == 1


@pytest.mark.parametrize("run", ["cost $5", "$\\frac$", "a_b^c", "{", "ünï <b>"])
def test_any_name_can_be_a_title(run: str, plt: Any) -> None:
    data = table(1).assign(model=run)
    ax = sf.fit(data, x="tokens", y="loss", by="model", **ONE).plot()
    assert ax.get_title() == run
    plt.gcf().canvas.draw()


@pytest.mark.parametrize("name", ["loss $", "$\\frac$", "a_b^c"])
def test_any_name_can_be_an_axis_label(name: str, plt: Any) -> None:
    data = table(1).rename(columns={"loss": name})
    ax = sf.fit(data, x="tokens", y=name, **ONE).plot()
    assert ax.get_ylabel() == name.replace("_", " ")
    plt.gcf().canvas.draw()


@pytest.mark.parametrize("stretch", [1.0, 1e-12, 1e12])
@pytest.mark.parametrize("decades", [0.3, 1.0, 9.0])
def test_any_range_can_be_drawn(stretch: float, decades: float, plt: Any) -> None:
    x = np.geomspace(1.0, 10.0**decades, 20) * stretch
    y = x**-0.3 * np.exp(0.01 * np.random.default_rng(0).standard_normal(20))
    ax = sf.fit(x, y, **ONE).plot()
    plt.gcf().canvas.draw()
    low, high = ax.get_xlim()
    bottom, top = ax.get_ylim()
    assert low < x.min() < x.max() < high
    assert bottom < y.min() < y.max() < top
    assert math.isfinite(high / low)
