"""Verdicts on whole files: what is doubted, why, and that the remedy leads to the truth."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

import scalefit as sf
from scalefit.arrays import Array

STEPS = np.arange(10.0, 1010.0, 10.0)


def loss(x: Array, seed: int = 0, exponent: float = 0.45, noise: float = 0.005) -> Array:
    rng = np.random.default_rng(seed)
    law = 1.8 + 8.0 * np.asarray(x) ** -exponent
    return np.asarray(law * np.exp(noise * rng.standard_normal(np.size(x))))


def fitted(table: pd.DataFrame, x: str = "step", y: str = "loss", **more: Any) -> sf.Fit:
    chosen = {"method": "point", "progress": False, **more}
    return sf.fit(table, x=x, y=y, **chosen)


def first(fit: sf.Fit) -> tuple[float, float]:
    """Return the 90% interval of the first exponent."""
    rows = fit.summary()
    row = rows[rows["parameter"] == "exponent"].iloc[0]
    return float(row["low"]), float(row["high"])


def inside(fit: sf.Fit, truth: float) -> bool:
    low, high = first(fit)
    return low < truth < high


def test_a_forgotten_column_is_named_and_mends_it() -> None:
    parts = [
        pd.DataFrame(
            {"step": STEPS, "loss": loss(STEPS, i, e) * (1.0 + 0.2 * i), "optimizer": name}
        )
        for i, (name, e) in enumerate([("adam", 0.45), ("muon", 0.6)])
    ]
    table = pd.concat(parts, ignore_index=True)
    for rows in (table, table.sample(frac=1.0, random_state=1)):
        fit = fitted(rows)
        assert fit.verdict["0"] == (
            "doubtful: several curves share each 'step': 'optimizer' tells them apart; "
            "--by optimizer"
        )
        assert not fit.ok
    apart = fitted(table, by="optimizer")
    assert apart.ok
    assert inside(apart.with_regimes(1), 0.45)


def test_a_restarted_counter_is_joined_up_on_request() -> None:
    again = np.where(STEPS > 600.0, STEPS - 600.0, STEPS)
    table = pd.DataFrame({"step": again, "loss": loss(STEPS)})
    fit = fitted(table)
    assert fit.verdict["0"].startswith("doubtful: 'step' falls back from 600 to 10 and 'loss' goes")
    joined = fitted(table, resume=True)
    assert joined.ok
    assert inside(joined, 0.45)
    assert (
        "step: the counter restarted after 600: what it had reached is added" in joined.notes["0"]
    )


def test_a_log_keeps_the_later_of_steps_written_twice(tmp_path: Any) -> None:
    import json

    x = np.concatenate([STEPS[:90], STEPS[80:]])
    y = loss(x)
    y[80:90] = 9.0
    history = [{"step": int(a), "loss": float(b)} for a, b in zip(x, y, strict=True)]
    path = tmp_path / "trainer_state.json"
    path.write_text(json.dumps({"log_history": history}))
    fit = sf.fit(path, y="loss", method="point", progress=False)
    assert fit.ok
    assert inside(fit, 0.45)
    assert "x is repeated in 10 rows: the last row of each is kept" in fit.notes["0"]
    plain = fitted(pd.DataFrame(history))
    assert plain.verdict["0"].startswith("doubtful: 'step' 810 to 900 is there twice")


def test_spikes_and_one_wild_value_are_told_with_the_noise_that_allows_them() -> None:
    y = loss(STEPS)
    y[[20, 41, 60, 77]] *= 2.0
    spiked = pd.DataFrame({"step": STEPS, "loss": y})
    fit = fitted(spiked)
    assert re.match("doubtful: [45] points lie far off and set the noise", fit.verdict["0"])
    heavy = fitted(spiked, noise="student", regimes=1, floor=True)
    assert heavy.ok
    assert inside(heavy, 0.45)
    lasting = loss(STEPS)
    lasting[[20, 21, 40, 41, 60, 61, 62]] *= np.array([1.5, 1.25, 1.8, 1.3, 1.6, 1.4, 1.2])
    lasted = pd.DataFrame({"step": STEPS, "loss": lasting})
    said = fitted(lasted, regimes=[1, 2])
    assert "--noise student" in " ".join([*said.notes["0"], *said.verdict.values()])
    named: Any = {"noise": "student", "regimes": 1, "floor": True, "method": "certified"}
    assert inside(fitted(lasted, **named), 0.45)
    wild = loss(STEPS)
    wild[50] = 1e12
    assert fitted(pd.DataFrame({"step": STEPS, "loss": wild})).verdict["0"].startswith("doubtful: ")


@pytest.mark.parametrize("walk", [False, True])
def test_noise_alone_is_no_curve(walk: bool) -> None:
    noise = np.random.default_rng(5).standard_normal(60)
    y = np.exp(np.cumsum(0.3 * noise) if walk else noise)
    fit = fitted(pd.DataFrame({"step": STEPS[:60], "loss": y}))
    assert "noise around a constant, or a random walk" in " ".join(
        [fit.verdict["0"], *fit.notes["0"]]
    )
    if not walk:
        assert fit.verdict["0"].startswith("doubtful: noise around a constant")


def test_a_decay_is_told_and_cut_and_the_forecast_is_that_of_a_constant_rate() -> None:
    share = np.clip((STEPS - 800.0) / 200.0, 0.0, 1.0)
    y = loss(STEPS, noise=0.002) * np.exp(-0.06 * share)
    table = pd.DataFrame({"step": STEPS, "loss": y, "lr": 1.0 - 0.99 * share})
    fit = fitted(table)
    assert fit.verdict["0"].startswith("doubtful: for forecasts: from 'step' 8")
    cut = float(fit.verdict["0"].split("--to ")[1].split()[0])
    mended = fitted(table, x_range=(0.0, cut))
    assert mended.ok
    predicted = mended.predict([5000.0], kind="curve")
    truth = 1.8 + 8.0 * 5000.0**-0.45
    assert float(predicted["low"].item()) < truth < float(predicted["high"].item())


def test_a_counter_from_zero_is_noted() -> None:
    epoch = np.arange(0.0, 40.0)
    y = (0.15 + 2.0 * (epoch + 1.0) ** -0.6) * np.exp(
        0.01 * np.random.default_rng(2).standard_normal(40)
    )
    table = pd.DataFrame({"train/epoch": epoch, "loss": y})
    fit = fitted(table, x="train/epoch")
    assert fit.ok
    remedy = "[train/epoch] + 1"
    assert any(f'--x "{remedy}"' in note for note in fit.notes["0"])
    assert inside(fitted(table, x=remedy).with_regimes(1), 0.6)
    later = fitted(table[1:], x="train/epoch")
    assert not any(remedy in note for note in later.notes["0"])


def test_a_ceiling_is_noted_with_arithmetic_that_can_be_typed() -> None:
    n = np.geomspace(100.0, 30_000.0, 18)
    gap = (0.07 + 6.0 * n**-0.5) * np.exp(0.01 * np.random.default_rng(5).standard_normal(18))
    table = pd.DataFrame({"n": n, "eval/accuracy": 1.0 - gap, "hits": 100.0 - 100.0 * gap})
    for y, remedy in (
        ("eval/accuracy", "1 - [eval/accuracy]"),
        ("hits / 100", "1 - (hits / 100)"),
    ):
        fit = fitted(table, x="n", y=y, regimes=[1, 2], noise="normal")
        assert any(f'--ceiling 1, or --y "{remedy}"' in note for note in fit.notes["0"])
        mended = fitted(table, x="n", y=remedy, regimes=[1, 2], noise="normal")
        assert inside(mended.with_regimes(1), 0.5)


def test_an_offset_below_zero_is_noted_with_the_law_that_has_it() -> None:
    x = np.geomspace(0.02, 0.28, 40)
    rng = np.random.default_rng(3)
    y = (2.17 * x**-0.348 - 3.27) * np.exp(0.01 * rng.standard_normal(x.size))
    fit = fitted(pd.DataFrame({"step": x, "loss": y}))
    assert any("--law cutoff" in note for note in fit.notes["0"])


def test_too_few_points_are_said_not_to_be_checked() -> None:
    x = np.geomspace(10.0, 1e4, 5)
    fit = fitted(pd.DataFrame({"step": x, "loss": loss(x)}))
    assert fit.ok
    assert "5 points are too few to check whether the law fits" in fit.notes["0"]


@pytest.mark.parametrize("unit", [(1e6, 1e-6), (1e-6, 1e6)])
def test_units_change_no_verdict(unit: tuple[float, float]) -> None:
    y = loss(STEPS)
    good = pd.DataFrame({"step": unit[0] * STEPS, "loss": unit[1] * y})
    assert fitted(good).ok
    y[[20, 41, 60, 77]] *= 2.0
    bad = pd.DataFrame({"step": unit[0] * STEPS, "loss": unit[1] * y})
    assert "points lie far off" in fitted(bad).verdict["0"]
