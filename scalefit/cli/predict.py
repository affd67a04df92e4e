"""Command `scalefit predict`: y at given x, and the x at which targets are reached."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalefit.wording import inline, rounded

from .options import Interval, Json, LawName, Seed, own_law, plain_number, schema
from .output import (
    LISTED,
    chance,
    emit,
    estimate,
    heading,
    names,
    number,
    paragraph,
    percent,
    say,
    say_doubts,
    show,
    table,
)
from .places import Place, checked, columns, place, planned, scheduled, told

if TYPE_CHECKING:
    from scalefit.fits import Fits
    from scalefit.laws import Law
    from scalefit.result import Fit

BEYOND = "*"
PASSED = "+"
NEVER = "never"
INSIDE = "if no further crossover"


def command(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="The fit.nc, or folder fit, that `scalefit fit --out` wrote."
        ),
    ],
    at: Annotated[
        list[Any] | None,
        typer.Option(
            metavar="X",
            parser=place,
            help="Where to predict, in the unit of x, or NAME=VALUE,NAME=VALUE of several "
            "predictors; repeat for several.",
        ),
    ] = None,
    reach: Annotated[
        list[float] | None,
        typer.Option(
            metavar="Y",
            parser=plain_number,
            help="Whether the curve ever reaches this y, and at which x; repeat for several.",
        ),
    ] = None,
    within: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            parser=plain_number,
            help="The largest x at which --reach looks; 1000 times the last x by default.",
        ),
    ] = None,
    along: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Of several predictors, the one at which --reach is to be; --held has the others.",
        ),
    ] = None,
    held: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A predictor that --reach holds; repeat."),
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="Of a fit with --lr, how the learning rate goes on until the steps of --at: "
            "constant, linear, cosine, exponential, or wsd, linear over the last fifth.",
        ),
    ] = None,
    end: Annotated[
        float | None,
        typer.Option(metavar="STEP", parser=plain_number, help="Of --schedule: where it is low."),
    ] = None,
    start: Annotated[
        float | None,
        typer.Option(
            metavar="STEP",
            parser=plain_number,
            help="Of --schedule: where it begins to fall.  [default: the last step]",
        ),
    ] = None,
    low: Annotated[
        float,
        typer.Option(metavar="RATE", help="Of --schedule: what the learning rate falls to."),
    ] = 0.0,
    of: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Of --schedule: the run that goes on, of several."),
    ] = None,
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
    law: LawName = None,
    seed: Seed = 0,
    json: Json = False,
) -> int:
    """Predict y, or where y reaches a target, with an interval, from a stored fit."""
    import scalefit as sf
    from scalefit.analysis.words import ASSUMED, average_of
    from scalefit.arguments import MOST_HAZARD
    from scalefit.errors import ConfigError

    at, targets = at or [], reach or []
    if not at and not targets:
        raise ConfigError("nothing to predict: give --at X, --reach Y, or both")
    if within is not None and not targets:
        raise ConfigError("--within says how far --reach looks; give --reach Y with it")
    if (along or held) and not targets:
        raise ConfigError("--along and --held belong to --reach Y")
    plan = scheduled(schedule, end, start, low, of)
    if plan is not None and targets:
        raise ConfigError("--schedule is for --at STEP; leave --reach out")
    checked("--at", at)
    checked("--within", [] if within is None else [within])
    if not 0 <= hazard <= MOST_HAZARD:
        raise ConfigError(
            f"--hazard {hazard:g}: give a rate per decade, 0 or more, at most {MOST_HAZARD:g}"
        )
    check(path, parts=True)
    stored = opened(path, own_law(law))
    fit = stored if isinstance(stored, sf.Fit) else stored[stored.runs[:LISTED]]
    reachable(fit, targets)
    asked = columns(fit, at) if plan is None else planned(fit, at, plan, of)
    if plan is not None:
        at = list(asked[asked.columns[0]])
    slice_: Any = {"along": along, "at": given(held)} if along else {}
    options: Any = {"hazard": hazard, "seed": seed}
    rows: list[dict[str, Any]] = []
    shares: Any = []
    reached: Any = []
    # of a folder of parts the first runs are told, and all of them in JSON
    for one in [fit] if isinstance(stored, sf.Fit) or not json else stored.parts():
        if at:
            rows += _predictions(one, at, asked, kind, interval, options)
            found = one.variance_shares(asked, kind=kind, **options)  # type: ignore[arg-type]
            shares += found.to_dict("records")
        if targets:
            found = one.reach(targets, interval=interval, within=within, **options, **slice_)
            reached += found.to_dict("records")
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
            verdicts=stored.verdict,
            predictions=[_flat(row) for row in rows],
            variance_shares=shares,
            reach=reached,
        )
    else:
        known = ", ".join(filter(None, (average_of(fit), f"seed {seed}")))
        if rows:
            what = (
                "new points, noise included" if kind == "observation" else "the law, without noise"
            )
            shown = _table(fit, rows, interval, str(asked.columns[0]) if plan else "")
            show(shown, f"{what} ({known})")
            if any(row["extrapolated"] for row in rows):
                rate = f"further crossovers expected at {hazard:g} per decade (--hazard)"
                rate = rate if hazard else "holds if the regime goes on"
                rate = rate if len(fit.predictors) == 1 else "outside the points that were fitted"
                show(f"{BEYOND} beyond the data: {rate}")
            show(*_rests_on(fit, shares))
        if reached:
            far = "as far as --within" if within else "up to 1000 times the last x (--within)"
            from scalefit.forecast.places import sliced

            shown = sliced(fit, along, slice_["at"]) if along else fit
            show(_reached(shown, reached, interval), f"the law, without noise, {far} ({known})")
            if any(row["reached"] > 0.5 for row in reached):
                show(f"{PASSED} reached within the data")
        if len(fit) < len(stored):
            show(f"and {len(stored) - len(fit)} more runs; --json has all of them")
    if isinstance(stored, sf.Fits):
        say_doubts(stored)
        return 0 if stored.ok else 4
    called = names(fit)
    for run, verdict in fit.verdict.items():
        if verdict != "ok":
            say(": ".join(filter(None, (called[run], verdict))))
        for note in fit.notes[run]:
            if ASSUMED in note:
                say(": ".join(filter(None, ("note", called[run], note))))
    return 0 if fit.ok else 4


def reachable(fit: Fit, targets: list[float]) -> None:
    """Refuse targets that y cannot be at; with a ceiling it may have any sign."""
    from scalefit.errors import ConfigError

    for value in targets:
        if not math.isfinite(value) or (fit.ceiling is None and value <= 0):
            positive = "" if fit.ceiling is not None else " > 0"
            raise ConfigError(f"--reach {value:g}: give a finite y{positive}")


def opened(path: Path, law: Law | None) -> Fit | Fits:
    """Return the fit of a file, or the fits of a folder."""
    import scalefit as sf

    return sf.Fits(path, law=law) if path.is_dir() else sf.load(path, law=law)


def check(path: Path, *, parts: bool = False) -> None:
    """Refuse a file that holds no fit, and say what it does hold.

    `parts` allows a folder with the parts of one.

    Raises
    ------
    InvalidData
        With the next step.
    """
    from scalefit.errors import InvalidData
    from scalefit.fits import parts as in_parts
    from scalefit.io.formats import FORMATS
    from scalefit.io.sniff import sniff

    if path.is_dir() and in_parts(path):
        if parts:
            return
        raise InvalidData(
            f"{path}: this fit is kept in parts; pick runs of it in Python, "
            "sf.compare(sf.Fits(folder)[[...]])"
        )
    if in_parts(path / "fit") and not (path / "fit.nc").is_file():
        raise InvalidData(f"{path}: name the folder in it: {path / 'fit'}")
    if (path / "fit.nc").is_file():
        raise InvalidData(f"{path}: this is a folder; name the file in it: {path / 'fit.nc'}")
    kind = sniff(path)
    held = schema(path)
    if held.startswith("scalefit-fit/"):
        return
    what = "a trajectory" if held.startswith("scalefit-trajectory/") else FORMATS[kind].words
    raise InvalidData(
        f"{path}: this is {what}, not a fit; give the fit.nc that "
        "`scalefit fit --out FOLDER` writes"
    )


def given(held: list[str] | None) -> dict[str, float]:
    """Return `NAME=VALUE` texts as numbers by name."""
    from scalefit.errors import ConfigError

    found: dict[str, float] = {}
    for text in held or []:
        one = place(text)
        if not isinstance(one, dict):
            raise ConfigError(f"--held {text}: give NAME=VALUE, such as n_params=7e9")
        found |= one
    return found


def _predictions(
    fit: Fit, at: list[Place], asked: Any, kind: str, interval: float, options: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return one row per run and place."""
    predicted = fit.predict(asked, interval=interval, kind=kind, **options)  # type: ignore[arg-type]
    known = ("median", "mean", "low", "high", "low_inside", "high_inside", "extrapolated")
    columns = [name for name in known if name in predicted]
    return [
        {"run": run, "x": x, **{name: predicted[name].sel(run=run).values[i] for name in columns}}
        for run in fit.runs
        for i, x in enumerate(at)
    ]


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as JSON has it: of several predictors a key for each."""
    if not isinstance(row["x"], dict):
        return row
    rest = {name: value for name, value in row.items() if name not in ("run", "x")}
    return {"run": row["run"], **row["x"], **rest}


def _table(fit: Fit, rows: list[dict[str, Any]], interval: float, step: str) -> Any:
    """Return the predictions, the name of a run beside its first; `step` names x under a plan.

    A second interval, if the last regime goes on for ever, stands beside the first where any row
    has another one.
    """
    found = [estimate(row) for row in rows]
    whole = [ends for _, ends in found]
    inside = [_inside(row) for row in rows]
    both = [INSIDE] if inside != whole else []
    numbers = (inline(step) or heading(fit, "x"), heading(fit, "y"), percent(interval), *both)
    called = names(fit)
    named = ["run"] if any(called.values()) else []
    made = table(*named, *numbers, "", right=numbers)
    last = None
    for row, (median, _), *intervals in zip(rows, found, whole, inside, strict=True):
        first = [called[row["run"]] if row["run"] != last else ""] if named else []
        last = row["run"]
        made.add_row(
            *first,
            told(row["x"]),
            median,
            *intervals[: 1 + len(both)],
            BEYOND if row["extrapolated"] else "",
        )
    return made


def _inside(row: dict[str, Any]) -> str:
    """Return the interval if the last regime goes on."""
    low, high = (row.get(f"{end}_inside", row[end]) for end in ("low", "high"))
    if (low, high) == (row["low"], row["high"]):
        return estimate(row)[1]
    _, low, high = rounded(row["median"], row["low_inside"], row["high_inside"])
    return f"[{low}, {high}]"


def _rests_on(fit: Fit, rows: list[dict[str, Any]]) -> list[str]:
    """Return what the farthest predictions are uncertain about, one line per run."""
    from scalefit.forecast.variance import SOURCES

    called = names(fit)
    many = len(fit.predictors) > 1
    places: list[Any] = [{k: row[k] for k in fit.predictors} if many else row["x"] for row in rows]
    farthest = places[-1] if many else max(places)
    lines = []
    for row, where in zip(rows, places, strict=True):
        parts = sorted(((row[name], name) for name in SOURCES if row[name] >= 0.005), reverse=True)
        if where == farthest and parts:
            words = ", ".join(f"{name.replace('_', ' ')} {100 * p:.0f}%" for p, name in parts)
            name = called[row["run"]]
            lines.append(paragraph(f"  {name}: {words}" if name else f"  {words}", 4))
    said = f"uncertainty at {told(farthest)} rests on (shares of the variance of"
    of = heading(fit, "y") if fit.ceiling is None else f"({fit.gap_label})"
    return [paragraph(f"{said} log {of}):", 2), *lines] if lines else []


def _reached(fit: Fit, rows: list[dict[str, Any]], interval: float) -> Any:
    """Return the targets, the name of a run beside its first."""
    numbers = (heading(fit, "y"), "probability", heading(fit, "x"), percent(interval))
    called = names(fit)
    named = ["run"] if any(called.values()) else []
    made = table(*named, *numbers, "", right=numbers)
    last = None
    for row in rows:
        first = [called[row["run"]] if row["run"] != last else ""] if named else []
        last = row["run"]
        never = f"{NEVER} within {number(row['within'])}"
        median, *ends = rounded(row["median"], row["low"], row["high"])
        low, high = (never if end == "inf" else end for end in ends)
        made.add_row(
            *first,
            number(row["target"]),
            chance(row["probability"]),
            NEVER if median == "inf" else median,
            never if low == never else f"[{low}, {high}]",
            PASSED if row["reached"] > 0.5 else "",
        )
    return made
