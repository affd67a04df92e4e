"""Mixture of curves: which column tells them apart, and columns that tell nothing."""

from __future__ import annotations

import numpy as np

from scalefit.arrays import Array
from scalefit.curves.rows import Column, Rows
from scalefit.misfit import mixture

X = np.arange(1.0, 61.0)
OFFSETS = np.array([-0.3, 0.0, 0.3])


def stacked(rng: np.random.Generator, offsets: Array, noise: float = 0.02) -> tuple[Rows, Array]:
    """Return curves one after the other, with the column `model`, and what a law leaves of them."""
    x = np.tile(X, offsets.size)
    model = np.repeat(np.arange(offsets.size, dtype=float), X.size)
    left = np.repeat(offsets, X.size) + noise * rng.standard_normal(x.size)
    others = {
        "model": Column(model, words=True),
        "epoch": Column(np.ceil(x / 10.0), words=False),
        "loss_again": Column(left, words=False),
    }
    return Rows(
        x, np.exp(left) * x**-0.3, "step", "loss", at=np.arange(x.size), others=others
    ), left


def test_the_column_that_tells_curves_apart_is_named(rng: np.random.Generator) -> None:
    rows, left = stacked(rng, OFFSETS)
    found = mixture.unused_column(rows, left)
    assert found is not None
    assert found.doubtful
    assert str(found) == ("several curves share each 'step': 'model' tells them apart; --by model")


def test_a_number_that_varies_too_is_named_with_what_it_explains(rng: np.random.Generator) -> None:
    rows, left = stacked(rng, OFFSETS)
    sizes = 1e7 * 4.0 ** rows.others["model"].values
    other = Rows(rows.x, rows.y, "D", at=rows.at, others={"N": Column(sizes, words=False)})
    found = mixture.unused_column(other, left)
    assert found is not None
    assert found.words == "'N' varies too and explains 99% of the scatter"
    assert found.remedy == "--by N"


def test_without_any_column_the_passes_tell(rng: np.random.Generator) -> None:
    rows, left = stacked(rng, OFFSETS)
    bare = Rows(rows.x, rows.y, "step", "loss", at=rows.at)
    found = mixture.unused_column(bare, left)
    assert found is not None
    assert found.words.startswith("'step' starts again 2 times")


def test_rank_among_equal_x_tells_where_rows_are_in_no_order(rng: np.random.Generator) -> None:
    rows, left = stacked(rng, OFFSETS)
    at = rng.permutation(left.size)
    shuffled = Rows(rows.x[at], rows.y[at], "step", "loss", at=rows.at)
    assert mixture.unused_column(shuffled, left[at]) is None
    found = mixture.bands(shuffled, left[at], rng)
    assert found is not None
    assert "several curves are mixed" in found.words


def test_replicates_are_one_curve(rng: np.random.Generator) -> None:
    alarms = 0
    for _ in range(200):
        rows, left = stacked(rng, np.zeros(3))
        alarms += mixture.unused_column(rows, left) is not None
        alarms += mixture.bands(rows, left, rng) is not None
    assert not alarms


def test_seeds_that_differ_are_noted_and_no_doubt(rng: np.random.Generator) -> None:
    rows, left = stacked(rng, OFFSETS)
    seeds = {"seed": rows.others["model"]}
    found = mixture.unused_column(Rows(rows.x, rows.y, at=rows.at, others=seeds), left)
    assert found is not None
    assert not found.doubtful
    assert "--pool seed" in found.remedy


def test_a_column_that_follows_x_or_y_tells_nothing(rng: np.random.Generator) -> None:
    left = 0.3 * np.sin(X / 4.0) + 0.02 * rng.standard_normal(X.size)
    others = {
        "epoch": Column(np.ceil(X / 10.0), words=False),
        "phase": Column((X > 30.0).astype(float), words=True),
        "accuracy": Column(np.round(0.9 - 0.3 * X**-0.5 - 0.1 * left, 2), words=False),
    }
    rows = Rows(X, X**-0.3, at=np.arange(X.size), others=others)
    assert mixture.unused_column(rows, left) is None
