"""Every benchmark that can be tried in seconds still runs, and keeps what it found."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

SMALL = {
    "calibration/sbc.py": ["--curves", "2"],
    "calibration/head.py": ["--curves", "4"],
    "calibration/reach.py": ["--curves", "1"],
    "calibration/doubts.py": ["--curves", "2", "--faults", "0"],
    "calibration/noise.py": ["--curves", "1"],
    "calibration/evidence.py": ["--curves", "1", "--large", "0", "--quadrature", "0"],
    "calibration/generator.py": ["--curves", "1"],
    "extrapolation/corpora.py": [
        *("--corpora", "trainers", "--curves", "1", "--cuts", "1000"),
        *("--methods", "scalefit", "tail_line"),
    ],
    "calibration/exponent_coverage.py": ["--curves", "1", "--method", "point"],
    "speed/engine.py": ["--curves", "1", "--cases", "preview"],
    "speed/perceptron_theory.py": ["--loads", "1", "--norms", "2"],
    "robustness/fuzz_readers.py": ["--minutes", "0.01"],
    "reproduction/deep/variance_limited.py": ["--small", "--workers", "1"],
}
"""Least arguments of what takes seconds; pooling, the average over models and what trains or reads
public data take longer."""
SLOW = (
    "calibration/generator.py",
    "extrapolation/corpora.py",
    "reproduction/deep/variance_limited.py",
)


@pytest.mark.parametrize(
    "script",
    [pytest.param(one, marks=pytest.mark.slow) if one in SLOW else one for one in SMALL],
)
def test_it_runs_and_keeps_its_result(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str((BENCHMARKS / script).parent))
    spec = importlib.util.spec_from_file_location(f"smoke_{Path(script).stem}", BENCHMARKS / script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    spec.loader.exec_module(module)
    out = tmp_path / "result.json"
    monkeypatch.setattr(sys, "argv", [script, *SMALL[script], "--out", str(out)])
    with contextlib.suppress(SystemExit):  # of what counts failures, which are looked at below
        module.main()
    result = json.loads(out.read_text())
    assert not result.get("failures")
    assert result["commit"]
    assert "scalefit" in result["versions"]


def test_every_kept_result_names_its_commit() -> None:
    kept = sorted((BENCHMARKS / "results").glob("*.json"))
    assert len(kept) > 20
    for path in kept:
        assert re.fullmatch("[0-9a-f]{40}(-dirty)?", json.loads(path.read_text())["commit"]), (
            path.name
        )
