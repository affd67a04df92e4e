"""How the demonstration ends; `make demo` runs all of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from scalefit.cli import demo

from .conftest import Run


@pytest.mark.parametrize(
    ("perceptrons", "public", "code"),
    [("ok", "ok", 0), ("two searches differ", "ok", 4), ("ok", "too few points", 4)],
)
def test_it_ends_with_4_if_a_fit_cannot_be_relied_on(
    perceptrons: str, public: str, code: int, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judged(verdict: str) -> Any:
        fit: Any = SimpleNamespace(verdict={"a": "ok", "b": verdict}, ok=verdict == "ok")
        return lambda *_: demo._verdicts(fit)

    monkeypatch.setattr(demo, "_train", lambda *_: (None, None))
    monkeypatch.setattr(demo, "_perceptrons", judged(perceptrons))
    monkeypatch.setattr(demo, "_public", judged(public))
    done = run("demo", "--out", "all")
    assert done.code == code
    assert "done in " in done.out
    said = [f"   b: {one}" for one in (perceptrons, public) if one != "ok"]
    assert done.err.splitlines() == said
