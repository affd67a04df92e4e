"""Huber's loss: the optimum that others have published, and what it takes."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from scalefit.inference import Problem
from scalefit.inference.huber import huber, optimum, solve
from scalefit.laws.additive import Additive
from scalefit.laws.broken import BrokenPowerLaw


def test_the_loss_is_a_square_that_goes_on_straight() -> None:
    residual = np.array([-3.0, -0.5, 0.0, 0.5, 1.0, 3.0])
    found = huber(residual, 1.0)
    np.testing.assert_allclose(found, [2.5, 0.125, 0.0, 0.125, 0.5, 2.5])


def test_points_far_off_do_not_move_the_optimum() -> None:
    x = np.geomspace(1.0, 1e4, 40)
    y = 3.0 * x**-0.4
    wrong = y.copy()
    wrong[[5, 20]] *= 2.0
    found = optimum(Problem(BrokenPowerLaw(1, False), x, wrong), np.random.default_rng(0))
    assert found.loss == pytest.approx(2 * 1e-3 * (np.log(2.0) - 0.5e-3), rel=1e-4)
    posterior = solve(
        Problem(BrokenPowerLaw(1, False), x, wrong), draws=100, rng=np.random.default_rng(0)
    )
    assert posterior.verdict == "ok"
    exponent = posterior.draws["exponent"]
    assert exponent.shape == (1, 100, 1)
    np.testing.assert_allclose(exponent, 0.4, atol=1e-4)
    assert posterior.draws["noise"].shape == (1, 100)
    assert "no width" in posterior.notes[0]


def test_the_published_optimum_is_found_from_any_seed() -> None:
    folder = Path(os.environ.get("SCALEFIT_DATA", "")) / "chinchilla-svg"
    if not (folder / "svg_extracted_data.csv").exists():
        pytest.skip("chinchilla-svg: set SCALEFIT_DATA to the folder that holds it")
    with (folder / "svg_extracted_data.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    size, cost, loss = (
        np.array([float(row[name]) for row in rows])
        for name in ("Model Size", "Training FLOP", "loss")
    )
    kept = np.sort(np.argsort(-loss)[5:])
    x = np.stack([size, cost / 6.0 / size], axis=1)[kept]
    problem = Problem(Additive(), x, loss[kept])
    for seed in range(2):
        found = optimum(problem, np.random.default_rng(seed))
        assert found.loss == pytest.approx(0.00101827, abs=1e-8)
        assert found.apart < 1e-9
    natural = problem.natural(np.append(found.v, 0.0)[None])
    np.testing.assert_allclose(natural["amplitude"][0], [477.8, 2143.0], rtol=3e-4)
    np.testing.assert_allclose(natural["exponent"][0], [0.3473, 0.3672], atol=6e-5)
    assert natural["floor"][0] == pytest.approx(1.8172, abs=6e-5)
