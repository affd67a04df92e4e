"""The figure of a collapse law."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot as plt
from samples.collapses import problem

from scalefit.inference.certified import solve
from scalefit.inference.full import target_of
from scalefit.laws import Collapse
from scalefit.plot.master_curve import master_curve


def test_curves_of_every_p_lie_on_the_law() -> None:
    given = problem(1, gamma_0=0.3)
    law = given.law.require(Collapse, "master curve")
    solved = solve(target_of(given), np.random.default_rng(0))
    sampled = solved.resample(500, np.random.default_rng(1))
    draws = {**sampled, **law.natural(sampled, given.window)}
    ax = master_curve(law, draws, given.x, given.y, labels=("norm $", "n_train", "error"))
    *curves, line = ax.lines[:11]
    assert [len(one.get_xdata()) for one in curves] == 10 * [40]
    at, half = (np.log(np.asarray(one)) for one in line.get_data())
    apart = []
    for one in curves:
        u, v = (np.log(np.asarray(part)) for part in one.get_data())
        apart.append(v - np.interp(u, at, half))
        assert abs(apart[-1].mean()) < 0.03
    assert np.std(apart) < 0.045
    assert "norm $ / (n_train / 5.62e3)^" in ax.get_xlabel()
    assert ax.get_ylabel().startswith("error x (n_train / 5.62e3)^0.8")
    ax.figure.canvas.draw()
    plt.close("all")


def test_draws_of_one_regime_have_no_elbow() -> None:
    given = problem(1)
    law = Collapse(1)
    sampled = {
        "steepness": np.ones(4),
        "stretched_exponent": np.ones((4, 1)),
        "shift": np.full(4, 0.2),
        "start_gamma_0": np.zeros(4),
        "level": np.ones(4),
    }
    draws = law.natural(sampled, given.window)
    _, ax = plt.subplots()
    assert master_curve(law, draws, given.x, given.y, ax) is ax
    assert not [one for one in ax.patches if one.get_alpha() == 0.12]
    plt.close("all")
