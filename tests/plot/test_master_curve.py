"""The figure of a collapse law."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from samples.collapses import design, log_mean, problem

import scalefit as sf
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


def test_four_panels_show_curves_elbows_and_levels() -> None:
    rng = np.random.default_rng(1)
    x, _ = design(rng, curves=5, points=25)
    x = x[(x[:, 1] < 2e4) | (x[:, 0] < 300.0)]  # the largest P ends before its elbow
    y = np.exp(log_mean(x) + 0.04 * rng.standard_normal(len(x)))
    table = pd.DataFrame({"norm": x[:, 0], "n_train": x[:, 1], "error": y})
    fit = sf.fit(
        table, x=("norm", "n_train"), y="error", runs="n_train", law=Collapse(2),
        noise="normal", method="point", progress=False,
    )  # fmt: skip
    axes = fit.plot(panels=True)
    curves, master, elbows, levels = axes
    assert len(curves.get_lines()) == 5 * 3  # points, law and elbow of each P
    assert master.get_xlabel().startswith("norm / (n train / ")
    words = [text.get_text() for text in elbows.get_legend().get_texts()]
    assert "the same, beyond its points" in words
    (line,) = [one for one in elbows.get_lines() if one.get_label().startswith("elbow: gamma_2")]
    slope = np.polyfit(*(np.log(np.asarray(part)) for part in line.get_data()), 1)[0]
    gamma_2 = np.median(fit.parameters("all")["gamma_2"])
    assert slope == pytest.approx(gamma_2, abs=0.01)
    (line,) = [one for one in levels.get_lines() if one.get_label().startswith("law at its")]
    slope = np.polyfit(*(np.log(np.asarray(part)) for part in line.get_data()), 1)[0]
    assert slope == pytest.approx(-np.median(fit.parameters("all")["gamma"]), abs=0.02)
    axes[0].figure.canvas.draw()
    plt.close("all")
