"""Fixed sweeps of both families of trainers, and fixed curves of their theories."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import fits
import xarray as xr
from fingerprint import lasting

from scalefit import trainers

Case = tuple[str, dict[str, Any]]


def perceptron(**settings: Any) -> Case:
    """Return settings of a small perceptron."""
    return "perceptron", {"N": 20, "steps": 200, "points": 8, "seeds": 2, **settings}


def committee(**settings: Any) -> Case:
    """Return settings of a small committee machine."""
    return "committee", {"N": 24, "duration": 40.0, "points": 8, "seeds": 2, **settings}


PAIRS = {"load": [1, 3], "learning_rate": [0.2, 0.4]}
SWEEPS: dict[str, Case] = {
    "descent": perceptron(load=[0.5, 2], learning_rate=[0.2, 0.4]),
    "descent, steps with the norm": perceptron(step_rule="norm", inputs="rademacher", seeds=[4, 7]),
    "descent, shared inputs": perceptron(shared_inputs=True, zip=PAIRS),
    "fixed norm": perceptron(protocol="fixed_norm", load=[2, 5], norm=[0.3, 1, 10]),
    "hebb": perceptron(protocol="hebb"),
    "rosenblatt": perceptron(protocol="rosenblatt"),
    "relative stability": perceptron(protocol="relative_stability", stability=[0.5, 0.9]),
    "adatron": perceptron(protocol="adatron", learning_rate=1.0),
    "committee": committee(zip={"K": [2, 3], "L": [1, 2]}, seeds=[0, 5]),
    "committee, power-law inputs": committee(L=[3, 6], teacher="gaussian"),
    "committee, linear": committee(activation="linear", L=12, batch=2),
    "committee, few directions": committee(activation="linear", L=12, trainable=6, batch=4),
    "committee, diverging": committee(activation="linear", learning_rate=9.0, duration=400.0),
    "order parameters": committee(protocol="order_parameters", M=[2, 3]),
}
THEORIES: dict[str, Case] = {
    "perceptron": perceptron(load=[0.5, 2, 5, 50]),
    "perceptron, own norms": perceptron(load=3, norm=[0.2, 1, 4], N=[20, 50]),
    "erf units": committee(K=[1, 2], duration=300.0),
    "erf units, power-law inputs": committee(L=[2, 4], duration=300.0),
    "erf units, too many": committee(K=3, duration=300.0),
    "linear units": committee(activation="linear", L=[4, 12], duration=300.0),
    "linear units, few directions": committee(activation="linear", L=12, trainable=6, batch=2),
}
EXACT: dict[str, Any] = {"device": "cpu", "determinism": "exact", "seed": 3}


def sweep(name: str, folder: Path) -> xr.Dataset:
    """Return the trajectory of a sweep that is kept in a folder, or goes on there."""
    family, settings = SWEEPS[name]
    return trainers.run(trainers.config(family, **settings), out=folder, **EXACT)


def theory(name: str) -> dict[str, dict[str, str]]:
    """Return the fingerprints of a theory's curves."""
    family, settings = THEORIES[name]
    return fits.prints({"curves": variables(trainers.theory(trainers.config(family, **settings)))})


def digests(name: str) -> dict[str, dict[str, str]]:
    """Return the fingerprints of what a sweep measures, keeps in its folder, and warns of."""
    with warnings.catch_warnings(record=True) as told, tempfile.TemporaryDirectory() as place:
        warnings.simplefilter("always")
        folder = Path(place)
        found = variables(sweep(name, folder))
        paths = sorted(folder.rglob("*.nc"))
        files = {str(path.relative_to(folder)): xr.load_dataset(path) for path in paths}
        merged = trainers.merged(folder)
    warned = [str(one.message) for one in told if one.category is UserWarning]
    kept = {"files": files, "merged": merged, "warnings": warned}
    return fits.prints({"trajectory": found, "kept": kept})


def variables(trajectory: xr.Dataset) -> dict[str, Any]:
    """Return every variable and coordinate of a trajectory, and its attributes."""
    each = {str(name): variable for name, variable in trajectory.variables.items()}
    return {**each, "attributes": lasting(trajectory.attrs)}
