"""How the demonstration ends; `make demo` runs all of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scalefit.cli import demo

from .conftest import WIDTH, Run


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ({}, 0),
        ({"_perceptrons": "two searches differ"}, 4),
        ({"_collapse": "two regimes are too few"}, 4),
        ({"_surface": "the law does not fit"}, 4),
        ({"_public": "too few points"}, 4),
    ],
)
def test_it_ends_with_4_if_a_fit_cannot_be_relied_on(
    steps: dict[str, str], code: int, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judged(verdict: str) -> Any:
        fit: Any = SimpleNamespace(verdict={"a": "ok", "b": verdict}, ok=verdict == "ok")
        return lambda *_: demo._verdicts(fit)

    monkeypatch.setattr(demo, "_train", lambda *_: (None, None))
    for step in ("_perceptrons", "_collapse", "_surface", "_public"):
        monkeypatch.setattr(demo, step, judged(steps.get(step, "ok")))
    done = run("demo", "--out", "all")
    assert done.code == code
    assert "done in " in done.out
    assert done.err.splitlines() == [f"   b: {one}" for one in steps.values()]


@pytest.mark.parametrize(("step", "rows"), [("_collapse", 4), ("_surface", 3)])
def test_theory_is_inside_on_bundled_data(
    step: str, rows: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert getattr(demo, step)(tmp_path, 0)
    out = capsys.readouterr().out
    assert [line.split()[-1] for line in out.splitlines() if "[" in line] == ["yes"] * rows
    assert max(map(len, out.replace(str(tmp_path), "").splitlines())) <= WIDTH
    (folder,) = tmp_path.iterdir()
    assert {one.name for one in folder.iterdir()} == {
        "fit.nc", "plot.png", "report.html", "summary.csv",
    }  # fmt: skip
