from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from scalefit import trainers
from scalefit.trainers.protocol import Variable
from scalefit.trainers.sweep import expand
from scalefit.trainers.trajectories import Curve, simulated, theoretical

VARIABLES = {"step": Variable("step"), "size": Variable("size", "m", ("side",))}


def test_a_run_has_ended_where_a_value_is_not_finite_though_later_ones_are() -> None:
    steps = np.array([1.0, 2.0, 3.0])
    three: Any = SimpleNamespace(
        source="three",
        variables=VARIABLES,
        checkpoints=lambda settings: [1, 2, 3],
        along=lambda settings: {"step": steps},
    )
    sizes = np.ones((3, 3, 2))
    sizes[1, 1, 0] = np.inf
    outcome: Any = SimpleNamespace(
        values={"size": sizes}, out_of_memory=np.array([False, False, True])
    )
    runs = expand(trainers.config("perceptron", seeds=3), 0)
    found = simulated(three, runs, outcome, {})
    assert found["status"].values.tolist() == ["ok", "diverged", "oom"]
    assert np.isfinite(found["size"].values).all(axis=2).sum(axis=1).tolist() == [3, 1, 3]
    np.testing.assert_array_equal(found["step"], [steps] * 3)
    assert found.attrs["source"] == "simulation: three"


def test_curves_of_theory_may_differ_in_length() -> None:
    config = trainers.config("perceptron")
    curves = [
        Curve(
            f"n={n}", {"step": np.arange(1.0, n + 1), "size": np.ones((n, n))}, {"n": n, "law": "a"}
        )
        for n in (2, 3)
    ]
    found = theoretical(VARIABLES, curves, source="sizes", config=config, note="small")
    assert found["size"].dims == ("run", "point", "side")
    assert np.isfinite(found["size"].values).sum(axis=(1, 2)).tolist() == [4, 9]
    assert found["size"].attrs == {"long_name": "size", "units": "m"}
    assert found["n"].values.tolist() == [2, 3]
    assert set(found["status"].values) == {"ok"}
    assert found.attrs["source"] == "theory: sizes"
    assert found.attrs["note"] == "small"
    assert found.attrs["config"] == config.to_json()
