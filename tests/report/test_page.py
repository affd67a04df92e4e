from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import scalefit as sf
from scalefit.analysis.checks import each
from scalefit.comparison.sentences import sentences
from scalefit.errors import ConfigError
from scalefit.report import content, figures, several
from scalefit.wording import rounded

from .conftest import NAMES


def views(fit: sf.Fit) -> dict[str, figures.View]:
    return {run: figures.view(fit, run, found) for run, found in each(fit, fit.runs, seed=0)}


def text_of(page: Path) -> str:
    """Return the page without Plotly's own code."""
    text = page.read_text(encoding="utf-8")
    return re.sub(r"<script[^>]*>/\*\*.*?</script>", "", text, count=1, flags=re.DOTALL)


def test_every_number_of_the_summary_is_on_the_page(fit: sf.Fit, page: Path) -> None:
    text = text_of(page)
    for row in fit.summary().to_dict("records"):
        median, low, high = rounded(row["median"], row["low"], row["high"])
        assert f"<td>{median}</td><td>[{low}, {high}]</td>" in text
    for word in ("certificates", "Priors", "residuals look like the noise", "Provenance"):
        assert word in text


def test_names_are_text(page: Path) -> None:
    text = text_of(page)
    for name in NAMES:
        assert html.escape(name, quote=False).replace("'", "&#39;") in text
    assert "<script>alert" not in text
    assert "<b>bold" not in text


def test_the_page_refers_to_nothing_outside(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"<(link|img|iframe|object|embed|base|form)\b", text)
    assert not re.search(r"\bsrc\s*=\s*[\"']", text.split("<style>")[0])
    assert "default-src 'none'" in text
    assert text.count("<script") == len(re.findall(r"</script>", text))


def test_the_menu_holds_every_curve_and_each_shows_its_own_points(fit: sf.Fit) -> None:
    figure = figures.explorer(fit, views(fit))
    menu = figure.layout.updatemenus[1]
    assert len(menu.buttons) == len(NAMES)
    at = list(figures.TRACES).index("data")
    for button, run in zip(menu.buttons, fit.runs, strict=True):
        x, y = fit.curve(run)
        np.testing.assert_allclose(button.args[0]["x"][at], x, rtol=1e-4)
        np.testing.assert_allclose(button.args[0]["y"][at], y, rtol=1e-4)


def test_bands_are_those_of_the_predictions(fit: sf.Fit) -> None:
    run = fit.runs[2]
    shown = views(fit)[run]
    x = np.array(shown["median"]["x"])
    inside = x <= fit.curve(run)[0][-1]
    expected = fit.predict(x[inside], kind="curve", hazard=0.0).sel(run=run)
    np.testing.assert_allclose(
        np.array(shown["median"]["y"])[inside], expected["median"], rtol=1e-4
    )
    ahead = np.array(shown["future"]["x"])[: figures.GRID // 4]
    far = fit.predict(ahead, hazard=1.0).sel(run=run)
    outer = np.array(shown["future"]["y"])
    assert (outer[: ahead.size] <= far["median"].values * 1.01).all()
    assert (outer[ahead.size :][::-1] >= far["median"].values * 0.99).all()


def test_a_curve_that_failed_is_on_the_page(failed: sf.Fit, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    failed.report(path)
    text = text_of(path)
    assert "1 cannot be relied on" in text
    assert html.escape(failed.verdict["b"], quote=False).replace("'", "&#39;") in text


@pytest.mark.parametrize("options", [{"noise": "student"}, {"regimes": 1, "floor": False}])
def test_a_single_curve_without_a_name(options: dict[str, Any], tmp_path: Path) -> None:
    x = np.geomspace(1.0, 1e4, 20)
    y = x**-0.5 * np.exp(0.02 * np.random.default_rng(0).standard_normal(20))
    one = sf.fit(x, y, method="point", progress=False, **{"regimes": 1, **options})
    path = tmp_path / "one.html"
    one.report(path)
    assert '<details id="curve-0" open>' in text_of(path)
    assert len(figures.explorer(one, views(one)).layout.updatemenus) == 1


def test_of_many_curves_the_unreliable_are_shown_first(
    failed: sf.Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "CURVES", 1)
    made = content.of(failed, 0.9)
    assert [curve["run"] for curve in made["curves"]] == ["b"]
    assert [row["run"] for row in made["overview"]] == failed.runs


def test_a_page_that_cannot_be_made_leaves_the_old_one(fit: sf.Fit, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    with pytest.raises(ConfigError, match="interval"):
        fit.report(path, interval=90)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_numbers_are_short_and_gaps_are_null() -> None:
    assert json.dumps(figures.decimals([1 / 3, np.nan, np.inf, 1e-12])) == (
        "[0.33333, null, null, 1e-12]"
    )


def test_differences_are_those_of_compare(fit: sf.Fit) -> None:
    made = content.of(fit, 0.9)
    rows = made["compared"]
    table: pd.DataFrame = sf.compare(fit)
    assert made["sentences"] == (sentences(table) if len(table) <= content.COMPARED else [])
    assert [row[0] for row in rows] == table["a"].tolist()
    spelled = [rounded(*row) for row in table[["median", "low", "high"]].to_numpy()]
    assert [row[2:4] for row in rows] == [[m, f"[{low}, {high}]"] for m, low, high in spelled]


def test_the_band_of_a_long_curve_is_of_single_points() -> None:
    x = np.geomspace(1.0, 2e3, 8000)
    y = x**-0.5 * np.exp(0.1 * np.random.default_rng(0).standard_normal(x.size))
    one = sf.fit(x, y, method="point", progress=False, regimes=1, floor=False, noise="normal")
    band = views(one)["curve"]["band"]
    half = len(band["y"]) // 2
    width = np.log(np.array(band["y"][half:][::-1]) / np.array(band["y"][:half]))
    # From five bins of 40 points, and quantiles of 1,000 draws: 4 standard errors.
    np.testing.assert_allclose(width, 2 * 1.645 * 0.1, rtol=0.25)
    assert np.median(width) == pytest.approx(2 * 1.645 * 0.1, rel=0.1)


def test_runs_are_told_with_their_setting_and_verdict_first(tmp_path: Path) -> None:
    x = np.geomspace(1.0, 1e4, 12)
    data = pd.concat(pd.DataFrame({"x": x, "y": x**-0.5 * (1 + lr), "lr": lr}) for lr in (0.1, 0.3))
    data["y"] *= np.exp(0.02 * np.random.default_rng(0).standard_normal(24))
    quick: dict[str, Any] = {"method": "point", "progress": False, "regimes": 1, "floor": False}
    fit = sf.fit(data, x="x", y="y", by="lr", **quick)
    path = tmp_path / "report.html"
    theory = {"0.1": (x, x**-0.5)}
    fit.report(path, theory=theory)
    text = text_of(path)
    assert "</span> · lr=0.1</summary>" in text
    assert text.index('<span class="state') < text.index("</span> · lr=0.1")
    assert '<a href="#curve-1">lr=0.3</a></td><td' in text
    assert text.index('id="together"') < text.index('id="curves"')
    made = content.of(fit, 0.9, theory=theory)
    assert made["overlaid"] == 2
    together = several.overlay(fit, {"0.1": figures.view(fit, "0.1", None, theory["0.1"])})
    (drawn,) = [trace for trace in together.data if trace.name == "theory"]
    np.testing.assert_allclose(drawn.y, x**-0.5, rtol=1e-4)
    assert {trace.name for trace in together.data} == {"lr=0.1", "theory"}
