"""Verdicts on the terminal: said first, with what to try, and told by the exit code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from .conftest import Run

STEPS = np.arange(10.0, 1010.0, 10.0)
PREVIEW = ("--method", "point", "--regimes", "1,2", "--noise", "normal")


@pytest.fixture
def logged(tmp_path: Path) -> pd.DataFrame:
    """Return a run with a cosine learning rate."""
    rng = np.random.default_rng(4)
    loss = (1.8 + 8.0 * STEPS**-0.45) * np.exp(0.005 * rng.standard_normal(STEPS.size))
    rate = 0.5 * (1.0 + np.cos(np.pi * STEPS / STEPS[-1]))
    return pd.DataFrame({"step": STEPS, "loss": loss, "lr": rate})


def test_a_forgotten_column_is_said_first_and_mends_it(
    logged: pd.DataFrame, tmp_path: Path, run: Run
) -> None:
    both = [logged.assign(model="a"), logged.assign(model="b", loss=1.3 * logged["loss"])]
    pd.concat(both).to_csv(tmp_path / "runs.csv", index=False)
    fit = ("fit", "runs.csv", "--x", "step", "--y", "loss", *PREVIEW)
    done = run(*fit)
    assert done.code == 4
    said = "doubtful: several curves share each 'step': 'model' tells them apart; --by model"
    assert " ".join(done.out.split()).startswith(said)
    assert done.err.splitlines()[-1] == "doubtful: see the verdict"
    (one,) = run(*fit, "--json").document["runs"]
    assert one["verdict"] == said
    mended = run(*fit, "--by", "model")
    assert mended.code == 0
    assert mended.out.startswith("a: ok; ")


def test_a_counter_that_restarted_is_joined_up(
    logged: pd.DataFrame, tmp_path: Path, run: Run
) -> None:
    again = np.where(STEPS > 600.0, STEPS - 600.0, STEPS)
    logged.assign(step=again).to_csv(tmp_path / "run.csv", index=False)
    fit = ("fit", "run.csv", "--x", "step", "--y", "loss", *PREVIEW)
    assert run(*fit).code == 4
    assert run(*fit, "--resume").code == 0


@pytest.mark.slow
def test_a_forecast_says_that_it_assumes_the_schedule(
    logged: pd.DataFrame, tmp_path: Path, run: Run
) -> None:
    logged.to_csv(tmp_path / "run.csv", index=False)
    done = run("fit", "run.csv", "--x", "step", "--y", "loss", *PREVIEW, "--out", "results")
    assert done.code == 0
    said = "'lr' falls to 0 of its maximum"
    assert said in done.err
    predicted = run("predict", "results/fit.nc", "--at", 2000)
    assert "a forecast assumes that the schedule goes on" in predicted.err
