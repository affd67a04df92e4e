"""Laws, fixed values, ceilings and arithmetic on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import scalefit as sf

if TYPE_CHECKING:
    from .conftest import Run

OWN = """
from scalefit.laws import Law, PowerLawWithCutoff


class Mine(PowerLawWithCutoff):
    @property
    def name(self):
        return "mine"


class Needy(Mine):
    def __init__(self, size):
        self.size = size


number = 3
"""
ROUGH = ["--method", "point"]


@pytest.fixture
def offset(tmp_path: Path) -> Path:
    """Return a curve 2.17 x^-.348 - 3.27."""
    x = np.arange(0.015, 0.29, 0.02)
    noise = np.random.default_rng(4).standard_normal(x.size)
    y = (2.17 * x**-0.348 - 3.27) * np.exp(0.01 * noise)
    path = tmp_path / "offset.csv"
    pd.DataFrame({"x": x, "y": y}).to_csv(path, index=False)
    return path


@pytest.fixture
def rising(tmp_path: Path) -> Path:
    n = np.geomspace(100, 30_000, 18)
    noise = np.random.default_rng(5).standard_normal(18)
    accuracy = 1 - (0.07 + 6 * n**-0.5) * np.exp(0.01 * noise)
    path = tmp_path / "accuracy.csv"
    pd.DataFrame({"n": n, "accuracy": accuracy}).to_csv(path, index=False)
    return path


def parameter(document: dict, name: str) -> dict:  # type: ignore[type-arg]
    (run,) = document["runs"]
    return next(row for row in run["parameters"] if row["parameter"] == name)  # type: ignore[no-any-return]


def test_an_offset_below_zero_is_fitted_by_the_law_that_has_it(offset: Path, run: Run) -> None:
    named = ["fit", offset, "--x", "x", "--y", "y", "--json"]
    found = run(*named, "--law", "cutoff")
    assert found.code == 0
    for name, truth in (("exponent", 0.348), ("offset", -3.27)):
        row = parameter(found.document, name)
        assert row["low"] < truth < row["high"]
    assert found.document["law"] == "power law with cutoff and offset"


def test_power_is_one_regime(rising: Path, run: Run) -> None:
    named = ["fit", rising, "--x", "n", "--y", "1 - accuracy", *ROUGH, "--json"]
    one, two = run(*named, "--law", "power"), run(*named, "--regimes", "1")
    assert one.document["runs"] == two.document["runs"]
    row = parameter(one.document, "exponent")
    assert row["low"] < 0.5 < row["high"]
    assert run(*named, "--law", "power", "--regimes", "2").code == 2


def test_a_law_of_ones_own_fits_predicts_reports_and_compares(
    offset: Path, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "mylaws.py").write_text(OWN)
    named = ["--law", "mylaws:Mine"]
    fitted = run("fit", offset, "--x", "x", "--y", "y", *ROUGH, *named, "--out", "own")
    assert fitted.code == 0
    without = run("predict", "own/fit.nc", "--at", 0.3)
    assert without.code == 2
    assert "fitted with mine; pass that law" in without.err
    assert "--law MODULE:CLASS" in without.err
    assert run("predict", "own/fit.nc", "--at", 0.3, *named).code == 0
    assert run("report", "own/fit.nc", "--out", "page.html", *named).code == 0
    compared = ["compare", "own/fit.nc", "--parameter", "exponent", "--value", 0.35]
    assert run(*compared, *named).code == 0
    named_only = run("predict", "own/fit.nc", "--at", 1, "--law", "cutoff")
    assert named_only.code == 2
    assert "give MODULE:CLASS" in named_only.err


@pytest.mark.parametrize(
    ("law", "words"),
    [
        ("mylaws:Missing", "the module has no 'Missing'"),
        ("nosuchmodule:Law", "no module 'nosuchmodule'"),
        ("mylaws:number", "this is no scalefit.laws.Law"),
        ("mylaws:Needy", "TypeError"),
        ("broken_file:Law", "SyntaxError"),
        ("os:system", "this is no scalefit.laws.Law"),
        ("my-laws:Mine", "give MODULE:CLASS"),
        ("cutof", "did you mean 'cutoff'?"),
    ],
)
def test_laws_that_are_none_are_refused(
    law: str, words: str, offset: Path, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "mylaws.py").write_text(OWN)
    (tmp_path / "broken_file.py").write_text("def")
    done = run("fit", offset, "--x", "x", "--y", "y", "--law", law)
    assert done.code == 2
    assert words in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_a_name_without_a_colon_imports_nothing(offset: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "cutoff.py").write_text("raise SystemExit('imported')")
    done = run("fit", offset, "--x", "x", "--y", "y", *ROUGH, "--law", "cutoff")
    assert done.code == 0


def test_values_are_fixed(rising: Path, run: Run) -> None:
    named = ["fit", rising, "--x", "n", "--y", "1 - accuracy", "--law", "power", *ROUGH]
    held = run(*named, "--fixed", "floor=0.07", "--fixed", "noise=0.02", "--json").document
    for name, value in (("floor", 0.07), ("noise", 0.02)):
        row = parameter(held, name)
        assert row["low"] == row["high"] == pytest.approx(value)
    for text, words in (
        ("noise", "give NAME=VALUE"),
        ("noise=a", "give NAME=VALUE"),
        ("=1", "give NAME=VALUE"),
        ("nose=1", "'nose' has no prior in this fit"),
    ):
        done = run(*named, "--fixed", text)
        assert done.code == 2
        assert words in done.err
    assert run(*named, "--fixed", "noise=1", "--fixed", "noise=2").code == 2


@pytest.mark.slow
def test_a_ceiling_reaches_the_forecast(rising: Path, run: Run) -> None:
    named = ["fit", rising, "--x", "n", "--y", "accuracy"]
    assert run(*named, "--ceiling", 1, *ROUGH, "--out", "out").code == 0
    summary = pd.read_csv("out/summary.csv").set_index("parameter")
    assert summary.loc["limit", "low"] < 0.93 < summary.loc["limit", "high"]
    done = run("predict", "out/fit.nc", "--at", 1e9, "--reach", 0.9, "--reach", 1.01, "--json")
    (row,) = done.document["predictions"]
    assert row["low"] < row["median"] < row["high"] < 1.0
    near, never = done.document["reach"]
    assert near["probability"] > 0.9
    assert never["probability"] == 0.0
    assert "log (1 - accuracy)" in run("predict", "out/fit.nc", "--at", 1e9).out
    assert run("predict", "out/fit.nc", "--reach", -1).code == 0
    low = run(*named, "--ceiling", 0.5)
    assert low.code == 3
    assert "a ceiling of 1 would do" in low.err


def test_a_counter_from_zero_is_shifted(run: Run, tmp_path: Path) -> None:
    epoch = np.arange(40)
    noise = np.random.default_rng(6).standard_normal(40)
    loss = (0.15 + 2 * (epoch + 1.0) ** -0.6) * np.exp(0.005 * noise)
    pd.DataFrame({"epoch": epoch, "loss": loss}).to_csv(tmp_path / "keras.csv", index=False)
    named = ["fit", "keras.csv", "--x", "epoch + 1", "--y", "loss", "--law", "power", "--json"]
    found = run(*named, *ROUGH)
    assert found.code == 0
    assert found.document["x"] == "epoch + 1"
    row = parameter(found.document, "exponent")
    assert row["low"] < 0.6 < row["high"]
    assert found.document["runs"][0]["points"] == 40


def test_replicates_become_means(run: Run, tmp_path: Path) -> None:
    x = np.tile(np.geomspace(1, 1e4, 15), 4)
    loss = x**-0.4 * np.exp(0.03 * np.random.default_rng(7).standard_normal(60))
    pd.DataFrame({"step": x, "loss": loss}).to_csv(tmp_path / "seeds.csv", index=False)
    named = ["fit", "seeds.csv", "--y", "loss", *ROUGH, "--law", "power", "--json"]
    found = run(*named, "--aggregate", "mean")
    assert found.document["runs"][0]["points"] == 15
    assert "60 rows at 15 repeated x became means" in found.err
    assert run(*named, "--aggregate", "median").code == 2


def test_python_names_laws_too() -> None:
    x = np.geomspace(1, 1e4, 20)
    rough = {"method": "point", "progress": False}
    fit = sf.fit(x, x**-0.5, law="cutoff", **rough)  # type: ignore[arg-type]
    assert isinstance(fit.law, sf.laws.PowerLawWithCutoff)
    assert sf.fit(x, x**-0.5, law="power", floor=False, **rough).law.regimes == 1  # type: ignore[arg-type]
