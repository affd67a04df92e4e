"""A terminal of 80 columns, a folder of its own, and files as a user has them."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pytest

from scalefit.cli import _run

WIDTH = 80
AXES = ("--x", "step", "--y", "loss")
POINT = ("--regimes", "1", "--floor", "yes", "--noise", "normal", "--method", "point")


@dataclasses.dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output."""

        def refuse(constant: str) -> NoReturn:
            raise AssertionError(f"{constant} is no JSON")

        document = json.loads(self.out, parse_constant=refuse)
        assert document["schema"] == "scalefit-cli/1"
        assert isinstance(document, dict)
        return document


Run = Callable[..., Done]


def interrupted(script: str, *arguments: str) -> Done:
    """Return how a script ended that got Ctrl-C once it had said "busy" on standard error."""
    with subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "busy\n"
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    return Done(process.returncode, out, err)


Curves = Callable[..., pd.DataFrame]


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "SCALEFIT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> Done:
        capfd.readouterr()
        code = _run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        assert "\x1b" not in out + err
        return Done(code, out, err)

    return call


@pytest.fixture(scope="session")
def curves() -> Curves:
    """Return what makes clean curves, one per name, with noise of 2%."""
    return _curves


def _curves(names: list[str], points: int = 20) -> pd.DataFrame:
    """Return one clean curve per name, with noise of 2%, in columns `model`, `step` and `loss`."""
    rng = np.random.default_rng(0)
    x = np.geomspace(1.0, 1e4, points)
    parts = [
        pd.DataFrame(
            {
                "model": name,
                "step": x,
                "loss": (0.5 + 3 * x ** -(0.3 + 0.1 * i)) * np.exp(0.02 * rng.normal(size=points)),
            }
        )
        for i, name in enumerate(names)
    ]
    return pd.concat(parts)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "runs.csv"
    _curves(["base", "large"]).to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that `scalefit fit --out` wrote, for all tests of this room."""
    folder = tmp_path_factory.mktemp("fitted")
    _curves(["base", "large"]).to_csv(folder / "runs.csv", index=False)
    options = (*AXES, "--by", "model", *POINT, "--out", str(folder / "results"))
    assert _run(["fit", str(folder / "runs.csv"), *options]) == 0
    return folder / "results"


@pytest.fixture
def stored(tmp_path: Path, table: Path, results: Path) -> Path:
    del table  # stands beside the results, as after a fit
    shutil.copytree(results, tmp_path / "results")
    return tmp_path / "results" / "fit.nc"
