"""`scalefit predict`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import Interval, Json, Seed, schema
from .output import between, emit, estimate, label, number, percent, say, show, table

if TYPE_CHECKING:
    from scalefit.result import Fit

BEYOND = "*"
INSIDE = "if no further crossover"


def command(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="The fit.nc that `scalefit fit --out` wrote.")
    ],
    at: Annotated[
        list[float], typer.Option(metavar="X", help="Where to predict, in the unit of x; repeat.")
    ],
    kind: Annotated[
        str,
        typer.Option(
            metavar="KIND", help="observation: a new point, with its noise; curve: the law itself."
        ),
    ] = "observation",
    hazard: Annotated[
        float,
        typer.Option(
            metavar="RATE",
            help="Crossovers to expect per decade beyond the data, before seeing any; 0 lets the "
            "last regime go on for ever.",
        ),
    ] = 1.0,
    interval: Interval = 0.9,
    seed: Seed = 0,
    json: Json = False,
) -> int:
    """Predict y, with an interval, from a stored fit."""
    import scalefit as sf
    from scalefit.errors import ConfigError

    for x in at:
        if not 0 < x < math.inf:
            raise ConfigError(f"--at {x:g}: give a finite x > 0")
    if not 0 <= hazard < math.inf:
        raise ConfigError(f"--hazard {hazard:g}: give a rate per decade, 0 or more")
    check(path)
    fit = sf.load(path)
    predicted = fit.predict(
        at,
        interval=interval,
        kind=kind,  # type: ignore[arg-type]  # checked there
        hazard=hazard,
        seed=seed,
    )
    columns = ("median", "mean", "low", "high", "low_inside", "high_inside", "extrapolated")
    rows = [
        {"run": run, "x": x, **{name: predicted[name].sel(run=run).values[i] for name in columns}}
        for run in fit.runs
        for i, x in enumerate(at)
    ]
    if json:
        attrs = fit.tree.attrs
        emit(
            "predict",
            x=attrs["x_name"],
            y=attrs["y_name"],
            kind=kind,
            hazard=hazard,
            interval=interval,
            seed=seed,
            verdicts=fit.verdict,
            predictions=rows,
        )
    else:
        what = "new points, noise included" if kind == "observation" else "the law, without noise"
        show(_table(fit, rows, interval), f"{what} (seed {seed})")
        if any(row["extrapolated"] for row in rows):
            rate = f"further crossovers expected at {hazard:g} per decade (--hazard)"
            show(f"{BEYOND} beyond the data: {rate if hazard else 'holds if the regime goes on'}")
    for run, verdict in fit.verdict.items():
        if verdict != "ok":
            say(": ".join(filter(None, ("unreliable", label(fit, run), verdict))))
    return 0 if fit.ok else 4


def check(path: Path) -> None:
    """Refuse a file that holds no fit, and say what it does hold.

    Raises
    ------
    InvalidData
        With the next step.
    """
    from scalefit.errors import InvalidData
    from scalefit.io.sniff import FORMATS, sniff

    if (path / "fit.nc").is_file():
        raise InvalidData(f"{path}: this is a folder; name the file in it: {path / 'fit.nc'}")
    kind = sniff(path)
    held = schema(path)
    if held.startswith("scalefit-fit/"):
        return
    what = "a trajectory" if held.startswith("scalefit-trajectory/") else FORMATS[kind]
    raise InvalidData(
        f"{path}: this is {what}, not a fit; predict reads the fit.nc that "
        "`scalefit fit --out FOLDER` writes"
    )


def _table(fit: Fit, rows: list[dict[str, Any]], interval: float) -> Any:
    """Return the predictions, the name of a run beside its first.

    A second interval, if the last regime goes on for ever, stands beside the first where any row
    has another one.
    """
    inside = [between(row["low_inside"], row["high_inside"]) for row in rows]
    whole = [between(row["low"], row["high"]) for row in rows]
    both = [INSIDE] if inside != whole else []
    numbers = (_heading(fit, "x"), _heading(fit, "y"), percent(interval), *both)
    named = ["run"] if any(label(fit, run) for run in fit.runs) else []
    made = table(*named, *numbers, "", right=numbers)
    last = None
    for row, *intervals in zip(rows, whole, inside, strict=True):
        first = [label(fit, row["run"]) if row["run"] != last else ""] if named else []
        last = row["run"]
        made.add_row(
            *first,
            number(row["x"]),
            estimate(row["median"]),
            *intervals[: 1 + len(both)],
            BEYOND if row["extrapolated"] else "",
        )
    return made


def _heading(fit: Fit, axis: str) -> str:
    """Return name and unit of an axis."""
    name, unit = (fit.tree.attrs[f"{axis}_{key}"] for key in ("name", "unit"))
    return f"{name} ({unit})" if unit else str(name)
