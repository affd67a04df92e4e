"""Order of the rows: restarts, resumed runs, cliffs and decays, and what is none of them."""

from __future__ import annotations

import numpy as np
import pytest

from scalefit.analysis.words import ASSUMED
from scalefit.arrays import Array
from scalefit.curves.passes import joined
from scalefit.curves.rows import Column, Rows
from scalefit.misfit import order

STEPS = np.arange(10.0, 1210.0, 10.0)


def loss(x: Array, rng: np.random.Generator, noise: float = 0.004) -> Array:
    return np.asarray((1.8 + 8.0 * x**-0.45) * np.exp(noise * rng.standard_normal(x.size)))


def rows(x: Array, y: Array, name: str = "loss", **others: Array) -> Rows:
    kept = {key: Column(values, words=False) for key, values in others.items()}
    return Rows(x, y, "step", name, at=np.arange(x.size), others=kept)


@pytest.mark.parametrize("stops", [[60], [30, 80]])
def test_a_counter_that_restarts_is_told_and_can_be_joined_up(
    rng: np.random.Generator, stops: list[int]
) -> None:
    y, again = loss(STEPS, rng), STEPS.copy()
    for stop in stops:
        again[stop:] = STEPS[stop:] - STEPS[stop - 1]
    found = order.restart(rows(again, y))
    assert found is not None
    assert found.doubtful
    assert str(found).startswith(f"'step' falls back from {again[stops[0] - 1]:g} to 10 and")
    assert "--resume" in found.remedy
    whole, kept, words = joined(again, y)
    np.testing.assert_array_equal(whole, STEPS)
    assert kept.all()
    assert words.startswith(f"the counter restarted after {STEPS[stops[0] - 1]:g}")


def test_a_resumed_run_that_repeats_steps_is_told_and_can_be_joined_up(
    rng: np.random.Generator,
) -> None:
    x = np.concatenate([STEPS[:100], STEPS[80:]])
    y = loss(x, rng)
    found = order.restart(rows(x, y))
    assert found is not None
    assert str(found).startswith("'step' 810 to 1000 is there twice, as after a resume; --resume")
    whole, kept, words = joined(x, y)
    np.testing.assert_array_equal(whole[kept], STEPS)
    np.testing.assert_array_equal(y[kept], np.concatenate([y[:80], y[100:]]))
    assert words == "resumed at 810: 20 earlier rows from there on are replaced"


@pytest.mark.parametrize(
    "arranged",
    [
        lambda n, rng: rng.permutation(n),
        lambda n, rng: np.arange(n)[::-1],
        lambda n, rng: np.concatenate([[40], np.arange(40), np.arange(41, n)]),
        lambda n, rng: np.tile(np.arange(n), 3),  # seeds one after the other
        lambda n, rng: np.arange(n),
    ],
    ids=["shuffled", "reversed", "one row astray", "replicates", "in order"],
)
def test_rows_in_another_order_are_no_restart(rng: np.random.Generator, arranged: object) -> None:
    at = arranged(STEPS.size, rng)  # type: ignore[operator]
    assert order.restart(rows(STEPS[at], loss(STEPS[at], rng))) is None


def test_rows_of_several_runs_have_no_counter(rng: np.random.Generator) -> None:
    x = np.concatenate([STEPS[:60], STEPS[:60]])
    y = np.concatenate([loss(STEPS, rng)[:60], loss(STEPS, rng)[60:]])
    assert order.restart(rows(x, y)) is not None
    assert order.restart(Rows(x, y, counter=False, at=np.arange(x.size))) is None


@pytest.mark.parametrize("factor", [1e-3, 1e-6, 1e4])
def test_a_change_of_unit_is_a_cliff(rng: np.random.Generator, factor: float) -> None:
    y = np.where(STEPS > 600.0, factor, 1.0) * loss(STEPS, rng)
    found = order.cliff(rows(STEPS, y))
    assert found is not None
    assert "between 'step' 600 and 610" in found.words
    assert found.remedy == "fit the sides apart: --to 600, --from 610"


def test_a_steep_law_or_a_drop_of_emergence_is_no_cliff(rng: np.random.Generator) -> None:
    assert order.cliff(rows(STEPS, 1e3 * STEPS**-4.0)) is None
    emerged = 2.0 - 1.5 / (1.0 + np.exp(-(STEPS - 600.0) / 5.0))
    assert order.cliff(rows(STEPS, emerged)) is None


@pytest.mark.parametrize("named", [True, False])
def test_a_decay_at_the_end_is_told_with_the_cut(rng: np.random.Generator, named: bool) -> None:
    share = np.clip((STEPS - 1000.0) / 200.0, 0.0, 1.0)
    y = loss(STEPS, rng, 0.002) * np.exp(-0.06 * share)
    rate = {"train/learning_rate": 3e-4 * (1.0 - 0.99 * share)} if named else {}
    found = order.late_fall(rows(STEPS, y, **rate))
    assert found is not None
    cut = float(found.remedy.split()[1])
    assert 950.0 <= cut <= 1080.0
    assert ("'train/learning_rate' falls to 0.01 of its maximum" in found.words) == named
    assert order.late_fall(rows(STEPS, loss(STEPS, rng, 0.002))) is None


def test_a_rate_that_falls_all_along_is_noted_as_an_assumption(rng: np.random.Generator) -> None:
    cosine = 0.5 * (1.0 + np.cos(np.pi * STEPS / STEPS[-1]))
    found = order.learning_rate(rows(STEPS, loss(STEPS, rng), lr=cosine))
    assert found is not None
    assert not found.doubtful
    assert ASSUMED in found.remedy
    assert order.learning_rate(rows(STEPS, loss(STEPS, rng), lr=np.ones(STEPS.size))) is None
    assert order.learning_rate(rows(STEPS, loss(STEPS, rng), color=cosine)) is None


@pytest.mark.parametrize(
    ("name", "y", "bound"),
    [
        ("accuracy", 0.93 - 6.0 * (STEPS + 90.0) ** -0.5, "--ceiling 1,"),
        ("eval/acc", 93.0 - 600.0 * (STEPS + 90.0) ** -0.5, "--ceiling 100,"),
        ("score", 0.93 - 2.0 * (STEPS + 90.0) ** -0.5, "--ceiling 1,"),
        ("loss", 0.1 + 0.5 * STEPS**-0.5, ""),
        ("score", 93.0 - 600.0 * (STEPS + 90.0) ** -0.5, ""),
        ("accuracy", STEPS**0.5 * 100.0, ""),
    ],
)
def test_a_ceiling_is_noted_where_y_rises_towards_one(name: str, y: Array, bound: str) -> None:
    found = order.ceiling(rows(STEPS, np.maximum(y, 1e-3), name))
    assert (found is not None) == bool(bound)
    if found is not None:
        assert bound in found.remedy
        assert not found.doubtful
