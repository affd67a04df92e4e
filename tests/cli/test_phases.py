"""`--phases`: the phase diagram of networks under weight decay, with what was trained on it."""

from __future__ import annotations

from pathlib import Path

import pytest
import xarray as xr
from matplotlib.image import imread

from .conftest import Run

SMALL = ("--set=d=12", "--set=teacher=fixed", "--set=seeds=2", "--set=points=2")


@pytest.mark.train
def test_one_command_trains_and_draws(tmp_path: Path, run: Run) -> None:
    swept = ("--set=n_train=12,40,120", "--set=weight_decay=0.3,3")
    words = ("diagonal", *SMALL, *swept, "--phases", "figures/phases.png")
    done = run("train", *words, "--out", "runs.nc", "--json")
    assert done.code == 0
    assert done.document["files"] == ["runs.nc", "figures/phases.png"]
    assert xr.load_dataset("runs.nc").sizes["run"] == 12
    trained = imread(tmp_path / "figures" / "phases.png")
    assert run("theory", *words).out.splitlines()[-1].startswith("wrote figures/phases.png")
    theory = imread(tmp_path / "figures" / "phases.png")
    assert trained.shape == theory.shape
    assert (trained != theory).any()  # the discs


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("perceptron", "--phases", "a.png"),
            "'perceptron' has no phase diagram; diagonal and quadratic have one",
        ),
        (("diagonal", "--set=d=12,20", "--phases", "a.png"), "'d' is 12, 20; a phase diagram"),
        (("quadratic", "--phases", "a.txt"), "name a file that ends in .png"),
    ],
)
def test_what_cannot_be_drawn_is_refused(words: tuple[str, ...], told: str, run: Run) -> None:
    done = run("theory", *words)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert told in done.err


def test_runs_that_give_no_exponent_are_refused_before_they_train(run: Run) -> None:
    words = ("train", "diagonal", "--set=n_train=50", "--phases", "a.png")
    done = run(*words)
    assert done.code == 2
    assert "two values of n_train" in done.err
    assert not Path("runs").exists()
