"""Several curves on one axes: which, told apart how, and what covers nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import scalefit as sf
from scalefit import plot
from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.plot import room
from scalefit.plot.style import DASHES, HUES, MARKS, look

X = np.geomspace(1.0, 1e4, 12)


@pytest.fixture(autouse=True)
def plt() -> Iterator[Any]:
    mpl.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def made(runs: int, slope: float = 0.3, regimes: int = 1) -> sf.Fit:
    rng = np.random.default_rng(runs)
    parts = [
        pd.DataFrame(
            {
                "lr": i / 100,
                "x": X,
                "y": (1 + i / 5) * X**-slope * np.exp(0.02 * rng.normal(size=12)),
            }
        )
        for i in range(runs)
    ]
    names: Any = {"x": "x", "y": "y", "by": "lr"}
    calm: Any = {"floor": False, "noise": "normal", "method": "point", "progress": False}
    return sf.fit(pd.concat(parts), **names, regimes=regimes, **calm)


@pytest.fixture(scope="module")
def many() -> sf.Fit:
    return made(21)


def data_of(ax: Any) -> list[Any]:
    return [line for line in ax.lines if line.get_marker() in MARKS and len(line.get_xdata()) == 12]


@pytest.mark.parametrize("runs", [2, 3, 8])
def test_a_few_curves_have_their_names_beside_them(many: sf.Fit, runs: int) -> None:
    ax: Any = many[many.runs[:runs]].plot()
    for line, run in zip(data_of(ax), many.runs, strict=False):
        np.testing.assert_array_equal(line.get_ydata(), many.curve(run)[1])
    names = [text.get_text() for text in ax.texts]
    assert sorted(names) == sorted(f"lr={run}" for run in many.runs[:runs])
    heights = sorted(text.get_position()[1] for text in ax.texts)
    assert all(text.get_position()[0] > 1.0 for text in ax.texts)
    assert np.diff(heights).min() > 0.02
    assert len(ax.collections) == (runs if runs <= 3 else 0)  # bands
    assert not ax.get_title()


@pytest.mark.parametrize(("most", "drawn"), [(None, 20), (9, 9), (21, 21)])
def test_a_figure_says_how_many_it_shows(many: sf.Fit, most: int | None, drawn: int) -> None:
    ax: Any = many.plot(most=most)
    assert len(data_of(ax)) == drawn
    assert ax.get_title() == (f"first {drawn} of 21 curves" if drawn < 21 else "")
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == [f"lr={run}" for run in many.runs[:drawn]]
    ax.figure.draw_without_rendering()
    assert ax.get_legend().get_window_extent().x0 >= ax.bbox.x1


def test_curves_are_told_apart_without_colour() -> None:
    looks = [look(i) for i in range(35)]
    for i, one in enumerate(looks):
        for other in looks[:i]:
            assert sum(one[key] == other[key] for key in one) < 2
    assert len({len(HUES), len(DASHES), len(MARKS)}) == 3


@pytest.mark.parametrize(("slope", "runs"), [(-0.4, 1), (0.0, 1), (0.3, 1), (-0.4, 2), (0.3, 5)])
def test_no_legend_or_label_covers_a_point(slope: float, runs: int) -> None:
    fit = made(runs, slope, regimes=2)
    for beyond in (1.0, 30.0):
        ax: Any = fit.plot(beyond=beyond)
        ax.figure.canvas.draw()
        assert not covered(ax, np.concatenate([np.column_stack(fit.curve(r)) for r in fit.runs]))


@pytest.mark.parametrize("y", [[1.0, 9.0, 1.2, 8.0, 1.1, 9.5, 1.0, 9.0], [5.0, 5.1] * 4])
def test_a_cloud_of_points_is_not_covered_either(y: list[float]) -> None:
    x = np.geomspace(1.0, 100.0, 40)
    calm: Any = {"regimes": 1, "floor": False, "noise": "normal", "method": "point"}
    fit = sf.fit(x, np.tile(y, 5), progress=False, **calm)
    ax: Any = fit.plot()
    ax.figure.canvas.draw()
    assert not covered(ax, np.column_stack(fit.curve("curve")))


def covered(ax: Any, points: Array) -> Any:
    """Return whether a point lies under the legend or a label."""
    at = ax.transData.transform(points)
    extents = [text.get_window_extent() for text in ax.texts]
    if ax.get_legend() is not None:
        extents.append(ax.get_legend().get_window_extent())
    return any(box.contains(*one) for box in extents for one in at)


def test_a_given_axes_takes_several_curves(plt: Any, many: sf.Fit) -> None:
    _, (left, right) = plt.subplots(1, 2, layout="constrained")
    assert many.plot(ax=right, most=3) is right
    assert len(data_of(right)) == 3
    assert not left.lines


def test_a_failed_run_is_drawn_without_a_law(many: sf.Fit) -> None:
    tree = many[many.runs[:3]].tree.copy(deep=True)
    for name in tree["posterior"].data_vars:
        tree["posterior"][name][:, :, 1] = np.nan
    tree["diagnostics"]["verdict"][1] = "doubtful: a <pole>; look"
    ax: Any = sf.Fit(many.law, tree).plot()
    assert len(data_of(ax)) == 3
    assert "lr=0.01  (doubtful)" in [text.get_text() for text in ax.texts]


@pytest.mark.parametrize("wrong", [0, -1, 2.5, "all", True])
def test_most_is_a_number(many: sf.Fit, wrong: Any) -> None:
    with pytest.raises(ConfigError, match="most="):
        many.plot(most=wrong)


def test_figures_say_what_they_draw(many: sf.Fit) -> None:
    for draw in (
        plot.curve,
        plot.local_exponent,
        plot.probabilities,
        plot.residuals,
        plot.collapse,
    ):
        with pytest.raises(ConfigError, match=r"draws a fit, .*; a DataFrame was given"):
            draw(many.summary())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"plot\.forest\(sf\.compare\(fit\)\)"):
        plot.forest(many)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"draws a comparison, .*; a int was given"):
        plot.forest(3)  # type: ignore[arg-type]


def test_the_crossover_band_is_in_the_legend_and_hatched() -> None:
    ax: Any = made(1, regimes=3).plot()
    bands = [patch for patch in ax.patches if patch.get_hatch()]
    assert len(bands) == 2
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names.count("crossover, 90%") == 1


def test_boxes_meet_only_where_they_do() -> None:
    assert room._meet((0, 0, 1, 1), (0.5, 0.5, 2, 2))
    assert not room._meet((0, 0, 1, 1), (1.1, 0, 2, 1))


def test_a_line_to_a_name_beside_the_axes_makes_no_axis_longer() -> None:
    ax = made(3, slope=0.05).plot()
    drawn = np.concatenate([line.get_ydata() for line in ax.lines if len(line.get_ydata())])
    low, high = ax.get_ylim()
    assert np.log(high / low) < 1.3 * np.log(drawn.max() / drawn.min())
