"""Rivals: what a package says in a process of its own, and what is made of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "extrapolation"))

import rivals
from score import score
from tasks import Task

PACKAGE = """
import numpy as np

class PiecewiseLinFit:
    def __init__(self, x, y, seed):
        print("a package prints what it likes")
        self.x, self.y = x, y

    def fit(self, segments):
        self.line = np.polyfit(self.x, self.y, segments)

    def predict(self, x):
        return np.polyval(self.line, x)
"""


@pytest.fixture
def task() -> Task:
    x = np.geomspace(10.0, 1e4, 40)
    y = 3.0 * x**-0.5 * np.exp(0.01 * np.sin(np.arange(40.0)))
    return Task("IC", "a", "b", x[:30], y[:30], x[30:], y[30:])


def test_a_package_is_asked_in_logarithms_and_its_residuals_are_the_scatter(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pwlf.py").write_text(PACKAGE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setitem(rivals.PARAMETERS, "pwlf:1", 2)
    line = rivals.Rival("pwlf:1", Path(sys.executable))
    found = line(task.x_train, task.y_train, np.random.default_rng(0))
    slope, level = np.polyfit(np.log(task.x_train), np.log(task.y_train), 1)
    expected = np.exp(level) * task.x_test**slope
    np.testing.assert_allclose(found.median(task.x_test), expected, rtol=1e-12)
    off = np.log(task.y_train) - level - slope * np.log(task.x_train)
    assert found.sd == pytest.approx(np.sqrt(off @ off / 28))
    row = score(task, "pwlf:1", line)
    assert row["failure"] is None
    assert row["rmsle"] < 0.02
    assert line.elsewhere_s > 0.0
    line.close()


def test_what_fails_in_a_package_is_told_with_the_task(task: Task) -> None:
    rival = rivals.Rival("no-such-package:2", Path(sys.executable))
    row = score(task, "a", rival)
    rival.close()
    assert row["rmsle"] == 1.0
    assert row["failure"] == "RuntimeError: KeyError: 'no-such-package'"


def test_a_package_that_cannot_be_installed_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RuntimeError, match=r"needs Python 3\.12"):
        rivals.environment(rivals.NEWER, tmp_path, None)

    def refused(*args: object, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, "", "ERROR: no network\n")

    monkeypatch.setattr(subprocess, "run", refused)
    methods, versions, missing = rivals.installed(tmp_path, None)
    assert not methods
    assert not versions
    assert missing["pwlf"] == "ERROR: no network"
