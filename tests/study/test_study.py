"""A study: classes, rows of bundled and altered trajectories, the page, and the command."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scalefit import datasets, trajectory
from scalefit.cli import _run
from scalefit.study import page
from scalefit.study.classes import COLLAPSE, of
from scalefit.study.rows import COLUMNS, family_of, groups, rows

HOW = {"rope": 0.05, "interval": 0.9, "seed": 0}


@pytest.fixture(scope="module")
def linear() -> xr.Dataset:
    """Return ten committee machines of linear units, beta = 1."""
    runs = datasets.load("committee-linear")
    return runs.isel(run=runs["beta"].values == 1.0)


def made(**values: Any) -> dict[str, Any]:
    row = {
        "family": "committee, sgd", "class": "time", "curves": "beta 1", "parameter": "exponent",
        "claimed": 0.5, "window": 0.49, "median": 0.5, "low": 0.48, "high": 0.52, "p_claimed": 1.0,
        "p_window": 0.99, "says": "agrees", "verdict": "ok", "runs": 10, "points": 60,
        "source": "somebody",
    }  # fmt: skip
    return {**row, **values}


@pytest.mark.parametrize(
    ("family", "known", "exponents"),
    [
        ("perceptron", {"protocol": "fixed_norm"}, COLLAPSE),
        ("perceptron", {"protocol": "hebb"}, None),
        ("committee", {"protocol": "sgd", "activation": "linear", "L": 256, "beta": 2.0},
         {"exponent": 2 / 3}),
        ("committee", {"protocol": "sgd", "activation": "erf", "L": 256, "beta": 2.0}, None),
        ("manifold", {"protocol": "linear", "dimension": 2}, {"exponent": 2.0}),
        ("manifold", {"protocol": "nearest", "dimension": 4}, {"exponent": 0.5}),
        ("random_features", {"protocol": "minimiser", "tuned": True, "spectrum": "power_law",
                             "exponent": 0.5}, {"exponent 0": 0.5, "exponent 1": 0.5}),
        ("sequence", {"protocol": "parity"}, None),
    ],
)  # fmt: skip
def test_what_is_claimed(family: str, known: dict[str, Any], exponents: Any) -> None:
    found = of(family, known)
    assert [dict(one.exponents(known)) for one in found] == ([exponents] if exponents else [])


def test_bundled_trajectories_fall_into_groups(linear: xr.Dataset) -> None:
    (one,) = groups(linear)
    assert (one.held.law, one.label, one.runs, len(one.frame)) == ("cutoff", "", 10, 73)
    both = list(groups(datasets.load("committee-linear")))
    assert [group.label for group in both] == ["beta 0.5", "beta 1", "beta 2"]
    (grid,) = groups(datasets.load("random-features-grid"))
    assert (grid.held.x, len(grid.frame)) == (("n_params", "n_train"), 144)
    assert not list(groups(datasets.load("committee-plateau")))
    assert not list(groups(datasets.load("deep-cnn-mnist-published")))  # one number of images
    names = [group.held.name for group in groups(datasets.load("deep-vit-mnist"))]
    assert names == ["collapse in norm and examples", "one curve of all sizes before the elbow"]
    assert family_of(trajectory.from_frame(pd.DataFrame({"step": [1, 2], "loss": [2, 1]}))) == ""


def test_a_group_without_points_to_fit_says_why() -> None:
    found = rows(datasets.load("deep-cnn-cifar10"), **HOW)
    assert {row["says"] for row in found} == {"no fit"}
    assert all("stays above 0.4 of its largest value" in row["verdict"] for row in found)


@pytest.mark.slow
def test_one_curve_of_all_sizes_before_the_elbow_is_a_deep_network_and_no_perceptron() -> None:
    found = [
        row for row in rows(datasets.load("deep-mlp-mnist"), **HOW) if row["low"] < row["high"]
    ]
    told = {(row["class"], row["parameter"]): row["says"] for row in found}
    assert told["collapse in norm and examples", "gamma_0"] == "differs"
    assert told["one curve of all sizes before the elbow", "gamma_0"] == "agrees"
    assert {row["family"] for row in found} == {"deep, mlp, mnist"}


def test_an_exponent_agrees_until_the_curve_is_another(linear: xr.Dataset) -> None:
    (row,) = rows(linear, **HOW)
    assert set(row) == set(COLUMNS)
    assert (row["claimed"], row["says"], row["verdict"]) == (0.5, "agrees", "ok")
    assert row["low"] < row["window"] < row["high"]
    assert abs(row["window"] - 0.5) < 0.02
    loss = linear["test_loss"]
    steeper = linear.assign(test_loss=loss.copy(data=loss.values**1.4))
    (other,) = rows(steeper, **HOW)
    assert other["says"] == "differs"
    assert other["median"] == pytest.approx(0.7, abs=0.03)
    assert other["p_window"] < 0.01
    assert other["window"] == row["window"]


def test_page_holds_all_and_asks_no_network(tmp_path: Path) -> None:
    nan = float("nan")
    empty = {"median": nan, "low": nan, "high": nan, "claimed": nan, "window": nan}
    table = pd.DataFrame(
        [
            made(),
            made(curves="beta 2", claimed=0.9, window=nan, p_claimed=0.0, says="differs"),
            made(curves="<b>", parameter="", says="no fit", verdict="too few points", **empty),
        ],
        columns=list(COLUMNS),
    )
    page.write(table, tmp_path / "s.html", picture=b"PNG", rope=0.05, interval=0.9, seed=3,
               made_of=["a: made"])  # fmt: skip
    text = (tmp_path / "s.html").read_text()
    assert "1 agree, 1 differ, 0 are\nopen, 1 could not be fitted" in text
    assert "&lt;b&gt;" in text
    assert "<b>" not in text
    assert not re.findall(r"(?:src|href)=\"(?!data:)", text)
    ax = page.forest(table)
    assert len(ax.get_yticks()) == 2
    twice = page.forest(pd.DataFrame([made(), made(claimed=0.9, verdict="doubtful: x")]))
    names = [one.get_text() for one in twice.get_yticklabels()]
    assert [one.partition("exponent ")[2] for one in names] == ["against 0.5", "against 0.9 *"]
    claimed = [c for c in ax.collections if c.get_offsets().shape == (1, 2)]
    assert np.isclose([float(c.get_offsets()[0][0]) for c in claimed], 0.9).sum() == 1


def test_command(linear: xr.Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    trajectory.write(linear, folder / "linear.nc")
    assert _run(["study", str(folder), "--out", str(tmp_path / "study")]) == 0
    out = capsys.readouterr().out
    assert re.search(r"exponent +0\.50\d? +\[0\.\d+, 0\.\d+\] +0\.5\d* +1\.00 +agrees", out)
    names = {one.name for one in (tmp_path / "study").iterdir()}
    assert names == {"study.html", "study.csv", "forest.png"}
    assert pd.read_csv(tmp_path / "study/study.csv")["claimed"].tolist() == [0.5]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["empty"], 3, "no trajectory (.nc) is in this folder"),
        (["own.nc"], 3, "no trajectory belongs to a class of theory"),
        (["--rope", "-1"], 2, "--rope -1"),
    ],
)
def test_refusals(
    words: list[str], code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    own = trajectory.from_frame(pd.DataFrame({"step": [1.0, 2.0], "loss": [2.0, 1.0]}))
    trajectory.write(own, tmp_path / "own.nc")
    assert _run(["study", *words]) == code
    assert said in " ".join(capsys.readouterr().err.split())
