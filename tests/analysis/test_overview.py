"""`print(fit)`: short, complete, the verdict first; runs by name and by setting."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.cells import cell_len
from samples.losses import table

import scalefit as sf
from scalefit.errors import ConfigError
from scalefit.wording import rounded

QUICK: dict[str, Any] = {"method": "point", "progress": False}


@pytest.fixture(scope="module")
def runs() -> sf.Fit:
    """Return a fit of two optimizers at three rates, twice, and one with a long name."""
    parts = []
    x = np.geomspace(1.0, 1e4, 10)
    for i in range(25):
        y = x**-0.4 * np.exp(0.02 * np.random.default_rng(i).standard_normal(10))
        name = "日本語" * 20 if i == 24 else ["adam", "muon"][i % 2]
        parts.append(
            pd.DataFrame({"x": x, "y": y, "optimizer": name, "lr": [0.1, 0.03][i // 2 % 2], "n": i})
        )
    options: Any = {"regimes": 1, "floor": False, "noise": "normal", **QUICK}
    return sf.fit(pd.concat(parts), x="x", y="y", by=["optimizer", "lr", "n"], **options)


def marked(fit: sf.Fit, **verdicts: str) -> sf.Fit:
    tree = fit.tree.copy(deep=True)
    for place, words in verdicts.items():
        tree["diagnostics"]["verdict"][int(place.removeprefix("run"))] = words
    return sf.Fit(fit.law, tree)


@pytest.mark.parametrize("count", [1, 2, 15, 16, 25])
@pytest.mark.parametrize("doubts", [0, 1, 5])
def test_print_fits_a_terminal(runs: sf.Fit, count: int, doubts: int) -> None:
    words = "doubtful: the last points fall faster than the law allows; cut them with --to " * 2
    fit = marked(runs, **{f"run{i}": words for i in range(min(doubts, count))})
    lines = str(fit[fit.runs[-count:] if not doubts else fit.runs[:count]]).splitlines()
    assert len(lines) <= 25
    assert max(map(cell_len, lines)) <= 80
    assert repr(fit) == str(fit)
    if doubts:
        assert "doubtful: the last points" in lines[1]
    if count > 15:
        assert f"and {count - 15} more: fit.sel(...)" in "\n".join(lines)


def test_a_row_has_verdict_regimes_end_exponent_and_floor() -> None:
    data = table(2)
    fit = sf.fit(data, x="step", y="loss", by="arch", regimes=[1, 2], **QUICK)
    row = next(line for line in str(fit).splitlines() if line.startswith("b "))
    share = fit.probabilities.loc["b"].groupby(level="regimes").sum()
    found = fit.summary().query("run == 'b'").set_index("parameter")
    for name in ("end_exponent", "floor"):
        median, low, high = rounded(*found.loc[name, ["median", "low", "high"]])
        assert f"{median} [{low}, {high}]" in row
    assert row.split()[1] == fit.verdict["b"]
    count = fit.regimes("b")
    assert f"{count} (P {share[count]:.2f})".replace("P 0.", "P .") in row


def test_a_single_curve_shows_every_parameter(one: sf.Fit) -> None:
    lines = str(one).splitlines()
    assert lines[1] == "verdict: ok"
    for name in ("exponent 0", "exponent 1", "crossover 0", "width 0", "floor", "noise"):
        assert any(line.startswith(f"{name} ") for line in lines)


def test_a_law_without_regimes_is_printed(one: sf.Fit) -> None:
    x, y = one.curve("curve")
    data = pd.DataFrame({"x": np.tile(x, 2), "y": np.tile(y, 2), "run": np.repeat(["a", "b"], 30)})
    law = sf.laws.PowerLawWithCutoff()
    lines = str(sf.fit(data, x="x", y="y", by="run", law=law, **QUICK)).splitlines()
    assert lines[1].split()[:3] == ["run", "verdict", "exponent"]


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.pictures: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.pictures += [value for name, value in attrs if name == "src"]


def test_a_notebook_shows_table_and_figure() -> None:
    data = table(2).replace({"arch": {"a": "<script>x</script>"}})
    fit = sf.fit(data, x="step", y="loss", by="arch", regimes=1, floor=False, **QUICK)
    from matplotlib import pyplot as plt

    before = plt.get_fignums()
    page = Page()
    page.feed(fit._repr_html_())
    assert plt.get_fignums() == before
    assert page.tags.count("tr") == 3
    assert "script" not in page.tags
    (picture,) = page.pictures
    assert picture.startswith("data:image/png;base64,")
    assert len(picture) < 150_000


def test_runs_by_name(runs: sf.Fit) -> None:
    assert len(runs) == 25
    assert list(runs) == runs.runs
    assert "adam, 0.1, 0" in runs
    one = runs["adam, 0.1, 0"]
    assert (len(one), one.runs, one.ok) == (1, ["adam, 0.1, 0"], True)
    np.testing.assert_array_equal(one.curve(one.runs[0]), runs.curve(one.runs[0]))
    expected = runs.summary().query("run == 'adam, 0.1, 0'")
    pd.testing.assert_frame_equal(one.summary(), expected.reset_index(drop=True))
    two = runs[["muon, 0.1, 1", "adam, 0.1, 0"]]
    assert two.runs == ["muon, 0.1, 1", "adam, 0.1, 0"]
    assert two["muon, 0.1, 1"].runs == ["muon, 0.1, 1"]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("adam, 0.1, 1", "did you mean 'adam, 0.1, "),
        (0, "known: 'adam, 0.1, 0'"),
        (["adam, 0.1, 0", "x"], "known: "),
        ([], "name one run or several"),
    ],
)
def test_unknown_names_are_refused_in_one_line(runs: sf.Fit, key: Any, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        runs[key]
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_runs_by_setting(runs: sf.Fit) -> None:
    muon = runs.sel(optimizer="muon")
    assert len(muon) == 12
    assert all(run.startswith("muon") for run in muon.runs)
    assert len(runs.sel(optimizer="muon", lr=0.1)) == 6
    assert runs.sel(lr="0.1").runs == runs.sel(lr=[0.1]).runs
    assert runs.sel(n=[3, 4]).runs == ["muon, 0.03, 3", "adam, 0.1, 4"]
    assert runs.sel(run="adam, 0.1, 0").runs == ["adam, 0.1, 0"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"optimiser": "muon"}, "did you mean 'optimizer'?"),
        ({"optimizer": "mun"}, "did you mean 'muon'?"),
        ({"lr": 0.2}, "known: 0.1, 0.03"),
        ({"lr": 0.1, "n": 3}, "no run has all of them"),
    ],
)
def test_unknown_settings_are_refused(runs: sf.Fit, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        runs.sel(**settings)
    assert words in str(refused.value).replace("'0.1', '0.03'", "0.1, 0.03")


@pytest.mark.slow
def test_pooled_runs_can_be_chosen() -> None:
    data = table(4)
    data["arch"] = data["arch"].map({"a": "s", "b": "s", "c": "t", "d": "t"})
    fit = sf.fit(
        data, x="step", y="loss", by=["arch", "seed"], pool="seed", regimes=1, floor=False,
        draws=100, progress=False,
    )  # fmt: skip
    part = fit.sel(arch="t")
    assert set(part.shared["group"]) == {"arch=t"}
    whole = fit.shared[fit.shared["group"] == "arch=t"].reset_index(drop=True)
    pd.testing.assert_frame_equal(part.shared, whole)
    assert len(sf.compare(part)) == 1


def test_latex_has_rules_escaped_names_and_agreeing_digits() -> None:
    data = table(2).replace({"arch": {"a": "50%_a & b"}})
    fit = sf.fit(data, x="step", y="loss", by="arch", regimes=1, floor=False, **QUICK)
    text = fit.summary(style="latex")
    for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\end{tabular}"):
        assert rule in text
    assert r"50\%\_a \& b" in text
    row = fit.summary().iloc[0]
    median, low, _ = rounded(row["median"], row["low"], row["high"])
    digits = len(median.partition(".")[2])
    lower = f"{row['median'] - row['low']:.{digits}f}"
    assert rf"${median}^{{+" in text
    assert f"_{{-{lower}}}$" in text
    assert abs(float(median) - float(lower) - float(low)) <= 1.01 * 10.0**-digits
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {line.count(" & ") for line in rows} == {4}
    with pytest.raises(ConfigError, match="style='html'"):
        fit.summary(style="html")  # type: ignore[call-overload]


@pytest.mark.parametrize("spread", [1e-6, 3e-4, 0.02, 0.4, 7.0, 2e3])
@pytest.mark.parametrize("size", [1e-9, 0.003, 0.4, 1.0, 42.0, 9.7e3, 3e8])
def test_digits_agree_and_do_not_exceed_the_interval(size: float, spread: float) -> None:
    low, high = size * (1 - spread / 3), size * (1 + spread)
    texts = rounded(size, low, high)
    width = high - low
    for text, value in zip(texts, (size, low, high), strict=True):
        assert abs(float(text) - value) <= 0.06 * width
    if low <= 0.0 or high < 100 * low:
        places = {_place(text) for text in texts if float(text)}
        assert len(places) == 1
        # Whole numbers below 1e5 keep their zeros.
        assert 10.0 ** places.pop() >= 0.009 * width or high < 1e5


def _place(text: str) -> int:
    """Return the power of ten of the last digit."""
    digits, _, power = text.partition("e")
    return int(power or 0) - len(digits.partition(".")[2])
