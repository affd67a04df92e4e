"""Claim about a power of theory, the curve that shows it, and the row that a fit of it makes.

A claim is data: what is said, by whom, the value, and how to make a curve that shows it. A curve is
a simulation, or theory's own curve with some noise, which tests the fit alone; beside it stands
theory's curve at the same x. The same law is fitted to both: the first gives an interval, and the
second the value that this window has, which is the asymptotic one in the limit only. Where points
are of one run, both have the noise that the first finds most probable: what goes along a run weighs
a bent curve otherwise.
"""

from __future__ import annotations

import time
import warnings
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from scalefit.arrays import Array

NOISE = 0.01
"""Standard deviation of log y that is put on theory's curve where nothing is simulated."""
AGAIN = 10
"""Other draws of that noise that are tried where the first one's interval is outside."""
STATUS = ("published", "derived", "verified")
RUNS = Path(__file__).parents[1] / "results" / "runs"
"""Folder of trained campaigns, a file of netCDF each, unless another one is named."""


class Curve(NamedTuple):
    """Points to fit.

    Attributes
    ----------
    x, y
        The points; y is theory's, without noise, where `runs` is 0.
    theory
        Theory at the same x, None where there is none.
    runs
        Runs behind each point, 0 for a curve of theory.
    along
        Whether the points are one run, so that their noise may go together.
    """

    x: Array
    y: Array
    theory: Array | None
    runs: int
    along: bool = False


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What is claimed of a family.

    Attributes
    ----------
    text
        What is claimed, in words that no other claim has; it names the row.
    family, source, status
        Whose simulations; who says so, with the place; one of `STATUS`.
    target
        The value as it is claimed, for large sizes or long times.
    curve
        Makes the points.
    parameter
        `"exponent"`, `"amplitude"` at the known power `power`, or `"plateau"`, the height of the
        last one.
    rising
        Whether y rises, so that the claim is of minus the exponent.
    law
        `"power"`, or `"cutoff"`: with an exponential end and a constant of either sign.
    stated
        What the source says of theory's curve in the same window, where it says it.
    row
        Row of a table in `tests/reference` that states it: the table, and parts of its fields.
    needs
        File of a trained campaign, in the folder of runs, that the curve is read from.
    slow
        Whether it takes more than some seconds, and is left out of the short run.
    why
        Why the row is outside its window, where this is known; empty for rows that are inside.
    """

    text: str
    family: str
    source: str
    status: str
    target: float
    curve: Callable[[], Curve]
    parameter: str = "exponent"
    power: float = 0.0
    rising: bool = False
    law: str = "power"
    stated: float | None = None
    row: tuple[str, Mapping[str, str]] | None = None
    needs: str = ""
    slow: bool = False
    why: str = ""


def theory(x: ArrayLike, y: ArrayLike) -> Curve:
    """Return a curve of theory alone."""
    at, values = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    return Curve(at, values, values, 0)


def between(low: float, high: float, points: int = 20) -> Array:
    """Return log-spaced x."""
    return np.geomspace(low, high, points)


def simulated(family: str, x: str, y: str, **settings: Any) -> tuple[Array, Array, int]:
    """Return the values of a swept setting, the mean of y at the end of runs, and the runs of each.

    Means are over `seeds`, of runs that arrived.
    """
    from scalefit import trainers

    config = trainers.config(family, **settings)
    runs = trainers.run(config, device="cpu", seed=1, progress=False)
    last = runs[y].values[:, -1]
    last = np.where(runs["status"].values == "ok", last, np.nan)
    at = runs[x].values.astype(float)
    values = np.unique(at)
    means = np.array([np.nanmean(last[at == one]) for one in values])
    return values, means, int(np.sum(at == values[0]))


def made(claim: Claim) -> dict[str, Any]:
    """Return the row of a claim: what its window holds, what the fit finds, and whether it fits."""
    begin = time.process_time()
    curve = claim.curve()
    y = curve.y if curve.runs else _noisy(claim, curve, 0)
    usual = "auto" if curve.along else "normal"
    (median, low, high), verdict, noise = _found(claim, curve.x, y, usual)
    window = claim.target
    if curve.theory is not None:
        window = _found(claim, curve.x, curve.theory, noise, exact=True)[0][0]
    inside, again = bool(low <= window <= high), None
    if not inside and not curve.runs:
        tries = [
            _found(claim, curve.x, _noisy(claim, curve, draw), usual)[0]
            for draw in range(1, AGAIN + 1)
        ]
        again = [sum(one[1] <= window <= one[2] for one in tries), AGAIN]
    return {
        "index": claim.text,
        "claim": claim.text,
        "source": claim.source,
        "status": claim.status,
        "family": claim.family,
        "parameter": claim.parameter,
        "curve": "simulated" if curve.runs else f"theory, {NOISE:.0%} noise",
        "runs": curve.runs,
        "points": int(curve.x.size),
        "window": [float(curve.x.min()), float(curve.x.max())],
        "target": claim.target,
        "stated": claim.stated,
        "window_target": window,
        "theory": curve.theory is not None,
        "median": median,
        "low": low,
        "high": high,
        "inside": inside,
        "inside_asymptote": bool(low <= claim.target <= high),
        "again": again,
        "verdict": verdict,
        "cpu_s": round(time.process_time() - begin, 2),
    }


def reason(row: Mapping[str, Any]) -> str:
    """Return what is known of a row that is outside."""
    known = [row["why"]] if row["why"] else []
    if row["again"]:
        known.append("{} of {} other draws of the noise are inside".format(*row["again"]))
    return "; ".join(known) or "not known"


def _noisy(claim: Claim, curve: Curve, draw: int) -> Array:
    """Return theory's curve under a draw of noise that goes with the claim."""
    name = zlib.crc32(claim.text.encode())
    noise = np.random.default_rng([name, draw] if draw else name)
    found: Array = curve.y * np.exp(NOISE * noise.standard_normal(curve.x.size))
    return found


def _found(
    claim: Claim, x: Array, y: Array, noise: str, exact: bool = False
) -> tuple[list[float], str, str]:
    """Return median and 90% interval of a claim's parameter by a fit, the verdict, and the noise.

    The noise is the most probable one. An exact curve has an optimum and no interval.
    """
    import scalefit as sf

    if claim.parameter == "plateau" and exact:
        raise ValueError("the height of a plateau is a fixed point of theory: give it as target")
    law: dict[str, Any] = {"regimes": 1, "floor": False}
    if claim.law == "cutoff":
        law = {"law": sf.laws.PowerLawWithCutoff()}
    elif claim.parameter == "plateau":
        law = {"regimes": (2, 3, 4), "floor": False}
    elif claim.parameter == "amplitude":
        law["fixed"] = {"exponent": claim.power}
    method = "point" if exact else "auto"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        fit = sf.fit(x, y, noise=noise, method=method, progress=False, **law)
    if claim.parameter == "plateau":
        flat = fit.plateaus().dropna(subset=["height"])
        last = flat.loc[flat["end"].idxmax()]  # the first may be the start, before anything falls
        found = [float(last[name]) for name in ("height", "height_low", "height_high")]
    else:
        row = fit.summary().set_index("parameter").loc[claim.parameter]
        found = [float(row[name]) for name in ("median", "low", "high")]
    if claim.rising and claim.parameter == "exponent":
        found = [-found[0], -found[2], -found[1]]
    likely = noise if noise != "auto" else _likely(fit)
    return found, next(iter(fit.verdict.values())), likely


def _likely(fit: Any) -> str:
    """Return the noise of the models that are most probable together."""
    return str(fit.probabilities.iloc[0].groupby(level="noise").sum().idxmax())
