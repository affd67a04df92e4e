"""Fits and sweeps kept as files, with what they said when they were written."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import fits
import training
from fingerprint import fingerprint

import scalefit as sf
from scalefit import trainers

SAID = "said.json"
FITS = {
    "broken": fits.case(fits.BENT),
    "cutoff": fits.CASES["cutoff"],
    "pooled": fits.CASES["pooled, two groups"],
    "failing": fits.case(fits.MIXED, method="point", regimes=1, **fits.NAMED),
}
SWEEPS = {
    "shared-inputs": "descent, shared inputs",
    "fixed-norm": "fixed norm",
    "order-parameters": "order parameters",
}


def store(folder: Path) -> None:
    """Write every fit, and every sweep in a folder of its own."""
    for name, case in FITS.items():
        fits.fit(case).save(folder / f"{name}.nc")
    for name, sweep in SWEEPS.items():
        training.sweep(sweep, folder / name)


def said(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what every fit and sweep in a folder says."""
    found: dict[str, dict[str, Any]] = {}
    for name in FITS:
        fit = sf.load(folder / f"{name}.nc")
        answers = fits.prints({"answers": fits.answers(fit)})
        found[name] = {**held(fit), **answers, "numbers": numbers(fit)}
    for name in SWEEPS:
        found[name] = {"merged": merged(folder / name), "going on": going_on(folder / name)}
    return found


def held(fit: sf.Fit) -> dict[str, dict[str, str]]:
    """Return the fingerprints of what the file of a fit holds, the same on every machine."""
    return fits.prints(fits.contents(fit))


def numbers(fit: sf.Fit) -> dict[str, Any]:
    """Return a few answers, which another machine gives up to rounding."""
    predicted = fit.predict([3.0, 1e5])[["median", "low", "high"]]
    return {
        "summary": fits.summary(fit)[["median", "low", "high"]].to_numpy().tolist(),
        "predict": predicted.to_dataarray().values.tolist(),
        "reach": fit.reach(0.02)["probability"].tolist(),
    }


def merged(folder: Path) -> str:
    """Return the fingerprint of all runs in the folder of a sweep, whatever files they are from."""
    found = trainers.merged(folder)
    kept = {name: one for name, one in found.attrs.items() if name not in ("bundle", "digest")}
    return fingerprint(found.drop_attrs(deep=False).assign_attrs(kept))


def going_on(folder: Path) -> dict[str, Any]:
    """Return what a sweep gives that goes on in a copy of its folder, and whether it found all."""
    with tempfile.TemporaryDirectory() as place:
        copy = shutil.copytree(folder, Path(place, folder.name))
        before = files(copy)
        found = training.sweep(SWEEPS[folder.name], copy)
        return {"runs": fingerprint(found), "nothing trained": files(copy) == before}


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Return the size of every file of runs in a folder, and since when it is there."""
    stats = {str(path): path.stat() for path in folder.rglob("*.n*")}
    return {name: (one.st_size, one.st_mtime_ns) for name, one in stats.items()}
