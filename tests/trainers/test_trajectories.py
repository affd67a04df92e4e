from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from scalefit import trainers, trajectory
from scalefit.trainers.protocol import Facts, Simulation, Variable
from scalefit.trainers.sweep import expand
from scalefit.trainers.trajectories import Curve, concat, piece, simulated, theoretical

VARIABLES = {"step": Variable("step"), "size": Variable("size", "m", ("side",))}


class Three(Simulation):
    """Three points of two sizes."""

    source = "three"

    def facts(self, settings: Any) -> Facts:
        return Facts(VARIABLES, [1, 2, 3], labels={"side": ["left", "right"]})

    def along(self, settings: Any) -> Any:
        return {"step": np.array([1.0, 2.0, 3.0])}


@pytest.mark.train
def test_a_run_has_ended_where_a_value_is_not_finite_though_later_ones_are() -> None:
    sizes = np.ones((3, 3, 2))
    sizes[1, 1, 0] = np.inf
    from scalefit.trainers.loop import Outcome

    runs = expand(trainers.config("perceptron", seeds=3), 0)
    outcome = Outcome({"size": sizes[:2]}, {}, np.ones(2, dtype=bool))
    pieces = [piece(Three(), runs[:2], outcome), piece(Three(), runs[2:], None)]
    found = simulated(pieces, {})
    assert found["status"].values.tolist() == ["ok", "diverged", "oom"]
    assert np.isfinite(found["size"].values).all(axis=2).sum(axis=1).tolist() == [3, 1, 0]
    np.testing.assert_array_equal(found["step"], [[1, 2, 3]] * 3)
    assert found["side"].values.tolist() == ["left", "right"]
    assert found.attrs["source"] == "simulation: three"


def test_curves_of_theory_may_differ_in_length() -> None:
    config = trainers.config("perceptron")
    curves = [
        Curve(
            config.points[0],
            {"step": np.arange(1.0, n + 1), "size": np.ones((n, n))},
            {"n": n, "law": "a"},
        )
        for n in (2, 3)
    ]
    curves[1] = curves[1]._replace(settings=replace(config.points[0], N=9))
    found = theoretical(
        VARIABLES, curves, source="sizes", config=config, without=["points"], note="small"
    )
    assert found["size"].dims == ("run", "point", "side")
    assert np.isfinite(found["size"].values).sum(axis=(1, 2)).tolist() == [4, 9]
    assert found["size"].attrs == {"long_name": "size", "units": "m"}
    assert found["n"].values.tolist() == [2, 3]
    assert set(found["status"].values) == {"ok"}
    assert found.attrs["source"] == "theory: sizes"
    assert found.attrs["note"] == "small"
    assert found.attrs["config"] == config.to_json()
    assert found["run"].values.tolist() == ["load=5", "load=5, N=9"]
    assert found["N"].values.tolist() == [200, 9]
    assert "points" not in found.coords


def test_joins_take_all_labels_of_a_dimension() -> None:
    def layers(*names: str) -> xr.Dataset:
        values = np.array([[[float(len(name)) for name in names]]])
        coords = {"run": [" ".join(names)], "layer": list(names)}
        return trajectory.build({"norm": (("run", "point", "layer"), values)}, coords, source="s")

    found = concat([layers("in", "out"), layers("in", "hidden", "out")])
    assert found["layer"].values.tolist() == ["in", "out", "hidden"]
    np.testing.assert_array_equal(found["norm"][:, 0], [[2, 3, np.nan], [2, 3, 6]])
