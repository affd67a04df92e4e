"""Arithmetic of columns in place of a column: its values, its refusals, and nothing beyond."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import scalefit as sf
from scalefit import trajectory
from scalefit.errors import ConfigError, InvalidData
from scalefit.io.expressions import LONGEST, NoExpression, parse

FRAME = pd.DataFrame(
    {
        "step": [1.0, 2.0, 4.0, 8.0],
        "epoch": [0, 1, 2, 3],
        "accuracy": [0.5, 0.6, 0.7, 0.75],
        "train/loss": [2.0, 1.5, 1.2, 1.1],
        "se": [0.1, 0.1, 0.2, 0.2],
    }
)


@pytest.mark.parametrize(
    ("text", "value", "slope"),
    [
        ("1 - accuracy", lambda f: 1 - f["accuracy"], -1.0),
        ("100*(1-accuracy)/2", lambda f: 50 * (1 - f["accuracy"]), -50.0),
        ("-[train/loss] + 3", lambda f: 3 - f["train/loss"], -1.0),
        ("`train/loss` ** 2", lambda f: f["train/loss"] ** 2, math.nan),
        ("log10(epoch + 1)", lambda f: np.log10(f["epoch"] + 1), math.nan),
        ("6 * step * epoch", lambda f: 6 * f["step"] * f["epoch"], math.nan),
        ("2 ** 3 * accuracy - sqrt(4)", lambda f: 8 * f["accuracy"] - 2, 8.0),
        ("accuracy / (3 - 1)", lambda f: f["accuracy"] / 2, 0.5),
        ("exp(-accuracy)", lambda f: np.exp(-f["accuracy"]), math.nan),
    ],
)
def test_values_and_slope(text: str, value: Any, slope: float) -> None:
    data = sf.read(written(FRAME), x="step", y=text)
    np.testing.assert_allclose(data[text].values[0], value(FRAME), rtol=1e-15)
    assert data[text].attrs["long_name"] == text
    np.testing.assert_equal(data[text].attrs["slope"], slope)


def written(frame: pd.DataFrame) -> Path:
    frame.to_csv("frame.csv", index=False)
    return Path("frame.csv")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "accuracy.real",
        "accuracy if epoch else step",
        "(lambda: accuracy)()",
        "accuracy[0]",
        "log(accuracy, 2)",
        "log(x=accuracy)",
        "abs(accuracy)",
        "accuracy ^ 2",
        "accuracy // 2",
        "accuracy @ step",
        "1 - 'accuracy'",
        "1j * accuracy",
        "True * accuracy",
        "1e999 - accuracy",
        "(accuracy := 3) + 1",
        "1 - (accuracy",
        "3 + 4",
        "-" * 100 + " accuracy",
        "(" * 250 + "accuracy" + ")" * 250,
        "1 + " * LONGEST + "accuracy",
        "\x00 - accuracy",
    ],
)
def test_nothing_else_is_understood(text: str) -> None:
    with pytest.raises(NoExpression):
        parse(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 - acuracy", "no column 'acuracy'; did you mean 'accuracy'"),
        ("accuracy ^ 2", "a power is written [*][*]"),
        ("1 - train/loss", r"write 'train/loss' as \[train/loss\]"),
        ("sweep - train/loss", "no column 'sweep'; did you mean 'train/loss'"),
        ("log(0.6 - accuracy)", "is not a number in row 4: 'accuracy' is 0.7"),
        ("train/los", "^frame.csv: no column 'train/los'; did you mean 'train/loss'"),
    ],
)
def test_refusals_name_the_cause(text: str, words: str) -> None:
    with pytest.raises(InvalidData, match=words):
        sf.read(written(FRAME), x="step", y=text)


def test_a_column_of_that_name_goes_first() -> None:
    frame = FRAME.assign(**{"1 - accuracy": [5.0, 4.0, 3.0, 2.5]})
    data = sf.read(written(frame), x="step", y="1 - accuracy")
    np.testing.assert_array_equal(data["1 - accuracy"].values[0], [5.0, 4.0, 3.0, 2.5])


def test_missing_values_stay_missing() -> None:
    frame = FRAME.assign(accuracy=[0.5, 0.6, 0.7, np.nan])
    data = sf.read(written(frame), x="step", y="1 - accuracy")
    np.testing.assert_allclose(data["1 - accuracy"].values[0], [0.5, 0.4, 0.3, np.nan])


def rough(data: Any, **options: Any) -> sf.Fit:
    named = {"x": "epoch + 1", "y": "2 * (1 - accuracy)", "progress": False, **options}
    return sf.fit(data, regimes=1, floor=False, noise="normal", method="point", **named)


def test_tables_trajectories_and_files_agree() -> None:
    plain = FRAME.assign(x=FRAME["epoch"] + 1, y=2 * (1 - FRAME["accuracy"]))
    expected = rough(plain, x="x", y="y")
    data = trajectory.from_frame(FRAME)
    trajectory.write(data, "data.nc")
    for source in (FRAME, data, written(FRAME), "data.nc"):
        fit = rough(source)
        np.testing.assert_array_equal(fit.exponents, expected.exponents)
        assert fit.tree.attrs["y_label"] == fit.tree.attrs["y_name"] == "2 * (1 - accuracy)"
        assert fit.tree.attrs["x_name"] == "epoch + 1"


def test_run_coordinates_make_a_run_coordinate() -> None:
    frame = pd.DataFrame({"N": [1e6] * 2 + [1e7] * 2 + [1e8] * 2, "D": 3e8, "step": [1, 2] * 3})
    frame["loss"] = 3 * frame["N"] ** -0.1 + 0 * frame["step"]
    data = trajectory.from_frame(frame, by=["N"], variables=["loss", "step"])
    fit = rough(data, x="6 * N * D", y="loss")
    np.testing.assert_allclose(fit.curve("all")[0], 18e8 * np.array([1e6, 1e7, 1e8]))


def test_errors_are_scaled_where_y_is_a_straight_line() -> None:
    fit = rough(FRAME, y_err="se")
    np.testing.assert_allclose(fit.errors("0"), 2 * FRAME["se"] / (2 * (1 - FRAME["accuracy"])))
    own = rough(FRAME, y_err="1 * se")
    np.testing.assert_allclose(own.errors("0"), FRAME["se"] / (2 * (1 - FRAME["accuracy"])))
    with pytest.raises(ConfigError, match="no straight line in one column"):
        rough(FRAME, y="accuracy * [train/loss]", y_err="se")
