"""Command design: what it prints and writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import scalefit as sf
from scalefit.cli import _run

X = np.geomspace(1e3, 1e5, 16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a fit and a table of candidates."""
    made = tmp_path_factory.mktemp("design")
    y = (0.5 + 30.0 * X**-0.35) * np.exp(0.01 * np.random.default_rng(0).standard_normal(16))
    options: Any = {"regimes": 1, "floor": True, "noise": "normal", "method": "point"}
    sf.fit(X, y, **options, progress=False).save(made / "fit.nc")
    longer = np.geomspace(1e3, 1e8, 30)
    pd.DataFrame({"x": longer, "flop": 6.0 * longer, "name": "run"}).to_csv(
        made / "runs.csv", index=False
    )
    return made


def asked(folder: Path, *more: str, fit: bool = True, cost: str = "flop") -> list[str]:
    """Return the words of a command."""
    named = [str(folder / "fit.nc")] if fit else []
    known = ["--candidates", str(folder / "runs.csv"), "--cost", cost, "--budget", "1e9"]
    return ["design", *named, *known, *more]


def test_the_document_is_the_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(asked(folder, "--at", "1e9", "--batch", "4", "--json")) == 0
    document = json.loads(capsys.readouterr().out)
    frame = pd.read_csv(folder / "runs.csv")
    expected = sf.design(
        sf.load(folder / "fit.nc"), frame, cost="flop", budget=1e9, target=[1e9], batch=4
    )
    assert document["command"] == "design"
    assert [row["x"] for row in document["runs"]] == pytest.approx(expected.table["x"].tolist())
    assert [row["sd"] for row in document["runs"]] == pytest.approx(expected.table["sd"].tolist())
    assert document["runs"][0]["row"] >= 2  # as the file counts
    assert document["spent"] <= 1e9


def test_arithmetic_is_a_cost(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    for cost in ("flop", "6 * x"):
        assert _run(asked(folder, "--at", "1e9", "--batch", "4", "--json", cost=cost)) == 0
        found.append(json.loads(capsys.readouterr().out)["runs"])
    assert [row["row"] for row in found[0]] == [row["row"] for row in found[1]]


def test_it_prints_within_eighty_columns(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(asked(folder, "--at", "1e9", "--batch", "4", "--out", str(tmp_path))) == 0
    said = capsys.readouterr()
    lines = [line for line in said.out.splitlines() if not line.startswith("wrote")]
    assert max(map(len, lines)) <= 80
    assert "4 runs to buy" in said.out
    assert "warning: the intervals take the law for granted" in said.err
    assert len(pd.read_csv(tmp_path / "design.csv")) == 4
    assert (tmp_path / "design.png").stat().st_size > 1000


def test_before_there_are_data(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = asked(folder, "--at", "1e9", "--law", "power", "--batch", "all", "--json", fit=False)
    assert _run(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["laws"]) == 2
    assert any("priors" in one for one in document["warnings"])


def test_a_parameter_and_a_law_beside(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = asked(folder, "--know", "exponent", "--beside", "cutoff", "--json")
    assert _run(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["target"] == "exponent"


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ([], 2, "give one of --at X"),
        (["--at", "1e9", "--know", "floor"], 2, "give one of --at X"),
        (["--know", "flor"], 2, "did you mean 'floor'"),
        (["--at", "1e9", "--batch", "many"], 2, "batch='many'"),
        (["--at", "1e9", "--cost-power", "half"], 2, "--cost-power 'half'"),
        (["--at", "1e9", "--cost", "flops"], 2, "did you mean 'flop'"),
        (["--at", "1e9", "--cost", "6 * z"], 3, "no column 'z'"),
        (["--at", "-1"], 3, "target: column 'x' is -1"),
        (["--target", "nowhere.csv"], 3, "nowhere.csv"),
    ],
)
def test_refusals(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    code: int,
    words: str,
) -> None:
    assert _run(asked(folder, *more)) == code
    said = capsys.readouterr()
    assert words in said.err
    assert said.out == ""


def test_nothing_to_design_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(asked(folder, "--at", "1e9", fit=False)) == 2
    assert "nothing to design for" in capsys.readouterr().err
