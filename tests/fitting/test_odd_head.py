"""When the head of a curve is said not to follow the law of the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from samples import losses

import scalefit as sf
from scalefit.arrays import Array
from scalefit.curves.binning import binned
from scalefit.curves.curve import Curve
from scalefit.curves.selection import curves
from scalefit.fitting import odd_head as head
from scalefit.fitting.odd_head import _short, warning

X = np.arange(1.0, 81.0) * 50.0


def made(y: Array, x: Array = X) -> Curve:
    return Curve("a", x, y, {}, (), ordered=True)


def restless(points: int = 12) -> Array:
    """Return a power law whose first points swing and then fall onto it."""
    y = losses.straight(noise=0.01, x=X)
    swing = 1.0 + 0.5 * np.sin(2.5 * np.arange(points)) ** 2 + 0.8 * np.arange(points)[::-1] / 10
    y[:points] *= swing
    return y


@pytest.mark.parametrize(
    "y",
    [
        losses.straight(x=X),
        losses.curve(x=X),
        2.0 + losses.curve(x=X),
        losses.straight(x=X) * np.where(X < 400, (400 / X) ** 0.5, 1.0),  # one more regime
        losses.straight(noise=0.3, x=X),
    ],
)
def test_laws_of_few_regimes_are_left_alone(y: Array) -> None:
    assert warning(made(y)) is None


def test_a_head_with_no_law_is_named_with_where_it_ends() -> None:
    note = warning(made(restless()))
    assert note is not None
    cut = float(note.partition("--from ")[2].split()[0])
    assert X[9] < cut <= X[14]
    kept = cut <= X
    assert warning(made(restless()[kept], X[kept])) is None
    assert warning(made(restless()[:20], X[:20])) is None  # too few points to tell


def test_the_note_reaches_the_fit() -> None:
    fit = sf.fit(X, restless(), regimes=[1, 2], method="point")
    assert any("before x = " in note for note in fit.notes["curve"])
    one = sf.fit(X, restless(), regimes=1, method="point")
    assert not any("before x = " in note for note in one.notes["curve"])


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(610.0, 663.0, "650"), (690, 700, "700"), (1.0, 1.05, "1.05"), (3e9, 4.2e9, "4e9")],
)
def test_the_cut_is_a_short_number(low: float, high: float, text: str) -> None:
    assert low < float(_short(low, high)) <= high
    assert len(_short(low, high)) <= len(text)


def test_logs_of_gpt2(public_data: Path) -> None:
    """Their heads bend more often than four regimes can."""
    del public_data
    from scalefit import datasets

    found = curves(datasets.load("llmc-gpt2-124m"), x="step", y="loss")
    for curve in (found[1], found[2]):
        note = warning(binned(curve))
        assert note is not None
        assert 250 < float(note.partition("--from ")[2].split()[0]) < 3000


def test_no_point_counts_for_head_and_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were points in both, a head would be confirmed that is none."""
    parts: list[slice] = []
    thorough = head._thorough

    def noted(curve: Curve, part: slice, regimes: int) -> float:
        parts.append(part)
        return thorough(curve, part, regimes)

    monkeypatch.setattr(head, "_thorough", noted)
    assert warning(made(restless()))
    ends = {part.stop for part in parts if part.stop is not None}
    starts = {part.start for part in parts if part.start is not None}
    assert ends == starts
    assert len(starts) == 1
