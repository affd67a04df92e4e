"""The gallery: a command under every figure, small files, and figures that are still drawn."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from samples.pages import ROOT, page

FIGURES = ROOT / "benchmarks" / "figures"
LARGEST, TOGETHER = 60_000, 600_000


def test_every_figure_has_its_command_and_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FIGURES))
    import gallery

    text = page("benchmarks/figures/README.md")
    shown = re.findall(r"^!\[.+\]\((\w+)\.png\)\n\n`(.+?)`", text, re.MULTILINE)
    drawn = {name for name, command in shown if command.endswith(f"gallery.py {name}")}
    assert drawn == set(gallery.FIGURES)
    assert {name for name, _ in shown} - drawn == {"study"}
    sizes = [(FIGURES / f"{name}.png").stat().st_size for name, _ in shown]
    assert max(sizes) < LARGEST
    assert sum(sizes) < TOGETHER


@pytest.mark.parametrize("name", ["perceptron", "plateau", "regimes"])
def test_figures_are_drawn(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FIGURES))
    import gallery

    monkeypatch.setattr(sys, "argv", ["gallery.py", name, "--out", str(tmp_path)])
    gallery.main()
    assert (tmp_path / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
    assert 10_000 < (tmp_path / f"{name}.png").stat().st_size < LARGEST
