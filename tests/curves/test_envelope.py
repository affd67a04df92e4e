"""Envelope: touches on a frontier that is known, and the fit through them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import scalefit as sf
from scalefit.arrays import Array
from scalefit.curves.envelope import touches
from scalefit.errors import InvalidData

A, B, E, AMPLITUDE_N, AMPLITUDE_D = 0.34, 0.28, 1.69, 406.0, 410.0


def runs(noise: float = 0.0, seed: int = 0) -> list[tuple[Array, Array, Array]]:
    """Return compute, loss and tokens of runs of 14 sizes."""
    rng = np.random.default_rng(seed)
    made = []
    for n in np.geomspace(5e7, 2e10, 14):
        d = np.geomspace(2.0 * n, 600.0 * n, 60)
        loss = E + AMPLITUDE_N * n**-A + AMPLITUDE_D * d**-B
        made.append((6.0 * n * d, loss * np.exp(noise * rng.standard_normal(60)), d))
    return made


def best(compute: Array) -> Array:
    """Return the frontier of these runs, from the closed form."""
    log_n = (np.log(A * AMPLITUDE_N / (B * AMPLITUDE_D)) + B * np.log(compute / 6.0)) / (A + B)
    n = np.exp(log_n)
    return np.asarray(E + AMPLITUDE_N * n**-A + AMPLITUDE_D * (compute / 6.0 / n) ** -B)


def table(noise: float = 0.0) -> pd.DataFrame:
    """Return the runs as a table."""
    return pd.concat(
        pd.DataFrame({"size": f"run {k:02d}", "flop": compute, "loss": loss})
        for k, (compute, loss, _) in enumerate(runs(noise))
    )


def test_touches_without_noise_lie_on_the_frontier() -> None:
    found = touches([(np.log(compute), np.log(loss)) for compute, loss, _ in runs()])
    assert len(found) == 14
    compute = np.exp([one.log_x for one in found])
    np.testing.assert_allclose(np.exp([one.log_y for one in found]), best(compute), rtol=5e-5)


def test_noise_does_not_pull_the_touches_below_it() -> None:
    off = []
    for seed in range(5):
        found = touches([(np.log(compute), np.log(loss)) for compute, loss, _ in runs(0.01, seed)])
        compute = np.exp([one.log_x for one in found])
        off.append(np.mean([one.log_y for one in found] - np.log(best(compute))))
    assert abs(np.mean(off)) < 0.0025  # lowest points lie .02 below


def test_runs_that_are_still_on_their_way_do_not_touch() -> None:
    short = [(np.log(c[:12]), np.log(loss[:12])) for c, loss, _ in runs()[:3]]
    long = [(np.log(c), np.log(loss)) for c, loss, _ in runs()]
    assert {one.run for one in touches([*long, *short])} == set(range(14))


def test_the_fit_goes_through_the_frontier() -> None:
    fit = sf.frontier(table(0.003), x="flop", y="loss", by="size", floor=True, progress=False)
    assert fit.runs == ["frontier"]
    assert "14 runs of 14 touch" in " ".join(fit.notes["frontier"])
    at = np.array([1e20, 1e22])
    predicted = fit.predict(at, kind="curve", hazard=0.0)
    np.testing.assert_allclose(predicted["median"].values[0], best(at), rtol=0.004)
    row = fit.summary().set_index("parameter").loc["exponent"]
    assert row["low"] < A * B / (A + B) < row["high"]


def test_too_few_touches_are_refused() -> None:
    three = table()[lambda one: one["size"] < "run 03"]
    with pytest.raises(InvalidData, match="3 runs of 3 touch"):
        sf.frontier(three, x="flop", y="loss", by="size", progress=False)
