"""Fixed commands, as they are typed, and the forecasts of a training that goes on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import fits
import xarray as xr

import scalefit as sf

TYPED = (
    "fit runs.csv --y loss --by arch --regimes 1,2 --method point --between arch --out fitted",
    "predict fitted/fit.nc --at 1e3 --at 1e5 --reach 0.01",
    "compare fitted/fit.nc --regimes 2 --regime 0 --regime 1 --json",
    "train perceptron --set N=20 --set load=1,2 --set seeds=2 --determinism exact --out trained",
    "theory perceptron --set load=2 --csv",
)
CASES = ("typed", "forecaster")
MOMENT = re.compile(r"(scalefit|Plotly) \d[\w.]*|\d+(\.\d+)? s\b|\"created\": \"[^\"]*\"")


def digests(name: str) -> dict[str, dict[str, str]]:
    """Return the fingerprints of what is printed and written, without versions and times."""
    if name == "forecaster":
        return fits.prints({"printed": {"lines": forecasts()}})
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        fits.SEVERAL.to_csv(folder / "runs.csv", index=False)
        printed = {command: run(command, folder) for command in TYPED}
        files = sorted(folder.rglob("*.*"))
        written = {str(file.relative_to(folder)): content(file) for file in files}
    return fits.prints({"printed": printed, "written": written})


def run(command: str, folder: Path) -> list[Any]:
    """Return how a command ends, and what it prints on standard output and error."""
    script = Path(sys.executable).with_name("scalefit")
    environment = {**os.environ, "COLUMNS": "80", "MPLBACKEND": "agg"}
    done = subprocess.run(
        [script, *command.split()], cwd=folder, env=environment, capture_output=True, text=True
    )
    return [done.returncode, *(MOMENT.sub("", text) for text in (done.stdout, done.stderr))]


def content(file: Path) -> Any:
    """Return what is in a file: numbers, pixels or text."""
    if file.suffix == ".png":
        from matplotlib.image import imread

        return imread(file)
    if file.suffix == ".nc":
        with xr.open_datatree(file, engine="h5netcdf", decode_times=False) as tree:
            return {node.path: node.to_dataset() for node in tree.load().subtree}
    return MOMENT.sub("", file.read_text())


def forecasts() -> list[str]:
    """Return the lines of a forecaster along a curve."""
    lines: list[str] = []
    options = {"regimes": (1, 2), "draws": 100}
    forecaster = sf.Forecaster(at=1e5, reach=0.02, every=12, options=options, log=lines.append)
    for step, loss in zip(*fits.BENT, strict=True):
        forecaster.update(step, loss)
    return lines
