"""`scalefit predict`: targets, what a forecast rests on, and how it ends."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import scalefit
from scalefit.forecast.variance import SOURCES
from scalefit.wording import rounded

from .conftest import WIDTH, Run, interrupted


def test_reach_agrees_with_python(stored: Path, run: Run) -> None:
    targets = ("--reach", 1.5, "--reach", 0.55, "--reach", 0.1)
    done = run("predict", stored, *targets, "--within", 1e9, "--seed", 3, "--interval", 0.8)
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= WIDTH
    assert "as far as --within (seed 3)" in done.out
    table = scalefit.load(stored).reach([1.5, 0.55, 0.1], within=1e9, seed=3, interval=0.8)
    assert len(table) == 6
    for row in table.to_dict("records"):
        median, *ends = rounded(row["median"], row["low"], row["high"])
        low, high = ("never within 1e9" if end == "inf" else end for end in ends)
        interval = low if low == "never within 1e9" else rf"\[{low}, {high}\]"
        where = "never" if median == "inf" else median
        chance = f"{row['probability']:.2f}".replace("0.00", r"\S+").replace("1.00", r"\S+")
        mark = r" +\+" if row["reached"] > 0.5 else ""
        line = rf" {row['target']:g} +{chance} +{where} +{interval}{mark}"
        assert re.search(line, done.out), line
    assert "+ reached within the data" in done.out
    assert "rests on" not in done.out
    default = run("predict", stored, "--reach", 0.1)
    assert "never within 1e7" in default.out
    assert "up to 1000 times the last x" in default.out
    assert "reached within the data" not in default.out


def test_json_has_reach_and_shares(stored: Path, run: Run) -> None:
    options = ("--at", 1e5, "--reach", 1.5, "--reach", 0.1, "--hazard", 2, "--seed", 5, "--json")
    document = run("predict", stored, *options).document
    fit = scalefit.load(stored)
    for got, known in zip(
        document["reach"],
        fit.reach([1.5, 0.1], hazard=2, seed=5).to_dict("records"),
        strict=True,
    ):
        assert got == {k: None if v == np.inf else v for k, v in known.items()}
    shares = fit.variance_shares(1e5, hazard=2, seed=5)
    assert document["variance_shares"] == shares.to_dict("records")
    alone = run("predict", stored, "--reach", 1.5, "--json").document
    assert alone["predictions"] == alone["variance_shares"] == []
    assert run("predict", stored, "--at", 10, "--json").document["reach"] == []


def test_what_the_farthest_forecast_rests_on(stored: Path, run: Run) -> None:
    done = run("predict", stored, "--at", 1e7, "--at", 100)
    assert max(map(len, done.out.splitlines())) <= WIDTH
    assert "uncertainty at 1e7 rests on (shares of the variance of log loss):" in done.out
    table = scalefit.load(stored).variance_shares(1e7).set_index("run")
    for name in ("base", "large"):
        (line,) = (one for one in done.out.splitlines() if one.startswith(f"  {name}: "))
        found = re.findall(r"([a-z ]+) (\d+)%", line.partition(": ")[2])
        shares = {words.strip().replace(" ", "_"): int(percent) for words, percent in found}
        assert list(shares.values()) == sorted(shares.values(), reverse=True)
        for source in SOURCES:
            assert shares.get(source, 0) == round(100 * table.loc[name, source])
    quiet = run("predict", stored, "--at", 100, "--kind", "curve").out
    assert "noise " not in quiet.partition("rests on")[2]


MISTAKES: dict[str, tuple[str, list[str]]] = {
    "nothing": ("", ["--at X", "--reach Y"]),
    "within alone": ("--at 10 --within 1e6", ["--within", "--reach"]),
    "negative target": ("--reach=-1", ["--reach -1", "y > 0"]),
    "infinite target": ("--reach inf", ["--reach inf", "finite"]),
    "no horizon": ("--reach 1 --within 0", ["--within 0", "x > 0"]),
    "early horizon": ("--reach 1 --within 0.5", ["within=0.5", "first x of 'base'"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_refused_with_2(mistake: str, stored: Path, run: Run) -> None:
    options, words = MISTAKES[mistake]
    done = run("predict", stored, *options.split())
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert [word for word in words if word not in done.err] == []


# Says on standard error when the work has begun, and waits there for the signal.
BUSY = """
import signal, sys
import scalefit
from scalefit.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits "ignore"
predict = scalefit.Fit.predict
def slow(*arguments, **options):
    print("busy", file=sys.stderr, flush=True)
    signal.pause()
    return predict(*arguments, **options)
scalefit.Fit.predict = slow
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_ctrl_c_ends_with_130(tmp_path: Path, stored: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    done = interrupted(BUSY, "predict", str(stored), "--at", "1e9")
    assert (done.code, done.out) == (130, "")
    assert done.err == "interrupted: nothing half-written is left\n"
    assert sorted(tmp_path.rglob("*")) == before
