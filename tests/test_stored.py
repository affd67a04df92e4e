"""Files of version 0.1 open, say what they said, and are not made again.

`benchmarks/unchanged/digests.py --store tests/reference/stored-0.1` wrote them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scalefit as sf

sys.path.append(str(Path(__file__).parents[1] / "benchmarks" / "unchanged"))
import stored

FOLDER = Path(__file__).parent / "reference" / "stored-0.1"
SAID: dict[str, Any] = json.loads((FOLDER / stored.SAID).read_text())["digests"]


@pytest.mark.parametrize("name", stored.FITS)
def test_a_stored_fit_says_what_it_said(name: str) -> None:
    fit = sf.load(FOLDER / f"{name}.nc")
    for group, parts in stored.held(fit).items():
        assert parts == SAID[name][group]
    for what, values in stored.numbers(fit).items():
        kept = np.array(SAID[name]["numbers"][what], dtype=float)
        np.testing.assert_allclose(values, kept, rtol=1e-6, atol=1e-12, err_msg=what)


@pytest.mark.parametrize("name", stored.SWEEPS)
def test_stored_runs_are_all_there(name: str) -> None:
    assert stored.merged(FOLDER / name) == SAID[name]["merged"]


@pytest.mark.train
@pytest.mark.parametrize("name", stored.SWEEPS)
def test_a_stored_sweep_goes_on_and_trains_nothing_again(name: str) -> None:
    assert stored.going_on(FOLDER / name) == SAID[name]["going on"]
    assert SAID[name]["going on"]["nothing trained"]
