"""Savings, as `scalefit compare --reach` tells them: factors of x at which a loss is reached."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalefit.wording import inline, rounded

from .output import chance, emit, heading, names, number, percent, say_unreliable, show, table
from .predict import reachable

if TYPE_CHECKING:
    import pandas as pd

    from scalefit.result import Fit


def told(
    fit: Fit,
    targets: list[float],
    baseline: str | None,
    between: str | None,
    interval: float,
    seed: int,
    out: Path | None,
    json: bool,
) -> int:
    """Print the savings of the runs of a fit; return the exit code."""
    reachable(fit, targets)
    options: Any = {"between": between, "interval": interval, "seed": seed}
    found = fit.savings(targets, baseline, **options)
    written = [] if out is None else [_write(found, out)]
    if json:
        emit(
            "compare",
            x=fit.tree.attrs["x_name"],
            y=fit.tree.attrs["y_name"],
            between=between,
            **{str(key): value for key, value in found.attrs.items()},
            seed=seed,
            savings=found.to_dict("records"),
            files=list(map(str, written)),
        )
    else:
        called = names(fit)
        shown = {
            k: found[k].map(lambda run: called.get(str(run)) or run) for k in ("run", "baseline")
        }
        found = found.assign(**shown)
        first = inline(found["baseline"].iloc[0])
        x = heading(fit, "x")
        show(
            _table(fit, found, interval),
            f"factor: {x} that {first} takes, over {x} that the run takes; inf where {first}",
            "never gets there, 0 where the run never does; without draws where neither does",
            *(["of a run with either value, drawn at random"] if between else []),
        )
        kept = f"wrote {written[0]}" if written else "--out FOLDER keeps this"
        show(f"{kept} (seed {seed})")
    return say_unreliable(found.attrs["unreliable"])


def _write(found: pd.DataFrame, out: Path) -> Path:
    from scalefit import spreadsheet

    path = out / "compare.csv"
    spreadsheet.write(found, path)
    return path


def _table(fit: Fit, found: pd.DataFrame, interval: float) -> Any:
    """Return the savings, each target beside its first run."""
    first = inline(found["baseline"].iloc[0])
    numbers = (
        *(heading(fit, "y"), f"factor against {first}", percent(interval)),
        *("P(first)", "P(both)", "P(neither)"),
    )
    made = table("run", *numbers, right=numbers)
    last = None
    rows: Any = found.to_dict("records")
    for row in rows:
        target = number(row["target"]) if row["target"] != last else ""
        last = row["target"]
        median, low, high = rounded(row["median"], row["low"], row["high"])
        chances = (chance(row[name]) for name in ("first", "both", "neither"))
        made.add_row(inline(row["run"]), target, median, f"[{low}, {high}]", *chances)
    return made
