"""Commands on fits against several predictors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from .conftest import Run


@pytest.fixture(scope="module")
def surface(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a table of final losses."""
    rng = np.random.default_rng(0)
    size = np.repeat(np.geomspace(1e7, 1e10, 6), 6)
    tokens = size * rng.uniform(5.0, 80.0, 36)
    loss = (1.7 + 400.0 * size**-0.35 + 300.0 * tokens**-0.3) * np.exp(
        0.005 * rng.standard_normal(36)
    )
    path = tmp_path_factory.mktemp("surface") / "losses.csv"
    rows = [f"{a:.10g},{b:.10g},{c:.10g}" for a, b, c in zip(size, tokens, loss, strict=True)]
    path.write_text("\n".join(["size,seen,loss", *rows]), encoding="utf-8")
    return path


def test_a_surface_is_fitted_predicted_and_reported(
    surface: Path, tmp_path: Path, run: Run
) -> None:
    axes = ("--x", "size", "--x", "seen", "--y", "loss", "--law", "additive")
    done = run("fit", surface, *axes, "--method", "point", "--out", tmp_path)
    assert done.code == 0, done.err
    assert "exponent seen" in done.out
    assert {one.name for one in tmp_path.iterdir()} == {
        *("fit.nc", "summary.csv", "plot.png", "report.html"),
    }
    stored = tmp_path / "fit.nc"
    place = ("--at", "size=7B,seen=1e11", "--at", "size=1e12,seen=1e12")
    done = run("predict", stored, *place, "--reach", 2.1, "--along", "seen", "--held", "size=7B")
    assert done.code == 0, done.err
    assert "size 7e9, seen 1e11" in done.out
    assert "outside the points that were fitted" in done.out
    assert "seen" in done.out
    found = json.loads(run("predict", stored, *place, "--json").out)["predictions"]
    assert [row["extrapolated"] for row in found] == [False, True]
    truth = 1.7 + 400.0 * 7e9**-0.35 + 300.0 * 1e11**-0.3
    assert found[0]["size"] == 7e9
    assert found[0]["low"] < truth < found[0]["high"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--at", "7e9"), "--at size=...,seen=..."),
        (("--at", "size=7e9"), "name every predictor once"),
        (("--at", "size=x,seen=1"), "is no number"),
        (("--reach", "2"), "along="),
        (("--reach", "2", "--along", "seen"), "lacks a value of 'size'"),
        (("--at", "size=1e9,seen=1e9", "--along", "seen"), "belong to --reach"),
    ],
)
def test_places_of_another_fit_are_refused(
    words: tuple[str, ...], said: str, surface: Path, tmp_path: Path, run: Run
) -> None:
    axes = ("--x", "size", "--x", "seen", "--y", "loss", "--law", "additive")
    run("fit", surface, *axes, "--method", "point", "--draws", 100, "--out", tmp_path)
    done = run("predict", tmp_path / "fit.nc", *words)
    assert done.code == 2
    assert said in " ".join(done.err.split())


def test_a_learning_rate_is_fitted_and_its_decay_forecast(run: Run, tmp_path: Path) -> None:
    step = np.arange(1, 101) * 100.0
    loss = 2.5 + 2.0 * (3e-4 * step) ** -0.5 * (1.0 + 1e-3 * np.cos(step))
    log = pd.DataFrame({"step": step, "lr": 3e-4, "loss": loss})
    log.to_csv(tmp_path / "log.csv", index=False)
    point = ("--method", "point", "--draws", "200")
    out = str(tmp_path / "out")
    done = run("fit", str(tmp_path / "log.csv"), "--x", "step", "--y", "loss", "--lr", "lr", *point,
               "--out", out)  # fmt: skip
    assert "gain" in done.out
    told = run("predict", f"{out}/fit.nc", "--at", "20000", "--schedule", "linear", "--end", "2e4")
    assert "step" in told.out.splitlines()[1]
    assert "beyond the data" in told.out
    for line, words in (
        (("--at", "20000", "--end", "2e4"), "--end belongs to --schedule"),
        (("--at", "20000", "--schedule", "linea"), "did you mean 'linear'"),
        (("--at", "s1=3,s2=0", "--schedule", "constant"), "--at NUMBER"),
        (("--at", "1", "--reach", "2", "--schedule", "constant"), "leave --reach out"),
    ):
        refused = run("predict", f"{out}/fit.nc", *line)
        assert refused.code == 2
        assert words in " ".join(refused.err.split())
