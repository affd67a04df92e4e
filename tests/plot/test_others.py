"""`scalefit.plot`: what is on the axes of the figures beside that of the curve."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from samples.changed import judged
from samples.losses import X, table

import scalefit as sf
from scalefit import plot
from scalefit.analysis.checks import correlation
from scalefit.errors import ConfigError
from scalefit.wording import shortened as short

LONG = "a name far too long, learning rate 0.0003, width 4096, seed"
POINT: dict[str, Any] = {"method": "point", "noise": "normal", "progress": False}


@pytest.fixture(autouse=True)
def plt() -> Iterator[Any]:
    """Yield pyplot; figures must draw, and leave its settings as they were."""
    mpl.use("Agg")
    from matplotlib import pyplot

    before = dict(mpl.rcParams)
    yield pyplot
    for number in pyplot.get_fignums():
        pyplot.figure(number).canvas.draw()
    assert dict(mpl.rcParams) == before
    pyplot.close("all")


@pytest.fixture(scope="module")
def three() -> sf.Fit:
    data = table(3)
    return sf.fit(data, x="step", y="loss", by="arch", regimes=(1, 2), **POINT)


@pytest.fixture(scope="module")
def twenty() -> sf.Fit:
    parts = [table(1).assign(arch=f"{LONG} {i} $") for i in range(20)]
    data = pd.concat(parts)
    fit = sf.fit(data, x="step", y="loss", by="arch", regimes=2, floor=False, **POINT)
    return judged(fit, "searches disagree", 1)


def test_the_names_are_public() -> None:
    assert sf.plot is plot
    assert all(callable(getattr(plot, name)) for name in plot.__all__)


@pytest.mark.parametrize("name", ["curve", "local_exponent", "collapse"])
def test_a_given_axes_is_used_and_no_figure_made(three: sf.Fit, plt: Any, name: str) -> None:
    figure, (left, right) = plt.subplots(1, 2)
    given: dict[str, Any] = {} if name == "collapse" else {"run": "a"}
    assert getattr(plot, name)(three, ax=right, **given) is right
    assert plt.get_fignums() == [figure.number]
    assert right.lines
    assert not left.lines


@pytest.mark.parametrize("draw", [plot.curve, plot.local_exponent, plot.probabilities])
def test_unknown_runs_are_refused(three: sf.Fit, draw: Any) -> None:
    with pytest.raises(ConfigError, match="run='d' is not in this fit"):
        draw(three, "d")


def test_one_curve_of_several(three: sf.Fit) -> None:
    ax: Any = plot.curve(three, "b", beyond=2)
    assert ax.get_title() == "b"
    assert len(plot.curve(three, panels=True)) == 3  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="beyond=0"):
        plot.curve(three, "b", beyond=0)


def test_a_forest_has_a_row_per_comparison(three: sf.Fit) -> None:
    found = sf.compare(three, rope=0.05)
    ax = plot.forest(found)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a vs b", "a vs c", "b vs c"]
    (bars,) = [part for part in ax.collections if hasattr(part, "get_segments")]
    ends = [segment[:, 0] for segment in bars.get_segments()]
    np.testing.assert_allclose(ends, found[["low", "high"]].to_numpy())
    (points,) = [part for part in ax.collections if len(part.get_offsets()) == 3]
    np.testing.assert_allclose(points.get_offsets()[:, 0], found["median"])
    assert ax.get_xlabel() == "end exponent: a - b, 90% interval"
    (zero,) = ax.lines
    assert set(zero.get_xdata()) == {0.0}
    (rope,) = ax.patches
    assert rope.get_extents().transformed(ax.transData.inverted()).x0 == pytest.approx(-0.05)
    times = plot.forest(sf.compare(three, ratio=True))
    assert set(times.lines[0].get_xdata()) == {1.0}


def test_unreliable_comparisons_are_hollow(twenty: sf.Fit) -> None:
    with pytest.warns(UserWarning, match="unreliable"):
        found = sf.compare(twenty)
    ax = plot.forest(found)
    (points,) = [part for part in ax.collections if len(part.get_offsets()) == 20]
    faces: Any = points.get_facecolors()
    hollow = [bool((face[:3] == 1.0).all()) for face in faces]
    assert hollow == [i == 1 for i in range(20)]
    assert max(len(label.get_text()) for label in ax.get_yticklabels()) < 45


def test_a_forest_of_many_is_sorted_and_unnamed(three: sf.Fit) -> None:
    found = sf.compare(three)
    many = pd.concat([found] * 30, ignore_index=True)
    many.attrs = found.attrs
    ax = plot.forest(many)
    assert ax.get_ylabel() == "90 comparisons, sorted"
    (points,) = [part for part in ax.collections if len(part.get_offsets()) == 90]
    assert (np.diff(np.asarray(points.get_offsets())[:, 0]) >= 0).all()
    with pytest.raises(ConfigError, match=r"scalefit\.compare"):
        plot.forest(found.head(0))


@pytest.mark.parametrize("floor", [False, True])
def test_the_local_exponent_is_that_of_the_fit(three: sf.Fit, floor: bool) -> None:
    ax = plot.local_exponent(three, floor=floor)
    for line, run in zip([one for one in ax.lines if one.get_lw() == 1.5], three.runs, strict=True):
        x, y = map(np.asarray, line.get_data())
        expected = three.local_exponent(x, floor=floor).sel(run=run).median(("chain", "draw"))
        np.testing.assert_allclose(y, expected)
    styles = {str(line.get_linestyle()) for line in ax.lines if line.get_lw() == 1.5}
    assert len(styles) == 3
    assert ("left in" in ax.get_ylabel()) is floor


def test_many_local_exponents_are_the_first(twenty: sf.Fit) -> None:
    ax = plot.local_exponent(twenty)
    assert ax.get_title() == "first 8 of 20 runs"
    legend: Any = ax.get_legend()
    texts = [text.get_text() for text in legend.get_texts()]
    assert len(texts) == 8
    assert texts[1].endswith("(unreliable)")


def test_probabilities_are_summed_over_noise() -> None:
    fit = sf.fit(
        table(2), x="step", y="loss", by="arch", regimes=(1, 2), method="point", progress=False
    )
    ax = plot.probabilities(fit)
    (image,) = ax.images
    shown = np.asarray(image.get_array())
    summed = fit.probabilities.T.groupby(level=["regimes", "floor"]).sum().T
    np.testing.assert_allclose(shown, summed.to_numpy())
    np.testing.assert_allclose(shown.sum(axis=1), 1.0)
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["a", "b"]
    assert [tick.get_text() for tick in ax.get_xticklabels()][:2] == ["1\nno floor", "1\nfloor"]
    assert len(plot.probabilities(fit, "b").texts) == 4


def test_probabilities_of_many_runs_have_no_room_for_numbers(three: sf.Fit) -> None:
    module = importlib.import_module("scalefit.plot.probabilities")  # the file, not the function
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "WRITTEN", 2)
        ax = plot.probabilities(three)
    assert not ax.texts
    assert ax.get_ylabel() == "3 runs"


def test_residuals_are_those_that_are_checked(three: sf.Fit) -> None:
    axes = plot.residuals(three)
    assert axes.shape == (3, 2)
    left, right = axes[1]
    line = left.lines[-1]
    np.testing.assert_allclose(line.get_xdata(), three.curve("b")[0])
    y = line.get_ydata()
    assert 0.7 < np.std(y) < 1.3
    lags = right.lines[-1]
    assert lags.get_xdata()[0] == 1
    assert lags.get_ydata()[0] == pytest.approx(correlation(y[None])[0], abs=0.05)
    assert left.get_title() == "b"


def test_residuals_take_two_axes_for_one_run(three: sf.Fit, twenty: sf.Fit, plt: Any) -> None:
    _, pair = plt.subplots(1, 2)
    assert plot.residuals(three, "a", ax=pair)[0, 0] is pair[0]
    with pytest.raises(ConfigError, match="give two axes"):
        plot.residuals(three, ax=pair)
    assert plot.residuals(twenty).shape == (6, 2)
    assert plt.gcf().get_suptitle() == "first 6 of 20 runs"


def test_curves_collapse() -> None:
    """Curves that differ in amplitude and crossover only fall on one."""
    parts = []
    for i, (place, level) in enumerate([(30.0, 1.0), (100.0, 7.0), (300.0, 0.1)]):
        y = level * (X / place) ** -0.2 * (1 + X / place) ** -0.5
        y = y * np.exp(0.005 * np.random.default_rng(i).standard_normal(X.size))
        parts.append(pd.DataFrame({"x": X, "y": y, "k": f"k{i}"}))
    data = pd.concat(parts)
    fit = sf.fit(data, x="x", y="y", by="k", regimes=2, floor=False, **POINT)
    ax = plot.collapse(fit)
    lines = [line for line in ax.lines if line.get_linestyle() == "None"]
    assert len(lines) == 3
    assert len({str(line.get_marker()) for line in lines}) == 3
    u = np.log(np.geomspace(0.1, 10.0, 9))
    curves = [
        np.interp(u, np.log(np.asarray(x, float)), np.log(np.asarray(y, float)))
        for x, y in (line.get_data() for line in lines)
    ]
    # Crossovers are known to about 10%, where the curve falls with x^0.5.
    assert np.ptp(curves, axis=0).max() < 0.15
    assert ax.get_xlabel() == "x / crossover 0"
    for wrong in (1, -1):
        with pytest.raises(ConfigError, match="no run has it"):
            plot.collapse(fit, wrong)


def test_runs_without_the_crossover_are_counted_out(three: sf.Fit) -> None:
    tree = three.tree.copy(deep=True)
    tree["posterior"]["regimes"][{"run": 0}] = 1
    ax = plot.collapse(sf.Fit(three.law, tree), floor=True)
    assert ax.get_title() == "2 of 3 runs have this crossover"
    assert "floor removed" not in ax.get_ylabel()


def test_failed_runs_are_not_drawn(three: sf.Fit) -> None:
    tree = three.tree.copy(deep=True)
    tree["posterior"]["noise"][:] = np.nan
    lost = sf.Fit(three.law, tree)
    for draw in (plot.local_exponent, plot.residuals, plot.collapse):
        with pytest.raises(ConfigError, match="no run has a posterior"):
            draw(lost)


def test_long_names_lose_their_middle() -> None:
    assert short("a" * 20, 20) == "a" * 20
    name = short(LONG + " 7", 20)
    assert len(name) == 20
    assert name.startswith(LONG[:9])
    assert name.endswith("seed 7")


def test_names_of_local_exponents_stand_beside_the_axes(three: sf.Fit) -> None:
    ax: Any = plot.local_exponent(three)
    ax.figure.canvas.draw()
    assert ax.get_legend().get_window_extent().x0 > ax.get_window_extent().x1
    alone: Any = plot.local_exponent(three[three.runs[0]])
    assert alone.get_legend() is None
    assert alone.get_title() == three.runs[0]
