"""Progress where standard error is no terminal."""

from __future__ import annotations

from itertools import count

import pytest

from scalefit import progress


def test_long_work_says_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = count(0, 10)
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    with progress.bar("fitting", 100, unit="curves") as advance:
        for i in range(100):
            advance(label=f"run {i}")
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert lines[0] == "done 3 of 100 curves, 16 min left"
    assert len(lines) == 33
    assert all(line.isprintable() and len(line) < 80 for line in lines)


def test_short_work_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.bar("fitting", 100, unit="curves") as advance:
        for _ in range(100):
            advance()
    with progress.bar("nothing", 0, unit="curves"):
        pass
    assert capsys.readouterr() == ("", "")


def test_work_that_is_not_to_be_shown_is_silent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.0)
    with progress.bar("fitting", 3, unit="curves", show=False) as advance:
        advance()
    assert capsys.readouterr().err == ""
