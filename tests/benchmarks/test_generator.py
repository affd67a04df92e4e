"""Generator of truths outside the priors: they are what its first lines say."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[2] / "benchmarks" / "calibration"))

import generator

TRUTHS = [generator.simulate(i) for i in range(180)]


def test_truths_are_of_all_kinds() -> None:
    for name, values in (
        ("regimes", generator.REGIMES),
        ("noise", generator.NOISES),
        ("spacing", generator.SPACINGS),
    ):
        for value in values:
            assert sum(one.kind[name] == value for one in TRUTHS) == len(TRUTHS) / len(values)
    assert 0.6 < np.mean([one.kind["floor"] for one in TRUTHS]) < 0.8


def test_parameters_lie_in_their_ranges() -> None:
    for one in TRUTHS:
        count = one.kind["regimes"]
        exponent, width, crossover = (
            one.params[name] for name in ("exponent", "width", "crossover")
        )
        assert exponent.shape == (1, count)
        assert width.shape == crossover.shape == (1, count - 1)
        assert ((exponent > 0.05) & (exponent < 1.2)).all()
        assert ((width > 0.05) & (width < 1.5)).all()
        at = np.log(crossover[0]) / np.log(one.x[-1])
        assert ((at > 0.1) & (at < 0.9)).all()
        assert (np.diff(at) >= 0.1).all()
        assert 25 <= one.x.size <= 200
        level = float(np.exp(one.law.log_mean(one.params, one.x[-1:]))[0, 0])
        if one.kind["floor"]:
            assert 0.05 < float(one.params["floor"][0]) / level < 0.9
        else:
            np.testing.assert_allclose(level, 1.0)


def test_noise_is_of_its_kind() -> None:
    x = np.geomspace(1.0, 1e4, 4000)
    drawn = {
        kind: np.array([generator.noise_of(kind, x, np.random.default_rng(i)) for i in range(20)])
        for kind in generator.NOISES
    }
    for values in drawn.values():
        assert ((values.std(axis=1) > 0.0015) & (values.std(axis=1) < 0.035)).all()
    first, last = drawn["x-dependent"][:, :400], drawn["x-dependent"][:, -400:]
    assert (first.std(axis=1) > 0.95 * last.std(axis=1)).all()
    assert np.median(first.std(axis=1) / last.std(axis=1)) > 1.3
    for kind, low, high in (("independent", -0.1, 0.1), ("ar1", 0.25, 0.95)):
        found = [np.corrcoef(one[1:], one[:-1])[0, 1] for one in drawn[kind]]
        assert low < min(found)
        assert max(found) < high


def test_what_is_reported_counts_what_there_is() -> None:
    rows = [
        {
            **truth.kind,
            "verdict": "ok",
            "cpu_s": 1.0,
            "covered": {"end exponent": i % 2 == 0, "width 0": True, "width 1": False},
            "size": {"end exponent": 0.1, "width 0": 1.0, "width 1": 1.0},
            "true_widths": [0.1, 1.0],
            "number_log_score": -1.0,
            "p_floor": 0.5,
        }
        for i, truth in enumerate(TRUTHS[:40])
    ]
    rows.append({**TRUTHS[40].kind, "verdict": "unreliable", "cpu_s": 1.0})
    found = generator.groups(rows)
    every = found["all"]
    assert every["curves"] == 41
    assert every["verdict_ok"][0] == round(40 / 41, 4)
    assert every["covered"]["end exponent"] == [0.5, round((0.25 / 39) ** 0.5, 4), 40]
    assert every["covered"]["widths"][0] == 0.5
    assert every["covered"]["widths below 0.15"][0] == 1.0
    assert every["covered"]["widths above 0.15"][0] == 0.0
    assert every["p_floor_where_none"][2] == sum(not row["floor"] for row in rows[:40])
    assert set(found) >= {
        "regimes 1",
        "noise ar1",
        "spacing linear",
        "floor",
        "no floor",
        "verdict ok",
    }
    for line in generator.printed(found).splitlines():
        assert len(line) <= 80
